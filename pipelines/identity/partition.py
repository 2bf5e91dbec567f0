"""Partition: the persons behind one identifier value on which the evidence disagrees.

Lives here: the judgement of a single value that carries different names, exclusive ids, birth dates or places: which
of the accounts on it are one person, by name (G3), by period of use (G4) or by supporting attributes.
Stays out: finding the values that need it (`value_profile`), and whatever spans several values (`constrained`).

A *member* is a core (accounts already joined by stronger evidence) that carries the value; its times are those of the
value on it. Members get a part number; -1 means that nothing shows whose they are, so the value is no edge for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pipelines.identity.agreement import NameJudge, births_agree
from pipelines.identity.policy import Policy

DAY_US = 86_400_000_000
UNATTACHED = -1


@dataclass
class Core:
    """What is known of accounts already joined: names, hints of masked names, births, exclusive ids, attributes."""

    names: set[str] = field(default_factory=set)
    hints: set[str] = field(default_factory=set)
    births: set[str] = field(default_factory=set)
    exclusive: dict[int, set[int]] = field(default_factory=dict)
    support: dict[int, set[str]] = field(default_factory=dict)

    @property
    def is_identified(self) -> bool:
        """Whether anything but supporting attributes is known."""
        return bool(self.names or self.births or self.exclusive)


@dataclass(frozen=True)
class Member:
    """A core on a value: its number, and when it used the value (microseconds since 1970)."""

    core: int
    first: int
    last: int
    facts: Core


@dataclass(frozen=True)
class Split:
    """Part of each member, in the order given, the verdict on the value and why."""

    parts: list[int]
    verdict: str
    reason: str


class Partitioner:
    """Judges values one by one under a policy; `weights` are bits (agree, disagree) per supporting attribute."""

    def __init__(self, policy: Policy, judge: NameJudge, weights: Mapping[int, tuple[float, float]], is_covered: bool):
        self._policy = policy
        self._judge = judge
        self._weights = weights if policy.uses_support else {}
        self._epoch_needs_support = not is_covered

    @property
    def has_weights(self) -> bool:
        """Whether some supporting attribute is strong enough to speak against a link."""
        return any(disagree <= -self._policy.support_bits for _, disagree in self._weights.values())

    def hard_conflict(self, a: Core, b: Core) -> bool:
        """Whether two cores cannot be one person: exclusive ids, birth dates or names exclude each other."""
        for slot, ids in a.exclusive.items():
            others = b.exclusive.get(slot)
            if others is not None and ids.isdisjoint(others):
                return True
        return self.births_conflict(a, b) or self.names_conflict(a, b)

    def names_conflict(self, a: Core, b: Core) -> bool:
        """Whether both are named and no name of the one agrees with a name, or a mask, of the other."""
        if a.names and b.names:
            return not self._judge.any_agree(a.names, b.names)
        left, right = a.names or a.hints, b.names or b.hints
        return bool(left and right) and not self._judge.any_agree(left, right)

    @staticmethod
    def births_conflict(a: Core, b: Core) -> bool:
        """Whether both have birth dates and none agrees."""
        if not a.births or not b.births or not a.births.isdisjoint(b.births):
            return False
        return not any(births_agree(x, y) for x in a.births for y in b.births)

    def support_bits(self, a: Core, b: Core) -> float:
        """Weight of the supporting attributes for (positive) or against (negative) one person."""
        bits = 0.0
        for slot, (agree, disagree) in self._weights.items():
            left, right = a.support.get(slot), b.support.get(slot)
            if left and right:
                bits += disagree if left.isdisjoint(right) else agree
        return bits

    def shared_card(self, members: Sequence[Member]) -> Split:
        """Judge a value of an exclusive or account type: one person, or a card that several persons use."""
        groups = self._name_groups(members, check_conflicts=False)
        named = len({group for group in groups if group is not None})
        births = _distinct(members, lambda core: core.births)
        if named <= 1 or (named <= self._policy.shared_names_n and births <= 1):
            return Split([0] * len(members), "link", "issued to one person")
        parts = [UNATTACHED if group is None else group for group in groups]
        return Split(parts, "split_by_name", f"used under {named} names")

    def personal(self, members: Sequence[Member], is_recyclable: bool) -> Split:
        """Judge a value of a personal or device type."""
        groups = self._name_groups(members, check_conflicts=True)
        if not self._policy.links_nameless:
            parts = [UNATTACHED if group is None else group for group in groups]
            return Split(parts, "split_by_name", "only equal names are linked under this policy")
        blocks = _blocks(members, groups)
        reason = self._conflict(blocks)
        if reason is None:
            return Split([0] * len(members), "link", "one person as far as names and ids tell")
        has_identity = [block for block in blocks if any(m.facts.is_identified for m in block)]
        loose = [block[0] for block in blocks if not any(m.facts.is_identified for m in block)]
        if reason == "place":
            persons, verdict = self._by_support(blocks), "split_by_place"
        else:
            persons, verdict = has_identity, "split_by_name" if "name" in reason else "split_by_id"
        if is_recyclable and self._policy.uses_epochs and reason != "place":
            persons, loose, is_split = self._by_epoch(persons, loose)
            verdict = "split_by_epoch" if is_split else verdict
        if reason != "place":
            persons = self._attach(persons, loose)
        return _as_split(members, persons, verdict, f"different {reason}")

    # --- groups by name -----------------------------------------------------------------------------------------

    def _name_groups(self, members: Sequence[Member], check_conflicts: bool) -> list[int | None]:
        """Group number of each named member; None for a nameless one and for a name that fits several persons."""
        order = sorted((i for i, m in enumerate(members) if m.facts.names), key=lambda i: _age(members[i]))
        groups: list[list[int]] = []
        by_name: dict[str, list[int]] = {}
        for i in order:
            facts = members[i].facts
            fits = sorted({g for name in facts.names for g in by_name.get(name, ())})
            for g in fits:
                if not check_conflicts or not self._conflicts_with(facts, members, groups[g]):
                    groups[g].append(i)
                    break
            else:
                groups.append([i])
                g = len(groups) - 1
            for name in facts.names:
                if g not in by_name.setdefault(name, []):
                    by_name[name].append(g)
        return self._join_variants(members, groups, check_conflicts)

    def _join_variants(
        self, members: Sequence[Member], groups: list[list[int]], check_conflicts: bool
    ) -> list[int | None]:
        """Join groups whose names are variants of each other; a variant of two different persons stays out."""
        names = [{name for i in group for name in members[i].facts.names} for group in groups]
        near: dict[int, list[int]] = {g: [] for g in range(len(groups))}
        for a in range(len(groups)):
            for b in range(a + 1, len(groups)):
                if (
                    names[a].isdisjoint(names[b])
                    and self._judge.any_agree(names[a], names[b])
                    and not (
                        check_conflicts
                        and any(self._conflicts_with(members[i].facts, members, groups[b]) for i in groups[a])
                    )
                ):
                    near[a].append(b)
                    near[b].append(a)
        label = list(range(len(groups)))
        for g, others in near.items():
            is_ambiguous = any(y not in near[x] for x, y in pairwise(others))
            if is_ambiguous:
                label[g] = UNATTACHED
        for g, others in near.items():
            if label[g] != UNATTACHED:
                label[g] = min([g, *(label[x] for x in others if label[x] != UNATTACHED)])
        result: list[int | None] = [None] * len(members)
        for g, group in enumerate(groups):
            for i in group:
                result[i] = None if label[g] == UNATTACHED else label[g]
        return result

    def _conflicts_with(self, facts: Core, members: Sequence[Member], group: Sequence[int]) -> bool:
        return any(self.hard_conflict(facts, members[i].facts) for i in group)

    # --- conflicts ----------------------------------------------------------------------------------------------

    def _conflict(self, blocks: Sequence[Sequence[Member]]) -> str | None:
        """What two blocks disagree on most: names, ids, births, place; None when all may be one person."""
        found = None
        for a in range(len(blocks)):
            for b in range(a + 1, len(blocks)):
                for x in blocks[a]:
                    for y in blocks[b]:
                        if self.names_conflict(x.facts, y.facts):
                            return "names"
                        if self.hard_conflict(x.facts, y.facts):
                            found = "ids or birth dates"
                        elif found is None and self.support_bits(x.facts, y.facts) <= -self._policy.support_bits:
                            found = "place"
        return found

    def _excludes(self, a: Sequence[Member], b: Sequence[Member]) -> bool:
        """Whether two blocks cannot or hardly can be one person."""
        return any(
            self.hard_conflict(x.facts, y.facts) or self.support_bits(x.facts, y.facts) <= -self._policy.support_bits
            for x in a
            for y in b
        )

    # --- persons ------------------------------------------------------------------------------------------------

    def _by_support(self, blocks: Sequence[list[Member]]) -> list[list[Member]]:
        """Persons of a value on which only the place differs: blocks that agree on it; unknown places stay out."""
        persons: list[list[Member]] = []
        for block in sorted(blocks, key=lambda block: _age(block[0])):
            fits = [p for p in persons if not self._excludes(p, block)]
            bits = [max(self.support_bits(x.facts, y.facts) for x in p for y in block) for p in fits]
            sure = [p for p, weight in zip(fits, bits, strict=True) if weight > 0]
            if len(sure) == 1:
                sure[0].extend(block)
            elif not fits or any(m.facts.is_identified for m in block):
                persons.append(list(block))
        return persons

    def _by_epoch(
        self, persons: list[list[Member]], loose: list[Member]
    ) -> tuple[list[list[Member]], list[Member], bool]:
        """Join what stands alone in a period of use, where silences of the gap's length separate periods (G4)."""
        gap = self._policy.epoch_gap_days * DAY_US
        blocks = sorted(
            [*persons, *([m] for m in loose)], key=lambda block: (min(m.first for m in block), _age(block[0]))
        )
        periods: list[list[list[Member]]] = []
        end = None
        for block in blocks:
            if end is not None and min(m.first for m in block) - end < gap:
                periods[-1].append(block)
            else:
                periods.append([block])
            last = max(m.last for m in block)
            end = last if end is None else max(end, last)
        owners = [period for period in periods if any(m.facts.is_identified for block in period for m in block)]
        if len(owners) < 2:
            return persons, loose, False
        joined: list[list[Member]] = []
        left: list[Member] = []
        is_split = False
        for period in periods:
            anchors = [block for block in period if any(m.facts.is_identified for m in block)]
            if anchors and len(period) > 1 and self._is_one_person(period):
                joined.append([m for block in period for m in block])
                is_split = True
                continue
            joined.extend(anchors)
            left.extend(block[0] for block in period if block not in anchors)
        return joined, left, is_split or len(owners) == len(periods) > 1

    def _is_one_person(self, period: Sequence[Sequence[Member]]) -> bool:
        """Whether nothing in a period of use speaks against one person (and, where asked, something for it)."""
        for a in range(len(period)):
            for b in range(a + 1, len(period)):
                if self._excludes(period[a], period[b]):
                    return False
                bits = [self.support_bits(x.facts, y.facts) for x in period[a] for y in period[b]]
                if min(bits) < 0 or (self._epoch_needs_support and max(bits) <= 0):
                    return False
        return True

    def _attach(self, persons: list[list[Member]], loose: Sequence[Member]) -> list[list[Member]]:
        """Give nameless members, and identified ones without a name, to the person they most probably are.

        Persons weigh by the members they have and the likelihood of the supporting attributes; the unseen stranger by
        the persons seen once (Good and Turing): on a shop's own number nearly everybody is new.
        """
        named = [p for p in persons if any(m.facts.names for m in p)]
        single = [p for p in persons if len(p) == 1 and not p[0].facts.names]
        targets = named or persons
        stranger = sum(len(p) == 1 for p in persons) + 0.5
        grown = {id(p): list(p) for p in persons}
        moved = set()
        for member in [*loose, *(p[0] for p in single if p not in targets)]:
            scores = []
            for p in targets:
                if not self._excludes(p, [member]):
                    bits = max(self.support_bits(m.facts, member.facts) for m in p)
                    scores.append((len(p) * 2.0**bits, bits, p))
            if not scores:
                continue
            score, bits, best = max(scores, key=lambda entry: entry[0])
            total = sum(entry[0] for entry in scores) + stranger - (0.5 if stranger > 1 else 0)
            if bits >= self._policy.support_bits and score >= self._policy.attach_posterior * total:
                if any(self.hard_conflict(m.facts, member.facts) for m in grown[id(best)]):
                    continue
                grown[id(best)].append(member)
                moved.add(member.core)
        return [p for key, p in grown.items() if not (len(p) == 1 and p[0].core in moved)]


Attribute = Callable[[Core], set[str]]


def _age(member: Member) -> tuple[int, int]:
    return member.first, member.core


def _distinct(members: Sequence[Member], attribute: Attribute) -> int:
    return len({value for member in members for value in attribute(member.facts)})


def _blocks(members: Sequence[Member], groups: Sequence[int | None]) -> list[list[Member]]:
    """Members of one name together, every other member alone, in the order of their first members."""
    by_group: dict[int, list[Member]] = {}
    blocks: list[list[Member]] = []
    for member, group in zip(members, groups, strict=True):
        if group is None:
            blocks.append([member])
        elif group in by_group:
            by_group[group].append(member)
        else:
            by_group[group] = [member]
            blocks.append(by_group[group])
    return blocks


def _as_split(members: Sequence[Member], persons: Sequence[Sequence[Member]], verdict: str, reason: str) -> Split:
    """Number the persons by their earliest member; members of none are unattached."""
    ordered = sorted(persons, key=lambda person: min(_age(m) for m in person))
    part = {member.core: number for number, person in enumerate(ordered) for member in person}
    return Split([part.get(member.core, UNATTACHED) for member in members], verdict, reason)
