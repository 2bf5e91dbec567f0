"""Resolve: from a case to customers, with every accepted and refused edge and the reason for it.

Lives here: the order of the tiers of evidence, and the `Resolution` with its tables.
Stays out: normalisation (`records`), the stages themselves (`stage`), the ids of customers over time (`carry_over`).

Tiers, strongest first: manual links; exclusive ids and native accounts; each personal type by its priority; devices.
A tier sees what the stronger ones joined, so a nameless account inherits the name of the account that shares its
member number before its telephone is judged.
"""

from __future__ import annotations

import gc
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from pipelines.identity.agreement import NameJudge
from pipelines.identity.book import Book, open_book
from pipelines.identity.case import Case
from pipelines.identity.core import UNATTACHED
from pipelines.identity.overrides import Decisions, no_overrides, read_overrides
from pipelines.identity.partition import Partitioner
from pipelines.identity.policy import Policy, default_policy
from pipelines.identity.records import KEY, case_from_records
from pipelines.identity.stage import Stage
from pipelines.identity.support import CALIBRATION, NO_WEIGHTS, measure_support, weights_of
from pipelines.identity.verdicts import STRONG

LOCAL_PEPPER = b"caw resolve"
"""Keys the customer ids of a one-off resolution; the warehouse uses its own pepper and its history of ids."""


VALUE = ["id_type", "scope_key", "value"]
COUNTS = ["n_accounts", "n_names", "n_births", "n_exclusive"]


@dataclass(frozen=True)
class Start:
    """A case in codes after its strongest tier: what policies that differ only in later tiers have in common.

    `stage` is never run further: a policy goes on from a stage of its own (see `Stage.under`).
    """

    judge: NameJudge
    stage: Stage
    calibration: pl.DataFrame


@dataclass(frozen=True)
class Resolution:
    """What a case was resolved to; tables are made when they are asked for.

    clusters: account_key, cluster (the anchor's account_key: seen first, ties by key), one row per account.
    """

    case: Case
    book: Book
    policy: Policy
    decisions: Decisions
    labels: np.ndarray
    parts: pl.DataFrame
    judged: pl.DataFrame
    profiles: pl.DataFrame
    calibration: pl.DataFrame
    partitioner: Partitioner
    start: Start
    accepted: pl.DataFrame | None = None

    @cached_property
    def clusters(self) -> pl.DataFrame:
        """account_key, cluster: every account once, sorted; the cluster is named by its anchor account."""
        by_age = np.argsort(self.book.first_seen, kind="stable")
        anchor = np.empty(self.book.account_n, dtype=np.int64)
        anchor[self.labels[by_age[::-1]]] = by_age[::-1]  # the last write of a label is its oldest account
        cluster = self.book.keys.gather(anchor[self.labels]).alias("cluster")
        return pl.DataFrame([self.book.keys, cluster])

    @cached_property
    def edges(self) -> pl.DataFrame:
        """Accepted edges: account_key, id_type, scope_key, value, part, rule_id, verdict, first_seen_at, last_seen_at.

        Accounts are one customer exactly when they hang together through equal (id_type, scope_key, value, part).
        """
        columns = ["account_key", *VALUE, "part", "rule_id", "verdict", "first_seen_at", "last_seen_at"]
        manual = pl.DataFrame(
            self.decisions.link_rows(),
            schema={"acc": pl.Int32, "scope_key": pl.String, "value": pl.String},
            orient="row",
        ).with_columns(id_type=pl.lit("override"), part=pl.lit(0, pl.Int32), verdict=pl.lit("manual"))
        found = self._decoded(pl.col("part") != UNATTACHED).with_columns(pl.col("verdict").fill_null("link"))
        single = self._single.with_columns(part=pl.lit(0, pl.Int32), verdict=pl.lit("link"))
        extra = [] if self.accepted is None else [self.accepted]
        both = pl.concat([found, single, self._keyed(manual), *extra], how="diagonal")
        return both.with_columns(rule_id=pl.format("{}/{}", "id_type", "verdict")).select(columns).sort(columns[:5])

    @cached_property
    def refused(self) -> pl.DataFrame:
        """Refused edges: account_key, id_type, scope_key, value, verdict, reason, first_seen_at, last_seen_at."""
        return self._decoded(pl.col("part") == UNATTACHED).select(
            "account_key", *VALUE, pl.col("verdict").fill_null("link"), "reason", "first_seen_at", "last_seen_at"
        )

    @cached_property
    def judged_values(self) -> pl.DataFrame:
        """Values on several accounts, in no order: columns of `profile`."""
        return (
            self.profiles.join(self.judged, on="val", how="left")
            .join(self.book.values.drop("type", "n"), on="val")
            .select(
                *VALUE,
                *COUNTS,
                pl.col("verdict").fill_null("link"),
                pl.col("reason").fill_null("nothing on it speaks against one person"),
            )
        )

    @cached_property
    def profile(self) -> pl.DataFrame:
        """One row per identifier value: counts, verdict and reason (G1 to G4); unusable values count their accounts.

        verdict: link, split_by_name, split_by_id, split_by_epoch, split_by_support, ambiguous, hub, or for unusable
        values masked, virtual, blocked, invalid.
        """
        single = self._single.select(*VALUE, n_accounts=pl.lit(1, pl.Int64), verdict=pl.lit("link"))
        unusable = (
            self.case.unusable.group_by("id_type", "value", verdict="status")
            .agg(n_accounts=pl.col("account_key").n_unique().cast(pl.Int64))
            .with_columns(scope_key=pl.lit(""), reason=pl.format("the value is {}", "verdict"))
        )
        both = pl.concat([self.judged_values, single, unusable], how="diagonal")
        return (
            both.with_columns(pl.col(COUNTS).fill_null(0), pl.col("reason").fill_null("on one account only"))
            .select(*VALUE, *COUNTS, "verdict", "reason")
            .sort(*VALUE, "verdict")
        )

    @cached_property
    def _single(self) -> pl.DataFrame:
        """Evidence on one account only, which joins nobody and is not coded."""
        known = {rule.name for rule in self.book.types}
        rest = self.case.evidence.filter(pl.col("id_type").is_in(list(known)))
        return rest.join(self.book.values.filter(pl.col("n") > 1), on=VALUE, how="anti")

    def customer_ids(self, pepper: bytes = LOCAL_PEPPER) -> pl.DataFrame:
        """account_key, customer_id: `c_` and 16 hex digits of the anchor's keyed hash, for a table without history."""
        anchors = self.clusters["cluster"].unique().sort()
        ids = [mint(pepper, anchor) for anchor in anchors]
        named = pl.DataFrame({"cluster": anchors, "customer_id": ids}, schema_overrides={"customer_id": pl.String})
        return self.clusters.join(named, on="cluster", how="left", maintain_order="left").select(
            "account_key", "customer_id"
        )

    def _decoded(self, condition: pl.Expr) -> pl.DataFrame:
        rows = (
            self.parts.filter(condition)
            .join(self.book.evidence.select("acc", "val", "first", "last"), on=["acc", "val"])
            .join(self.book.values.drop("type", "n"), on="val")
            .join(self.judged.select("val", "verdict"), on="val", how="left")
        )
        return self._keyed(rows).sort("account_key", *VALUE)

    def _keyed(self, rows: pl.DataFrame) -> pl.DataFrame:
        keys = self.book.keys.gather(rows["acc"])
        frame = rows.with_columns(account_key=keys)
        if "first" in rows.columns:
            known = pl.col("first", "last").cast(pl.Datetime("us"))
            frame = frame.with_columns(pl.when(pl.col("first", "last").abs() < 2**61).then(known).name.keep()).rename(
                {"first": "first_seen_at", "last": "last_seen_at"}
            )
        return frame.drop("acc", "val", strict=False)


def resolve(
    records: pl.DataFrame | pl.LazyFrame, policy: Policy | None = None, overrides: pl.DataFrame | None = None
) -> Resolution:
    """Resolve a table of account records (the columns of `records`; absent ones allowed)."""
    chosen = policy or default_policy()
    return resolve_case(case_from_records(records, chosen), chosen, overrides)


def resolve_case(
    case: Case,
    policy: Policy | None = None,
    overrides: pl.DataFrame | None = None,
    like: Resolution | None = None,
) -> Resolution:
    """Resolve a case: every account in one cluster, the same whatever the order of rows.

    `overrides` are manual decisions (see `overrides`); they always win. `like` is a resolution of the same case and
    decisions under another policy: what both policies make alike is taken from it. Raises ValueError for decisions that
    contradict each other or name nobody.
    """
    chosen = policy or default_policy()
    if like is not None and chosen.starts_like(like.policy):
        decisions, start = like.decisions, like.start
    else:
        shared = like if like is not None and chosen.codes_like(like.policy) else None
        manual = overrides if overrides is not None else no_overrides()
        book = shared.book if shared else open_book(_without_excluded(case, manual), chosen)
        decisions = shared.decisions if shared else read_overrides(manual, book.keys)
        start = _start(case, book, decisions, chosen)
    book = start.stage.book
    partitioner = Partitioner(chosen, start.judge, NO_WEIGHTS, _source_slot(book))
    if chosen.uses_support:
        partitioner.weights = weights_of(book, start.calibration)
    stage = start.stage.under(chosen, partitioner)
    with _collector_paused():
        for tier in _tiers(book)[1:]:
            stage.run_tier(tier)
    return Resolution(
        case,
        book,
        chosen,
        decisions,
        stage.labels,
        _concat(stage.parts, {"acc": pl.Int32, "val": pl.Int32, "part": pl.Int32, "reason": pl.String}),
        _concat(stage.verdicts, {"val": pl.Int32, "verdict": pl.String, "reason": pl.String}),
        _concat(stage.profiles, {"val": pl.Int32, **dict.fromkeys(COUNTS, pl.Int64)}),
        start.calibration,
        partitioner,
        start,
    )


def _start(case: Case, book: Book, decisions: Decisions, policy: Policy) -> Start:
    """Run the strongest tier, and measure on what it leaves apart how much supporting attributes tell."""
    judge = NameJudge(case.attributes.filter(pl.col("attribute") == "name")["value"], policy.typo_share)
    partitioner = Partitioner(policy, judge, NO_WEIGHTS, _source_slot(book))
    stage = Stage(book, policy, partitioner, decisions.labels(book.account_n))
    stage.enemies = decisions.enemies
    calibration = pl.DataFrame(schema=CALIBRATION)
    with _collector_paused():
        stage.run_tier(_tiers(book)[0])
        if policy.uses_support:
            calibration = measure_support(book, policy, judge, stage.labels, stage.facts)
    return Start(judge, stage, calibration)


def mint(pepper: bytes, anchor: str) -> str:
    """The customer id of the person whose first account is `anchor`."""
    return "c_" + hmac.new(pepper, anchor.encode(), hashlib.sha256).hexdigest()[:16]


def records_clusters(resolution: Resolution, records: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """record_id, customer_id: every record_id of the table exactly once, in its own type and order of appearance."""
    ids = records.lazy().select(KEY).unique(maintain_order=True).collect()
    keyed = ids.with_columns(account_key=pl.col(KEY).cast(pl.String))
    return keyed.join(resolution.customer_ids(), on="account_key", how="left", maintain_order="left").drop(
        "account_key"
    )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """No garbage collection for a while: the judgement of values makes many small objects and no cycles (-30 % CPU)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _tiers(book: Book) -> list[list[int]]:
    """Type codes by tier: strong types together, personal types one by one, devices together."""
    strong = [code for code, t in enumerate(book.types) if t.strength in STRONG]
    personal = [[code] for code, t in enumerate(book.types) if t.strength == "personal"]
    devices = [code for code, t in enumerate(book.types) if t.strength == "device"]
    return [strong, *personal, devices]


def _source_slot(book: Book) -> int | None:
    return next((slot for slot in book.slots_of("support") if book.slots[slot].name == "source"), None)


def _without_excluded(case: Case, overrides: pl.DataFrame) -> Case:
    """The case without the evidence that manual decisions exclude (of an account, or a value of a type)."""
    excluded = overrides.filter(pl.col("action") == "exclude")
    if excluded.is_empty():
        return case
    accounts = excluded.filter(pl.col("id_type").is_null()).select(account_key="a")
    values = excluded.filter(pl.col("id_type").is_not_null()).select("id_type", value="a")
    evidence = case.evidence.join(accounts, on="account_key", how="anti").join(
        values, on=["id_type", "value"], how="anti"
    )
    return Case(case.accounts, case.attributes, evidence, case.unusable)


def _concat(frames: list[pl.DataFrame], schema: dict[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)
