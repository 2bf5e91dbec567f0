"""Events: what a run did to customer ids, and why.

Lives here: created, absorbed, split, moved, revived and retired ids, with the rule that caused it.
Stays out: which cluster gets which id (`carry_over`) and clear values: evidence is named by type and rule only.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

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
CAUSES = pl.Schema(
    {
        "account_key": pl.String(),
        "value_n": pl.Int64(),
        "part": pl.Int32(),
        "rank": pl.Int64(),
        "rule_id": pl.String(),
        "since": pl.Date(),
    }
)
"""Evidence of a run without its values: accounts on value number `value_n`, in one part of it (-1: refused), the rank
of the type (1 = strongest), the rule and since when. Accounts in one part of one value are one customer."""

GONE = "evidence_gone"

Causes = Callable[[], pl.DataFrame]
"""Makes the table of CAUSES; called only where accounts went from one id to another."""


def tell_events(
    assignment: pl.DataFrame, now: pl.DataFrame, ever: set[str], run_n: int, causes: Causes | None
) -> pl.DataFrame:
    """Columns of EVENTS: ids that appear, come back, are absorbed or retired; accounts that split off or move.

    `assignment` and `now` hold account_key and customer_id after and before the run (`now`: null for accounts that had
    left); `ever` all ids ever used. Merges name the strongest evidence that joins an account to others it was not with;
    splits the evidence on which it was kept apart, or that the evidence is gone.
    """
    before = now.drop_nulls()
    moved = before.rename({"customer_id": "from_id"}).join(assignment, on="account_key")
    moved = moved.filter(pl.col("from_id") != pl.col("customer_id")).rename({"customer_id": "to_id"})
    left = before.join(assignment, on="account_key", how="anti")
    rows = [_appeared(assignment, before, ever), _flows(moved, assignment, before), _retired(left, assignment, moved)]
    events = pl.concat(rows).select(pl.lit(run_n, pl.Int64).alias("run_n"), pl.all())
    if causes is None or moved.is_empty():
        told = events.with_columns(cause_rule=pl.lit(None, pl.String), evidence_ref=pl.lit(None, pl.String))
        return told.select(EVENTS.names())
    evidence = causes()
    known = pl.concat(
        [
            _joining(moved, before, evidence).with_columns(joins=pl.lit(True)),
            _parting(moved, before, assignment, evidence).with_columns(joins=pl.lit(False)),
        ]
    )
    splits = pl.col("kind") == "split"
    told = events.with_columns(joins=~splits).join(
        known, on=["from_id", "to_id", "joins"], how="left", maintain_order="left"
    )
    return told.with_columns(
        cause_rule=pl.when(splits).then(pl.col("cause_rule").fill_null(GONE)).otherwise("cause_rule")
    ).select(EVENTS.names())


def _appeared(assignment: pl.DataFrame, before: pl.DataFrame, ever: set[str]) -> pl.DataFrame:
    """Ids that were not in use before the run: created, or revived where they were in use once."""
    sizes = assignment.group_by("customer_id").len("n_accounts")
    new = sizes.join(before, on="customer_id", how="anti")
    kind = pl.when(pl.col("customer_id").is_in(list(ever))).then(pl.lit("revived")).otherwise(pl.lit("created"))
    return new.select(
        kind=kind if ever else pl.lit("created"),
        from_id=pl.lit(None, pl.String),
        to_id="customer_id",
        n_accounts=pl.col("n_accounts").cast(pl.Int64),
    ).sort("to_id")


def _flows(moved: pl.DataFrame, assignment: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Accounts that went from one id to another: absorbed, split or moved."""
    flows = moved.group_by("from_id", "to_id").agg(n_accounts=pl.len().cast(pl.Int64)).sort("from_id", "to_id")
    is_live = pl.col("from_id").is_in(assignment["customer_id"].implode())
    is_old = pl.col("to_id").is_in(before["customer_id"].implode())
    kind = pl.when(~is_live).then(pl.lit("absorbed")).when(~is_old).then(pl.lit("split")).otherwise(pl.lit("moved"))
    return flows.select(kind.alias("kind"), "from_id", "to_id", "n_accounts")


def _retired(left: pl.DataFrame, assignment: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """Ids whose accounts have all left the data."""
    gone = left.join(assignment, on="customer_id", how="anti").join(
        moved, left_on="customer_id", right_on="from_id", how="anti"
    )
    sizes = gone.group_by("customer_id").agg(n_accounts=pl.len().cast(pl.Int64)).sort("customer_id")
    return sizes.select(
        kind=pl.lit("retired"), from_id="customer_id", to_id=pl.lit(None, pl.String), n_accounts="n_accounts"
    )


def _joining(moved: pl.DataFrame, before: pl.DataFrame, causes: pl.DataFrame) -> pl.DataFrame:
    """Per pair of ids the strongest evidence that joins a moved account to accounts of another id, or new ones."""
    node = ["value_n", "part"]
    held = causes.filter(pl.col("part") >= 0).join(before, on="account_key", how="left")
    mixed = held.group_by(node).agg(n=pl.col("customer_id").n_unique()).filter(pl.col("n") > 1).select(node)
    return _strongest(held.join(mixed, on=node, how="semi").join(moved, on="account_key"))


def _parting(moved: pl.DataFrame, before: pl.DataFrame, assignment: pl.DataFrame, causes: pl.DataFrame) -> pl.DataFrame:
    """Per pair of ids the strongest evidence that a moved account still shares with accounts it was with."""
    held = causes.join(before, on="account_key").join(assignment.rename({"customer_id": "current"}), on="account_key")
    value = ["value_n", "customer_id"]
    torn = held.group_by(value).agg(n=pl.col("current").n_unique()).filter(pl.col("n") > 1).select(value)
    return _strongest(held.join(torn, on=value, how="semi").join(moved, on="account_key"))


def _strongest(rows: pl.DataFrame) -> pl.DataFrame:
    return (
        rows.sort("from_id", "to_id", "rank", "since", "rule_id", "account_key")
        .unique(["from_id", "to_id"], keep="first", maintain_order=True)
        .select(
            "from_id",
            "to_id",
            cause_rule="rule_id",
            evidence_ref=pl.format("{} since {}", pl.col("rule_id").str.extract(r"^([^/]+)"), "since"),
        )
    )
