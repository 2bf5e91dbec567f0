"""Forecasts: what cohorts and customers will bring, and how forecasts of past days came out.

Lives here: reading `cohort_ltv`, `ltv_reconciliation`, `ltv_backtest` and `churn_backtest`. Stays out: every figure
(the marts).
"""

from __future__ import annotations

import polars as pl

from pipelines.report.published import Published
from pipelines.report.queries.customers import MIN_CELL_N

COHORTS, VALUES, TESTED, SILENCE = (
    "marts.cohort_ltv", "marts.ltv_reconciliation", "marts.ltv_backtest", "marts.churn_backtest",
)  # fmt: skip
TOO_YOUNG = "The data do not reach back far enough to forecast from a past day and compare."


def cohort_curves(published: Published, basis: str, most: int) -> pl.DataFrame:
    """Money per customer by age of at most `most` cohorts spread over the months, and of all months pooled.

    Columns cohort, cohort_on (null for all), customer_n, age_n, age_days, is_observed, est, lo, hi; oldest first.
    """
    frame = published.frame(
        "select cohort, cohort_on, customer_n, age_n, age_days, is_observed, est, lo, hi "
        f"from {COHORTS} where dim = 'total' and basis = '{basis}' and est is not null and customer_n >= {MIN_CELL_N} "
        "and cohort <> '(all)' order by cohort_on, age_n",
        COHORTS,
        empty="No cohort of customers is large enough to be shown.",
    )
    cohorts = frame["cohort"].unique(maintain_order=True).to_list()
    step = -(-len(cohorts) // most)
    return frame.filter(pl.col("cohort").is_in(cohorts[::-1][::step]))


def segments(published: Published, basis: str) -> pl.DataFrame:
    """Expected money of every segment with its limits, the cohorts' estimate, and the error a horizon ago."""
    return published.frame(
        "select n.segment, n.customer_n, n.predictive, n.predictive_lo, n.predictive_hi, n.cohort, n.value_source, "
        "n.horizon_days, p.predictive as past_predictive, p.realised as past_realised, p.from_on as past_on "
        f"from {VALUES} as n left join {VALUES} as p "
        "on n.segment = p.segment and n.basis = p.basis and p.period = 'past' "
        f"where n.period = 'next' and n.basis = '{basis}' and n.predictive is not null "
        f"and n.customer_n >= {MIN_CELL_N} "
        "order by n.segment = '(all)' desc, n.predictive desc, n.segment",
        VALUES,
        empty="No customer has a value yet.",
    )


def value_deciles(published: Published, basis: str) -> pl.DataFrame:
    """Tenths of customers by the champion's forecast of money at the last tested day."""
    return published.frame(
        f"select origin_on, horizon_days, decile, customer_n, forecast, actual from {TESTED} where kind = 'champion' "
        f"and target = 'value' and basis = '{basis}' and segment = '(all)' and decile > 0 and origin_on = "
        f"(select max(origin_on) from {TESTED} where kind = 'champion') order by decile",
        TESTED,
        empty=TOO_YOUNG,
    )


def forecasters(published: Published, basis: str) -> pl.DataFrame:
    """Every forecaster of money at the last tested day: the champion, models, guesses."""
    return published.frame(
        f"select origin_on, model, kind, customer_n, bias, mae, rmse, ngini, decile_error, coverage_95 from {TESTED} "
        f"where target = 'value' and basis = '{basis}' and segment = '(all)' and decile = 0 "
        "and kind in ('champion', 'model', 'baseline') "
        f"and origin_on = (select max(origin_on) from {TESTED} where kind = 'champion') "
        "order by array_position(['champion', 'model', 'baseline'], kind), rmse, model",
        TESTED,
        empty=TOO_YOUNG,
    )


def silence_deciles(published: Published) -> pl.DataFrame:
    """Tenths of customers by the risk, all tested days together: the published risk, and recency alone."""
    return published.frame(
        f"select model, place, customer_n, forecast, actual from {SILENCE} where part = 'decile' "
        "and origin_on = as_of_on and model in ('calibrated', 'recency_only') order by model, place",
        SILENCE,
        empty=TOO_YOUNG,
    )


def silence_measures(published: Published) -> pl.DataFrame:
    """Measures of every forecaster of silence, all tested days together."""
    return published.frame(
        f"select model, customer_n, actual, auc, pr_auc, brier, ece, lift_10, lift_20 from {SILENCE} "
        "where part = 'all' and origin_on = as_of_on and auc is not null "
        "order by array_position(['calibrated', 'model', 'recency_only', 'base_rate'], model)",
        SILENCE,
        empty=TOO_YOUNG,
    )
