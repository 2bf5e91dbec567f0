"""Golden record: one value per customer and field, with the reason why it won.

Lives here: survivorship (verified > source priority > most recent > most complete) with its provenance, and the list
of contact points, all of which are kept.
Stays out: clear identifiers: values are whatever the caller states (keys in the warehouse, texts in an extract).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipelines.contracts.identity import STRATEGIES

CLAIMS = pl.Schema(
    {
        "account_key": pl.String(),
        "field": pl.String(),
        "value": pl.String(),
        "source": pl.String(),
        "is_verified": pl.Boolean(),
        "observed_at": pl.Datetime("us"),
    }
)
"""What accounts state of a customer, one row per statement; null values are no statement."""

PROVENANCE = pl.Schema(
    {
        "customer_id": pl.String(),
        "field": pl.String(),
        "value": pl.String(),
        "account_key": pl.String(),
        "source": pl.String(),
        "strategy": pl.String(),
        "observed_at": pl.Datetime("us"),
        "n_conflicts": pl.Int64(),
    }
)
ORDER = ["customer_id", "field", "verified", "trust", "seen", "length", "value", "account_key"]
FALLING = {"verified", "trust", "seen", "length", "value"}


def golden_fields(claims: pl.DataFrame, assignment: pl.DataFrame, source_priority: Mapping[str, int]) -> pl.DataFrame:
    """customer_field_provenance: the winning value of each customer and field, columns of PROVENANCE.

    `assignment` needs account_key and customer_id. `source_priority` ranks sources (1 = most trusted; unlisted
    ones come last). `strategy` names the criterion that decided over the best other value; `only` where nobody says
    otherwise.
    `n_conflicts` counts the other values stated. Ties end with the greater value, then the smaller account.
    """
    last = max(source_priority.values(), default=0) + 1
    stated = (
        claims.drop_nulls("value")
        .join(assignment.select("account_key", "customer_id"), on="account_key")
        .with_columns(
            verified=pl.col("is_verified").fill_null(False).cast(pl.Int64),
            trust=-pl.col("source").replace_strict(dict(source_priority), default=last, return_dtype=pl.Int64),
            seen=pl.col("observed_at").cast(pl.Int64).fill_null(-(2**62)),
            length=pl.col("value").str.len_chars().cast(pl.Int64),
        )
    )
    several = stated.group_by("customer_id", "field").len("n").filter(pl.col("n") > 1)
    contested = stated.join(several, on=["customer_id", "field"], how="semi")
    alone = stated.join(several, on=["customer_id", "field"], how="anti")  # most people: nothing to compare
    only = alone.with_columns(n_conflicts=pl.lit(0, pl.Int64), strategy=pl.lit(STRATEGIES[0]))
    return pl.concat([only.select(PROVENANCE.names()), _decided(contested).select(PROVENANCE.names())])


def _decided(contested: pl.DataFrame) -> pl.DataFrame:
    """The winner of each customer and field of which several accounts tell something."""
    ranked = contested.sort(ORDER, descending=[name in FALLING for name in ORDER])
    per_value = ranked.unique(["customer_id", "field", "value"], keep="first", maintain_order=True)
    criteria = ["verified", "trust", "seen", "length"]
    # Values of one field stand next to each other: the second best is the next row, where that is the same field's.
    group = pl.struct("customer_id", "field").rle_id()
    compared = per_value.with_columns(group=group).with_columns(
        **{
            f"next_{name}": pl.when(pl.col("group").shift(-1) == pl.col("group")).then(pl.col(name).shift(-1))
            for name in criteria
        },
        n_conflicts=pl.len().over("group").cast(pl.Int64) - 1,
    )
    compared = compared.filter((pl.col("group") != pl.col("group").shift()).fill_null(True))
    decided = [pl.when(pl.col("n_conflicts") == 0).then(pl.lit(STRATEGIES[0]))]
    for name, label in zip(criteria, STRATEGIES[1:5], strict=True):
        decided.append(pl.when(pl.col(name) > pl.col(f"next_{name}")).then(pl.lit(label)))
    return compared.with_columns(strategy=pl.coalesce(*decided, pl.lit("tie")))


def contact_points(
    claims: pl.DataFrame, assignment: pl.DataFrame, fields: tuple[str, ...] = ("email", "phone")
) -> pl.DataFrame:
    """Every address and number of a customer: customer_id, field, value, is_verified, first_seen_at, last_seen_at."""
    return (
        claims.drop_nulls("value")
        .filter(pl.col("field").is_in(list(fields)))
        .join(assignment.select("account_key", "customer_id"), on="account_key")
        .group_by("customer_id", "field", "value")
        .agg(
            is_verified=pl.col("is_verified").fill_null(False).any(),
            first_seen_at=pl.col("observed_at").min(),
            last_seen_at=pl.col("observed_at").max(),
        )
        .sort("customer_id", "field", "value")
    )
