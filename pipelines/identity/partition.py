"""Partition: the persons behind one identifier value on which the evidence disagrees.

Lives here: the judgement of a single value that carries different names, exclusive ids, birth dates or attributes:
which of the cores on it are one person, by name (G3), by period of use (G4) or by supporting attributes.
Stays out: finding the values that need it (`stage`), and whatever spans several values (`constrained`).

A core (accounts already joined by stronger evidence) comes as a block with the times of its use of the value. Cores get
a part number; -1 means that nothing shows whose they are, so the value is no edge for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import combinations
from math import log2

from pipelines.identity.agreement import NameJudge
from pipelines.identity.conflicts import Conflicts
from pipelines.identity.core import DAY_US, Block, Split, as_split
from pipelines.identity.policy import Policy
from pipelines.identity.support import Weights

ONE_PERSON = "one person as far as names, ids and attributes tell"
Groups = tuple[list[Block], list[Block]]
"""The cores on a value: those of one name as one block, and the rest."""


class Standing(StrEnum):
    """How the persons who use a value stand to a nameless block on it; how far it can be given away differs by it.

    alone: only one of them uses it in the block's period. beside, between: nobody does, but one (first or last) or the
    two before and after. among: several do, or nothing separates periods.
    """

    ALONE = "alone"
    BESIDE = "beside"
    BETWEEN = "between"
    AMONG = "among"


class Partitioner:
    """Judges values one by one under a policy, with the weights measured on the data."""

    def __init__(self, policy: Policy, judge: NameJudge, weights: Weights, source_slot: int | None = None) -> None:
        self._policy, self._source_slot = policy, source_slot
        self.conflicts = Conflicts(judge)
        self.weights = weights
        self._gap = policy.epoch_gap_days * DAY_US
        self.threshold = least_odds(policy.link_posterior)
        self.posteriors = dict.fromkeys(Standing, policy.epoch_posterior) | {Standing.AMONG: policy.attach_posterior}
        self.cuts = {standing: least_odds(posterior) for standing, posterior in self.posteriors.items()}

    @property
    def weights(self) -> Weights:
        """What supporting attributes are worth; may be set once it is measured."""
        return self._measured

    @weights.setter
    def weights(self, weights: Weights) -> None:
        self._measured = weights
        self._weights = list(weights.attributes.values())
        self._device_weights = [
            (0.0, 0.0) if slot == self._source_slot else bits for slot, bits in weights.attributes.items()
        ]

    def bits(self, a: Block, b: Block, is_device: bool, is_recyclable: bool) -> float:
        """Weight of the supporting attributes and of a silence for (positive) or against one person."""
        return self.weigher(a, is_device, is_recyclable)(b)

    def weigher(self, block: Block, is_device: bool, is_recyclable: bool) -> Callable[[Block], float]:
        """The `bits` of a block with others: on a crowd's number one nameless block is weighed against everybody."""
        weighed = self._device_weights if is_device else self._weights
        own = [
            (place, items, *weighed[place]) for place, items in enumerate(block.facts.support[: len(weighed)]) if items
        ]
        silent, steady = self._measured.silence if is_recyclable else (0.0, 0.0)
        earliest, latest = block.first - self._gap, block.last + self._gap

        def bits(other: Block) -> float:
            total = silent if other.last <= earliest or other.first >= latest else steady
            support = other.facts.support
            if support:
                for place, items, agree, disagree in own:
                    if support[place]:
                        total += disagree if items.isdisjoint(support[place]) else agree
            return total

        return bits

    def shared_card(self, given: Sequence[Block]) -> Split:
        """Judge a value of an exclusive or account type: one person, or a card that several persons use."""
        named, _ = self.conflicts.by_name(given, keeps_ids=False)
        births = len({birth for block in given for birth in block.facts.births})
        if len(named) <= 1 or (len(named) <= self._policy.shared_names_n and births <= 1):
            return Split([0] * len(given), "link", "issued to one person")
        return as_split(given, named, "split_by_name", f"used under {len(named)} names")

    def groups(self, given: Sequence[Block]) -> Groups:
        """Cores of one name on a personal or device value together, and the rest: what both uses below start from."""
        return self.conflicts.by_name(given, keeps_ids=True)

    def by_names(self, given: Sequence[Block]) -> Split:
        """Judge a value of a type that links accounts of one name only."""
        named, rest = self.groups(given)
        if len(named) == 1 and not rest:
            return Split([0] * len(given), "link", ONE_PERSON)
        return as_split(given, named, "split_by_name", "only accounts of one name are linked by the type")

    def personal(
        self, given: Sequence[Block], is_device: bool, is_recyclable: bool, groups: Groups | None = None
    ) -> Split:
        """Judge a value of a personal or device type; `groups` are those of the cores, where they are known."""
        named, rest = groups or self.groups(given)
        if len(named) == 1 and not rest and self._policy.links_nameless:
            return Split([0] * len(given), "link", ONE_PERSON)
        if not self._policy.links_nameless:
            return as_split(given, named, "split_by_name", "only equal names are linked under this policy")
        blocks = named + rest
        conflict = self.conflicts.kind(blocks)
        if conflict is None:
            together = self._agglomerate(blocks, is_device, is_recyclable)
            if together == [blocks]:
                return Split([0] * len(given), "link", ONE_PERSON)
            persons = [Block.merged(joined) for joined in together]
            return as_split(given, persons, "split_by_support", "supporting attributes differ")
        verdict = "split_by_name" if conflict == "names" else "split_by_id"
        persons, is_epoch = self._attach(blocks, is_device, is_recyclable and self._policy.uses_epochs)
        return as_split(given, persons, "split_by_epoch" if is_epoch else verdict, f"different {conflict}")

    def held_out(
        self, given: Sequence[Block], is_device: bool, is_recyclable: bool, groups: Groups
    ) -> list[tuple[Standing, float, bool]]:
        """How well nameless cores of a value would be given away, shown on named ones whose name is held out.

        One row per group of one name and core in it: how the others stand to the core, the log odds of the likeliest
        person, and whether that is the core's own group. Groups of several cores are asked without the core. Where it
        leaves fewer than two persons nothing is shown: a nameless core there would have met no conflict.
        """
        named, rest = groups
        if len(named) < 2:
            return []
        single = {block.cores[0]: block for block in given}
        uses_epochs = is_recyclable and self._policy.uses_epochs
        rows = []
        for block in named:
            others = [b for b in named if b is not block]
            for core in block.cores:
                test = single[core]
                test = Block(test.cores, test.first, test.last, test.facts.nameless())
                own = [Block.merged(single[c] for c in block.cores if c != core)] if len(block.cores) > 1 else []
                targets = others + own
                if len(targets) < 2:
                    continue
                period = self._periods([*targets, *rest, test], targets) if uses_epochs else {}
                target, score, standing = self._likeliest(test, targets, period, is_device, is_recyclable)
                if target is not None:
                    rows.append((standing, score, bool(own) and target is own[0]))
        return rows

    def _prior(self, a: Block, b: Block, is_device: bool) -> float:
        """Log odds that two blocks on a value without a conflict are one person, attributes not yet weighed."""
        if is_device:
            return self._policy.device_bits
        priors = self.weights.undisputed
        return priors[min(max(len(a.cores), len(b.cores)), len(priors)) - 1]

    def _agglomerate(self, blocks: list[Block], is_device: bool, is_recyclable: bool) -> list[list[Block]]:
        """Blocks of each person on a value without a conflict: likeliest pairs first, never across an unlikely one.

        A block that fits two blocks which hardly are one person joins one of them only where the other is much less
        likely. A nameless block that joins nobody is nobody's.
        """
        n = len(blocks)
        weighers = [self.weigher(block, is_device, is_recyclable) for block in blocks[:-1]]
        odds = {
            (i, j): self._prior(blocks[i], blocks[j], is_device) + weighers[i](blocks[j])
            for i, j in combinations(range(n), 2)
        }
        if not odds or min(odds.values()) >= self.threshold:
            return [blocks]

        def between(i: int, j: int) -> float:
            return odds[(i, j) if i < j else (j, i)]

        def rivals(i: int, j: int) -> float:
            """Odds of block i with the blocks that hardly are one person with j."""
            return sum(2.0 ** between(i, k) for k in range(n) if k not in (i, j) and between(j, k) < -self.threshold)

        group = [{i} for i in range(n)]
        for (i, j), score in sorted(odds.items(), key=lambda entry: (-entry[1], blocks[entry[0][0]].age, entry[0])):
            if score < self.threshold:
                break
            if group[i] is group[j] or any(between(x, y) < -self.threshold for x in group[i] for y in group[j]):
                continue
            if score >= self.threshold + log2(1 + max(rivals(i, j), rivals(j, i))):
                group[i] |= group[j]
                for k in group[i]:
                    group[k] = group[i]
        return [
            [blocks[k] for k in sorted(joined)]
            for i, joined in enumerate(group)
            if i == min(joined) and (len(joined) > 1 or blocks[i].facts.is_identified)
        ]

    def _attach(self, blocks: Sequence[Block], is_device: bool, is_recyclable: bool) -> tuple[list[Block], bool]:
        """Persons on a value that several persons use, nameless blocks given to whom they most probably belong.

        Nameless blocks with an id or a birth date come first; what nobody claims of them is a person to whom blocks of
        which nothing is known may belong. Also tells whether silences separate the persons (G4).
        """
        named = [block for block in blocks if block.facts.names]
        identified = [block for block in blocks if block.facts.is_identified and not block.facts.names]
        blank = [block for block in blocks if not block.facts.is_identified]
        persons, is_epoch = named or identified, False
        for asked in [identified, blank] if named and identified else [blank]:
            persons, found = self._given(asked, persons, blocks, is_device, is_recyclable)
            is_epoch = is_epoch or found
            kept = {core for person in persons for core in person.cores}
            persons += [block for block in asked if block.facts.is_identified and block.cores[0] not in kept]
        return persons, is_epoch

    def _given(
        self,
        asked: Sequence[Block],
        persons: list[Block],
        blocks: Sequence[Block],
        is_device: bool,
        is_recyclable: bool,
    ) -> tuple[list[Block], bool]:
        """Persons with the asked blocks that most probably are theirs, and whether silences separate the persons.

        A person weighs by the cores it has and the supporting attributes; the unseen stranger by the persons seen once
        (Good and Turing): on a shop's own number nearly everybody is new. Where silences separate periods of use, only
        the persons of a block's own period, or else of the periods before and after it, come into question (G4).
        """
        period = self._periods(blocks, persons) if is_recyclable else {}
        found = []
        for block in asked:
            target, score, standing = self._likeliest(block, persons, period, is_device, is_recyclable)
            if target is not None and score >= self.cuts[standing]:
                found.append((-score, block.age, block, target))
        grown = {person.cores: person for person in persons}
        for _, _, block, target in sorted(found, key=lambda entry: entry[:2]):
            home = grown[target.cores]
            if not self.conflicts.hard(home.facts, block.facts):
                grown[target.cores] = Block.merged((home, block))
        return list(grown.values()), len(set(period.values())) > 1

    def _likeliest(
        self,
        block: Block,
        targets: Sequence[Block],
        period: dict[tuple[int, ...], int],
        is_device: bool,
        is_recyclable: bool,
    ) -> tuple[Block | None, float, Standing]:
        """The likeliest person for a block, the log odds, and how the persons in question stand to it."""
        near, standing = _in_question(targets, period, period.get(block.cores, 0))
        stranger = len([target for target in targets if len(target.cores) == 1]) + 0.5
        bits = self.weigher(block, is_device, is_recyclable)
        may_conflict = block.facts.is_identified or block.facts.hints
        total, best, choice = 0.0, 0.0, None
        for target in near:
            if not (may_conflict and self.conflicts.hard(target.facts, block.facts)):
                odds = len(target.cores) * 2.0 ** bits(target) / stranger
                total += odds
                if odds > best:
                    best, choice = odds, target
        if choice is None:
            return None, 0.0, standing
        return choice, log2(best / (1 + total - best)), standing

    def _periods(self, blocks: Sequence[Block], targets: Sequence[Block]) -> dict[tuple[int, ...], int]:
        """Number of the period of use of each block, where silences of the gap's length separate owners; else empty."""
        if max([block.first for block in blocks]) - min([block.last for block in blocks]) < self._gap:
            return {}  # nobody came a gap after anybody left, which is seen without a sort
        numbers: dict[tuple[int, ...], int] = {}
        number, end = 0, None
        grown = {core for target in targets for core in target.cores}
        every = [*targets, *(block for block in blocks if block.cores[0] not in grown)]
        for block in sorted(every, key=lambda b: b.age):
            if end is not None and block.first - end >= self._gap:
                number += 1
            end = block.last if end is None or block.last > end else end
            numbers[block.cores] = number
        return numbers if len({numbers[target.cores] for target in targets}) > 1 else {}


def _in_question(
    targets: Sequence[Block], period: dict[tuple[int, ...], int], mine: int
) -> tuple[Sequence[Block], Standing]:
    """The persons to whom a block of period `mine` may belong, and how they stand to it."""
    if not period:
        return targets, Standing.AMONG
    owned = {period[target.cores] for target in targets}
    if mine in owned:
        near = [target for target in targets if period[target.cores] == mine]
        return near, Standing.ALONE if len(near) == 1 else Standing.AMONG
    around = {max((n for n in owned if n < mine), default=None), min((n for n in owned if n > mine), default=None)}
    near = [target for target in targets if period[target.cores] in around]
    return near, Standing.BESIDE if len(near) == 1 else Standing.BETWEEN


def least_odds(posterior: float) -> float:
    """Log odds of a probability; rounded, since a sum of halves may stand exactly at it."""
    return round(log2(posterior / (1 - posterior)), 9)
