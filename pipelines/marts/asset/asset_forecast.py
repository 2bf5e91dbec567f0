"""C7: what the customer base will bring in over the coming twelve months, and what earlier forecasts were worth.

Lives here: the mart `asset_forecast`. Stays out: values (`customer_asset`) and the analysis of change
(`asset_variance`), whose expected money of the month is the forecast of the base's run-off made at its opening.

Run-off: the expected money of today's customers, month by month, from the models of the last review; it is what the
closing of the ledger is the discounted sum of. New business: customers acquired by a linear trend of the last year's
months, times what a customer has brought in by age in months. Intervals come from how far forecasts so many months
ahead were off on past days (`run_off.by_horizon`); the trend's are at least its prediction error. Forecasts of past
days stand beside what came: a month ahead from every month-end, and up to twelve from every third.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.asset.assumptions import SCHEMA, reviews_of
from pipelines.marts.asset.facts import ORDER_READS, Facts, order_rows, reversal_rows
from pipelines.marts.asset.months import MONTHS, Cells, Months, months_of, months_told, sums_of
from pipelines.marts.asset.new_business import TREND_MONTHS, new_business, next_month
from pipelines.marts.asset.packing import pack, unpack
from pipelines.marts.asset.periods import month_end
from pipelines.marts.asset.run_off import (
    Record,
    Rehearsal,
    by_horizon,
    errors,
    expected_run_off,
    month_ahead,
    month_sd,
    rehearsals,
)
from pipelines.marts.asset.states import ACQUIRED
from pipelines.marts.common import AS_OF, BASES, BASIS_SAYS, CURRENCY, ESTIMATE, stamp, units
from pipelines.marts.reversals import REVERSAL_INPUTS, REVERSAL_READS
from pipelines.science.intervals import two_sided_z
from pipelines.science.numerics import Array

RUN_OFF, NEW, ALL = PARTS = ("run_off", "new_business", "total")
METHODS = {
    RUN_OFF: "expected money of the valuation's models; interval from past errors so many months ahead",
    NEW: "linear trend of acquired customers times money by age; interval of prediction or past errors, the wider",
    ALL: "sum of both, errors independent",
}
TOO_SHORT = "fewer than four whole months to learn the error from"
_UNIT = 1e-4

TABLE = Table(
    "asset_forecast",
    "Money expected of a month, from the customers there are and from those to come.",
    ("forecast_on", "period_on", "part", "basis"),
    (
        day("forecast_on", "Day of the forecast: the as-of day, or an earlier month-end", required=True),
        day("period_on", "End of the month forecast", required=True),
        text("part", "run_off: today's customers; new_business: customers to come; total", required=True, values=PARTS),
        text("basis", BASIS_SAYS, required=True, values=BASES),
        *ESTIMATE,
        integer("n", "Customers, or months of the trend, that the estimate rests on", required=True),
        money(
            "actual_amount",
            "What came, as known at the end of the month, of the orders whose amount on the basis is known",
            unit="reporting currency",
            null_means="the month is not over",
        ),
        AS_OF,
        CURRENCY,
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Facts and assumptions, the money of months, and sums of the money by age, packed."""
    asset = inputs["customer_asset"].select(
        "customer_id",
        "period_on",
        "basis",
        (pl.col("behaviour") == ACQUIRED).alias("is_new"),
        units("actual_amount").alias("actual"),
    )
    return pack(
        {
            "orders": order_rows(inputs, params),
            "reversals": reversal_rows(inputs, params),
            "assumptions": inputs["asset_assumptions"],
            "months": months_told(inputs["asset_variance"]),
        }
        | sums_of(asset)
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The rows themselves: the models are of all customers, and the sums add up."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Forecasts as they were made on past days, with what came, and of the next twelve months."""
    packed = parts.collect()
    sums = {name: unpack(packed, name) for name in ("months", "cells", "acquired")}
    schema = {name: kind for name, kind in TABLE.polars_schema.items() if name not in ("as_of_on", "currency")}
    schema["actual_amount"] = pl.Int64()
    rows: list[dict[str, object]] = []
    if len(sums["months"]):
        records = {}
        for basis in sums["months"]["basis"].unique().sort():
            mine = {name: rows.filter(pl.col("basis") == basis) for name, rows in sums.items()}
            months = months_of(mine["months"])
            records[basis] = Record(months, Cells.of(mine["cells"], mine["acquired"], months.ends))
        facts = Facts.of(unpack(packed, "orders"), unpack(packed, "reversals"))
        reviews = reviews_of(unpack(packed, "assumptions"))
        found = rehearsals(facts, reviews, records)
        summary, ends = facts.summary(params.as_of, params.as_of), _following(params.as_of)
        run_off = expected_run_off(summary, reviews[-1], list(records), params.as_of, ends)
        for basis, record in records.items():
            past = _past(record.months, found[basis], params)
            ahead = _ahead(run_off[basis], len(summary), record, found[basis], params)
            rows += [row | {"basis": basis} for row in (*past, *ahead)]
    return pl.DataFrame(rows, schema=schema).lazy().with_columns(*stamp(params))


def _rows(
    forecast_on: date,
    ends: list[date],
    parts: dict[str, tuple[Array, Array]],
    n: dict[str, int],
    params: MartParams,
    came: dict[str, Array] | None = None,
) -> list[dict[str, object]]:
    """The three parts of every month; `parts` holds money and its deviation in units, `came` what came of both."""
    actual = {} if came is None else came | {ALL: came[RUN_OFF] + came[NEW]}
    money = parts[RUN_OFF][0] + parts[NEW][0]
    sd = np.hypot(parts[RUN_OFF][1], parts[NEW][1])
    z = two_sided_z(params.confidence)
    rows: list[dict[str, object]] = []
    for part, (amounts, deviations) in {**parts, ALL: (money, sd)}.items():
        for place, (end, amount, deviation) in enumerate(zip(ends, amounts * _UNIT, deviations * _UNIT, strict=True)):
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
                    "actual_amount": int(actual[part][place]) if actual else None,
                }
            )
    return rows


def _past(months: Months, found: list[Rehearsal], params: MartParams) -> list[dict[str, object]]:
    """Forecasts of past days, from months over by then, beside what came: a month ahead from every month-end, and up to
    twelve from the rehearsed ones."""
    base, new = month_ahead(months)
    rows = []
    for place in range(1, months.whole):
        seen = months.before(place, months.whole)
        parts = {
            RUN_OFF: _spread(
                (months.expected[place : place + 1], np.zeros(1)), np.array([month_sd(base[: place - 1])])
            ),
            NEW: _spread(next_month(seen), np.array([month_sd(new[: place - 1])])),
        }
        came = {RUN_OFF: months.actual[place : place + 1], NEW: months.new_money[place : place + 1]}
        n = {RUN_OFF: place, NEW: min(place, TREND_MONTHS), ALL: place}
        rows += _rows(seen.ends[-1], months.ends[place : place + 1], parts, n, params, came)
    for one in found:
        parts = _parts((one.run_off, np.zeros(one.told)), (one.newcomers, one.newcomers_sd), months, found, one.origin)
        came = {RUN_OFF: one.came_run_off, NEW: one.came_newcomers}
        n = {RUN_OFF: one.origin + 1, NEW: min(one.origin + 1, TREND_MONTHS), ALL: one.origin + 1}
        ends = months.ends[one.origin + 1 : one.origin + 1 + one.told]
        later = _rows(months.ends[one.origin], ends, parts, n, params, came)
        rows += [row for row in later if row["period_on"] != ends[0]]  # that month is told above
    return rows


def _parts(
    run_off: tuple[Array, Array],
    newcomers: tuple[Array, Array],
    months: Months,
    found: list[Rehearsal],
    origin: int,
) -> dict[str, tuple[Array, Array]]:
    """Both parts of a forecast made at a period end, with the deviations that past errors known by then tell."""
    base, new = month_ahead(months)
    known = [one.by(origin) for one in found if one.origin < origin]
    ahead = len(run_off[0])
    of_base = by_horizon(month_sd(base[:origin]), errors([o.run_off for o in known], [o.came_run_off for o in known]))
    of_new = by_horizon(month_sd(new[:origin]), errors([o.newcomers for o in known], [o.came_newcomers for o in known]))
    return {RUN_OFF: _spread(run_off, of_base[:ahead]), NEW: _spread(newcomers, of_new[:ahead])}


def _spread(forecast: tuple[Array, Array], log_sd: Array) -> tuple[Array, Array]:
    """A forecast whose deviation is at least what past forecasts so far ahead were off: the models miss things.

    NaN where neither is told.
    """
    money, deviation = forecast
    return money, np.fmax(np.where(deviation > 0, deviation, np.nan), np.abs(money) * log_sd)


def _ahead(
    run_off: Array, customers: int, record: Record, found: list[Rehearsal], params: MartParams
) -> list[dict[str, object]]:
    """The next twelve months from the as-of day; the first is the rest of the running month, if it runs."""
    months, ends = record.months, _following(params.as_of)
    whole = months.whole
    newcomers = new_business(months.before(whole, whole), record.cells.by_age(whole), len(ends))
    parts = _parts((run_off, np.zeros(len(ends))), newcomers, months, found, whole - 1)
    n = {RUN_OFF: customers, NEW: min(whole, TREND_MONTHS), ALL: customers}
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
        "and basis = 'net_revenue' order by period_on, part"
    ),
    inputs=("dim_customer", "fct_order", *REVERSAL_INPUTS, "asset_assumptions", "asset_variance", "customer_asset"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test", "acquisition_channel"),
        "fct_order": ORDER_READS,
        **REVERSAL_READS,
        "asset_assumptions": tuple(SCHEMA.names()),
        "asset_variance": (
            "period_on",
            "dim",
            "basis",
            "expected_money_amount",
            "actual_money_amount",
            "new_money_amount",
            "new_customer_n",
        ),
        "customer_asset": ("customer_id", "period_on", "basis", "behaviour", "actual_amount"),
    },
    only={"customer_asset": f"actual_amount <> 0 or behaviour = '{ACQUIRED}'"},
    once=("asset_assumptions", "asset_variance"),
    local=local,
    partial=partial,
    finalize=finalize,
)
