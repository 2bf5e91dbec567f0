"""F2: how likely each customer is not to order for 90 days, and what that puts at risk.

Lives here: the mart `customer_churn_risk`. Stays out: the score and its calibration (`pipelines.science.churn`,
`churn_backtest`) and the value (`customer_ltv_predictive`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, flag, integer, money, number, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.churn.churn_backtest import PARTS
from pipelines.marts.churn.lifecycle_cut_points import POOLED
from pipelines.marts.churn.overdue import limit_days, own_limits
from pipelines.marts.common import AS_OF, BASES, CURRENCY, CUSTOMER_ID, stamp
from pipelines.marts.ltv.orders import TODAY_INPUTS, TODAY_READS, numbered, orders_today
from pipelines.marts.profit.mart_coverage import on_headline
from pipelines.science.churn import SILENT_DAYS, Curve, silence
from pipelines.science.histories import order_days, summarise_days
from pipelines.science.valuation import clock_of

CALIBRATED = "mean of BG/NBD, MBG/NBD and Pareto/NBD, isotonic calibration on past days"
PLAIN = "mean of BG/NBD, MBG/NBD and Pareto/NBD, not calibrated: too little past to learn from"
_NO_CURVE = "too little past to learn from"

TABLE = Table(
    "customer_churn_risk",
    f"The chance that a customer with a kept order makes none in the {SILENT_DAYS} days after the as-of day.",
    ("customer_id",),
    (
        CUSTOMER_ID,
        AS_OF,
        CURRENCY,
        text("segment", "Acquisition channel of the customer; '(unknown)' where no source says", required=True),
        integer("horizon_days", "Days of silence that are foretold", required=True, unit="days"),
        integer("silence_days", "Days since the last kept order", required=True, unit="days"),
        number("p_no_order_90", "Chance of no kept order in the horizon, 0 to 1: the published risk", required=True),
        number("p_model", "The same by the count models, before calibration", required=True),
        number("p_recency_only", "What the days since the last order alone would say", null_means=_NO_CURVE),
        number("p_base_rate", "Share of all customers that was silent on past days", null_means=_NO_CURVE),
        number("p_alive", "Chance that the customer has not left for good: no churn risk", required=True),
        integer(
            "overdue_after_days",
            "Nine in ten of the customer's own gaps were no longer; with fewer than five gaps the segment's 90th "
            "percentile stands for those that are missing",
            unit="days",
            null_means="fewer than five gaps, and the segment has no cut points",
        ),
        flag(
            "is_overdue",
            "Silent for longer than overdue_after_days: a label beside the customer's own rhythm, no forecast",
            null_means="overdue_after_days is not known",
        ),
        flag("is_calibrated", "The risk went through a calibration learned from past days", required=True),
        text("method", "How the risk is made", required=True, values=(CALIBRATED, PLAIN)),
        text(
            "basis",
            "Basis of the money: the headline basis, so that a customer has one risk and one rank; the value on the "
            "other one stands in customer_ltv_predictive, and the risk has no basis",
            required=True,
            values=BASES,
        ),
        money(
            "expected_value",
            "Expected money of the coming horizon of customer_ltv_predictive",
            unit="reporting currency",
            null_means="no amount of any order is known",
        ),
        money(
            "value_at_risk",
            "p_no_order_90 times expected_value",
            unit="reporting currency",
            null_means="no amount of any order is known",
        ),
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """The orders of each customer, the customer's value, and once the curves."""
    values = on_headline(inputs["customer_ltv_predictive"], inputs).select(
        "customer_id",
        pl.col("basis").alias("value_basis"),
        pl.col("segment").alias("label"),
        "p_alive",
        pl.col("expected_value").to_physical().cast(pl.Int64),
        pl.lit("value").alias("part"),
    )
    curves = inputs["churn_backtest"].filter(pl.col("part") == PARTS[2])
    cuts = inputs["lifecycle_cut_points"].select(
        pl.col("segment").alias("label"), pl.col("dormant_days").alias("segment_days"), pl.lit("cuts").alias("part")
    )
    return pl.concat([orders_today(inputs, params, ()).drop("segment", "basis"), values, curves, cuts], how="diagonal")


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The orders themselves: models are fitted to all customers together."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Fit, score, calibrate, and weigh the value."""
    rows = parts.collect()
    values = rows.filter(pl.col("part") == "value").select(
        "customer_id", "label", "value_basis", "p_alive", "expected_value"
    )
    curves = rows.filter(pl.col("part") == PARTS[2]).select("model", "place", "forecast", "actual")
    cuts = rows.filter(pl.col("part") == "cuts").select("label", "segment_days")
    names, orders = numbered(rows.filter(pl.col("part").is_null()).select("customer_id", "ordered_on", "is_kept"))
    days = order_days(orders, None)
    summary = summarise_days(days, params.as_of, None)
    score = silence(summary, params.as_of, clock_of(days, params.as_of, SILENT_DAYS))
    recency = (summary["age"] - summary["t_x"]).to_numpy().astype(np.float64)
    by_model, by_recency, base = (_read(curves, *one) for one in (
        ("calibrated", score), ("recency_only", recency), ("base_rate", np.zeros(len(score))),
    ))  # fmt: skip
    risk = score if by_model is None else by_model
    is_calibrated = by_model is not None
    return (
        summary.select(
            "customer_id",
            pl.Series("silence_days", recency.astype(np.int64)),
            pl.Series("p_no_order_90", risk).round_sig_figs(9),
            pl.Series("p_model", score),
            *(
                pl.lit(None, dtype=pl.Float64).alias(name) if found is None else pl.Series(name, found)
                for name, found in (("p_recency_only", by_recency), ("p_base_rate", base))
            ),
        )
        .join(own_limits(days), on="customer_id", how="left", maintain_order="left")
        .with_columns(names.gather(summary["customer_id"]).alias("customer_id"))
        .join(values, on="customer_id", how="left", maintain_order="left")
        .pipe(_with_overdue, cuts)
        .lazy()
        .with_columns(
            pl.col("label").alias("segment"),
            pl.col("value_basis").alias("basis"),
            pl.lit(SILENT_DAYS, dtype=pl.Int64).alias("horizon_days"),
            pl.lit(is_calibrated).alias("is_calibrated"),
            pl.lit(CALIBRATED if is_calibrated else PLAIN).alias("method"),
            (pl.col("expected_value") * pl.col("p_no_order_90")).round().cast(pl.Int64).alias("value_at_risk"),
            *stamp(params),
        )
    )


def _with_overdue(scores: pl.DataFrame, cuts: pl.DataFrame) -> pl.DataFrame:
    """Scores with own limits and the limit of the customer's own rhythm, and whether the silence is beyond it."""
    named = pl.when(pl.col("label").is_in(cuts["label"].implode())).then("label").otherwise(pl.lit(POOLED))
    return (
        scores.with_columns(named.alias("cut"))
        .join(cuts.rename({"label": "cut"}), on="cut", how="left", maintain_order="left")
        .with_columns(limit_days().alias("overdue_after_days"))
        .with_columns((pl.col("silence_days") > pl.col("overdue_after_days")).alias("is_overdue"))
    )


def _read(curves: pl.DataFrame, name: str, score: np.ndarray) -> np.ndarray | None:
    """The curve of that name at each score; None without one."""
    knots = curves.filter(pl.col("model") == name).sort("place")
    if knots.is_empty():
        return None
    return Curve(knots["forecast"].to_numpy(), knots["actual"].to_numpy()).read(score)


MART = Mart(
    code="F2",
    domain="churn",
    table=TABLE,
    questions=(
        "Which customers are likeliest to stay away for the next 90 days, and what are they worth?",
        "How much of the expected value is at risk in each segment?",
        "Whose risk is far above what recency alone would say?",
        "Who is silent for longer than is usual for that very customer?",
    ),
    example_sql=(
        "select segment, count(*) as customers, avg(p_no_order_90) as mean_risk, sum(value_at_risk) as at_risk, "
        "sum(expected_value) as expected from marts.customer_churn_risk group by segment order by at_risk desc"
    ),
    inputs=(*TODAY_INPUTS, "customer_ltv_predictive", "churn_backtest", "lifecycle_cut_points"),
    reads={
        **TODAY_READS,
        "fct_order": tuple(name for name in TODAY_READS["fct_order"] if not name.endswith("_reporting")),
        "customer_ltv_predictive": ("customer_id", "basis", "segment", "p_alive", "expected_value"),
        "churn_backtest": ("model", "part", "place", "forecast", "actual"),
        "lifecycle_cut_points": ("segment", "dormant_days"),
    },
    once=("churn_backtest", "lifecycle_cut_points"),
    local=local,
    partial=partial,
    finalize=finalize,
    relationships={"customer_id": "customer_360.customer_id"},
)
