"""Partition: the persons behind one identifier value on which the evidence disagrees.

Lives here: the judgement of a single value that carries different names, exclusive ids, birth dates or attributes:
which of the cores on it are one person, by name (G3), by period of use (G4) or by supporting attributes.
Stays out: finding the values that need it (`stage`), and whatever spans several values (`constrained`).

A core (accounts already joined by stronger evidence) comes as a block with the times of its use of the value. Cores get
a part number; -1 means that nothing shows whose they are, so the value is no edge for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import log2

from pipelines.identity.agreement import NameJudge
from pipelines.identity.conflicts import Conflicts
from pipelines.identity.core import DAY_US, UNATTACHED, Block, Split, as_split
from pipelines.identity.policy import Policy
from pipelines.identity.support import Weights


class Partitioner:
    """Judges values one by one under a policy, with the weights measured on the data."""

    def __init__(self, policy: Policy, judge: NameJudge, weights: Weights, source_slot: int | None = None) -> None:
        self._policy, self._source_slot = policy, source_slot
        self.conflicts = Conflicts(judge)
        self.weights = weights
        self._gap = policy.epoch_gap_days * DAY_US
        self.threshold = log2(policy.link_posterior / (1 - policy.link_posterior))
        self.attach_threshold = log2(policy.attach_posterior / (1 - policy.attach_posterior))
        self.cuts = {True: self.attach_threshold, False: self.attach_threshold}

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
        total = 0.0
        weighed = self._device_weights if is_device else self._weights
        for (agree, disagree), left, right in zip(weighed, a.facts.support, b.facts.support, strict=False):
            if left and right:
                total += disagree if left.isdisjoint(right) else agree
        if is_recyclable:
            is_silent = a.first - b.last >= self._gap or b.first - a.last >= self._gap
            total += self.weights.silence[0] if is_silent else self.weights.silence[1]
        return total

    def shared_card(self, given: Sequence[Block]) -> Split:
        """Judge a value of an exclusive or account type: one person, or a card that several persons use."""
        named, _ = self.conflicts.by_name(given, keeps_ids=False)
        births = len({birth for block in given for birth in block.facts.births})
        if len(named) <= 1 or (len(named) <= self._policy.shared_names_n and births <= 1):
            return Split([0] * len(given), "link", "issued to one person")
        return as_split(given, named, "split_by_name", f"used under {len(named)} names")

    def personal(self, given: Sequence[Block], is_device: bool, is_recyclable: bool) -> Split:
        """Judge a value of a personal or device type."""
        named, rest = self.conflicts.by_name(given, keeps_ids=True)
        if not self._policy.links_nameless:
            return as_split(given, named, "split_by_name", "only equal names are linked under this policy")
        blocks = named + rest
        conflict = self.conflicts.kind(blocks)
        if conflict is None:
            prior = self._policy.device_bits if is_device else self.weights.prior
            persons = self._agglomerate(blocks, prior, is_device, is_recyclable)
            split = as_split(given, persons, "split_by_support", "supporting attributes differ")
            if len(persons) == 1 and UNATTACHED not in split.parts:
                return Split(split.parts, "link", "one person as far as names, ids and attributes tell")
            return split
        verdict = "split_by_name" if conflict == "names" else "split_by_id"
        persons, is_epoch = self._attach(blocks, is_device, is_recyclable and self._policy.uses_epochs)
        return as_split(given, persons, "split_by_epoch" if is_epoch else verdict, f"different {conflict}")

    def held_out(self, given: Sequence[Block], is_device: bool, is_recyclable: bool) -> list[tuple[bool, float, bool]]:
        """How well nameless cores of a value would be given away, shown on named ones whose name is held out.

        One row per group of one name and core in it: whether a period left one owner, the log odds of the likeliest
        person, and whether that is the core's own group. Groups of several cores are asked without the core.
        """
        named, rest = self.conflicts.by_name(given, keeps_ids=True)
        if len(named) < 2:
            return []
        single = {block.cores[0]: block for block in given}
        rows = []
        for block in named:
            for core in block.cores:
                test = single[core]
                test = Block(test.cores, test.first, test.last, test.facts.nameless())
                own = [Block.merged(single[c] for c in block.cores if c != core)] if len(block.cores) > 1 else []
                targets = [b for b in named if b is not block] + own
                uses = is_recyclable and self._policy.uses_epochs
                period = self._periods([*targets, *rest, test], targets) if uses else {}
                target, score, is_alone = self._likeliest(test, targets, period, is_device, is_recyclable)
                if target is not None:
                    rows.append((is_alone, score, bool(own) and target is own[0]))
        return rows

    def _agglomerate(self, blocks: Sequence[Block], prior: float, is_device: bool, is_recyclable: bool) -> list[Block]:
        """Persons on a value without a conflict: the likeliest pairs first, never across an unlikely one.

        A block that fits two blocks which hardly are one person joins one of them only where the other is much less
        likely. A nameless block that joins nobody is nobody's.
        """
        n = len(blocks)
        odds = {
            (i, j): prior + self.bits(blocks[i], blocks[j], is_device, is_recyclable)
            for i, j in combinations(range(n), 2)
        }
        if not odds or min(odds.values()) >= self.threshold:
            return [Block.merged(blocks)]

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
            Block.merged(blocks[k] for k in joined)
            for i, joined in enumerate(group)
            if i == min(joined) and (len(joined) > 1 or blocks[i].facts.is_identified)
        ]

    def _attach(self, blocks: Sequence[Block], is_device: bool, is_recyclable: bool) -> tuple[list[Block], bool]:
        """Persons on a value that several persons use, nameless blocks given to whom they most probably belong.

        A person weighs by the cores it has and the supporting attributes; the unseen stranger by the persons seen once
        (Good and Turing): on a shop's own number nearly everybody is new. Where silences separate periods of use, only
        the persons of its own period come into question for a block (G4).
        """
        known = [block for block in blocks if block.facts.is_identified]
        named = [block for block in known if block.facts.names]
        targets = named or known
        period = self._periods(blocks, targets) if is_recyclable else {}
        found = []
        for block in blocks:
            if len(block.cores) == 1 and (not block.facts.is_identified or (named and not block.facts.names)):
                target, score, is_alone = self._likeliest(block, targets, period, is_device, is_recyclable)
                if target is not None and score >= self.cuts[is_alone]:
                    found.append((-score, block.age, block, target))
        grown = {block.cores: block for block in known}
        for _, _, block, target in sorted(found, key=lambda entry: entry[:2]):
            home = grown[target.cores]
            if not self.conflicts.hard(home.facts, block.facts):
                grown[target.cores] = Block.merged((home, block))
                grown.pop(block.cores, None)
        return list(grown.values()), len(set(period.values())) > 1

    def _likeliest(
        self,
        block: Block,
        targets: Sequence[Block],
        period: dict[tuple[int, ...], int],
        is_device: bool,
        is_recyclable: bool,
    ) -> tuple[Block | None, float, bool]:
        """The likeliest person for a block, the log odds, and whether a period of use leaves no other owner."""
        near: Sequence[Block] = ()
        if period:
            mine = period[block.cores]
            near = [t for t in targets if period[t.cores] == mine]
        stranger = sum(len(t.cores) == 1 for t in targets) + 0.5
        total, best, choice = 0.0, 0.0, None
        for target in near or targets:
            if not self.conflicts.hard(target.facts, block.facts):
                odds = len(target.cores) * 2.0 ** self.bits(target, block, is_device, is_recyclable) / stranger
                total += odds
                if odds > best:
                    best, choice = odds, target
        if choice is None:
            return None, 0.0, False
        return choice, log2(best / (1 + total - best)), len(near) == 1

    def _periods(self, blocks: Sequence[Block], targets: Sequence[Block]) -> dict[tuple[int, ...], int]:
        """Number of the period of use of each block, where silences of the gap's length separate owners; else empty."""
        numbers: dict[tuple[int, ...], int] = {}
        number, end = 0, None
        for block in sorted(blocks, key=lambda b: b.age):
            if end is not None and block.first - end >= self._gap:
                number += 1
            end = block.last if end is None or block.last > end else end
            numbers[block.cores] = number
        return numbers if len({numbers[target.cores] for target in targets}) > 1 else {}
