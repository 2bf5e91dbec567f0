"""Recency, frequency and money of each customer at the as-of day.

Lives here: what the RFM marts measure before anything is scored. Stays out: scores and thresholds.

Money that is scored is that of the orders whose amount on the basis is known, as in the headline figures; how much of
the customer's net revenue that covers stands beside it. Leaving customers with one unknown cost out instead would drop
those who order most, and lower the thresholds for everybody else.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from pipelines.contracts.marts import Inputs, MartParams
from pipelines.marts.common import BASES, days_since, of_people, units

WINDOW_DAYS = 365


def measures(inputs: Inputs, who: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """One row per customer in `who` (see `common.people`) with a kept order.

    `recency_days`; of the window that ends on the as-of day: `frequency_n`, for each basis `<basis>_sum` (money that is
    known), `<basis>_known_n` and `<basis>_unknown_n` (orders with and without a known amount), and
    `covered_net_revenue`: net revenue of the orders whose contribution is known.
    """
    kept_on = pl.when("is_kept").then("ordered_on")
    window = pl.col("ordered_on") > params.as_of - timedelta(days=WINDOW_DAYS)
    known = {basis: pl.col(f"{basis}_reporting").is_not_null() for basis in BASES}
    orders = of_people(inputs["fct_order"], who).select(
        "who",
        kept_on.alias("first_on"),
        kept_on.alias("last_on"),
        (pl.col("is_kept") & window).cast(pl.Int64).alias("frequency_n"),
        _in_window(window & known["contribution"], "net_revenue").alias("covered_net_revenue"),
        *(_in_window(window, basis).alias(f"{basis}_sum") for basis in BASES),
        *((window & is_known).cast(pl.Int64).alias(f"{basis}_known_n") for basis, is_known in known.items()),
        *((window & ~is_known).cast(pl.Int64).alias(f"{basis}_unknown_n") for basis, is_known in known.items()),
    )
    first = pl.col("first_on")
    return (
        orders.group_by("who")
        .agg(first.min(), pl.col("last_on").max(), pl.all().exclude("first_on", "last_on").sum())
        .filter(first.is_not_null())
        .with_columns(days_since("last_on", params).alias("recency_days"))
        .drop("first_on", "last_on")
    )


def scored_money(basis: str) -> pl.Expr:
    """The money of the last window that is scored: of the orders whose amount is known; null when of none it is."""
    is_known = (pl.col(f"{basis}_known_n") > 0) | (pl.col(f"{basis}_unknown_n") == 0)
    return pl.when(is_known).then(f"{basis}_sum")


def whole_money(basis: str) -> pl.Expr:
    """The money of the last window; null when the amount of any order is not known."""
    return pl.when(pl.col(f"{basis}_unknown_n") == 0).then(f"{basis}_sum")


def _in_window(window: pl.Expr, basis: str) -> pl.Expr:
    zero = pl.lit(0, dtype=pl.Int64)
    return pl.when(window).then(units(f"{basis}_reporting")).otherwise(zero).fill_null(zero)
