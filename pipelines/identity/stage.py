"""Stage: the values of one tier of evidence, profiled, judged and joined.

Lives here: what is counted per value, the verdict on it (G1 to G4), the join of accounts along accepted values, and the
second look at components that break a limit (G5).
Stays out: the order of tiers and the tables that come out of it (`resolve`), the judgement of one value (`partition`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from copy import copy

import numpy as np
import polars as pl

from pipelines.channels.identifier_types import IdentifierType
from pipelines.identity.book import Book
from pipelines.identity.components import component_roots
from pipelines.identity.constrained import ConstrainedUnion, Tie
from pipelines.identity.core import UNATTACHED, Block, Core, Split
from pipelines.identity.core_facts import facts_of, joined_facts, load_cores
from pipelines.identity.partition import Groups, Partitioner, Standing, least_odds
from pipelines.identity.policy import Policy
from pipelines.identity.profile import KINDS, profile_values
from pipelines.identity.support import least_score

JUDGED = pl.Schema({"val": pl.Int32, "core": pl.Int32, "part": pl.Int32, "reason": pl.String})
VERDICTS = pl.Schema({"val": pl.Int32, "verdict": pl.String, "reason": pl.String})
STRONG = ("exclusive", "account")


class Stage:
    """One resolution in progress: the book, the labels (core of each account) and what has been accepted."""

    def __init__(self, book: Book, policy: Policy, partitioner: Partitioner, labels: np.ndarray) -> None:
        self.book, self.policy, self.partitioner, self.labels = book, policy, partitioner, labels
        self._facts, self._joined_since = facts_of(book, labels), False
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

    def run_tier(self, types: Sequence[int]) -> None:
        """Judge every value of the types, join accounts along what is accepted, and keep every limit."""
        evidence = self.book.evidence.filter(pl.col("type").is_in(list(types)) & (pl.col("n") > 1))
        if evidence.is_empty():
            return
        evidence = evidence.with_columns(core=self._cores_of(evidence["acc"]))
        carried = (
            evidence.group_by("val", "type", "core")
            .agg(pl.col("first").min(), pl.col("last").max(), n=pl.len().cast(pl.Int64))
            .with_columns(n_cores=pl.len().over("val").cast(pl.Int64))
        )
        is_strong = all(self.book.types[t].strength in STRONG for t in types)
        facts = self._shared_facts(carried, ("name", "birth") if is_strong else KINDS)
        profile = profile_values(self.book, self.policy, self.partitioner.weights, carried, facts)
        self.profiles.append(profile)
        split, verdicts = self._judge(carried, facts, profile)
        self.verdicts.append(verdicts)
        parts = (
            evidence.select("acc", "val", "core")
            .join(split, on=["val", "core"], how="left")
            .with_columns(pl.col("part").fill_null(0))
        )
        parts = self._join(parts, carried, types)
        self.parts.append(parts.select("acc", "val", "part", "reason"))

    @property
    def facts(self) -> pl.DataFrame:
        """What is known of the cores as they are now: core, slot, item, each once; brought up when it is asked for."""
        if self._joined_since:
            self._facts, self._joined_since = joined_facts(self._facts, self.labels), False
        return self._facts

    def _cores_of(self, accounts: pl.Series) -> pl.Series:
        """The core of each account code."""
        return pl.Series("core", self.labels[accounts.to_numpy()], dtype=pl.Int32)

    def _shared_facts(self, carried: pl.DataFrame, kinds: Sequence[str]) -> pl.DataFrame:
        """Facts of the kinds on cores that share a value with another core: core, slot, item."""
        is_shared = np.zeros(self.book.account_n, dtype=bool)
        is_shared[carried.filter(pl.col("n_cores") > 1)["core"].to_numpy()] = True
        is_asked = np.zeros(len(self.book.slots), dtype=bool)
        is_asked[[slot for kind in kinds for slot in self.book.slots_of(kind)]] = True
        core, slot = self.facts["core"].to_numpy(), self.facts["slot"].to_numpy()
        return self.facts.filter(pl.Series(is_shared[core] & is_asked[slot]))

    # --- verdicts -----------------------------------------------------------------------------------------------

    def _judge(
        self, carried: pl.DataFrame, facts: pl.DataFrame, profile: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Parts of the cores on values that are not plainly one person's, and the verdict on those values."""
        rules = self.book.types
        hub = pl.col("type").replace_strict(dict(enumerate(r.hub_limit for r in rules)), return_dtype=pl.Int64)
        personal = [c for c, r in enumerate(rules) if r.strength == "personal"]
        devices = [c for c, r in enumerate(rules) if r.strength == "device"]
        strong = [c for c, r in enumerate(rules) if r.strength in STRONG]
        is_shared = pl.col("n_cores") > 1
        is_hub = is_shared & (pl.col("n_accounts") > hub)
        is_off = is_shared & pl.col("type").is_in(devices) & (not self.policy.links_devices)
        is_crowd = (
            pl.col("type").is_in(personal)
            & (pl.col("n_cores") > self.policy.anonymous_limit)
            & (pl.col("n_known") * 2 < pl.col("n_cores"))
        )
        doubt = self._doubt(pl.col("type").is_in(strong))
        if not self.policy.uses_names:
            doubt, is_crowd = pl.lit(False), pl.lit(False)
        verdict = (
            pl.when(is_hub)
            .then(pl.lit("hub"))
            .when(is_off)
            .then(pl.lit("device"))
            .when(is_shared & is_crowd & (pl.col("n_names") <= 1))
            .then(pl.lit("crowd"))
            .when(is_shared & doubt)
            .then(pl.lit("doubt"))
        )
        flagged = profile.with_columns(verdict=verdict).filter(pl.col("verdict").is_not_null())
        cut = flagged.filter(pl.col("verdict") != "doubt").with_columns(
            reason=pl.when(pl.col("verdict") == "hub")
            .then(pl.format("on {} accounts, more than the type's hub limit", "n_accounts"))
            .when(pl.col("verdict") == "device")
            .then(pl.lit("devices link nobody under this policy"))
            .otherwise(pl.format("on {} cores, of which only {} have a name or an exclusive id", "n_cores", "n_known")),
            verdict=pl.when(pl.col("verdict") == "hub").then(pl.lit("hub")).otherwise(pl.lit("ambiguous")),
        )
        refused = carried.join(cut.select("val", "reason"), on="val").select(
            "val", "core", part=pl.lit(UNATTACHED, pl.Int32), reason="reason"
        )
        doubtful = flagged.filter(pl.col("verdict") == "doubt").select("val")
        parts, verdicts = self._partition(carried.join(doubtful, on="val", how="semi"), facts)
        return (
            pl.concat([refused, parts]),
            pl.concat([cut.select(VERDICTS.names()), verdicts]),
        )

    def _doubt(self, is_strong: pl.Expr) -> pl.Expr:
        """Whether what is counted on a value leaves open that all its cores are one person."""
        # Nameless cores may be anybody's: a mask, or attributes that differ, speak only where one name is not on all.
        is_one_name = (pl.col("n_names") == 1) & (pl.col("n_named") == pl.col("n_cores"))
        is_unsure = (pl.col("n_hints") > 0) | (pl.col("least_bits") < self.partitioner.threshold)
        doubt = (
            (pl.col("n_names") > 1)
            | (pl.col("n_births") > 1)
            | (~is_strong & ((pl.col("n_exclusive") > 1) | (is_unsure & ~is_one_name)))
        )
        if not self.policy.links_nameless:
            doubt |= ~is_strong & (pl.col("n_named") < pl.col("n_cores"))
        return doubt

    def _partition(self, carried: pl.DataFrame, facts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Put every doubtful value before the partitioner."""
        known = load_cores(
            self.book, facts.join(carried.select("core").unique(), on="core", how="semi"), ("exclusive",)
        )
        blank = Core()
        judged: dict[str, list] = {name: [] for name in JUDGED}
        verdicts: list[tuple[int, str, str]] = []
        rows = carried.sort("val", "first", "core").select("val", "type", "core", "first", "last")
        values = [
            (
                val,
                self.book.types[code],
                [Block((core,), first, last, known.get(core, blank)) for core, first, last in group],
            )
            for (val, code), group in _grouped(zip(*(column.to_list() for column in rows), strict=True))
        ]
        groups = self._trust(values) if self.policy.uses_support else {}
        for val, rule, given in values:
            split: Split = (
                self.partitioner.shared_card(given)
                if rule.strength in STRONG
                else self.partitioner.personal(given, rule.strength == "device", rule.recyclable, groups.get(val))
            )
            verdicts.append((val, split.verdict, split.reason))
            judged["val"] += [val] * len(given)
            judged["core"] += [block.cores[0] for block in given]
            judged["part"] += split.parts
            judged["reason"] += [split.reason if part == UNATTACHED else None for part in split.parts]
        return (
            pl.DataFrame(judged, schema=JUDGED),
            pl.DataFrame(verdicts, schema=VERDICTS, orient="row"),
        )

    def _trust(self, values: Sequence[tuple[int, IdentifierType, list[Block]]]) -> dict[int, Groups]:
        """Set from which odds a nameless account is given to one of several persons, by holding names out.

        Returns the groups by name of the values that were asked.
        """
        tests = []
        groups = {}
        wanted = [v for v in values if v[1].strength not in STRONG and _has_several_names(v[2])]
        wanted = [v for v in wanted if len(v[2]) <= self.policy.anonymous_limit]
        for val, rule, given in wanted[:: 1 + len(wanted) // self.policy.held_out_values]:
            groups[val] = self.partitioner.groups(given)
            tests += self.partitioner.held_out(given, rule.strength == "device", rule.recyclable, groups[val])
        for standing in Standing:
            self.partitioner.cuts[standing] = least_score(
                [(score, is_right) for asked, score, is_right in tests if asked == standing],
                self.partitioner.posteriors[standing],
                least_odds(self.partitioner.posteriors[standing]),
                self.policy.calibration_pairs,
            )
        return groups

    # --- joining ------------------------------------------------------------------------------------------------

    def _join(self, parts: pl.DataFrame, carried: pl.DataFrame, types: Sequence[int]) -> pl.DataFrame:
        """Join cores along accepted parts; where that breaks a limit, refuse the latest and weakest edges instead."""
        accepted = parts.filter(pl.col("part") != UNATTACHED).select("val", "core", "part").unique()
        edges = accepted.filter(pl.len().over("val", "part") > 1).sort("val", "part", "core")
        edges = edges.with_columns(node=pl.struct("val", "part").rle_id().cast(pl.Int32))
        if edges.is_empty():
            return parts
        joined = self._components(edges)
        refused = self._enforce(edges, joined, carried, types)
        if not refused.is_empty():
            parts = (
                parts.join(refused, on=["val", "core"], how="left")
                .with_columns(
                    part=pl.when(pl.col("refusal").is_null()).then(pl.col("part")).otherwise(UNATTACHED).cast(pl.Int32),
                    reason=pl.coalesce("refusal", "reason"),
                )
                .drop("refusal")
            )
            joined = self._components(edges.join(refused, on=["val", "core"], how="anti"))
        self.labels, self._joined_since = joined[self.labels], True
        return parts

    def _components(self, edges: pl.DataFrame) -> np.ndarray:
        """New label of each account code, for edges between cores and nodes."""
        n = self.book.account_n
        nodes = int(edges["node"].max() or 0) + 1 if len(edges) else 0  # type: ignore[arg-type]
        return component_roots(edges["core"].to_numpy(), edges["node"].to_numpy() + np.int32(n), n + nodes)[:n]

    def _enforce(
        self, edges: pl.DataFrame, joined: np.ndarray, carried: pl.DataFrame, types: Sequence[int]
    ) -> pl.DataFrame:
        """Edges to refuse (val, core, refusal) so that no joined component breaks a limit."""
        checks_names = self.policy.uses_names and not all(self.book.types[t].strength in STRONG for t in types)
        caps = {
            code: slot.limit if slot.limit is not None else 1
            for code, slot in enumerate(self.book.slots)
            if slot.kind in ("exclusive", "limited") or (checks_names and slot.kind in ("name", "birth"))
        }
        is_touched = np.zeros(self.book.account_n, dtype=bool)
        is_touched[edges["core"].to_numpy()] = True
        facts = self.facts.filter(pl.col("slot").is_in(list(caps)))
        facts = facts.filter(pl.Series(is_touched[facts["core"].to_numpy()]))
        facts = facts.with_columns(component=pl.Series(joined[facts["core"].to_numpy()]))
        # Most components hold one item of a kind, which its extremes tell faster than a count of different items.
        extremes = facts.group_by("component", "slot").agg(low=pl.col("item").min(), high=pl.col("item").max())
        several = facts.join(extremes.filter(pl.col("low") < pl.col("high")), on=["component", "slot"], how="semi")
        counts = several.group_by("component", "slot").agg(n=pl.col("item").n_unique())
        cap = pl.col("slot").replace_strict(caps, return_dtype=pl.Int64)
        breached = set(counts.filter(pl.col("n") > cap)["component"].to_list())
        now = joined[self.labels] if self.enemies else joined
        for account, others in self.enemies.items():
            breached |= {int(now[account]) for other in others if now[account] == now[other]}
        if not breached:
            return pl.DataFrame(schema={"val": pl.Int32, "core": pl.Int32, "refusal": pl.String})
        inside = np.isin(joined[edges["core"].to_numpy()], list(breached))
        return self._refuse(edges.filter(pl.Series(inside)), carried)

    def first_seen(self, known: dict[int, Core]) -> dict[int, int]:
        """When each value of a type limited within a window was first seen, for the cores at hand."""
        windowed = {code for code, slot in enumerate(self.book.slots) if slot.window_days is not None}
        values = {
            val for core in known.values() for slot in windowed & core.exclusive.keys() for val in core.exclusive[slot]
        }
        if not values:
            return {}
        rows = self.book.evidence.filter(pl.col("val").is_in(list(values)))
        return dict(rows.group_by("val").agg(pl.col("first").min()).iter_rows())

    def _refuse(self, edges: pl.DataFrame, carried: pl.DataFrame) -> pl.DataFrame:
        cores = edges.select("core").unique()
        hard = self.facts.filter(~pl.col("slot").is_in(self.book.slots_of("support")))
        known = load_cores(self.book, hard.join(cores, on="core", how="semi"), ("exclusive", "limited"))
        known.update({core: Core() for core in cores["core"].to_list() if core not in known})
        first_seen = self.first_seen(known)
        enemies: dict[int, set[int]] = defaultdict(set)
        for account, others in self.enemies.items():
            enemies[int(self.labels[account])] |= {int(self.labels[other]) for other in others}
        union = ConstrainedUnion(known, self.book.slots, first_seen, enemies, self.partitioner)
        ordered = edges.join(carried.select("val", "core", "type", "first"), on=["val", "core"]).sort(
            "type", "first", "val", "core"
        )
        refused = []
        for val, core, node, type_code in ordered.select("val", "core", "node", "type").iter_rows():
            checks = self.policy.uses_names and self.book.types[type_code].strength not in STRONG
            reason = union.join(Tie(core, node, checks))
            if reason is not None:
                refused.append((val, core, reason))
        return pl.DataFrame(refused, schema={"val": pl.Int32, "core": pl.Int32, "refusal": pl.String}, orient="row")


def _has_several_names(given: Sequence[Block]) -> bool:
    first: Set[str] | None = None
    for block in given:
        if block.facts.names:
            if first is not None and not (first & block.facts.names):
                return True
            first = first or block.facts.names
    return False


def _grouped(rows: Iterable[tuple[int, ...]]) -> Iterable[tuple[tuple[int, int], list[tuple[int, int, int]]]]:
    """Rows of (val, type, core, first, last), sorted by val, as ((val, type), [(core, first, last), …])."""
    current: tuple[int, int] | None = None
    group: list[tuple[int, int, int]] = []
    for val, type_code, core, first, last in rows:
        if current != (val, type_code):
            if current is not None:
                yield current, group
            current, group = (val, type_code), []
        group.append((core, first, last))
    if current is not None:
        yield current, group
