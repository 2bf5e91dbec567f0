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
ORDER = ["group", "verified", "trust", "seen", "length", "value", "account"]
FALLING = {"verified", "trust", "seen", "length", "value"}
_TOLD = ("field", "value", "account_key", "source", "observed_at", "account")


def golden_fields(claims: pl.DataFrame, assignment: pl.DataFrame, source_priority: Mapping[str, int]) -> pl.DataFrame:
    """customer_field_provenance: the winning value of each customer and field, columns of PROVENANCE.

    `assignment` needs account_key and customer_id. `source_priority` ranks sources (1 = most trusted; unlisted
    ones come last). `strategy` names the criterion that decided over the best other value; `only` where nobody says
    otherwise.
    `n_conflicts` counts the other values stated. Ties end with the greater value, then the smaller account.
    """
    ordered = assignment.select("account_key", "customer_id").sort("account_key")
    stated = _stated(claims, ordered, source_priority)
    alone = stated.filter(pl.col("n") == 1)  # most people: nothing to compare
    several = stated.filter(pl.col("n") > 1).with_columns(first=pl.col("value").first().over("group"))
    disputes = several.filter(pl.col("value") != pl.col("first")).select("group").unique()
    agreed = several.join(disputes, on="group", how="anti").drop("first")
    only = pl.concat([alone, _best(agreed)])
    decided = _decided(several.join(disputes, on="group", how="semi"))
    won = pl.concat(
        [
            only.select(*_TOLD, strategy=pl.lit(STRATEGIES[0]), n_conflicts=pl.lit(0, pl.Int64)),
            decided.select(*_TOLD, "strategy", "n_conflicts"),
        ]
    )
    return won.with_columns(customer_id=ordered["customer_id"].gather(won["account"])).select(PROVENANCE.names())


def _stated(claims: pl.DataFrame, ordered: pl.DataFrame, source_priority: Mapping[str, int]) -> pl.DataFrame:
    """Claims of assigned accounts with what they are compared by, in numbers.

    account: its place in `ordered`; group: customer and field; n: claims of the group; verified, trust, seen, length.
    """
    last = max(source_priority.values(), default=0) + 1
    places = ordered.with_row_index("account").select(
        "account_key", pl.col("account"), customer=pl.col("account").min().over("customer_id").cast(pl.Int64)
    )
    fields = claims["field"].unique().drop_nulls().sort()
    field = pl.col("field").cast(pl.Enum(fields)).to_physical()
    return (
        claims.drop_nulls("value")
        .join(places, on="account_key")
        .with_columns(
            group=pl.col("customer") * len(fields) + field,
            verified=pl.col("is_verified").fill_null(False).cast(pl.Int64),
            trust=-pl.col("source").replace_strict(dict(source_priority), default=last, return_dtype=pl.Int64),
            seen=pl.col("observed_at").cast(pl.Int64).fill_null(-(2**62)),
            length=pl.col("value").str.len_chars().cast(pl.Int64),
        )
        .with_columns(n=pl.len().over("group"))
    )


def _best(agreed: pl.DataFrame) -> pl.DataFrame:
    """The best claim of each customer and field on whose value all agree."""
    for name in ("verified", "trust", "seen"):
        agreed = agreed.filter(pl.col(name) == pl.col(name).max().over("group"))
    return agreed.filter(pl.col("account") == pl.col("account").min().over("group")).unique("group")


def _decided(disputed: pl.DataFrame) -> pl.DataFrame:
    """The winner of each customer and field of which several values are told."""
    ranked = disputed.sort(ORDER, descending=[name in FALLING for name in ORDER])
    per_value = ranked.unique(["group", "value"], keep="first", maintain_order=True)
    criteria = ["verified", "trust", "seen", "length"]
    # Values of one field stand next to each other: the second best is the next row, where that is the same field's.
    compared = per_value.with_columns(
        **{
            f"next_{name}": pl.when(pl.col("group").shift(-1) == pl.col("group")).then(pl.col(name).shift(-1))
            for name in criteria
        },
        n_conflicts=pl.len().over("group").cast(pl.Int64) - 1,
    )
    compared = compared.filter((pl.col("group") != pl.col("group").shift()).fill_null(True))
    decided = [
        pl.when(pl.col(name) > pl.col(f"next_{name}")).then(pl.lit(label))
        for name, label in zip(criteria, STRATEGIES[1:5], strict=True)
    ]
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
