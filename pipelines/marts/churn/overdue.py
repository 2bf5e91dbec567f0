"""Overdue: a customer silent for longer than nearly all of the customer's own gaps.

Lives here: the label and its limit. Stays out: the forecast of silence (`customer_churn_risk.p_no_order_90`), and the
segment's own gaps (`lifecycle_cut_points`).

A label for people, not a score: it compares a customer with the customer's own rhythm and says nothing of the chance
to come back.
"""

from __future__ import annotations

import polars as pl

OWN_PERCENT = 90
"""The share of a customer's gaps that are no longer than the limit."""
ENOUGH_GAPS = 5
"""With fewer gaps the limit is shrunk toward the segment's, which stands for the gaps that are missing."""


def own_limits(days: pl.DataFrame) -> pl.DataFrame:
    """`customer_id, gap_n, own_days` of customers with a gap, from an `order_days` frame.

    `own_days` is the discrete quantile: the shortest gap that at least 90 % of the customer's gaps do not exceed.
    """
    who, on = pl.col("customer_id"), pl.col("ordered_on")
    return (
        days.lazy()
        .filter("is_purchase")
        .select("customer_id", pl.when(who == who.shift(1)).then((on - on.shift(1)).dt.total_days()).alias("own_days"))
        .drop_nulls("own_days")
        .sort("customer_id", "own_days")
        .with_columns(pl.int_range(1, pl.len() + 1).over("customer_id").alias("rank"))
        .with_columns(pl.len().over("customer_id").cast(pl.Int64).alias("gap_n"))
        .filter(pl.col("rank") == (pl.col("gap_n") * OWN_PERCENT + 99) // 100)
        .select("customer_id", "gap_n", "own_days")
        .collect()
    )


def limit_days() -> pl.Expr:
    """The limit from `gap_n`, `own_days` and `segment_days`, rounded to whole days, a half up; null without any."""
    known = pl.col("gap_n").fill_null(0).clip(upper_bound=ENOUGH_GAPS)
    missing = pl.lit(ENOUGH_GAPS, dtype=pl.Int64) - known
    mixed = known * pl.col("own_days").fill_null(0) + missing * pl.col("segment_days")
    rounded = (mixed * 2 + ENOUGH_GAPS) // (2 * ENOUGH_GAPS)
    return pl.when(missing == 0).then("own_days").otherwise(rounded)
