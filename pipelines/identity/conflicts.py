"""Conflicts: what says that two cores cannot be one person, and the groups of names that follow.

Lives here: hard conflicts of ids, names and birth dates, and the grouping of the cores on a value by name.
Stays out: supporting attributes and everything probable (`partition`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

from pipelines.identity.agreement import NameJudge, births_agree
from pipelines.identity.core import Block, Core


class Conflicts:
    """Judges pairs of cores by names, ids and birth dates."""

    def __init__(self, judge: NameJudge) -> None:
        self._judge = judge

    def hard(self, a: Core, b: Core) -> bool:
        """Whether two cores cannot be one person: exclusive ids, birth dates or names exclude each other."""
        if a.exclusive and b.exclusive:
            for slot, ids in a.exclusive.items():
                others = b.exclusive.get(slot)
                if others is not None and ids.isdisjoint(others):
                    return True
        return self.names(a, b) or (bool(a.births and b.births) and self.births(a, b))

    def names(self, a: Core, b: Core) -> bool:
        """Whether both are named and no name of the one agrees with a name, or a mask, of the other."""
        left, right = a.names or a.hints, b.names or b.hints
        return bool(left and right) and left.isdisjoint(right) and not self._judge.any_agree(left, right)

    @staticmethod
    def births(a: Core, b: Core) -> bool:
        """Whether both have birth dates and none agrees."""
        if not a.births or not b.births or not a.births.isdisjoint(b.births):
            return False
        return not any(births_agree(x, y) for x in a.births for y in b.births)

    def kind(self, blocks: Sequence[Block]) -> str | None:
        """What some blocks exclude each other by, names before ids; None when all may be one person."""
        found = None
        for a, b in combinations(blocks, 2):
            if self.names(a.facts, b.facts):
                return "names"
            if found is None and self.hard(a.facts, b.facts):
                found = "ids or birth dates"
        return found

    def by_name(self, given: Sequence[Block], keeps_ids: bool) -> tuple[list[Block], list[Block]]:
        """Cores of one name together, and the rest: nameless cores, and those whose name fits several persons.

        With `keeps_ids` cores of one name stay apart where ids or birth dates exclude each other.
        """
        named = sorted((block for block in given if block.facts.names), key=lambda block: block.age)
        rest = [block for block in given if not block.facts.names]
        if not named:
            return [], rest
        groups: list[list[Block]] = []
        known: dict[str, list[list[Block]]] = {}
        for block in named:
            home, names = None, sorted(block.facts.names)  # the order of a set of texts is another in every process
            for name in names:
                for group in known.get(name, ()):
                    if not keeps_ids or not any(self.hard(block.facts, other.facts) for other in group):
                        home = group
                        break
            if home is None:
                home = []
                groups.append(home)
            home.append(block)
            for name in names:
                homes = known.setdefault(name, [])
                if not any(group is home for group in homes):
                    homes.append(home)
        merged = [group[0] if len(group) == 1 else Block.merged(group) for group in groups]
        if len(merged) == 1:
            return merged, rest
        joined, ambiguous = self._join_variants(merged, keeps_ids)
        return joined, rest + ambiguous

    def _join_variants(self, groups: list[Block], keeps_ids: bool) -> tuple[list[Block], list[Block]]:
        """Groups whose names are variants of each other as one; a variant of two different persons apart, in pieces."""
        varied = [g for g, group in enumerate(groups) if self._judge.has_variants(group.facts.names)]
        if varied and len(varied) < len(groups):
            varied = list(range(len(groups)))
        near: dict[int, list[int]] = {g: [] for g in varied}
        for x, y in self._judge.candidates([groups[g].facts.names for g in varied]):
            a, b = varied[x], varied[y]
            left, right = groups[a].facts, groups[b].facts
            if left.names.isdisjoint(right.names) and self._judge.any_agree(left.names, right.names):
                if keeps_ids and self.hard(left, right):
                    continue
                near[a].append(b)
                near[b].append(a)
        unsure = {g for g, others in near.items() if any(y not in near[x] for x, y in pairwise(others))}
        label = list(range(len(groups)))
        for g, others in near.items():
            if g not in unsure:
                label[g] = min([g, *(label[x] for x in others if x not in unsure)])
        sets: dict[int, list[Block]] = {}
        for g, group in enumerate(groups):
            if g not in unsure:
                sets.setdefault(label[g], []).append(group)
        joined = [blocks[0] if len(blocks) == 1 else Block.merged(blocks) for blocks in sets.values()]
        return joined, [groups[g] for g in sorted(unsure)]
