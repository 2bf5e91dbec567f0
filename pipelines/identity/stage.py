"""Stage: the values of one tier of evidence, profiled, judged and joined.

Lives here: the order of the work on a tier, the values that go before the partitioner, the join of accounts along
accepted values, and the second look at components that break a limit (G5).
Stays out: the order of tiers and the tables that come out of it (`resolve`), the judgement of one value (`partition`).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from copy import copy

import numpy as np
import polars as pl

from pipelines.channels.identifier_types import IdentifierType
from pipelines.identity.book import Book
from pipelines.identity.codes import marked, runs
from pipelines.identity.components import component_roots
from pipelines.identity.constrained import Tie, union_over
from pipelines.identity.core import UNATTACHED, Block, Core, Split
from pipelines.identity.core_facts import CoreFacts, facts_of, load_cores
from pipelines.identity.partition import Groups, Partitioner, Standing, least_odds
from pipelines.identity.policy import Policy
from pipelines.identity.profile import profile_values
from pipelines.identity.support import least_score
from pipelines.identity.uses import Uses, uses_of
from pipelines.identity.verdicts import STRONG, Verdicts, cut_by_counts, doubtful


class Stage:
    """One resolution in progress: the book, the labels (core of each account) and what has been accepted."""

    def __init__(self, book: Book, policy: Policy, partitioner: Partitioner, labels: np.ndarray) -> None:
        self.book, self.policy, self.partitioner, self.labels = book, policy, partitioner, labels
        self._facts, self._facts_labels = facts_of(book, labels), labels
        self.enemies: dict[int, set[int]] = {}
        self.parts: list[pl.DataFrame] = []
        self.verdicts: list[pl.DataFrame] = []
        self.profiles: list[pl.DataFrame] = []

    def under(self, policy: Policy, partitioner: Partitioner) -> Stage:
        """A stage that goes on from here under another policy and leaves this one as it is."""
        other = copy(self)
        other.policy, other.partitioner = policy, partitioner
        other.parts, other.verdicts, other.profiles = [*self.parts], [*self.verdicts], [*self.profiles]
        return other

    @property
    def facts(self) -> CoreFacts:
        """What is known of the cores as they are now; brought up when it is asked for."""
        if self._facts_labels is not self.labels:
            self._facts, self._facts_labels = self._facts.joined(self.labels), self.labels
        return self._facts

    def run_tier(self, types: Sequence[int]) -> None:
        """Judge every value of the types, join accounts along what is accepted, and keep every limit."""
        uses = uses_of(self.book, types, self.labels)
        if not len(uses.val):
            return
        is_strong = all(self.book.types[code].strength in STRONG for code in types)
        facts = self.facts
        if is_strong:
            facts = facts.in_slots(self.book.slots_of("name") + self.book.slots_of("birth"))
        profile = profile_values(self.book, self.policy, self.partitioner.weights, uses, facts)
        verdicts = Verdicts(uses)
        cut_by_counts(verdicts, uses, profile, self.book.types, self.policy)
        open_values = doubtful(verdicts, uses, profile, self.book.types, self.policy, self.partitioner.threshold)
        self._partition(verdicts, uses, open_values, facts)
        self._join(verdicts, uses, checks_names=self.policy.uses_names and not is_strong)
        self.profiles.append(profile.table)
        self.verdicts.append(verdicts.told)
        self.parts.append(verdicts.parts)

    # --- verdicts -----------------------------------------------------------------------------------------------

    def _partition(self, verdicts: Verdicts, uses: Uses, values: np.ndarray, facts: CoreFacts) -> None:
        """Put the values at some positions before the partitioner."""
        rows = uses.rows_of(values)
        rows = rows[np.lexsort((uses.core[rows], uses.first[rows], uses.value_of[rows]))]
        known, blank = load_cores(self.book, facts.of(uses.core[rows]), ("exclusive",)), Core()
        blocks = [
            Block((core,), first, last, known.get(core, blank))
            for core, first, last in zip(
                *(column[rows].tolist() for column in (uses.core, uses.first, uses.last)), strict=True
            )
        ]
        ends = np.cumsum(uses.core_n[values]).tolist()
        given = [blocks[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        asked = [(self.book.types[code], own) for code, own in zip(uses.type[values].tolist(), given, strict=True)]
        groups = self._trust(asked) if self.policy.uses_support else {}
        splits = [self._split(rule, own, groups.get(number)) for number, (rule, own) in enumerate(asked)]
        verdicts.settle(values, rows, splits)

    def _split(self, rule: IdentifierType, given: Sequence[Block], groups: Groups | None) -> Split:
        if rule.strength in STRONG:
            return self.partitioner.shared_card(given)
        if rule.needs_names:
            return self.partitioner.by_names(given)
        return self.partitioner.personal(given, rule.strength == "device", rule.recyclable, groups)

    def _trust(self, asked: Sequence[tuple[IdentifierType, list[Block]]]) -> dict[int, Groups]:
        """Set from which odds a nameless account is given to one of several persons, by holding names out.

        Returns the groups by name of the values that were tested, by their position.
        """
        tests = []
        groups = {}
        wanted = [
            number
            for number, (rule, given) in enumerate(asked)
            if rule.strength not in STRONG
            and not rule.needs_names
            and len(given) <= self.policy.anonymous_limit
            and _has_several_names(given)
        ]
        for number in wanted[:: 1 + len(wanted) // self.policy.held_out_values]:
            rule, given = asked[number]
            groups[number] = self.partitioner.groups(given)
            tests += self.partitioner.held_out(given, rule.strength == "device", rule.recyclable, groups[number])
        for standing in Standing:
            self.partitioner.cuts[standing] = least_score(
                [(score, is_right) for found, score, is_right in tests if found == standing],
                self.partitioner.posteriors[standing],
                least_odds(self.partitioner.posteriors[standing]),
                self.policy.calibration_pairs,
            )
        return groups

    # --- joining ------------------------------------------------------------------------------------------------

    def _join(self, verdicts: Verdicts, uses: Uses, checks_names: bool) -> None:
        """Join cores along accepted parts; where that breaks a limit, refuse the latest and weakest edges instead."""
        rows, node = _edges(verdicts, uses)
        if not len(rows):
            return
        joined = self._components(uses.core[rows], node)
        is_inside = self._breached(uses.core[rows], joined, checks_names)[joined[uses.core[rows]]]
        refused = self._refused(uses, rows[is_inside], node[is_inside])
        if refused:
            for row, reason in refused.items():
                verdicts.refuse(row, reason)
            is_kept = verdicts.part[rows] != UNATTACHED
            joined = self._components(uses.core[rows[is_kept]], node[is_kept])
        self.labels = joined[self.labels]

    def _components(self, core: np.ndarray, node: np.ndarray) -> np.ndarray:
        """New label of each account code, for edges between cores and nodes."""
        n = self.book.account_n
        return component_roots(core, node + n, n + int(node.max(initial=-1)) + 1)[:n]

    def _breached(self, cores: np.ndarray, joined: np.ndarray, checks_names: bool) -> np.ndarray:
        """Which components, by their code, break a limit or a manual decision; `cores` are those that were joined."""
        caps = {
            code: slot.limit if slot.limit is not None else 1
            for code, slot in enumerate(self.book.slots)
            if slot.kind in ("exclusive", "limited") or (checks_names and slot.kind in ("name", "birth"))
        }
        facts = self.facts.of(cores).in_slots(list(caps)).joined(joined)
        starts, items_n = runs(facts.keys >> facts.item_bits)
        cap = np.zeros(len(self.book.slots), dtype=np.int64)
        cap[list(caps)] = list(caps.values())
        is_breached = marked(facts.core[starts[items_n > cap[facts.slot[starts]]]], self.book.account_n)
        now = joined[self.labels] if self.enemies else joined
        for account, others in self.enemies.items():
            if any(now[account] == now[other] for other in others):
                is_breached[now[account]] = True
        return is_breached

    def _refused(self, uses: Uses, rows: np.ndarray, node: np.ndarray) -> dict[int, str]:
        """Which edges (rows of the uses, with the node of their value and part) no limit lets join, and why."""
        if not len(rows):
            return {}
        union = union_over(self.book, self.facts, uses.core[rows], self.labels, self.enemies, self.partitioner)
        type_code = uses.type[uses.value_of[rows]]
        order = np.lexsort((uses.core[rows], uses.val[rows], uses.first[rows], type_code))
        refused = {}
        for row, core, end, code in zip(
            *(column[order].tolist() for column in (rows, uses.core[rows], node, type_code)), strict=True
        ):
            checks_names = self.policy.uses_names and self.book.types[code].strength not in STRONG
            reason = union.join(Tie(core, end, checks_names))
            if reason is not None:
                refused[row] = reason
        return refused


def _edges(verdicts: Verdicts, uses: Uses) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the uses that join anybody, and their nodes: one for each part of a value with several cores."""
    keys = uses.value_of * (int(verdicts.part.max()) + 2) + verdicts.part
    order = np.argsort(keys, kind="stable")
    order = order[verdicts.part[order] != UNATTACHED]
    _, core_n = runs(keys[order])
    node = np.repeat(np.arange(len(core_n), dtype=np.int32), core_n)
    is_shared = core_n[node] > 1
    return order[is_shared], node[is_shared]


def _has_several_names(given: Sequence[Block]) -> bool:
    first: Set[str] | None = None
    for block in given:
        if block.facts.names:
            if first is not None and not (first & block.facts.names):
                return True
            first = first or block.facts.names
    return False
