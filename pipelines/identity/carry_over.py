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

from pipelines.contracts.identity import ASSIGNMENT
from pipelines.identity.assignment import customer_id
from pipelines.identity.claims import claim_ids
from pipelines.identity.events import Causes, tell_events

HISTORY = pl.Schema(
    {"run_n": pl.Int64(), "recorded_at": pl.Datetime("us"), "account_key": pl.String(), "customer_id": pl.String()}
)


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
    causes: Causes | None = None,
) -> CarryOver:
    """Give every cluster its id.

    `clusters` needs account_key and cluster (the anchor's account_key). Each old id is claimed by one cluster at most:
    a cluster that is exactly what an id once was takes that id back; then the total of accounts that keep their id is
    largest; ties go to the cluster whose anchor has the id, then to the older id. Other clusters get the anchor's
    keyed hash, with a generation suffix where that was minted before. `causes` makes the table (columns of CAUSES) that
    explains merges and splits; without it their cause is null.
    """
    run_n = int(history["run_n"].max() or 0) + 1  # type: ignore[arg-type]
    now = latest(history)
    claimed = claim_ids(clusters, history, now)
    ever = set(history["customer_id"].drop_nulls().to_list())
    used = set(ever)
    homeless = clusters.select("cluster").unique().join(claimed, on="cluster", how="anti").sort("cluster")
    minted = [_fresh(pepper, anchor, used) for anchor in homeless["cluster"]]
    new = homeless.with_columns(customer_id=pl.Series(minted, dtype=pl.String))
    ids = pl.concat([claimed.select("cluster", "customer_id"), new])
    assignment = clusters.join(ids, on="cluster").select("account_key", "customer_id").sort("account_key")
    appended = _changes(assignment, now, run_n, recorded_at)
    events = tell_events(assignment, now, ever, run_n, causes)
    return CarryOver(assignment, appended, events, redirects(pl.concat([history, appended]), assignment))


def believe(done: CarryOver, then: pl.DataFrame, recorded_at: datetime) -> CarryOver:
    """What an earlier day believed of the accounts it knew, with later accounts as `done` has them.

    `then` is the history up to that day. Nothing is appended to the history by asking.
    """
    before = latest(then)
    later = done.assignment.join(before.drop_nulls(), on="account_key", how="anti")
    run_n = int(then["run_n"].max() or 0) + 1  # type: ignore[arg-type]
    known = before.drop_nulls().join(done.assignment, on="account_key", how="semi")
    assignment = pl.concat([known, later]).sort("account_key")
    appended = _changes(assignment, before, run_n, recorded_at)
    return CarryOver(assignment, appended, done.events.clear(), redirects(pl.concat([then, appended]), assignment))


def latest(history: pl.DataFrame) -> pl.DataFrame:
    """account_key, customer_id (null: left the data) as of the last run."""
    return (
        history.sort("run_n", "account_key")
        .unique("account_key", keep="last", maintain_order=True)
        .select("account_key", "customer_id")
    )


def redirects(history: pl.DataFrame, assignment: pl.DataFrame | None = None) -> pl.DataFrame:
    """old_id, current_id: where the accounts of an id that is no longer in use are now (most of them, then the id).

    `assignment`: account_key, customer_id as the history ends, where that is known already.
    """
    assignment = latest(history).drop_nulls() if assignment is None else assignment
    gone = history.select("customer_id").drop_nulls().join(assignment, on="customer_id", how="anti").unique()
    if gone.is_empty():
        return pl.DataFrame(schema={"old_id": pl.String, "current_id": pl.String})
    now = assignment.rename({"customer_id": "current_id"})
    holders = history.join(gone, on="customer_id", how="semi").select("account_key").unique()
    history = history.join(holders, on="account_key", how="semi")  # the rest, nearly everything, has no say
    last_held = history.drop_nulls("customer_id").group_by("customer_id", "account_key").agg(pl.col("run_n").max())
    ended = _ends(history)
    held = (
        last_held.join(ended, on=["customer_id", "account_key", "run_n"], how="left")
        .with_columns(pl.col("end_n").fill_null(2**62))
        .filter(pl.col("end_n") == pl.col("end_n").max().over("customer_id"))
        .join(gone, on="customer_id", how="semi")
        .rename({"customer_id": "old_id"})
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
    following = history.sort("account_key", "run_n").with_columns(recorded_to=_next("recorded_at"))
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
    return (
        history.sort("account_key", "run_n")
        .with_columns(end_n=_next("run_n"))
        .drop_nulls(["customer_id", "end_n"])
        .select("customer_id", "account_key", "run_n", "end_n")
    )


def _next(name: str) -> pl.Expr:
    """The column's value in the account's next row, of rows sorted by account_key; null in its last one."""
    return pl.when(pl.col("account_key").shift(-1) == pl.col("account_key")).then(pl.col(name).shift(-1))


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
