"""C7: what the customer base will bring in over the coming twelve months, and what earlier forecasts were worth.

Lives here: the mart `asset_forecast`. Stays out: values (`customer_asset`) and the analysis of change
(`asset_variance`), whose expected money of the month is the forecast of the base's run-off made at its opening.

Run-off: the expected money of today's customers, month by month, from the models of the last review; it is what the
closing of the ledger is the discounted sum of. New business: customers acquired by a linear trend of the last year's
months, times what a customer has brought in by age in months. Intervals: the run-off's from how far forecasts of single
months were off in the past, as one error that lasts; the trend's from its prediction error, and at least from how far
it was off in the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.asset.assumptions import SCHEMA, from_rows
from pipelines.marts.asset.facts import ORDER_READS, REFUND_READS, Facts, order_rows, refund_rows
from pipelines.marts.asset.outlook import expected_money
from pipelines.marts.asset.packing import pack, unpack
from pipelines.marts.asset.periods import month_end
from pipelines.marts.asset.record import basis_of
from pipelines.marts.asset.states import ACQUIRED
from pipelines.marts.common import AS_OF, BASES, CURRENCY, ESTIMATE, stamp, units
from pipelines.marts.profit.mart_coverage import TOTAL
from pipelines.science.intervals import two_sided_z
from pipelines.science.numerics import Array

MONTHS, TREND_MONTHS, LEAST_MONTHS = 12, 12, 4
RUN_OFF, NEW, ALL = PARTS = ("run_off", "new_business", "total")
METHODS = {
    RUN_OFF: "expected money of the valuation's models; interval from past errors of a month ahead",
    NEW: "linear trend of acquired customers times money by age; interval of prediction or past errors, the wider",
    ALL: "sum of both, errors independent",
}
TOO_SHORT = "fewer than four whole months to learn the error from"
_UNIT = 1e-4

TABLE = Table(
    "asset_forecast",
    "Money expected of a month, from the customers there are and from those to come.",
    ("forecast_on", "period_on", "part"),
    (
        day("forecast_on", "Day of the forecast: the as-of day, or the end of the month before", required=True),
        day("period_on", "End of the month forecast", required=True),
        text("part", "run_off: today's customers; new_business: customers to come; total", required=True, values=PARTS),
        text("basis", "Basis of the money: the headline basis", required=True, values=BASES),
        *ESTIMATE,
        integer("n", "Customers, or months of the trend, that the estimate rests on", required=True),
        money(
            "actual_amount",
            "What came, as known at the end of the month",
            unit="reporting currency",
            null_means="the month is not over",
        ),
        AS_OF,
        CURRENCY,
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Facts and assumptions, and the money of months and of ages, packed."""
    headline = pl.col("dim") == TOTAL
    asset = inputs["customer_asset"].select(
        "customer_id",
        "period_on",
        (pl.col("behaviour") == ACQUIRED).alias("is_new"),
        "closing_cohort_on",
        *(units(f"{name}_amount").alias(name) for name in ("expected", "actual")),
    )
    return pack(
        {
            "orders": order_rows(inputs, params),
            "refunds": refund_rows(inputs, params),
            "basis": inputs["mart_coverage"].filter(headline).select("headline_basis"),
            "assumptions": inputs["asset_assumptions"],
            "asset": asset,
        }
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The rows themselves: the models are of all customers."""
    return rows


@dataclass(frozen=True)
class _Months:
    """Money by period in order: ends, expected and actual of the base, acquired customers and their money."""

    ends: list[date]
    expected: Array
    actual: Array
    new_n: Array
    new_money: Array

    def before(self, place: int, whole: int) -> _Months:
        """The months before a place, of the first `whole` (those that are not cut)."""
        upto = slice(0, min(place, whole))
        return _Months(self.ends[upto], self.expected[upto], self.actual[upto], self.new_n[upto], self.new_money[upto])


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Forecasts of single months as they were made, with what came, and of the next twelve."""
    packed = parts.collect()
    asset = unpack(packed, "asset")
    schema = {name: kind for name, kind in TABLE.polars_schema.items() if name not in ("as_of_on", "currency", "basis")}
    schema["actual_amount"] = pl.Int64()
    rows: list[dict[str, object]] = []
    if len(asset):
        months, by_age = _months(asset), _by_age(asset)
        rows += _past(months, params)
        rows += _ahead(packed, months, by_age, params)
    frame = pl.DataFrame(rows, schema=schema)
    return frame.lazy().with_columns(pl.lit(basis_of(packed)).alias("basis"), *stamp(params))


def _months(asset: pl.DataFrame) -> _Months:
    is_new = pl.col("is_new")
    zero = pl.lit(0, dtype=pl.Int64)
    sums = (
        asset.group_by("period_on")
        .agg(
            pl.col("expected").sum(),
            pl.when(is_new).then(zero).otherwise(pl.col("actual")).sum().alias("base"),
            is_new.sum().cast(pl.Int64).alias("new_n"),
            pl.when(is_new).then(pl.col("actual")).otherwise(zero).sum().alias("new"),
        )
        .sort("period_on")
    )
    columns = (sums[name].cast(pl.Float64).to_numpy() for name in ("expected", "base", "new_n", "new"))
    return _Months(sums["period_on"].to_list(), *columns)


def _by_age(asset: pl.DataFrame) -> Array:
    """Mean money of a customer (units) by age in months since the cohort's, over customers observed at that age.

    Every acquired customer counts, silent ones too; the month of acquisition is age 0.
    """
    period, cohort = pl.col("period_on"), pl.col("closing_cohort_on")
    years, months = period.dt.year() - cohort.dt.year(), period.dt.month() - cohort.dt.month()
    age = years.cast(pl.Int64) * 12 + months.cast(pl.Int64)
    sums = (
        asset.filter(cohort.is_not_null() & (period == period.dt.month_end()))
        .group_by(age.alias("age"))
        .agg(pl.col("actual").sum(), pl.len().cast(pl.Int64))
        .sort("age")
    )
    found = np.zeros(MONTHS)
    for place, amount, n in sums.iter_rows():
        if 0 <= place < MONTHS and n > 0:
            found[place] = amount / n
    return found


def _trend(months: _Months, ahead: int) -> tuple[Array, Array]:
    """Acquired customers of the next months by the linear trend of the last year, at least 0, and their deviation."""
    counts = months.new_n[-TREND_MONTHS:]
    n = len(counts)
    if n < LEAST_MONTHS:
        mean = float(counts.mean()) if n else 0.0
        return np.full(ahead, mean), np.full(ahead, np.nan)
    at = np.arange(n, dtype=np.float64)
    spread = float(((at - at.mean()) ** 2).sum())
    slope = float(((at - at.mean()) * (counts - counts.mean())).sum()) / spread
    fitted = counts.mean() + slope * (at - at.mean())
    variance = float(((counts - fitted) ** 2).sum()) / (n - 2)
    later = np.arange(n, n + ahead, dtype=np.float64)
    deviation = np.sqrt(variance * (1.0 + 1.0 / n + (later - at.mean()) ** 2 / spread))
    return np.maximum(counts.mean() + slope * (later - at.mean()), 0.0), deviation


def _new_business(months: _Months, by_age: Array, ahead: int) -> tuple[Array, Array]:
    """Money of customers to come, month by month: every month's newcomers at every age since; and its deviation."""
    newcomers, deviation = _trend(months, ahead)
    ages = np.zeros(ahead)
    ages[: min(ahead, MONTHS)] = by_age[:ahead]
    money = np.array([float(newcomers[: k + 1][::-1] @ ages[: k + 1]) for k in range(ahead)])
    sd = np.array([float(np.sqrt((deviation[: k + 1][::-1] ** 2) @ (ages[: k + 1] ** 2))) for k in range(ahead)])
    return money, sd


def _next_month(months: _Months) -> tuple[Array, Array]:
    """Money of next month's newcomers in that month, at the mean of all newcomers so far; and its deviation."""
    newcomers, deviation = _trend(months, 1)
    each = float(months.new_money.sum() / max(months.new_n.sum(), 1.0))
    return newcomers * each, deviation * abs(each)


def _new_errors(months: _Months) -> Array:
    """Logs of actual over expected money of newcomers, for every whole month but the first; NaN where not told."""
    errors = []
    for place in range(1, _whole(months)):
        expected, actual = float(_next_month(months.before(place, place))[0][0]), float(months.new_money[place])
        errors.append(np.log(actual / expected) if expected > 0 and actual > 0 else np.nan)
    return np.array(errors)


def _wider(forecast: tuple[Array, Array], errors: Array) -> tuple[Array, Array]:
    """A forecast of newcomers, its deviation at least what past forecasts were off: the trend misses seasons."""
    money, deviation = forecast
    told = errors[np.isfinite(errors)][-TREND_MONTHS:]
    if len(told) < LEAST_MONTHS:
        return forecast
    return money, np.maximum(deviation, money * float(np.sqrt((told**2).mean())))


def _whole(months: _Months) -> int:
    """How many of the months are whole: the last one may be cut by the as-of day."""
    return len(months.ends) - (months.ends[-1] != month_end(months.ends[-1]))


def _level_sd(months: _Months) -> float:
    """Deviation of the log of actual over expected money of the base, a month ahead; NaN when too short."""
    told = (months.expected > 0) & (months.actual > 0)
    if int(told.sum()) < LEAST_MONTHS:
        return float("nan")
    errors = np.log(months.actual[told][-TREND_MONTHS:] / months.expected[told][-TREND_MONTHS:])
    return float(np.sqrt((errors**2).mean()))


def _rows(
    forecast_on: date, ends: list[date], parts: dict[str, tuple[Array, Array]], n: dict[str, int], params: MartParams
) -> list[dict[str, object]]:
    """The three parts of every month; `parts` holds money and its deviation in units."""
    money = parts[RUN_OFF][0] + parts[NEW][0]
    sd = np.hypot(parts[RUN_OFF][1], parts[NEW][1])
    z = two_sided_z(params.confidence)
    rows: list[dict[str, object]] = []
    for part, (amounts, deviations) in {**parts, ALL: (money, sd)}.items():
        for end, amount, deviation in zip(ends, amounts * _UNIT, deviations * _UNIT, strict=True):
            is_told = bool(np.isfinite(deviation))
            rows.append(
                {
                    "forecast_on": forecast_on,
                    "period_on": end,
                    "part": part,
                    "est": float(amount),
                    "lo": float(amount - z * deviation) if is_told else None,
                    "hi": float(amount + z * deviation) if is_told else None,
                    "method": METHODS[part],
                    "is_identified": True,
                    "why_not": None if is_told else TOO_SHORT,
                    "n": n[part],
                    "actual_amount": None,
                }
            )
    return rows


def _past(months: _Months, params: MartParams) -> list[dict[str, object]]:
    """Forecasts of a month made at the end of the one before, from months over by then, beside what came."""
    rows = []
    whole = _whole(months)
    errors = _new_errors(months)
    for place in range(1, whole):
        seen = months.before(place, whole)
        base = months.expected[place : place + 1]
        parts = {RUN_OFF: (base, base * _level_sd(seen)), NEW: _wider(_next_month(seen), errors[: place - 1])}
        n = {RUN_OFF: place, NEW: min(place, TREND_MONTHS), ALL: place}
        came = {RUN_OFF: months.actual[place], NEW: months.new_money[place]}
        came[ALL] = came[RUN_OFF] + came[NEW]
        for row in _rows(seen.ends[-1], [months.ends[place]], parts, n, params):
            rows.append({**row, "actual_amount": int(came[str(row["part"])])})
    return rows


def _ahead(packed: pl.DataFrame, months: _Months, by_age: Array, params: MartParams) -> list[dict[str, object]]:
    """The next twelve months from the as-of day; the first is the rest of the running month, if it runs."""
    facts = Facts.of(unpack(packed, "orders"), unpack(packed, "refunds"), basis_of(packed))
    summary = facts.summary(params.as_of, params.as_of)
    reviews = unpack(packed, "assumptions").select(SCHEMA.names())
    last = from_rows(reviews.filter(pl.col("fitted_on") == pl.col("fitted_on").max()))
    ends = _following(params.as_of)
    days = [0.0, *(float((end - params.as_of).days) for end in ends)]
    spans = list(pairwise(days))
    plain = np.zeros(len(spans))
    if len(summary):
        plain = np.rint(expected_money(summary, last.model, params, spans)[0] * 1e4).sum(axis=0)
    whole = _whole(months)
    seen = months.before(whole, whole)
    parts = {
        RUN_OFF: (plain, plain * _level_sd(seen)),
        NEW: _wider(_new_business(seen, by_age, len(ends)), _new_errors(months)),
    }
    n = {RUN_OFF: len(summary), NEW: min(whole, TREND_MONTHS), ALL: len(summary)}
    return _rows(params.as_of, ends, parts, n, params)


def _following(as_of: date) -> list[date]:
    ends, day_after = [], as_of + timedelta(days=1)
    for _ in range(MONTHS):
        ends.append(month_end(day_after))
        day_after = ends[-1] + timedelta(days=1)
    return ends


MART = Mart(
    code="C7",
    domain="asset",
    table=TABLE,
    questions=(
        "What will the customers we have bring in over the next twelve months?",
        "How much of next year's money depends on customers still to be won?",
        "How far off were the forecasts of the last months, and did their intervals hold?",
    ),
    example_sql=(
        "select period_on, part, est, lo, hi from marts.asset_forecast where forecast_on = as_of_on "
        "order by period_on, part"
    ),
    inputs=("dim_customer", "fct_order", "fct_refund", "mart_coverage", "asset_assumptions", "customer_asset"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test", "acquisition_channel"),
        "fct_order": ORDER_READS,
        "fct_refund": REFUND_READS,
        "mart_coverage": ("dim", "headline_basis"),
        "asset_assumptions": tuple(SCHEMA.names()),
        "customer_asset": (
            "customer_id",
            "period_on",
            "behaviour",
            "closing_cohort_on",
            "expected_amount",
            "actual_amount",
        ),
    },
    once=("mart_coverage", "asset_assumptions"),
    local=local,
    partial=partial,
    finalize=finalize,
)
