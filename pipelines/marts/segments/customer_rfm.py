"""E2: recency, frequency and money of each customer, scored; segment, type and value tier.

Lives here: the mart `customer_rfm`. Stays out: the thresholds (`rfm_thresholds`, `value_tier_thresholds`) and the rule
tables (`rfm_rules`).
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, BASES, CURRENCY, CUSTOMER_ID, people, rate_of, stamp, units
from pipelines.marts.profit.mart_coverage import TOTAL
from pipelines.marts.segments.rfm_base import measures, scored_money, tier_days, whole_money
from pipelines.marts.segments.rfm_rules import PROSPECTS, SEGMENT_CELLS, SEGMENTS, TIERS, TYPE_RULES, TYPES
from pipelines.marts.segments.rfm_thresholds import score

_NO_MONEY = "no kept order, or money is not known"

TABLE = Table(
    "customer_rfm",
    "Recency, frequency and money of a customer, their scores, and the segments made of them.",
    ("customer_id",),
    (
        CUSTOMER_ID,
        AS_OF,
        CURRENCY,
        text("basis", "Basis that money is scored on: the headline basis", required=True, values=BASES),
        integer("recency_days", "R: days since the last kept order", unit="days", null_means="no kept order"),
        integer("frequency_n", "F: kept orders in the last 365 days", required=True, unit="orders"),
        money(
            "net_revenue",
            "Net revenue of the last 365 days",
            unit="reporting currency",
            null_means="no kept order, or no exchange rate for the day of an order",
        ),
        money(
            "contribution",
            "Contribution of the last 365 days",
            unit="reporting currency",
            null_means="no kept order, or a cost or a rate of an order is not known",
        ),
        money(
            "monetary",
            "M: money of the last 365 days on the basis, of the orders whose amount is known",
            unit="reporting currency",
            null_means=_NO_MONEY,
        ),
        rate(
            "covered_rate",
            "Share of the net revenue of the last 365 days that `monetary` covers",
            null_means="net revenue of the last 365 days is not positive",
        ),
        integer(
            "r_score", "Recency from 1 to 5, 5 most recent; equal values score equally", null_means="no kept order"
        ),
        integer(
            "f_score", "Frequency from 1 to 5, 5 most often; equal values score equally", null_means="no kept order"
        ),
        integer("m_score", "Money from 1 to 5, 5 most; equal values score equally", null_means=_NO_MONEY),
        integer(
            "fm_score",
            "Mean of frequency and money scores, a half counts up; frequency alone where money is not known",
            null_means="no kept order",
        ),
        text(
            "segment",
            "One of eleven segments from recency and fm_score, named and cut as in Shopify's RFM analysis; 'prospects' "
            "have no kept order",
            values=SEGMENTS,
            required=True,
        ),
        text(
            "rfm_type",
            "One of eight types: recency, frequency and money above or below the median customer",
            values=TYPES,
            null_means=_NO_MONEY,
        ),
        text(
            "tier",
            "Value tier by the money of the last 365 days: moves up at the threshold, down only below 90 % of it",
            values=TIERS,
            null_means=_NO_MONEY,
        ),
        text("unsmoothed_tier", "The tier by the thresholds alone", values=TIERS, null_means=_NO_MONEY),
        text("previous_tier", "Tier at the month-end before", values=TIERS, null_means="no kept order by then"),
        day("previous_tier_on", "That month-end", required=True),
    ),
)

_CONTRIBUTION, _NET = BASES


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """One row per customer, scored by the thresholds of all customers."""
    who = people(inputs)
    headline = inputs["mart_coverage"].filter(pl.col("dim") == TOTAL).select(pl.col("headline_basis").alias("basis"))
    has_orders = pl.col("recency_days").is_not_null()
    is_contribution = pl.col("basis") == _CONTRIBUTION
    covered = pl.when(is_contribution).then("covered_net_revenue").otherwise("net_revenue_0")
    rows = (
        who.join(measures(inputs, who, params), on="who", how="left", maintain_order="left")
        .join(headline, how="cross")
        .with_columns(
            pl.col("frequency_n").fill_null(0),
            *(pl.when(has_orders).then(whole_money(basis)).alias(basis) for basis in BASES),
            pl.when(has_orders & is_contribution)
            .then(scored_money(_CONTRIBUTION))
            .when(has_orders)
            .then(scored_money(_NET))
            .alias("monetary"),
            rate_of(covered, pl.col("net_revenue_0")).alias("covered_rate"),
        )
    )
    return (
        rows.pipe(_scored, inputs, has_orders)
        .pipe(_tiered, inputs, params)
        .with_columns(*stamp(params), pl.lit(tier_days(params)[1], dtype=pl.Date).alias("previous_tier_on"))
    )


def _by_basis(contribution: str, net_revenue: str) -> pl.Expr:
    return pl.when(pl.col("basis") == _CONTRIBUTION).then(contribution).otherwise(net_revenue)


def _amount(column: str, here: pl.Expr) -> pl.Expr:
    return units(column).filter(here).first()


def _limits(inputs: Inputs) -> pl.LazyFrame:
    """All limits of scores in one row, ascending: `<dimension>_<basis>_<1..4>` and `<dimension>_<basis>_median`."""
    limits = []
    for dimension, basis in (("recency", "none"), ("frequency", "none"), *(("monetary", basis) for basis in BASES)):
        here = (pl.col("dimension") == dimension) & (pl.col("basis") == basis)
        for place in range(1, 5):
            at = here & (pl.col("score") == (6 - place if dimension == "recency" else place))
            limit = _amount("up_to_amount", at) if dimension == "monetary" else pl.col("up_to_n").filter(at).first()
            limits.append(limit.alias(f"{dimension}_{basis}_{place}"))
        median = _amount("median_amount", here) if dimension == "monetary" else pl.col("median_n").filter(here).first()
        limits.append(median.alias(f"{dimension}_{basis}_median"))
    return inputs["rfm_thresholds"].select(limits)


def _scored(rows: pl.LazyFrame, inputs: Inputs, has_orders: pl.Expr) -> pl.LazyFrame:
    """Scores, segment and type."""

    def places(name: str) -> list[pl.Expr]:
        return [pl.col(f"{name}_{place}") for place in range(1, 5)]

    by_basis = [_by_basis(f"monetary_contribution_{p}", f"monetary_net_revenue_{p}") for p in (*range(1, 5), "median")]
    money = pl.col("monetary")
    is_high = (
        pl.col("recency_days") <= pl.col("recency_none_median"),
        pl.col("frequency_n") > pl.col("frequency_none_median"),
        money > by_basis[4],
    )
    return (
        rows.join(_limits(inputs), how="cross")
        .with_columns(
            score(pl.col("recency_days"), places("recency_none"), is_less_better=True).alias("r_score"),
            pl.when(has_orders).then(score(pl.col("frequency_n"), places("frequency_none"))).alias("f_score"),
            score(money, by_basis[:4]).alias("m_score"),
            pl.when(money.is_not_null()).then(_rfm_type(is_high)).alias("rfm_type"),
        )
        .with_columns(((pl.col("f_score") + pl.coalesce("m_score", "f_score") + 1) // 2).alias("fm_score"))
        .with_columns(_segment(has_orders).alias("segment"))
    )


def _rfm_type(is_high: tuple[pl.Expr, pl.Expr, pl.Expr]) -> pl.Expr:
    rules = [
        pl.when(pl.all_horizontal(high == pl.lit(want) for high, want in zip(is_high, wanted, strict=True))).then(
            pl.lit(name)
        )
        for name, *wanted in TYPE_RULES
    ]
    return pl.coalesce(rules)


def _segment(has_orders: pl.Expr) -> pl.Expr:
    prospects = pl.when(~has_orders).then(pl.lit(PROSPECTS))
    rules = [
        pl.when(pl.col("r_score").is_in(recencies) & pl.col("fm_score").is_in(values)).then(pl.lit(name))
        for name, recencies, values in SEGMENT_CELLS
    ]
    return pl.coalesce(prospects, *rules)


def _tiered(rows: pl.LazyFrame, inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Tiers, month-end by month-end from the oldest: 2 high, 1 mid, 0 low, null without orders or money."""
    places = range(len(tier_days(params)))
    rows = rows.join(_tier_limits(inputs, params), how="cross")
    before: pl.Expr = pl.lit(0, dtype=pl.Int64)
    for place in reversed(places):
        money = _by_basis(f"contribution_{place}", f"net_revenue_{place}")
        alone = pl.when(money.is_not_null()).then(_level(money, place, 10))
        held = pl.min_horizontal(before, _level(money, place, 9))
        rows = rows.with_columns(
            alone.alias("alone"),
            pl.when(alone.is_not_null()).then(pl.max_horizontal(alone, held)).alias(f"level_{place}"),
        )
        before = pl.col(f"level_{place}").fill_null(0)
    names = {2: TIERS[0], 1: TIERS[1], 0: TIERS[2]}
    told = {"tier": pl.col("monetary").is_not_null(), "unsmoothed_tier": pl.col("monetary").is_not_null()}
    return rows.with_columns(
        pl.when(told.get(name, True))
        .then(pl.col(level))
        .replace_strict(names, default=None, return_dtype=pl.String)
        .alias(name)
        for name, level in (("tier", "level_0"), ("previous_tier", "level_1"), ("unsmoothed_tier", "alone"))
    )


def _level(money: pl.Expr, place: int, tenths: int) -> pl.Expr:
    """The tier reached when thresholds count `tenths` tenths of what they are; 0 where there are none."""
    reached = [
        money * 10 >= _by_basis(f"{tier}_contribution_{place}", f"{tier}_net_revenue_{place}") * tenths
        for tier in ("mid", "high")
    ]
    return pl.sum_horizontal(flag.fill_null(False).cast(pl.Int64) for flag in reached)


def _tier_limits(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """The thresholds of all tier days in one row: `<tier>_<basis>_<place>`."""
    return inputs["value_tier_thresholds"].select(
        _amount(f"{tier}_from_amount", (pl.col("tier_on") == on) & (pl.col("basis") == basis)).alias(
            f"{tier}_{basis}_{place}"
        )
        for place, on in enumerate(tier_days(params))
        for tier in ("high", "mid")
        for basis in BASES
    )


MART = Mart(
    code="E2",
    domain="segments",
    table=TABLE,
    questions=(
        "Who are the champions, and who was loyal and has gone quiet?",
        "How much of the last year's money comes from each segment?",
        "Which customers moved between value tiers since the last month-end?",
    ),
    example_sql=(
        "select segment, count(*) as customers, sum(monetary) as money, avg(recency_days) as mean_recency_days "
        "from marts.customer_rfm group by segment order by money desc"
    ),
    inputs=("dim_customer", "fct_order", "mart_coverage", "rfm_thresholds", "value_tier_thresholds"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test"),
        "fct_order": ("customer_id", "ordered_on", "is_kept", "net_revenue_reporting", "contribution_reporting"),
        "mart_coverage": ("dim", "headline_basis"),
        "rfm_thresholds": (
            "dimension",
            "basis",
            "score",
            "up_to_n",
            "up_to_amount",
            "median_n",
            "median_amount",
        ),
        "value_tier_thresholds": ("tier_on", "basis", "high_from_amount", "mid_from_amount"),
    },
    local=local,
    relationships={"customer_id": "customer_360.customer_id"},
)
