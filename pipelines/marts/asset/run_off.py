"""Run-off: the money expected of the customers there are, and how far such forecasts were off so many months ahead.

Lives here: forecasts made on past days over twelve months, their errors, and the deviation by horizon that they tell.
Stays out: newcomers (`new_business`) and the table (`asset_forecast`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.marts.asset.assumptions import Assumptions
from pipelines.marts.asset.facts import Facts
from pipelines.marts.asset.months import MONTHS, Cells, Months
from pipelines.marts.asset.new_business import LEAST_MONTHS, TREND_MONTHS, month_errors, new_business
from pipelines.marts.asset.outlook import money_between
from pipelines.science.numerics import Array

ORIGIN_STEP, MOST_ORIGINS, LEAST_HISTORY = 3, 8, 6
"""Months between origins, how many are asked at most, and months of history that a forecast needs."""


@dataclass(frozen=True)
class Rehearsal:
    """Forecasts that could have been made on a past month-end, by month ahead, and what came (units)."""

    origin: int
    run_off: Array
    newcomers: Array
    newcomers_sd: Array
    came_run_off: Array
    came_newcomers: Array

    @property
    def told(self) -> int:
        """How many of the months ahead are over."""
        return len(self.came_run_off)

    def by(self, place: int) -> Rehearsal:
        """What of it was over at a later period end."""
        columns = (self.run_off, self.newcomers, self.newcomers_sd, self.came_run_off, self.came_newcomers)
        return Rehearsal(self.origin, *(column[: place - self.origin] for column in columns))


@dataclass(frozen=True)
class Record:
    """What came on a basis: months, and money by month of acquisition."""

    months: Months
    cells: Cells


def rehearsals(
    facts: Facts, reviews: Sequence[Assumptions], records: Mapping[str, Record]
) -> dict[str, list[Rehearsal]]:
    """By basis, forecasts from every third of the past month-ends, oldest first, with what was known and in force then.

    The months of all records are the same.
    """
    months = next(iter(records.values())).months
    origins = range(months.whole - 1 - ORIGIN_STEP, LEAST_HISTORY - 2, -ORIGIN_STEP)[:MOST_ORIGINS]
    found: dict[str, list[Rehearsal]] = {basis: [] for basis in records}
    summary, before = pl.DataFrame(), date.min
    for origin in reversed(origins):
        on = months.ends[origin]
        ends = months.ends[origin + 1 : min(origin + 1 + MONTHS, months.whole)]
        summary = facts.summary(on, on) if summary.is_empty() else facts.summary_after(summary, before, on)
        review = [review for review in reviews if review.fitted_on <= on][-1]
        for basis, run_off in expected_run_off(summary, review, list(records), on, ends).items():
            found[basis].append(_rehearsed(origin, run_off, records[basis]))
        before = on
    return found


def _rehearsed(origin: int, run_off: Array, record: Record) -> Rehearsal:
    months, cells = record.months, record.cells
    later = range(origin + 1, origin + 1 + len(run_off))
    seen = months.before(origin + 1, months.whole)
    newcomers, deviation = new_business(seen, cells.by_age(origin + 1), len(run_off))
    return Rehearsal(
        origin,
        run_off,
        newcomers,
        deviation,
        np.array([cells.of_base(origin, place) for place in later], dtype=np.float64),
        np.array([cells.of_newcomers(origin, place) for place in later], dtype=np.float64),
    )


def expected_run_off(
    summary: pl.DataFrame, review: Assumptions, bases: Sequence[str], on: date, ends: Sequence[date]
) -> dict[str, Array]:
    """By basis, expected money (units) of the customers of a summary as of a day in each of the months that end on
    `ends`."""
    days = np.array([0.0, *(float((end - on).days) for end in ends)])
    return money_between(summary, {basis: review.models[basis] for basis in bases}, days)


def month_ahead(months: Months) -> tuple[Array, Array]:
    """Logs of errors a month ahead, of the base and of newcomers, for all whole months but the first; NaN if untold."""
    upto = slice(1, months.whole)
    expected, actual = months.expected[upto], months.actual[upto]
    told = (expected > 0) & (actual > 0)
    base = np.full(len(expected), np.nan)
    base[told] = np.log(actual[told] / expected[told])
    return base, month_errors(months)


def errors(forecast: Sequence[Array], came: Sequence[Array]) -> Array:
    """Logs of what came over the forecast, a row per origin and a column per month ahead; NaN where not told."""
    found = np.full((len(forecast), MONTHS), np.nan)
    for row, (expected, actual) in enumerate(zip(forecast, came, strict=True)):
        told = np.flatnonzero((expected > 0) & (actual > 0))
        found[row, told] = np.log(actual[told] / expected[told])
    return found


def month_sd(found: Array) -> float:
    """Root mean square of the last year's logs of errors a month ahead; NaN with fewer than four."""
    told = found[np.isfinite(found)][-TREND_MONTHS:]
    return float(np.sqrt((told**2).mean())) if len(told) >= LEAST_MONTHS else float("nan")


def by_horizon(one_month: float, found: Array) -> Array:
    """Deviation of the log of what comes over the forecast, 1 to 12 months ahead.

    At a month `one_month`; beyond, the root mean square of past errors at that very horizon, where at least four are
    known, and never less than nearer ones. Where fewer are known the variance grows in step with the horizon, as that
    of a level that wanders.
    """
    spread = np.full(MONTHS, one_month)
    last = 0
    for place in range(1, MONTHS):
        told = found[:, place][np.isfinite(found[:, place])]
        if len(told) >= LEAST_MONTHS:
            spread[place], last = max(float(np.sqrt((told**2).mean())), spread[place - 1]), place
        else:
            spread[place] = spread[last] * np.sqrt((place + 1.0) / (last + 1.0))
    return spread
