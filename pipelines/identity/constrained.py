"""Constrained union: joining along edges in order, refusing what would break a limit (G5).

Lives here: the union-find that components go through when plain joining would give one person two exclusive ids,
names that exclude each other, or accounts that a manual decision keeps apart.
Stays out: components without a breach (`components`) and the judgement of single values (`partition`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.identity.book import Book, Slot
from pipelines.identity.core import DAY_US, Core
from pipelines.identity.core_facts import CoreFacts, load_cores
from pipelines.identity.partition import Partitioner


@dataclass(frozen=True)
class Tie:
    """An edge to be tried: a core, a node (value and part), and whether names must agree across it."""

    core: int
    node: int
    checks_names: bool


class ConstrainedUnion:
    """Union of cores and nodes that keeps every limit.

    `facts` tells what is known of each core; `first_seen` when each limited value was first seen (for limits within a
    window); `enemies` the cores that a manual decision keeps apart.
    """

    def __init__(
        self,
        facts: Mapping[int, Core],
        slots: Sequence[Slot],
        first_seen: Mapping[int, int],
        enemies: Mapping[int, set[int]],
        partitioner: Partitioner,
    ) -> None:
        self._parent: dict[int, int] = {}
        self._facts = dict(facts)
        self._cores: dict[int, set[int]] = {core: {core} for core in facts}
        self._slots, self._first_seen, self._enemies = slots, first_seen, enemies
        self._partitioner = partitioner

    def join(self, tie: Tie) -> str | None:
        """Join a core to a node; None when done, else the reason for which it is refused."""
        a, b = self._find(tie.core), self._find(-1 - tie.node)
        if a == b:
            return None
        left, right = self._facts.get(a, Core()), self._facts.get(b, Core())
        reason = self._reason(a, b, left, right, tie.checks_names)
        if reason is None:
            self._union(a, b)
        return reason

    def _reason(self, a: int, b: int, left: Core, right: Core, checks_names: bool) -> str | None:
        for slot in left.exclusive.keys() & right.exclusive.keys():
            rule = self._slots[slot]
            count = self._most_at_once(left.exclusive[slot] | right.exclusive[slot], rule)
            before = max(self._most_at_once(side.exclusive[slot], rule) for side in (left, right))
            if rule.limit is not None and count > max(rule.limit, before):
                return f"limit: {count} {rule.name} where {rule.limit} may be"
        if checks_names and self._partitioner.conflicts.names(left, right):
            return "names exclude each other"
        if checks_names and self._partitioner.conflicts.births(left, right):
            return "birth dates exclude each other"
        mine, theirs = self._cores.get(a, set()), self._cores.get(b, set())
        smaller, larger = (mine, theirs) if len(mine) <= len(theirs) else (theirs, mine)
        if any(not self._enemies.get(core, set()).isdisjoint(larger) for core in smaller):
            return "manual decision: cannot_link"
        return None

    def _most_at_once(self, values: Set[int], rule: Slot) -> int:
        """Most values of the set that were first seen within the rule's window."""
        if rule.window_days is None or len(values) < 2:
            return len(values)
        times = sorted(self._first_seen[value] for value in values)
        width, most, start = rule.window_days * DAY_US, 1, 0
        for end, time in enumerate(times):
            while time - times[start] >= width:
                start += 1
            most = max(most, end - start + 1)
        return most

    def _find(self, node: int) -> int:
        root = node
        while root in self._parent:
            root = self._parent[root]
        while node != root:
            self._parent[node], node = root, self._parent[node]
        return root

    def _union(self, a: int, b: int) -> None:
        if len(self._cores.get(a, ())) < len(self._cores.get(b, ())):
            a, b = b, a
        self._parent[b] = a
        self._cores.setdefault(a, set()).update(self._cores.pop(b, set()))
        self._facts[a] = self._facts.get(a, Core()).joined(self._facts.pop(b, Core()))


def union_over(
    book: Book,
    facts: CoreFacts,
    cores: np.ndarray,
    labels: np.ndarray,
    enemies: Mapping[int, Set[int]],
    partitioner: Partitioner,
) -> ConstrainedUnion:
    """A constrained union over some cores; `labels` names the core of each account, `enemies` accounts kept apart."""
    hard = [code for code, slot in enumerate(book.slots) if slot.kind != "support"]
    known = load_cores(book, facts.of(cores).in_slots(hard), ("exclusive", "limited"))
    known |= {core: Core() for core in cores.tolist() if core not in known}
    apart: dict[int, set[int]] = defaultdict(set)
    for account, others in enemies.items():
        apart[int(labels[account])] |= {int(labels[other]) for other in others}
    return ConstrainedUnion(known, book.slots, _first_seen(book, known.values()), apart, partitioner)


def _first_seen(book: Book, cores: Iterable[Core]) -> dict[int, int]:
    """When each value of a type limited within a window was first seen, for the cores at hand."""
    windowed = {code for code, slot in enumerate(book.slots) if slot.window_days is not None}
    values = {val for core in cores for slot in windowed & core.exclusive.keys() for val in core.exclusive[slot]}
    if not values:
        return {}
    rows = book.evidence.filter(pl.col("val").is_in(list(values)))
    return dict(rows.group_by("val").agg(pl.col("first").min()).iter_rows())
