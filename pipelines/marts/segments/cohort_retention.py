"""E1: how many customers, and how much money, a cohort keeps.

Lives here: the mart `cohort_retention`. Stays out: the arithmetic of intervals (`pipelines.science`).

Period k of a customer is days 30(k-1)+1 to 30k after the first kept order. A cell is shown once every customer of it
was observed for k full periods: a cohort's cells all have the whole cohort as denominator; rows that pool cohorts
count the customers observed so long.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.churn import lifecycle_cut_points
from pipelines.marts.churn.gaps import kept_days
from pipelines.marts.common import (
    AS_OF,
    AS_TODAY,
    BASES,
    CURRENCY,
    ESTIMATE,
    UNKNOWN,
    days_from,
    days_since,
    month_of,
    of_people,
    people,
    units,
)
from pipelines.marts.first_order import ORDER_COLUMNS, first_orders
from pipelines.marts.segments.retention_cells import KINDS, MEASURES, cells
from pipelines.marts.segments.retention_statistics import DIMS, MAX_PERIODS, PERIOD_DAYS, statistics

DISCOUNT_BANDS = ("none", "up_to_10", "up_to_20", "up_to_30", "above_30")
_NOT_MONEY = "a measure of customers, or not identified"

TABLE = Table(
    "cohort_retention",
    "Retention of a cohort in or by a period, of a kind, in customers or money.",
    ("dim", "dim_value", "cohort", "retention_kind", "measure", "period_n"),
    (
        text("dim", "Dimension of the customers; cohorts by month stand under 'total'", required=True, values=DIMS),
        text("dim_value", "Value of the dimension; 'total' for all customers", required=True),
        text(
            "cohort",
            f"Month of the first kept order (YYYY-MM), or '(all)' for every month pooled; {AS_TODAY}",
            required=True,
        ),
        text(
            "retention_kind",
            "exact: a kept order in period n; within_n: one after the first day by the end of period n; rolling: one "
            "in period n or later, as far as seen; survival: so far no silence longer than the cut point for churn. "
            "Money, as a multiple of the first day's: exact in period n, within_n up to its end",
            required=True,
            values=KINDS,
        ),
        text("measure", "What is kept: customers, contribution or net revenue", required=True, values=MEASURES),
        integer("period_n", f"Period of {PERIOD_DAYS} days since the first kept order, from 1", required=True),
        integer("age_days", "Age at the end of the period", required=True, unit="days"),
        day("cohort_on", "First day of the cohort's month", null_means="months pooled"),
        AS_OF,
        CURRENCY,
        integer("cohort_n", "Customers acquired", required=True, unit="customers"),
        integer("n", "Customers observed for n full periods: the denominator", required=True, unit="customers"),
        integer("kept_n", "Of those, customers retained", unit="customers", null_means="a measure of money"),
        money("amount", "Money of the period or up to it", null_means=_NOT_MONEY),
        money("base_amount", "Money of the same customers up to the first day", null_means=_NOT_MONEY),
        *ESTIMATE,
    ),
)


def _period(days: pl.Expr) -> pl.Expr:
    """The period a day after the first one lies in; 0 for the first day and before."""
    return (days + (PERIOD_DAYS - 1)).clip(lower_bound=0) // PERIOD_DAYS


def _discount_band() -> pl.Expr:
    part, whole = pl.col("first_discount"), pl.col("first_list_value")
    chain = pl.when((whole <= 0).fill_null(True)).then(pl.lit(UNKNOWN)).when(part <= 0).then(pl.lit(DISCOUNT_BANDS[0]))
    for percent, band in zip((10, 20, 30), DISCOUNT_BANDS[1:4], strict=True):
        chain = chain.when(part * 100 <= whole * percent).then(pl.lit(band))
    return chain.otherwise(pl.lit(DISCOUNT_BANDS[4]))


def _customers(inputs: Inputs, who: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """One row per customer with a kept order: cohort, dimensions, full periods observed, returns and lapse."""
    churned_days = (
        inputs["lifecycle_cut_points"].filter(pl.col("segment") == lifecycle_cut_points.POOLED).select("churned_days")
    )
    on, silence = pl.col("ordered_on"), pl.coalesce("next_gap_days", "silence_days")
    seen = (
        kept_days(inputs, who, params)
        .join(churned_days, how="cross")
        .group_by("who")
        .agg(
            pl.col("churned_days").first(),
            on.min().alias("first_on"),
            on.max().alias("last_on"),
            on.filter(pl.col("gap_days").is_not_null()).min().alias("second_on"),
            (on + pl.duration(days=pl.col("churned_days") + 1))
            .filter(silence > pl.col("churned_days"))
            .min()
            .alias("lapsed_on"),
        )
    )
    age = days_since("first_on", params)
    return (
        seen.join(first_orders(inputs, who), on="who", how="left", maintain_order="none")
        .join(who.select("who", "acquisition_channel"), on="who", maintain_order="none")
        .select(
            "who",
            "first_on",
            month_of("first_on").alias("cohort_on"),
            *(pl.col(dim).fill_null(UNKNOWN) for dim in DIMS[1:4]),
            _discount_band().alias("first_discount_band"),
            (age // PERIOD_DAYS).alias("observed_n"),
            _period(days_from("first_on", "second_on")).alias("first_return_n"),
            _period(days_from("first_on", "last_on")).alias("last_n"),
            days_from("first_on", "lapsed_on").alias("lapse_day"),
            pl.when(pl.col("lapsed_on").is_null()).then(age).alias("censor_day"),
            "churned_days",
        )
    )


def _periods(found: pl.LazyFrame, inputs: Inputs, who: pl.LazyFrame) -> pl.LazyFrame:
    """One row per customer and fully observed period with an order: whether one is kept, and the money.

    For each basis with money y of the period, Y up to it, x of period 0: y, yy, xy, and the growth of Y squared.
    """
    zero = pl.lit(0, dtype=pl.Int64)
    by_period = (
        of_people(inputs["fct_order"], who)
        .join(found.select("who", "first_on", "observed_n"), on="who", maintain_order="none")
        .with_columns(_period(days_from("first_on", "ordered_on")).alias("period_n"))
        .filter((pl.col("period_n") <= pl.col("observed_n")) & (pl.col("period_n") <= MAX_PERIODS))
        .select(
            "who",
            "period_n",
            pl.col("is_kept").cast(pl.Int64).alias("active"),
            pl.col("net_revenue_reporting").is_null().cast(pl.Int64).alias("no_rate"),
            units("costed_net_revenue_reporting").alias("costed"),
            *(units(f"{basis}_reporting").fill_null(zero).alias(basis) for basis in BASES),
        )
        .group_by("who", "period_n")
        .agg(pl.col("active").max(), pl.col("no_rate", "costed", *BASES).sum())
        .sort("who", "period_n")
    )
    is_later = pl.col("period_n") > 0
    firsts = by_period.filter(~is_later).select("who", *(pl.col(basis).alias(f"{basis}:x") for basis in BASES))
    sums = [pl.when(is_later).then(basis).otherwise(zero).cum_sum().over("who").alias(f"{basis}:Y") for basis in BASES]
    wide = {name: pl.col(name).cast(pl.Int128) for basis in BASES for name in (basis, f"{basis}:x", f"{basis}:Y")}
    return (
        by_period.with_columns(sums)
        .join(firsts, on="who", how="left", maintain_order="none")
        .with_columns(
            expression
            for basis in BASES
            for expression in (
                (wide[basis] * wide[basis]).alias(f"{basis}:yy"),
                (wide[basis] * wide[f"{basis}:x"]).alias(f"{basis}:xy"),
                (wide[basis] * (wide[f"{basis}:Y"] * 2 - wide[basis])).alias(f"{basis}:grown"),
            )
        )
        .drop(f"{basis}:{name}" for basis in BASES for name in ("x", "Y"))
        .join(found.select("who", "cohort_on", "observed_n", *DIMS[1:]), on="who", maintain_order="none")
    )


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Customers (period_n null) and their periods in one frame."""
    who = people(inputs, "acquisition_channel")
    found = _customers(inputs, who, params).collect().lazy()
    return pl.concat([found.drop("first_on"), _periods(found, inputs, who)], how="diagonal").drop("who")


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Counts and sums by dimension, cohort, full periods observed and place, as one long table of whole numbers."""
    return statistics(rows.collect().lazy())


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Cells of every cohort and dimension with their estimates."""
    return cells(parts, params)


MART = Mart(
    code="E1",
    domain="segments",
    table=TABLE,
    questions=(
        "What share of the customers acquired in a month buys again within 90 days?",
        "Is retention of newer cohorts better at equal age?",
        "Which first channel, category or discount brings customers that stay?",
        "How much net revenue does a cohort bring back for each unit of its first day?",
    ),
    rows_after_days=31,
    example_sql=(
        "select cohort, period_n, n, est, lo, hi from marts.cohort_retention "
        "where dim = 'total' and cohort <> '(all)' and retention_kind = 'within_n' and measure = 'customers' "
        "order by cohort, period_n"
    ),
    inputs=("dim_customer", "dim_product", "fct_order", "lifecycle_cut_points"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test", "acquisition_channel"),
        "dim_product": ("sku", "category_l1"),
        "fct_order": (
            *ORDER_COLUMNS,
            "ordered_on",
            "is_kept",
            "net_revenue_reporting",
            "contribution_reporting",
            "costed_net_revenue_reporting",
        ),
        "lifecycle_cut_points": ("segment", "churned_days"),
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
