"""The fallback of predicted value: where the model and the cohorts of a segment disagree, the cohorts are published.

Lives here: totals of a segment with their errors, the rule, and what it does to the customers' values. Stays out: the
estimates themselves (`customer_ltv_predictive`) and their comparison as a table (`ltv_reconciliation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.marts.common import UNKNOWN
from pipelines.science.intervals import two_sided_z
from pipelines.science.numerics import Array
from pipelines.science.value_backtest import UNTESTED

SOURCES = ("model", "cohort")
TOO_YOUNG = "too_young"


@dataclass(frozen=True)
class Total:
    """An expected total of a segment in float currency, with its standard error."""

    amount: float
    se: float


def disagree(model: Total, cohort: Total, confidence: float) -> bool:
    """Whether the totals differ by more than their joint interval allows."""
    return abs(model.amount - cohort.amount) > two_sided_z(confidence) * float(np.hypot(model.se, cohort.se))


def model_total(value: Array, value_sd: Array, log_sd: float) -> Total:
    """Total of customers' values; customers vary independently, the level is common to them."""
    amount = float(value.sum())
    return Total(amount, float(np.hypot(np.sqrt(float((value_sd**2).sum())), log_sd * amount)))


def level_spread(chosen: pl.DataFrame, basis: str) -> dict[str, float]:
    """Standard deviation of the log of a segment's level, orders and value together, from `ltv_backtest`'s choices."""
    mine = chosen.filter((pl.col("target") == "orders") | (pl.col("basis") == basis))
    rows = mine.group_by("segment").agg((pl.col("level_log_sd") ** 2).sum().sqrt()).sort("segment")
    return dict(rows.iter_rows())


def published(
    scores: pl.DataFrame,
    cohorts: tuple[Array, Mapping[str | None, tuple[float, str]]],
    spread: Mapping[str, float],
    confidence: float,
) -> pl.DataFrame:
    """Scores with `model_value`, `cohort_value`, `expected_value` (units), `value_source`; lo and hi as published."""
    each, errors = cohorts
    frame = scores.with_columns(
        pl.col("value").alias("model_value"), pl.Series("cohort_value", np.rint(each * 1e4).astype(np.int64))
    )
    parts = [
        _segment(rows, errors.get(segment, (0.0, TOO_YOUNG)), spread, confidence)
        for (segment,), rows in frame.partition_by("segment", as_dict=True, maintain_order=True).items()
    ]
    if not parts:
        return frame.with_columns(pl.col("value").alias("expected_value"), pl.lit(SOURCES[0]).alias("value_source"))
    return pl.concat(parts).sort("customer_id")


def _segment(
    rows: pl.DataFrame, error: tuple[float, str], spread: Mapping[str, float], confidence: float
) -> pl.DataFrame:
    """The rows of a segment. Where the cohorts are published, their total is spread as the model ranks customers; where
    one of the totals is not positive, so that no factor leads from one to the other, each gets the cohort's mean."""
    cohort_se, status = error
    is_known = rows["value"].null_count() == 0
    value, sd = (rows[name].fill_null(0).to_numpy().astype(np.float64) for name in ("value", "value_sd"))
    value, log_sd = value * 1e-4, spread.get(rows["segment"][0] or UNKNOWN, UNTESTED.log_sd)
    model, cohort = model_total(value, sd, log_sd), Total(float(rows["cohort_value"].sum()) * 1e-4, cohort_se)
    is_told = is_known and status != TOO_YOUNG
    gives_way = is_told and disagree(model, cohort, confidence)
    can_scale = gives_way and model.amount > 0 and cohort.amount > 0
    factor = pl.lit(cohort.amount / model.amount if can_scale else 1.0)
    shift = pl.col("cohort_value") - pl.col("value") if gives_way and not can_scale else pl.lit(0, dtype=pl.Int64)
    lo, hi, expected = (((pl.col(name) * factor).round().cast(pl.Int64) + shift) for name in ("lo", "hi", "value"))
    return rows.with_columns(
        *([lo.alias("lo"), hi.alias("hi")] if gives_way else []),
        (expected if gives_way else pl.col("value")).alias("expected_value"),
        pl.when(pl.lit(is_told)).then("cohort_value").alias("cohort_value"),
        pl.lit(SOURCES[int(gives_way)]).alias("value_source"),
    )
