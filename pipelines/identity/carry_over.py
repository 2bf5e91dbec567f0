"""Carry-over: customer ids that stay with their people from run to run.

Lives here: which new cluster keeps which id, judged against the whole history of assignments (so an id that was merged
away comes back with its people), new ids, the events of a run, and redirects of retired ids in one hop.
Stays out: how clusters come about (`resolve`), the matching itself (`claims`), where the history is stored.

History is append-only: a row says that from run `run_n` on an account has a customer_id, null when it left the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from pipelines.identity.assignment import ASSIGNMENT, customer_id
from pipelines.identity.claims import claim_ids

HISTORY = pl.Schema(
    {"run_n": pl.Int64(), "recorded_at": pl.Datetime("us"), "account_key": pl.String(), "customer_id": pl.String()}
)
EVENTS = pl.Schema(
    {
        "run_n": pl.Int64(),
        "kind": pl.String(),
        "from_id": pl.String(),
        "to_id": pl.String(),
        "n_accounts": pl.Int64(),
        "cause_rule": pl.String(),
        "evidence_ref": pl.String(),
    }
)
KINDS = ("created", "absorbed", "split", "moved", "revived", "retired")
CAUSES = pl.Schema(
    {"a": pl.String(), "b": pl.String(), "rank": pl.Int64(), "cause_rule": pl.String(), "evidence_ref": pl.String()}
)
"""Two accounts that stand on one node, the rank of its type (1 = strongest), the rule and a word on the evidence."""


@dataclass(frozen=True)
class CarryOver:
    """What a run makes of the history.

    assignment: account_key, customer_id of every account now. appended: rows for the history. events: what happened
    to ids (columns of EVENTS). redirects: old_id, current_id for every id that is not in use and whose accounts still
    are, resolved in one hop.
    """

    assignment: pl.DataFrame
    appended: pl.DataFrame
    events: pl.DataFrame
    redirects: pl.DataFrame


def empty_history() -> pl.DataFrame:
    """A history before the first run."""
    return pl.DataFrame(schema=HISTORY)


def carry_over(
    clusters: pl.DataFrame,
    history: pl.DataFrame,
    pepper: bytes,
    recorded_at: datetime,
    causes: pl.DataFrame | None = None,
) -> CarryOver:
    """Give every cluster its id.

    `clusters` needs account_key and cluster (the anchor's account_key). Each old id is claimed by one cluster at most:
    a cluster that is exactly what an id once was takes that id back; then the total of accounts that keep their id is
    largest; ties go to the cluster whose anchor has the id, then to the older id. Other clusters get the anchor's
    keyed hash, with a generation suffix where that was minted before. `causes` (columns of CAUSES: two accounts and
    the rule that joins them) explains merges; without it their cause is null.
    """
    run_n = int(history["run_n"].max() or 0) + 1  # type: ignore[arg-type]
    now = latest(history)
    claimed = claim_ids(clusters, history, now)
    used = set(history["customer_id"].drop_nulls().to_list())
    homeless = clusters.select("cluster").unique().join(claimed, on="cluster", how="anti").sort("cluster")
    minted = [_fresh(pepper, anchor, used) for anchor in homeless["cluster"]]
    new = homeless.with_columns(customer_id=pl.Series(minted, dtype=pl.String))
    ids = pl.concat([claimed.select("cluster", "customer_id"), new])
    assignment = clusters.join(ids, on="cluster").select("account_key", "customer_id").sort("account_key")
    appended = _changes(assignment, now, run_n, recorded_at)
    events = _events(assignment, now, history, run_n, causes)
    return CarryOver(assignment, appended, events, redirects(pl.concat([history, appended])))


def latest(history: pl.DataFrame) -> pl.DataFrame:
    """account_key, customer_id (null: left the data) as of the last run."""
    return (
        history.sort("run_n", "account_key")
        .unique("account_key", keep="last", maintain_order=True)
        .select("account_key", "customer_id")
    )


def redirects(history: pl.DataFrame) -> pl.DataFrame:
    """old_id, current_id: where the accounts of an id that is no longer in use are now (most of them, then the id)."""
    now = latest(history).drop_nulls().rename({"customer_id": "current_id"})
    live = now.select(old_id="current_id").unique()
    last_held = history.drop_nulls("customer_id").group_by("customer_id", "account_key").agg(pl.col("run_n").max())
    ended = _ends(history)
    held = (
        last_held.join(ended, on=["customer_id", "account_key", "run_n"], how="left")
        .with_columns(pl.col("end_n").fill_null(2**62))
        .filter(pl.col("end_n") == pl.col("end_n").max().over("customer_id"))
        .rename({"customer_id": "old_id"})
        .join(live, on="old_id", how="anti")
    )
    counts = held.join(now, on="account_key").group_by("old_id", "current_id").len()
    return (
        counts.sort("old_id", "len", "current_id", descending=[False, True, False])
        .unique("old_id", keep="first", maintain_order=True)
        .select("old_id", "current_id")
        .sort("old_id")
    )


def assignment_table(history: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """The bi-temporal `identity_assignment`: what we believed, since when and until when.

    `accounts` needs account_key and first_seen_at, from which an account belongs to its person.
    """
    order = history.sort("account_key", "run_n")
    following = order.with_columns(recorded_to=pl.col("recorded_at").shift(-1).over("account_key"))
    return (
        following.filter(pl.col("customer_id").is_not_null())
        .filter(pl.col("recorded_to").is_null() | (pl.col("recorded_to") > pl.col("recorded_at")))
        .join(accounts.select("account_key", valid_from="first_seen_at"), on="account_key", how="inner")
        .select(
            "account_key",
            "customer_id",
            pl.col("valid_from").cast(pl.Datetime("us")),
            valid_to=pl.lit(None, pl.Datetime("us")),
            recorded_from="recorded_at",
            recorded_to="recorded_to",
        )
        .select(ASSIGNMENT.names)
        .sort("account_key", "recorded_from")
    )


def _ends(history: pl.DataFrame) -> pl.DataFrame:
    """The run at which an account got another id than the one it got in run_n (absent: it still has it)."""
    order = history.sort("account_key", "run_n")
    return (
        order.with_columns(end_n=pl.col("run_n").shift(-1).over("account_key"))
        .drop_nulls(["customer_id", "end_n"])
        .select("customer_id", "account_key", "run_n", "end_n")
    )


def _fresh(pepper: bytes, anchor: str, used: set[str]) -> str:
    base = customer_id(pepper, anchor)
    generation, candidate = 1, base
    while candidate in used:
        generation += 1
        candidate = f"{base}_{generation}"
    used.add(candidate)
    return candidate


def _changes(assignment: pl.DataFrame, now: pl.DataFrame, run_n: int, recorded_at: datetime) -> pl.DataFrame:
    """Rows to append: accounts that are new, have another id, or left the data."""
    both = assignment.join(now.rename({"customer_id": "before"}), on="account_key", how="full", coalesce=True)
    return (
        both.filter(~pl.col("customer_id").eq_missing(pl.col("before")))
        .select(
            run_n=pl.lit(run_n, pl.Int64),
            recorded_at=pl.lit(recorded_at, pl.Datetime("us")),
            account_key="account_key",
            customer_id="customer_id",
        )
        .sort("account_key")
    )


def _events(
    assignment: pl.DataFrame, now: pl.DataFrame, history: pl.DataFrame, run_n: int, causes: pl.DataFrame | None
) -> pl.DataFrame:
    """created and revived ids; ids absorbed by another; accounts split off to a new id or moved; ids retired."""
    before = now.drop_nulls()
    old, ever = set(before["customer_id"].to_list()), set(history["customer_id"].drop_nulls().to_list())
    live = set(assignment["customer_id"].to_list())
    size = dict(assignment.group_by("customer_id").len().iter_rows())
    rows: list[tuple[str, str | None, str | None, int]] = []
    for new_id in sorted(live - old):
        rows.append(("revived" if new_id in ever else "created", None, new_id, size[new_id]))
    flows = before.rename({"customer_id": "from_id"}).join(assignment, on="account_key", how="left")
    flows = flows.filter(pl.col("from_id") != pl.col("customer_id")).group_by("from_id", "customer_id").len()
    for from_id, to_id, n in flows.sort("from_id", "customer_id").iter_rows():
        kind = "absorbed" if from_id not in live else ("split" if to_id not in old else "moved")
        rows.append((kind, from_id, to_id, n))
    left = before.join(assignment, on="account_key", how="anti").group_by("customer_id").len()
    moved = set(flows["from_id"].to_list())
    for from_id, n in left.sort("customer_id").iter_rows():
        if from_id not in live and from_id not in moved:
            rows.append(("retired", from_id, None, n))
    events = pl.DataFrame(
        [(run_n, kind, a, b, n) for kind, a, b, n in rows], schema=list(EVENTS.items())[:5], orient="row"
    )
    return _with_causes(events, before, causes)


def _with_causes(events: pl.DataFrame, before: pl.DataFrame, causes: pl.DataFrame | None) -> pl.DataFrame:
    """The rule that joins accounts of the two ids of a merge, the first by rule and evidence."""
    if causes is None or events.is_empty():
        return events.with_columns(cause_rule=pl.lit(None, pl.String), evidence_ref=pl.lit(None, pl.String)).select(
            EVENTS.names()
        )
    ends = (
        causes.join(before.select(a="account_key", id_a="customer_id"), on="a")
        .join(before.select(b="account_key", id_b="customer_id"), on="b")
        .filter(pl.col("id_a") != pl.col("id_b"))
    )
    both = pl.concat(
        [
            ends.select("rank", "cause_rule", "evidence_ref", from_id="id_a", to_id="id_b"),
            ends.select("rank", "cause_rule", "evidence_ref", from_id="id_b", to_id="id_a"),
        ]
    )
    first = both.sort("rank", "cause_rule", "evidence_ref").unique(
        ["from_id", "to_id"], keep="first", maintain_order=True
    )
    return events.join(first, on=["from_id", "to_id"], how="left", maintain_order="left").select(EVENTS.names())
