"""C1: what a customer has really brought in by fixed ages.

Lives here: the mart `customer_ltv_historical`. Stays out: predictions (C2) and cohort triangles (C3).

Age 0 is the day of the first kept order. Money is booked on the day of the order it belongs to, refunds on the
original order; orders before the first kept one (refunded or cancelled, often at a cost) count from age 0.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, day, flag, integer, money, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import (
    AS_OF,
    AS_TODAY,
    BASES,
    CURRENCY,
    CUSTOMER_ID,
    NO_COST,
    NO_RATE,
    days_from,
    days_since,
    of_people,
    people,
    stamp,
    units,
)

AGES_DAYS = (0, 30, 60, 90, 180, 365, 720)
NOT_REACHED = "the customer has not reached this age"

TABLE = Table(
    "customer_ltv_historical",
    "Money that a customer with a kept order has brought in by a fixed age, on a basis.",
    ("customer_id", "age_days", "basis"),
    (
        CUSTOMER_ID,
        integer("age_days", "Days since the first kept order", required=True, unit="days"),
        text("basis", "Contribution before marketing, or net revenue", required=True, values=BASES),
        AS_OF,
        CURRENCY,
        day("first_order_on", "Day of the first kept order", required=True),
        flag("is_reached", "The customer is at least this old", required=True),
        integer(
            "kept_order_n", "Kept orders up to this age", unit="orders", null_means="the customer is not this old yet"
        ),
        money(
            "amount",
            f"Money of all orders up to this age, refunds booked on the original order; {AS_TODAY}",
            unit="reporting currency",
            null_means="see why_not",
        ),
        text(
            "why_not",
            "Why there is no amount",
            values=(NOT_REACHED, NO_COST, NO_RATE),
            null_means="there is an amount",
        ),
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Cumulative sums of a customer at each age, one row per age and basis, in the order of the grain."""
    who = people(inputs)
    wide = _at_ages(_by_age(inputs, who, params)).join(who, on="who", maintain_order="none").sort("who").collect()
    reached = pl.col("tenure_days") >= pl.col("age_days")
    return (
        _long(wide)
        .lazy()
        .with_columns(
            reached.alias("is_reached"),
            pl.when(reached & (pl.col("unknown_n") == 0)).then("amount").alias("amount"),
            pl.when(reached).then("kept_order_n").alias("kept_order_n"),
            pl.when(~reached)
            .then(pl.lit(NOT_REACHED))
            .when(pl.col("no_rate_n") > 0)
            .then(pl.lit(NO_RATE))
            .when(pl.col("unknown_n") > 0)
            .then(pl.lit(NO_COST))
            .alias("why_not"),
            *stamp(params),
        )
    )


def _by_age(inputs: Inputs, who: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Sums by customer and the first age in the list that the orders count for (`from_n`, its place)."""
    orders = of_people(inputs["fct_order"], who).select(
        "who",
        "ordered_on",
        pl.col("is_kept").cast(pl.Int64).alias("kept"),
        *(units(f"{basis}_reporting").alias(basis) for basis in BASES),
        *(pl.col(f"{basis}_reporting").is_null().cast(pl.Int64).alias(f"{basis}_unknown") for basis in BASES),
    )
    first = (
        orders.filter(pl.col("kept") == 1)
        .group_by("who")
        .agg(pl.col("ordered_on").min().alias("first_order_on"))
        .with_columns(days_since("first_order_on", params).alias("tenure_days"))
    )
    age = days_from("first_order_on", pl.col("ordered_on"))
    sums = pl.col("kept", *BASES, *(f"{basis}_unknown" for basis in BASES)).sum()
    return (
        orders.join(first, on="who", how="inner", maintain_order="none")
        .with_columns(pl.sum_horizontal((age > limit).cast(pl.Int64) for limit in AGES_DAYS).alias("from_n"))
        .group_by("who", "from_n")
        .agg(pl.col("first_order_on", "tenure_days").first(), sums)
    )


def _at_ages(sums: pl.LazyFrame) -> pl.LazyFrame:
    """One row per customer with each sum up to each age: `contribution_30`, `contribution_unknown_30`, `kept_30`, …"""
    names = ("kept", *BASES, *(f"{basis}_unknown" for basis in BASES))
    zero = pl.lit(0, dtype=pl.Int64)
    return (
        sums.select(
            "who",
            "first_order_on",
            "tenure_days",
            *(
                pl.when(pl.col("from_n") <= place).then(name).otherwise(zero).alias(f"{name}_{age}")
                for place, age in enumerate(AGES_DAYS)
                for name in names
            ),
        )
        .group_by("who")
        .agg(pl.col("first_order_on", "tenure_days").first(), pl.all().exclude("first_order_on", "tenure_days").sum())
    )


def _long(wide: pl.DataFrame) -> pl.DataFrame:
    """Each row once per age and basis (in the order of the grain), the sums of that age beside it."""
    cells = [(age, basis) for age in AGES_DAYS for basis in sorted(BASES)]
    names = {
        "amount": [f"{basis}_{age}" for age, basis in cells],
        "unknown_n": [f"{basis}_unknown_{age}" for age, basis in cells],
        "no_rate_n": [f"net_revenue_unknown_{age}" for age, _ in cells],
        "kept_order_n": [f"kept_{age}" for age, _ in cells],
    }
    rows = np.repeat(np.arange(len(wide), dtype=np.uint32), len(cells))
    place = np.tile(np.arange(len(cells), dtype=np.uint32), len(wide))
    return wide.select("customer_id", "first_order_on", "tenure_days")[rows].with_columns(
        pl.Series("age_days", [age for age, _ in cells], dtype=pl.Int64)[place],
        pl.Series("basis", [basis for _, basis in cells], dtype=pl.String)[place],
        *(
            pl.Series(name, np.column_stack([wide[column] for column in columns]).reshape(-1), dtype=pl.Int64)
            for name, columns in names.items()
        ),
    )


MART = Mart(
    code="C1",
    domain="ltv",
    table=TABLE,
    questions=(
        "What has a customer contributed by day 90, compared at equal age?",
        "Are the customers acquired this year worth more at 180 days than those of last year?",
        "How much of the one-year value is already there on the first day?",
    ),
    example_sql=(
        "select date_trunc('month', first_order_on) as cohort, count(*) as customers, avg(amount) as mean_amount "
        "from marts.customer_ltv_historical where age_days = 90 and basis = 'net_revenue' and is_reached "
        "group by cohort order by cohort"
    ),
    inputs=("dim_customer", "fct_order"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test"),
        "fct_order": ("customer_id", "ordered_on", "is_kept", "net_revenue_reporting", "contribution_reporting"),
    },
    local=local,
    relationships={"customer_id": "customer_360.customer_id"},
)
