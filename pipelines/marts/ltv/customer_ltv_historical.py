"""C1: what a customer has really brought in by fixed ages.

Lives here: the mart `customer_ltv_historical`. Stays out: predictions (C2) and cohort triangles (C3).

Age 0 is the day of the first kept order. Money is booked on the day of the order it belongs to, refunds on the
original order; orders before the first kept one (refunded or cancelled, often at a cost) count from age 0.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, flag, integer, money, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import (
    AS_OF,
    BASES,
    CURRENCY,
    CUSTOMER_ID,
    NO_COST,
    NO_RATE,
    days_from,
    days_since,
    of_customers,
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
            "Money of all orders up to this age, refunds booked on the original order",
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
    """Cumulative sums of a customer at each age, one row per age and basis."""
    orders = of_customers(inputs["fct_order"], inputs).select(
        "customer_id",
        "ordered_on",
        "is_kept",
        pl.col("net_revenue_reporting").is_null().alias("no_rate"),
        units("net_revenue_reporting").alias("net_revenue"),
        units("contribution_reporting").alias("contribution"),
    )
    first = (
        orders.filter("is_kept")
        .group_by("customer_id")
        .agg(pl.col("ordered_on").min().alias("first_order_on"))
        .with_columns(days_since("first_order_on", params).alias("tenure_days"))
    )
    wide = (
        orders.join(first, on="customer_id", how="inner", maintain_order="none")
        .with_columns(days_from("first_order_on", pl.col("ordered_on")).alias("day"))
        .group_by("customer_id", "first_order_on", "tenure_days")
        .agg(expression for age in AGES_DAYS for expression in _at_age(age))
    )
    rows = [
        wide.select(
            "customer_id",
            "first_order_on",
            pl.lit(age, dtype=pl.Int64).alias("age_days"),
            pl.lit(basis).alias("basis"),
            (pl.col("tenure_days") >= age).alias("is_reached"),
            pl.col(f"{basis}_{age}").alias("amount"),
            pl.col(f"unknown_{basis}_{age}").alias("unknown_n"),
            pl.col(f"no_rate_{age}").alias("no_rate_n"),
            pl.col(f"kept_{age}").alias("kept_order_n"),
        )
        for age in AGES_DAYS
        for basis in BASES
    ]
    reached = pl.col("is_reached")
    return pl.concat(rows).with_columns(
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


def _at_age(age: int) -> list[pl.Expr]:
    inside = pl.col("day") <= age
    return [
        *(pl.col(basis).filter(inside).sum().alias(f"{basis}_{age}") for basis in BASES),
        *(pl.col(basis).filter(inside).null_count().cast(pl.Int64).alias(f"unknown_{basis}_{age}") for basis in BASES),
        (inside & pl.col("no_rate")).sum().cast(pl.Int64).alias(f"no_rate_{age}"),
        (inside & pl.col("is_kept")).sum().cast(pl.Int64).alias(f"kept_{age}"),
    ]


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
