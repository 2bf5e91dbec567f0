"""Recency, frequency and money of each customer, now and at earlier month-ends.

Lives here: what the RFM marts measure before anything is scored. Stays out: scores, thresholds, tiers.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from pipelines.contracts.marts import Inputs, MartParams
from pipelines.marts.common import BASES, days_since, of_people, units

WINDOW_DAYS = 365
EARLIER_MONTH_ENDS = 6
"""Month-ends before the as-of day from which tiers are recomputed: a tier remembers half a year."""


def tier_days(params: MartParams) -> list[date]:
    """The as-of day and the month-ends before it, latest first."""
    days = [params.as_of]
    for _ in range(EARLIER_MONTH_ENDS):
        days.append(days[-1].replace(day=1) - timedelta(days=1))
    return days


def measures(inputs: Inputs, who: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """One row per customer in `who` (see `common.people`) with a kept order.

    `recency_days`, `frequency_n`; for each basis `<basis>_0` (money of the window that ends on the as-of day) to
    `<basis>_6` (windows of the month-ends before, null before the first kept order), and `<basis>_unknown_0`,
    `<basis>_unknown_n`: orders without a known amount in the last window, and in any window.
    """
    days = tier_days(params)
    on, kept_on = pl.col("ordered_on"), pl.when("is_kept").then("ordered_on")
    windows = [_inside(days, place) for place in range(len(days))]
    reaches = {"0": windows[0], "n": on > days[-1] - timedelta(days=WINDOW_DAYS)}
    zero = pl.lit(0, dtype=pl.Int64)
    orders = of_people(inputs["fct_order"], who).select(
        "who",
        kept_on.alias("first_on"),
        kept_on.alias("last_on"),
        (pl.col("is_kept") & windows[0]).cast(pl.Int64).alias("frequency_n"),
        *(
            pl.when(window).then(units(f"{basis}_reporting")).otherwise(zero).fill_null(zero).alias(f"{basis}_{place}")
            for basis in BASES
            for place, window in enumerate(windows)
        ),
        *(
            (reach & pl.col(f"{basis}_reporting").is_null()).cast(pl.Int64).alias(f"{basis}_unknown_{suffix}")
            for basis in BASES
            for suffix, reach in reaches.items()
        ),
    )
    first = pl.col("first_on")
    return (
        orders.group_by("who")
        .agg(first.min(), pl.col("last_on").max(), pl.all().exclude("first_on", "last_on").sum())
        .filter(first.is_not_null())
        .with_columns(
            days_since("last_on", params).alias("recency_days"),
            *(
                pl.when(first <= day).then(f"{basis}_{place}").alias(f"{basis}_{place}")
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
