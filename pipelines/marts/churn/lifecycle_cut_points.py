"""F1 companion: after how much silence a customer is at risk, dormant, churned; read from the data's own gaps.

Lives here: the mart `lifecycle_cut_points`. Stays out: the state of each customer (`customer_lifecycle`).

A gap is the days between a customer's consecutive kept order days. Quantiles are of completed gaps, discrete
(the smallest gap that at least the stated share of gaps does not exceed). The chance to return comes from the
Kaplan-Meier curve of all gaps, the open last one censored at the as-of day.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, flag, integer, number, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.churn.gaps import kept_days, quantile_disc_rank
from pipelines.marts.common import AS_OF, as_of, people
from pipelines.science.survival import SurvivalCurve, kaplan_meier

MIN_GAPS = 100
"""A segment with fewer completed gaps, or without a cut point for churn, uses the cut points of all customers."""
POOLED = "(all)"
RETURN_PERCENT = 10
MIN_AT_RISK = 20
"""The chance to return is told while at least so many gaps are still observed at the end of the horizon."""
NO_GAPS = "no completed gaps"
TOO_SHORT = "the data do not reach a horizon beyond dormant_days"
STILL_RETURN = "as far as the data reach, the chance to return within the horizon does not fall below the limit"

TABLE = Table(
    "lifecycle_cut_points",
    "The silence after which customers of a segment count as at risk, dormant and churned.",
    ("segment",),
    (
        text("segment", "Acquisition channel of the customers; '(all)' pools every customer", required=True),
        AS_OF,
        integer("customer_n", "Customers with a kept order", required=True, unit="customers"),
        integer("gap_n", "Completed gaps between consecutive kept order days", required=True, unit="gaps"),
        integer("open_gap_n", "Gaps still open at the as-of day", required=True, unit="gaps"),
        flag(
            "is_pooled",
            f"Fewer than {MIN_GAPS} completed gaps, or too few to tell churn: the cut points are those of '(all)'",
            required=True,
        ),
        integer("median_gap_days", "Median gap; a customer is new for so long", unit="days", null_means="no gaps"),
        integer(
            "at_risk_days", "At risk after more silence: 75th percentile of gaps", unit="days", null_means="no gaps"
        ),
        integer(
            "dormant_days", "Dormant after more silence: 90th percentile of gaps", unit="days", null_means="no gaps"
        ),
        integer(
            "churned_days",
            "Churned after more silence: the smallest silence, not below dormant_days, after which fewer than "
            f"{RETURN_PERCENT} % return within the horizon",
            unit="days",
            null_means="see why_not",
        ),
        integer("horizon_days", "Horizon of the return", required=True, unit="days"),
        integer(
            "at_risk_gap_n",
            "Gaps, completed or open, longer than churned_days: what the chance to return rests on",
            unit="gaps",
            null_means="see why_not",
        ),
        number(
            "return_rate",
            "Chance to return within the horizon after a silence of churned_days",
            null_means="see why_not",
        ),
        number("return_rate_lo", "Lower limit of the interval (log-log, Greenwood)", null_means="see why_not"),
        number("return_rate_hi", "Upper limit of the interval (log-log, Greenwood)", null_means="see why_not"),
        text("why_not", "Why there is no cut point for churned", null_means="there is one"),
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Every gap of a customer with the segment: completed ones, and the open one since the last order."""
    who = people(inputs, "acquisition_channel")
    segments = who.select("who", pl.col("acquisition_channel").alias("segment"))
    days = kept_days(inputs, who, params).join(segments, on="who", how="left", maintain_order="none")
    return days.select(
        "segment",
        pl.coalesce("next_gap_days", "silence_days").alias("days"),
        pl.col("next_gap_days").is_not_null().cast(pl.Int64).alias("gap_n"),
        pl.col("next_gap_days").is_null().cast(pl.Int64).alias("open_gap_n"),
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """How many gaps of each length, completed and open, by segment. Each customer has one open gap."""
    return rows.group_by("segment", "days").agg(pl.col("gap_n", "open_gap_n").sum())


@dataclass(frozen=True)
class CutPoints:
    """Cut points of one set of gaps; None where the data cannot tell them."""

    gap_n: int
    open_gap_n: int
    median: int | None = None
    at_risk: int | None = None
    dormant: int | None = None
    churned: int | None = None
    at_risk_gap_n: int | None = None
    chance: tuple[float | None, float | None, float | None] = (None, None, None)
    why_not: str | None = NO_GAPS


def cut_points(gaps: pl.DataFrame, params: MartParams) -> CutPoints:
    """Cut points of gaps counted by length (days, gap_n, open_gap_n), any order, lengths may repeat."""
    counts = gaps.group_by("days").agg(pl.col("gap_n", "open_gap_n").sum()).sort("days")
    gap_n, open_n = int(counts["gap_n"].sum()), int(counts["open_gap_n"].sum())
    if gap_n == 0:
        return CutPoints(gap_n, open_n)
    reached = counts["gap_n"].cum_sum().to_numpy()
    length = counts["days"].to_numpy()
    median, at_risk, dormant = (
        int(length[np.searchsorted(reached, quantile_disc_rank(gap_n, percent))]) for percent in (50, 75, 90)
    )
    curve = kaplan_meier(length, counts["gap_n"].to_numpy(), counts["open_gap_n"].to_numpy())
    churned, why_not = _churned(curve, dormant, params.horizon_days)
    if churned is None:
        return CutPoints(gap_n, open_n, median, at_risk, dormant, why_not=why_not)
    stay, low, high = curve.conditional(churned, churned + params.horizon_days, params.confidence)
    chance = (1 - stay, _known(1 - high), _known(1 - low))
    beyond = int(curve.at_risk_after(churned))
    return CutPoints(gap_n, open_n, median, at_risk, dormant, churned, beyond, chance, None)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _churned(curve: SurvivalCurve, dormant: int, horizon: int) -> tuple[int | None, str | None]:
    """The smallest silence from `dormant` on with less than the limit's chance to return within the horizon."""
    silence = np.arange(dormant, max(dormant, int(curve.times[-1])) + 1)
    told = curve.at_risk_after(silence + horizon) >= MIN_AT_RISK
    if not told.any():
        return None, TOO_SHORT
    silence = silence[told]
    stay = curve.value_at(silence + horizon) / curve.value_at(silence)
    lost = np.flatnonzero(1 - stay < RETURN_PERCENT / 100)
    return (int(silence[lost[0]]), None) if len(lost) else (None, STILL_RETURN)


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Cut points of all customers and of each segment; small segments take those of all."""
    gaps = parts.collect()
    pooled = cut_points(gaps, params)
    rows = [_row(POOLED, pooled, pooled, False, params)]
    for segment in sorted(set(gaps["segment"].drop_nulls()) - {POOLED}):
        own = cut_points(gaps.filter(pl.col("segment") == segment), params)
        is_pooled = own.gap_n < MIN_GAPS or (own.churned is None and pooled.churned is not None)
        rows.append(_row(segment, own, pooled if is_pooled else own, is_pooled, params))
    return (
        pl.DataFrame(
            rows, schema={column: kind for column, kind in TABLE.polars_schema.items() if column != "as_of_on"}
        )
        .lazy()
        .with_columns(as_of(params).alias("as_of_on"))
    )


def _row(segment: str, own: CutPoints, used: CutPoints, is_pooled: bool, params: MartParams) -> dict[str, object]:
    return {
        "segment": segment,
        "customer_n": own.open_gap_n,
        "gap_n": own.gap_n,
        "open_gap_n": own.open_gap_n,
        "is_pooled": is_pooled,
        "median_gap_days": used.median,
        "at_risk_days": used.at_risk,
        "dormant_days": used.dormant,
        "churned_days": used.churned,
        "horizon_days": params.horizon_days,
        "at_risk_gap_n": used.at_risk_gap_n,
        "return_rate": used.chance[0],
        "return_rate_lo": used.chance[1],
        "return_rate_hi": used.chance[2],
        "why_not": used.why_not,
    }


MART = Mart(
    code="F1c",
    domain="churn",
    table=TABLE,
    questions=(
        "After how many days of silence is a customer of this channel unlikely to come back?",
        "How often do customers of each acquisition channel buy, by the median gap?",
        "Which segments have too few gaps for cut points of their own?",
    ),
    example_sql=(
        "select segment, gap_n, median_gap_days, at_risk_days, dormant_days, churned_days, is_pooled "
        "from marts.lifecycle_cut_points order by gap_n desc"
    ),
    inputs=("dim_customer", "fct_order"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test", "acquisition_channel"),
        "fct_order": ("customer_id", "ordered_on", "is_kept"),
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
