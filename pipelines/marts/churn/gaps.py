"""Gaps: the silence between a customer's consecutive kept order days.

Lives here: the kept order days of customers with the silence before and after each. Stays out: what is made of gaps
(`lifecycle_cut_points`, `customer_lifecycle`, `cohort_retention`).
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.marts import Inputs, MartParams
from pipelines.marts.common import days_from, days_since, of_people


def kept_days(inputs: Inputs, who: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The distinct kept order days of the customers in `who` (see `common.people`), sorted by customer and day.

    `gap_days` is the gap since the day before (null for the first), `next_gap_days` the gap that followed (null for the
    last), `silence_days` the silence after the last day (null for the others).
    """
    on, number = pl.col("ordered_on"), pl.col("who")
    return (
        of_people(inputs["fct_order"].filter("is_kept").select("customer_id", "ordered_on"), who)
        .unique()
        .sort("who", "ordered_on")
        .with_columns(
            pl.when(number == number.shift(1)).then(days_from(on.shift(1), on)).alias("gap_days"),
            pl.when(number == number.shift(-1)).then(days_from(on, on.shift(-1))).alias("next_gap_days"),
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
