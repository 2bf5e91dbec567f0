"""Partition: the persons behind one identifier value on which the evidence disagrees.

Lives here: the judgement of a single value that carries different names, exclusive ids, birth dates or places: which
of the accounts on it are one person, by name (G3), by period of use (G4) or by supporting attributes.
Stays out: finding the values that need it (`value_profile`), and whatever spans several values (`constrained`).

A *member* is a core (accounts already joined by stronger evidence) that carries the value; its times are those of the
value on it. Members get a part number; -1 means that nothing shows whose they are, so the value is no edge for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import log2
from types import MappingProxyType
from typing import NamedTuple

from pipelines.identity.agreement import NameJudge, births_agree
from pipelines.identity.policy import Policy
from pipelines.identity.support import Weights

DAY_US = 86_400_000_000
UNATTACHED = -1
NOTHING: frozenset[str] = frozenset()
NO_IDS: Mapping[int, Set[int]] = MappingProxyType({})


class Core:
    """What is known of accounts already joined: names, hints of masked names, births, exclusive ids, attributes.

    The fields are replaced, never changed in place, so cores may share them.
    """

    __slots__ = ("births", "exclusive", "hints", "names", "support")

    def __init__(
        self,
        names: Set[str] = NOTHING,
        hints: Set[str] = NOTHING,
        births: Set[str] = NOTHING,
        exclusive: Mapping[int, Set[int]] = NO_IDS,
        support: Mapping[int, Set[int]] = NO_IDS,
    ) -> None:
        self.names, self.hints, self.births = names, hints, births
        self.exclusive, self.support = exclusive, support

    @property
    def is_identified(self) -> bool:
        """Whether anything but supporting attributes is known."""
        return bool(self.names or self.births or self.exclusive)

    def joined(self, other: Core) -> Core:
        """What is known of two cores together."""
        return Core(
            self.names | other.names if other.names else self.names,
            self.hints | other.hints if other.hints else self.hints,
            self.births | other.births if other.births else self.births,
            _united(self.exclusive, other.exclusive),
            _united(self.support, other.support),
        )


def _united(a: Mapping[int, Set[int]], b: Mapping[int, Set[int]]) -> Mapping[int, Set[int]]:
    if not b:
        return a
    return {**a, **{slot: a[slot] | values if slot in a else values for slot, values in b.items()}}


class Member(NamedTuple):
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


class Block:
    """Members of a value that are one person already, with what is known of all of them."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = list(members)
        head = members[0]
        self.facts, self.first, self.last, core = head.facts, head.first, head.last, head.core
        for member in members[1:]:
            self.facts = self.facts.joined(member.facts)
            self.first, self.last = min(self.first, member.first), max(self.last, member.last)
            core = min(core, member.core)
        self.age = (self.first, core)  # order of blocks: by first use, then by the smallest core


class Partitioner:
    """Judges values one by one under a policy, with the weights measured on the data."""

    def __init__(self, policy: Policy, judge: NameJudge, weights: Weights, source_slot: int | None = None) -> None:
        self._policy, self._judge, self.weights = policy, judge, weights
        self._source_slot = source_slot
        self._gap = policy.epoch_gap_days * DAY_US
        self.threshold = log2(policy.link_posterior / (1 - policy.link_posterior))
        self.attach_threshold = log2(policy.attach_posterior / (1 - policy.attach_posterior))
        self.cuts = {True: self.attach_threshold, False: self.attach_threshold}

    def hard_conflict(self, a: Core, b: Core) -> bool:
        """Whether two cores cannot be one person: exclusive ids, birth dates or names exclude each other."""
        for slot, ids in a.exclusive.items():
            others = b.exclusive.get(slot)
            if others is not None and ids.isdisjoint(others):
                return True
        return self.births_conflict(a, b) or self.names_conflict(a, b)

    def names_conflict(self, a: Core, b: Core) -> bool:
        """Whether both are named and no name of the one agrees with a name, or a mask, of the other."""
        left, right = a.names or a.hints, b.names or b.hints
        return bool(left) and bool(right) and not self._judge.any_agree(left, right)

    @staticmethod
    def births_conflict(a: Core, b: Core) -> bool:
        """Whether both have birth dates and none agrees."""
        if not a.births or not b.births or not a.births.isdisjoint(b.births):
            return False
        return not any(births_agree(x, y) for x in a.births for y in b.births)

    def bits(self, a: Block, b: Block, is_device: bool, is_recyclable: bool) -> float:
        """Weight of the supporting attributes and of a silence for (positive) or against one person."""
        total = 0.0
        for slot, (agree, disagree) in self.weights.attributes.items():
            left, right = a.facts.support.get(slot), b.facts.support.get(slot)
            if left and right and not (is_device and slot == self._source_slot):
                total += disagree if left.isdisjoint(right) else agree
        if is_recyclable:
            is_silent = a.first - b.last >= self._gap or b.first - a.last >= self._gap
            total += self.weights.silence[0] if is_silent else self.weights.silence[1]
        return total

    def shared_card(self, members: Sequence[Member]) -> Split:
        """Judge a value of an exclusive or account type: one person, or a card that several persons use."""
        groups = self._name_groups(members, check_conflicts=False)
        named = len({group for group in groups if group is not None})
        births = len({birth for member in members for birth in member.facts.births})
        if named <= 1 or (named <= self._policy.shared_names_n and births <= 1):
            return Split([0] * len(members), "link", "issued to one person")
        parts = [UNATTACHED if group is None else group for group in groups]
        return Split(parts, "split_by_name", f"used under {named} names")

    def personal(self, members: Sequence[Member], is_device: bool, is_recyclable: bool) -> Split:
        """Judge a value of a personal or device type."""
        groups = self._name_groups(members, check_conflicts=True)
        if not self._policy.links_nameless:
            parts = [UNATTACHED if group is None else group for group in groups]
            return Split(parts, "split_by_name", "only equal names are linked under this policy")
        blocks = _blocks(members, groups)
        conflict = self._conflict(blocks)
        if conflict is None:
            prior = self._policy.device_bits if is_device else self.weights.prior
            persons = self._agglomerate(blocks, prior, is_device, is_recyclable)
            if len(persons) == 1 and len(persons[0]) == len(members):
                return Split([0] * len(members), "link", "one person as far as names, ids and attributes tell")
            return _as_split(members, persons, "split_by_support", "supporting attributes differ")
        verdict = "split_by_name" if conflict == "names" else "split_by_id"
        persons, is_epoch = self._attach(blocks, is_device, is_recyclable and self._policy.uses_epochs)
        return _as_split(members, persons, "split_by_epoch" if is_epoch else verdict, f"different {conflict}")

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
        varied = [g for g in range(len(groups)) if self._judge.has_variants(names[g])]
        for a, b in combinations(varied, 2):
            if names[a].isdisjoint(names[b]) and self._judge.any_agree(names[a], names[b]):
                if check_conflicts and any(
                    self._conflicts_with(members[i].facts, members, groups[b]) for i in groups[a]
                ):
                    continue
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

    # --- persons ------------------------------------------------------------------------------------------------

    def _conflict(self, blocks: Sequence[Block]) -> str | None:
        """What some blocks exclude each other by, names before ids; None when all may be one person."""
        found = None
        for a, b in combinations(blocks, 2):
            if self.names_conflict(a.facts, b.facts):
                return "names"
            if found is None and self.hard_conflict(a.facts, b.facts):
                found = "ids or birth dates"
        return found

    def _agglomerate(
        self, blocks: Sequence[Block], prior: float, is_device: bool, is_recyclable: bool
    ) -> list[list[Member]]:
        """Persons on a value without a conflict: the likeliest pairs first, never across an unlikely one.

        A block that fits two blocks which hardly are one person joins one of them only where the other is much less
        likely. A nameless block that joins nobody is nobody's.
        """
        n = len(blocks)
        odds = {
            (i, j): prior + self.bits(blocks[i], blocks[j], is_device, is_recyclable)
            for i, j in combinations(range(n), 2)
        }
        if all(score >= self.threshold for score in odds.values()):
            return [[m for block in blocks for m in block.members]]

        def between(i: int, j: int) -> float:
            return odds[(i, j) if i < j else (j, i)]

        group = [{i} for i in range(n)]
        for (i, j), score in sorted(odds.items(), key=lambda entry: (-entry[1], blocks[entry[0][0]].age, entry[0])):
            if score < self.threshold:
                break
            if group[i] is group[j] or any(between(x, y) < -self.threshold for x in group[i] for y in group[j]):
                continue
            rivals = sum(2.0 ** between(i, k) for k in range(n) if k not in (i, j) and between(j, k) < -self.threshold)
            other = sum(2.0 ** between(j, k) for k in range(n) if k not in (i, j) and between(i, k) < -self.threshold)
            if 2.0**score < 2.0**self.threshold * (1 + max(rivals, other)):
                continue
            group[i] |= group[j]
            for k in group[i]:
                group[k] = group[i]
        persons = []
        for i, joined in enumerate(group):
            if i == min(joined) and (len(joined) > 1 or blocks[i].facts.is_identified):
                persons.append([m for k in sorted(joined) for m in blocks[k].members])
        return persons

    def _attach(self, blocks: Sequence[Block], is_device: bool, is_recyclable: bool) -> tuple[list[list[Member]], bool]:
        """Persons on a value that several persons use, nameless blocks given to whom they most probably belong.

        A person weighs by the members it has and the supporting attributes; the unseen stranger by the persons seen
        once (Good and Turing): on a shop's own number nearly everybody is new. Where silences separate periods of use,
        only the persons of its own period come into question for a block (G4).
        """
        known = [block for block in blocks if block.facts.is_identified]
        targets = [block for block in known if block.facts.names] or known
        period = self._periods(blocks, targets) if is_recyclable else {}
        found = []
        for block in sorted((b for b in blocks if b not in targets and len(b.members) == 1), key=lambda b: b.age):
            target, score, is_alone = self._likeliest(block, targets, period, is_device, is_recyclable)
            if target is not None and score >= self.cuts[is_alone]:
                found.append((-score, block.age, block, target))
        grown = {id(block): Block(block.members) for block in known}
        for _, _, block, target in sorted(found, key=lambda entry: entry[:2]):
            if not self.hard_conflict(grown[id(target)].facts, block.facts):
                grown[id(target)] = Block([*grown[id(target)].members, *block.members])
                grown.pop(id(block), None)
        return [block.members for block in grown.values()], len(set(period.values())) > 1

    def _likeliest(
        self, block: Block, targets: Sequence[Block], period: dict[int, int], is_device: bool, is_recyclable: bool
    ) -> tuple[Block | None, float, bool]:
        """The likeliest person for a block, the log odds, and whether a period of use leaves no other owner."""
        mine = period.get(id(block))
        near = [t for t in targets if mine is not None and period[id(t)] == mine]
        stranger = sum(len(t.members) == 1 for t in targets) + 0.5
        odds = [
            (len(t.members) * 2.0 ** self.bits(t, block, is_device, is_recyclable) / stranger, -i)
            for i, t in enumerate(near or targets)
            if not self.hard_conflict(t.facts, block.facts)
        ]
        if not odds:
            return None, 0.0, False
        best, position = max(odds)
        return (near or targets)[-position], log2(best / (1 + sum(o for o, _ in odds) - best)), len(near) == 1

    def held_out(
        self, members: Sequence[Member], is_device: bool, is_recyclable: bool
    ) -> list[tuple[bool, float, bool]]:
        """How well nameless members of a value would be given away, shown on named ones whose name is held out.

        One row per named member of a value with several names: whether a period left one owner, the log odds of the
        likeliest person, and whether its name agrees.
        """
        blocks = _blocks(members, self._name_groups(members, check_conflicts=True))
        named = [block for block in blocks if block.facts.names]
        rows = []
        for block in named if len(named) > 1 else []:
            for member in block.members:
                facts = member.facts
                bare = Core(NOTHING, NOTHING, facts.births, facts.exclusive, facts.support)
                test = Block([Member(member.core, member.first, member.last, bare)])
                rest = [Block([m for m in block.members if m is not member])] if len(block.members) > 1 else []
                targets = [b for b in named if b is not block] + rest
                others = [b for b in blocks if b is not block] + rest
                period = self._periods([*others, test], targets) if is_recyclable and self._policy.uses_epochs else {}
                target, score, is_alone = self._likeliest(test, targets, period, is_device, is_recyclable)
                if target is not None:
                    rows.append((is_alone, score, bool(rest) and target is rest[0]))
        return rows

    def _periods(self, blocks: Sequence[Block], targets: Sequence[Block]) -> dict[int, int]:
        """Number of the period of use of each block, where silences of the gap's length separate owners; else empty."""
        numbers: dict[int, int] = {}
        number, end = 0, None
        for block in sorted(blocks, key=lambda b: b.age):
            if end is not None and block.first - end >= self._gap:
                number += 1
            end = block.last if end is None else max(end, block.last)
            numbers[id(block)] = number
        owners = {numbers[id(target)] for target in targets}
        return numbers if len(owners) > 1 else {}


def _age(member: Member) -> tuple[int, int]:
    return member.first, member.core


def _blocks(members: Sequence[Member], groups: Sequence[int | None]) -> list[Block]:
    """Members of one name together, every other member alone, in the order of their first members."""
    by_group: dict[int, list[Member]] = {}
    ordered: list[list[Member]] = []
    for member, group in zip(members, groups, strict=True):
        if group is None:
            ordered.append([member])
        elif group in by_group:
            by_group[group].append(member)
        else:
            by_group[group] = [member]
            ordered.append(by_group[group])
    return [Block(block) for block in ordered]


def _as_split(members: Sequence[Member], persons: Sequence[Sequence[Member]], verdict: str, reason: str) -> Split:
    """Number the persons by their earliest member; members of none are unattached."""
    ordered = sorted(persons, key=lambda person: min(_age(m) for m in person))
    part = {member.core: number for number, person in enumerate(ordered) for member in person}
    return Split([part.get(member.core, UNATTACHED) for member in members], verdict, reason)
