"""C2: what each customer is expected to bring in over the coming horizon.

Lives here: the mart `customer_ltv_predictive`. Stays out: the models (`pipelines.science.valuation`), their choice
(`ltv_backtest`) and the comparison of segments (`ltv_reconciliation`), whose rule of the fallback is used here.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, number, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, BASES, BASIS_SAYS, CURRENCY, CUSTOMER_ID, UNKNOWN, as_of, stamp
from pipelines.marts.ltv.fallback import SOURCES, level_spread, published
from pipelines.marts.ltv.ltv_backtest import champion_choices
from pipelines.marts.ltv.orders import (
    TODAY_INPUTS,
    TODAY_READS,
    bases_of,
    numbered,
    orders_on,
    orders_today,
    with_filled,
)
from pipelines.science.histories import on_basis, order_days, summarise_days
from pipelines.science.valuation import clock_of, segments_of
from pipelines.science.valuation_model import fit_money, fit_summary
from pipelines.science.valuation_scores import CountScores, value_summary
from pipelines.science.value_backtest import cohort_value

NO_MONEY = "no amount of any order is known; fit_status says no_amounts"

TABLE = Table(
    "customer_ltv_predictive",
    "What a customer with a kept order is expected to bring in over the horizon after the as-of day.",
    ("customer_id", "basis"),
    (
        CUSTOMER_ID,
        AS_OF,
        CURRENCY,
        text("basis", BASIS_SAYS, required=True, values=BASES),
        text("segment", "Acquisition channel of the customer; '(unknown)' where no source says", required=True),
        integer("horizon_days", "Days ahead that are valued", required=True, unit="days"),
        integer("repeat_n", "Days with a kept order after the first such day", required=True, unit="days"),
        integer("recency_days", "Days since the last kept order", required=True, unit="days"),
        integer("tenure_days", "Days since the first kept order", required=True, unit="days"),
        number(
            "p_alive",
            "Chance that the customer has not left for good; never read 1 - p_alive as churn risk",
            required=True,
        ),
        number("p_order_90", "Chance of a kept order in the next 90 days, not yet calibrated", required=True),
        number("expected_orders", "Expected days with a kept order in the horizon", required=True, unit="days"),
        number("order_value", "Expected money of such a day", required=True, unit="reporting currency"),
        money(
            "expected_value",
            "Expected money of the horizon, discounted to the as-of day: the published value",
            unit="reporting currency",
            null_means=NO_MONEY,
        ),
        money("lo", "Lower limit of the money at the run's confidence", unit="reporting currency", null_means=NO_MONEY),
        money("hi", "Upper limit of the money at the run's confidence", unit="reporting currency", null_means=NO_MONEY),
        money("model_value", "The expected money by the model", unit="reporting currency", null_means=NO_MONEY),
        money(
            "cohort_value",
            "The customer's share of what the cohorts of the segment bring, by their chain ladder",
            unit="reporting currency",
            null_means="no cohort has been seen for a whole period, or no amount is known",
        ),
        number(
            "value_sd",
            "Standard deviation of the money around the model's expectation",
            unit="reporting currency",
            null_means=NO_MONEY,
        ),
        text(
            "value_source",
            "Where expected_value comes from: the model, or, where model and cohorts of the segment disagree beyond "
            "their joint interval, the model's values scaled to the cohorts' total",
            values=SOURCES,
            required=True,
        ),
        text("model_used", "Count model and spend model that answered", required=True),
        text("fit_status", "ok, or what was not: the fallback that answered", required=True),
        day("fitted_as_of_on", "Day up to which orders were used to fit", required=True),
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """The orders of each customer, and once the choice of models of each segment."""
    chosen = inputs["ltv_backtest"].filter(pl.col("kind") == "chosen").rename({"segment": "chosen_segment"})
    return pl.concat([orders_today(inputs, params), chosen], how="diagonal")


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The orders themselves: models are fitted to all customers together."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Fit, score, compare with the cohorts, and fall back where they disagree."""
    rows = parts.collect()
    chosen = rows.filter(pl.col("kind").is_not_null()).with_columns(pl.col("chosen_segment").alias("segment"))
    rows = rows.filter(pl.col("kind").is_null())
    names, orders = numbered(with_filled(rows.select("customer_id", "segment", "ordered_on", "is_kept", *BASES)))
    days = order_days(orders, BASES)
    summary = summarise_days(days, params.as_of, BASES).join(
        segments_of(orders), on="customer_id", how="left", maintain_order="left"
    )
    clock = clock_of(days, params.as_of, params.horizon_days)
    headline, *others = bases_of(rows) or BASES[:1]
    first = on_basis(summary, headline)
    models = {headline: fit_summary(first, params.as_of, champion_choices(chosen, headline), clock)}
    for basis in others:
        models[basis] = fit_money(models[headline], on_basis(summary, basis), champion_choices(chosen, basis))
    counts = CountScores.of(first, params, models[headline])
    found = []
    for basis, model in models.items():
        mine, known = on_basis(summary, basis), orders_on(orders, basis)
        scores = value_summary(mine, params, model, counts=counts)
        cohorts = cohort_value(mine, known, params.as_of, params.horizon_days, params.discount_rate)
        values = published(scores, cohorts, level_spread(chosen, basis), params.confidence)
        found.append(values.with_columns(pl.lit(basis).alias("basis")))
    return (
        pl.concat(found)
        .lazy()
        .with_columns(
            pl.lit(names).gather("customer_id").alias("customer_id"),
            pl.col("segment").fill_null(UNKNOWN),
            pl.lit(params.horizon_days, dtype=pl.Int64).alias("horizon_days"),
            pl.col("x").alias("repeat_n"),
            (pl.col("age") - pl.col("t_x")).alias("recency_days"),
            pl.col("age").alias("tenure_days"),
            as_of(params).alias("fitted_as_of_on"),
            *stamp(params),
        )
    )


MART = Mart(
    code="C2",
    domain="ltv",
    table=TABLE,
    questions=(
        "What will each customer bring in over the next year, and how sure is that?",
        "Which customers are worth most from now on, one-order customers included?",
        "For which segments did the model have to give way to the cohorts?",
    ),
    example_sql=(
        "select segment, count(*) as customers, sum(expected_value) as value, avg(p_alive) as mean_p_alive, "
        "min(value_source) as source from marts.customer_ltv_predictive where basis = 'net_revenue' "
        "group by segment order by value desc"
    ),
    inputs=(*TODAY_INPUTS, "ltv_backtest"),
    reads={
        **TODAY_READS,
        "ltv_backtest": (
            "segment",
            "target",
            "model",
            "kind",
            "basis",
            "level",
            "level_log_sd",
            "drift_share",
            "is_by_segment",
        ),
    },
    once=("ltv_backtest",),
    local=local,
    partial=partial,
    finalize=finalize,
    relationships={"customer_id": "customer_360.customer_id"},
)
