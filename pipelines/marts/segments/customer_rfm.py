"""E2: recency, frequency and money of each customer, scored; segment, type and value tier.

Lives here: the mart `customer_rfm`. Stays out: the thresholds (`rfm_thresholds`, `value_tier_thresholds`), the rule
tables (`rfm_rules`), and how a tier is told: it is that of `customer_asset` at the as-of day, by predicted value.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, BASES, CURRENCY, CUSTOMER_ID, people, rate_of, stamp, units
from pipelines.marts.profit.mart_coverage import TOTAL, on_headline
from pipelines.marts.segments.rfm_base import measures, scored_money, whole_money
from pipelines.marts.segments.rfm_rules import PROSPECTS, SEGMENT_CELLS, SEGMENTS, TYPE_RULES, TYPES
from pipelines.marts.segments.rfm_thresholds import score
from pipelines.marts.segments.value_tiers import TIERS

_NO_MONEY = "no kept order, or money is not known"
_NO_TIER = "no kept order, or nobody is expected to bring money in"

TABLE = Table(
    "customer_rfm",
    "Recency, frequency and money of a customer, their scores, and the segments made of them.",
    ("customer_id",),
    (
        CUSTOMER_ID,
        AS_OF,
        CURRENCY,
        text(
            "basis",
            "Basis that money is scored on: the headline basis, so that a customer has one segment and one tier; "
            "money on either basis stands in customer_360, predicted value in customer_ltv_predictive",
            required=True,
            values=BASES,
        ),
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
        money(
            "predicted_value",
            "Expected money of the horizon at the as-of day, as the ledger of the asset closes",
            unit="reporting currency",
            null_means="no kept order",
        ),
        text(
            "tier",
            "Value tier by predicted_value: moves up at the threshold, down only below 90 % of it",
            values=TIERS,
            null_means=_NO_TIER,
        ),
        text("unsmoothed_tier", "The tier by the thresholds alone", values=TIERS, null_means=_NO_TIER),
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
    covered = pl.when(is_contribution).then("covered_net_revenue").otherwise("net_revenue_sum")
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
            rate_of(covered, pl.col("net_revenue_sum")).alias("covered_rate"),
        )
    )
    month_end_before = params.as_of.replace(day=1) - timedelta(days=1)
    return (
        rows.pipe(_scored, inputs, has_orders)
        .join(_tiers(inputs), on="customer_id", how="left", maintain_order="left")
        .with_columns(*stamp(params), pl.lit(month_end_before, dtype=pl.Date).alias("previous_tier_on"))
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


def _tiers(inputs: Inputs) -> pl.LazyFrame:
    """Tiers at the as-of day and the period end before, and the value they go by, of customers with a kept order."""
    value, high, mid = (units(name) for name in ("closing_amount", "high_from_amount", "mid_from_amount"))
    alone = pl.when(value >= high).then(pl.lit("high")).when(value >= mid).then(pl.lit("mid")).otherwise(pl.lit("low"))
    today = pl.col("period_on") == pl.col("as_of_on")
    return (
        on_headline(inputs["customer_asset"], inputs)
        .filter(today & (pl.col("purchase_n") > 0))
        .join(inputs["value_tier_thresholds"], left_on="period_on", right_on="tier_on", how="left")
        .select(
            "customer_id",
            value.alias("predicted_value"),
            pl.col("closing_tier").alias("tier"),
            pl.when(high.is_not_null()).then(alone).alias("unsmoothed_tier"),
            pl.col("opening_tier").alias("previous_tier"),
        )
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
    inputs=("dim_customer", "fct_order", "mart_coverage", "rfm_thresholds", "value_tier_thresholds", "customer_asset"),
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
        "value_tier_thresholds": ("tier_on", "high_from_amount", "mid_from_amount"),
        "customer_asset": (
            "customer_id",
            "period_on",
            "basis",
            "as_of_on",
            "purchase_n",
            "closing_amount",
            "closing_tier",
            "opening_tier",
        ),
    },
    local=local,
    relationships={"customer_id": "customer_360.customer_id"},
)
