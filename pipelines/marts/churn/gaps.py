"""Gaps: the silence between a customer's consecutive kept order days.

Lives here: the kept order days of customers with the silence before and after each. Stays out: what is made of gaps
(`lifecycle_cut_points`, `customer_lifecycle`, `cohort_retention`).
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.marts import Inputs, MartParams
from pipelines.marts.common import days_from, days_since, of_customers


def kept_days(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """A customer's distinct kept order days, sorted by customer and day.

    `gap_days` is the gap since the day before (null for the first), `silence_days` the silence after the day if it is
    the last one (null otherwise), `next_gap_days` the gap that followed (null for the last).
    """
    same_before = pl.col("customer_id") == pl.col("customer_id").shift(1)
    same_after = pl.col("customer_id") == pl.col("customer_id").shift(-1)
    return (
        of_customers(inputs["fct_order"].filter("is_kept"), inputs)
        .select("customer_id", "ordered_on")
        .unique()
        .sort("customer_id", "ordered_on")
        .with_columns(
            pl.when(same_before).then(days_from(pl.col("ordered_on").shift(1), "ordered_on")).alias("gap_days"),
            pl.when(same_after).then(days_from("ordered_on", pl.col("ordered_on").shift(-1))).alias("next_gap_days"),
        )
        .with_columns(
            pl.when(pl.col("next_gap_days").is_null()).then(days_since("ordered_on", params)).alias("silence_days")
        )
    )


def quantile_disc_rank(n: int, percent: int) -> int:
    """The 1-based rank of the discrete quantile: the smallest rank that at least `percent` % of n values do not exceed.

    This is SQL's percentile_disc and DuckDB's quantile_disc, in whole numbers. ValueError when n is not positive.
    """
    if n < 1:
        raise ValueError("no values to take a quantile of")
    return max(1, -(-n * percent // 100))
