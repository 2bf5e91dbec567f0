"""Recency, frequency and money of each customer, now and at earlier month-ends.

Lives here: what the RFM marts measure before anything is scored. Stays out: scores, thresholds, tiers.

Money that is scored is that of the orders whose amount on the basis is known, as in the headline figures; how much of
the customer's net revenue that covers stands beside it. Leaving customers with one unknown cost out instead would drop
those who order most, and lower the thresholds for everybody else.
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

    `recency_days`, `frequency_n`; for each basis `<basis>_0` (money known of the window that ends on the as-of day) to
    `<basis>_6` (windows of the month-ends before, null before the first kept order), and `<basis>_known_n`,
    `<basis>_unknown_n`: orders of the last window with and without a known amount; `covered_net_revenue`: net revenue
    of that window's orders whose contribution is known.
    """
    days = tier_days(params)
    kept_on = pl.when("is_kept").then("ordered_on")
    windows = [_inside(days, place) for place in range(len(days))]
    known = {basis: pl.col(f"{basis}_reporting").is_not_null() for basis in BASES}
    orders = of_people(inputs["fct_order"], who).select(
        "who",
        kept_on.alias("first_on"),
        kept_on.alias("last_on"),
        (pl.col("is_kept") & windows[0]).cast(pl.Int64).alias("frequency_n"),
        _in_window(windows[0] & known["contribution"], "net_revenue").alias("covered_net_revenue"),
        *(
            _in_window(window, basis).alias(f"{basis}_{place}")
            for basis in BASES
            for place, window in enumerate(windows)
        ),
        *((windows[0] & is_known).cast(pl.Int64).alias(f"{basis}_known_n") for basis, is_known in known.items()),
        *((windows[0] & ~is_known).cast(pl.Int64).alias(f"{basis}_unknown_n") for basis, is_known in known.items()),
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


def scored_money(basis: str) -> pl.Expr:
    """The money of the last window that is scored: of the orders whose amount is known; null when of none it is."""
    is_known = (pl.col(f"{basis}_known_n") > 0) | (pl.col(f"{basis}_unknown_n") == 0)
    return pl.when(is_known).then(f"{basis}_0")


def whole_money(basis: str) -> pl.Expr:
    """The money of the last window; null when the amount of any order is not known."""
    return pl.when(pl.col(f"{basis}_unknown_n") == 0).then(f"{basis}_0")


def _in_window(window: pl.Expr, basis: str) -> pl.Expr:
    zero = pl.lit(0, dtype=pl.Int64)
    return pl.when(window).then(units(f"{basis}_reporting")).otherwise(zero).fill_null(zero)


def _inside(days: list[date], place: int) -> pl.Expr:
    """Orders of the year that ends on a tier day; the latest window is open to orders dated tomorrow."""
    after = pl.col("ordered_on") > days[place] - timedelta(days=WINDOW_DAYS)
    return after if place == 0 else after & (pl.col("ordered_on") <= days[place])
