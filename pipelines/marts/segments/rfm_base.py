"""Recency, frequency and money of each customer, now and at earlier month-ends.

Lives here: what the RFM marts measure before anything is scored. Stays out: scores, thresholds, tiers.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from pipelines.contracts.marts import Inputs, MartParams
from pipelines.marts.common import BASES, days_since, of_customers, units

WINDOW_DAYS = 365
EARLIER_MONTH_ENDS = 6
"""Month-ends before the as-of day from which tiers are recomputed: a tier remembers half a year."""


def tier_days(params: MartParams) -> list[date]:
    """The as-of day and the month-ends before it, latest first."""
    days = [params.as_of]
    for _ in range(EARLIER_MONTH_ENDS):
        days.append(days[-1].replace(day=1) - timedelta(days=1))
    return days


def _money(basis: str, place: int) -> str:
    return f"{basis}_{place}"


def measures(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """One row per customer with a kept order.

    `recency_days`, `frequency_n`; for each basis `<basis>_0` (money of the window that ends on the as-of day) to
    `<basis>_6` (windows of the month-ends before, null before the first kept order), and `<basis>_unknown_0`,
    `<basis>_unknown_n`: orders without a known amount in the last window, and in any window.
    """
    days = tier_days(params)
    oldest = days[-1] - timedelta(days=WINDOW_DAYS)
    since = params.as_of - timedelta(days=WINDOW_DAYS)
    orders = of_customers(inputs["fct_order"], inputs).select(
        "customer_id",
        "ordered_on",
        "is_kept",
        *(units(f"{basis}_reporting").alias(basis) for basis in BASES),
        *(pl.col(f"{basis}_reporting").is_null().alias(f"{basis}_is_unknown") for basis in BASES),
    )
    on = pl.col("ordered_on")
    recent = on > since
    sums = [
        pl.col(basis).filter(_inside(days, place)).sum().alias(_money(basis, place))
        for basis in BASES
        for place in range(len(days))
    ]
    unknown = [
        pl.col(f"{basis}_is_unknown").filter(on > start).sum().cast(pl.Int64).alias(f"{basis}_unknown_{suffix}")
        for basis in BASES
        for start, suffix in ((since, "0"), (oldest, "n"))
    ]
    first = pl.col("first_on")
    return (
        orders.group_by("customer_id")
        .agg(
            on.filter("is_kept").min().alias("first_on"),
            on.filter("is_kept").max().alias("last_on"),
            (pl.col("is_kept") & recent).sum().cast(pl.Int64).alias("frequency_n"),
            *sums,
            *unknown,
        )
        .filter(first.is_not_null())
        .with_columns(
            days_since("last_on", params).alias("recency_days"),
            *(
                pl.when(first <= day).then(_money(basis, place)).alias(_money(basis, place))
                for basis in BASES
                for place, day in enumerate(days)
                if place > 0
            ),
        )
        .drop("first_on", "last_on")
    )


def _inside(days: list[date], place: int) -> pl.Expr:
    """Orders of the year that ends on a tier day; the latest window is open to orders dated tomorrow."""
    after = pl.col("ordered_on") > days[place] - timedelta(days=WINDOW_DAYS)
    return after if place == 0 else after & (pl.col("ordered_on") <= days[place])
