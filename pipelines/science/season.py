"""Seasons: a clock on which purchases run evenly.

Lives here: the ratio of actual to expected purchases per week, its split into a yearly season, a slow drift and noise
(a Gaussian process whose settings are averaged by their evidence), and the clock that the season makes.
Stays out: the level of a forecast (`recalibration`).

A forecast on the clock: measure t_x, T and the horizon by `Clock.between`, fit and ask any count model as usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy.linalg.lapack import dpotrf, dpotrs

from pipelines.science.bgnbd import BGNBD
from pipelines.science.count_model import CountModel, CountRows
from pipelines.science.fit_once import fit_once
from pipelines.science.numerics import Array, Index
from pipelines.science.transactions import every_kth

YEAR = 365.25
MIN_HISTORY_DAYS = 400
"""Less history than this cannot tell a season from anything else: the clock is the calendar."""
MIN_STRENGTH = 0.02
"""Standard deviation of the log-index below which there is no season worth a clock."""
SAMPLE = 20_000
"""Customers whose purchases estimate the season; more do not sharpen it."""

_SEASON_SD = (0.0, 0.1, 0.2, 0.4, 0.8)
_SEASON_WIDTH = (0.25, 0.5, 1.0)
_DRIFT_SD = (0.03, 0.1, 0.25)
_DRIFT_DAYS = (120.0, 500.0)
_NOISE_SD = (0.03, 0.12)
_OFFSET_VARIANCE = 0.25
_ROUNDS = 3


@dataclass(frozen=True)
class Clock:
    """Time that runs faster in season: `speed[d]` is the yearly index of day `first_day + d`, mean 1 over the past.

    `log_sd` is the uncertainty of the mean log-index over the days ahead, relative to the past (0 for the calendar).
    """

    first_day: int
    speed: Array
    log_sd: float = 0.0

    @classmethod
    def calendar(cls) -> Clock:
        """The clock without a season."""
        return cls(0, np.ones(0))

    @property
    def is_calendar(self) -> bool:
        """Whether no season was found."""
        return len(self.speed) == 0

    @cached_property
    def _ends(self) -> Array:
        return np.append(0.0, np.cumsum(self.speed))

    def at(self, day: ArrayLike) -> Array:
        """Clock time at the end of a day; days outside the table run at speed 1."""
        given = np.asarray(day)
        days = given.astype(np.float64)
        if self.is_calendar:
            return days
        if given.dtype.kind == "i" and self._holds(given):
            return self._ends[given - (self.first_day - 1)]  # what interpolation says of a whole day
        place = days - self.first_day + 1.0
        inside = np.interp(place, np.arange(len(self._ends)), self._ends)
        return inside + np.minimum(place, 0.0) + np.maximum(place - len(self.speed), 0.0)

    def _holds(self, days: Index) -> bool:
        """Whether all days are within the table."""
        return days.size > 0 and days.min() >= self.first_day - 1 and days.max() < self.first_day + len(self.speed)

    def between(self, begin: ArrayLike, end: ArrayLike) -> Array:
        """Clock time from the end of one day to the end of another, never negative."""
        return np.maximum(self.at(end) - self.at(begin), 0.0)

    def log_index(self, day: ArrayLike) -> Array:
        """ln of the index on a day; 0 without a season."""
        if self.is_calendar:
            return np.zeros(np.shape(day))
        return np.interp(np.asarray(day, dtype=np.float64) - self.first_day, np.arange(len(self.speed)), self._log)

    @cached_property
    def _log(self) -> Array:
        return np.log(self.speed)


@dataclass(frozen=True)
class Purchases:
    """Purchase days of some customers: first and last day of each, and every repeat by day, then customer."""

    first_day: Index
    customer: Index
    day: Index

    @classmethod
    def of(cls, log: pl.DataFrame, end: int, most: int = SAMPLE) -> Purchases:
        """From a day log up to `end`; every k-th customer (in the order of their keys) when there are too many."""
        bought = log.lazy().filter(pl.col("is_purchase") & (pl.col("day") <= end)).select("code", "day")
        frame = every_kth(bought, most).with_columns(first=pl.col("day").min().over("code")).collect()
        frame = frame.with_columns(code=pl.col("code").rle_id())
        first = frame.filter(pl.col("day") == pl.col("first")).sort("code")["day"]
        repeats = frame.filter(pl.col("day") > pl.col("first")).sort("day", "code")
        return cls(*(column.cast(pl.Int64).to_numpy() for column in (first, repeats["code"], repeats["day"])))


def find_clock(log: pl.DataFrame, end: int, horizon: int, most: int = SAMPLE) -> Clock:
    """The seasonal clock of a day log as known at the end of day `end`, running on for `horizon` days.

    At most about `most` customers are asked.

    A BG/NBD is fitted on the current clock, its week-ahead errors are split into season and drift, and the season
    sets the clock anew, three times. Returns the calendar for short histories, and where no season shows.
    """
    purchases, clock = Purchases.of(log, end, most), Clock.calendar()
    if not len(purchases.first_day) or not len(purchases.day):
        return clock
    begin = int(purchases.first_day.min())
    if end - begin < MIN_HISTORY_DAYS:
        return clock
    width = 7 * (1 + (end - begin) // 1500)
    days = np.arange(begin, end + horizon + 1)
    knots = np.append(days[::7], days[-1]).astype(np.float64)
    contrast = (knots > end) / max((knots > end).sum(), 1) - (knots <= end) / (knots <= end).sum()
    x = np.bincount(purchases.customer, minlength=len(purchases.first_day)).astype(np.float64)
    last = purchases.first_day.astype(np.float64)
    np.maximum.at(last, purchases.customer, purchases.day)
    for _ in range(_ROUNDS):
        times = clock.between(purchases.first_day, last), clock.between(purchases.first_day, end)
        model = fit_once(BGNBD, CountRows.of(x, *times), polish=True)
        middle, actual, expected = innovations(purchases, model, clock, (begin + 28, end), width)
        plain = expected * np.exp(-clock.log_index(middle))
        index, contrast_sd = seasonal_index(middle, actual, plain, knots, contrast)
        log_speed = np.interp(days, knots, index)
        if float(log_speed.std()) < MIN_STRENGTH:
            return Clock.calendar()
        speed = np.exp(log_speed)
        clock = Clock(begin, speed / speed[: end - begin + 1].mean(), contrast_sd)
    return clock


def innovations(
    purchases: Purchases, model: CountModel, clock: Clock, span: tuple[int, int], width: int = 7
) -> tuple[Array, Array, Array]:
    """Middle, actual and expected repeat purchases of each `width`-day bin in the span of days (begin, end].

    The expectation of a bin uses each customer's purchases before it (and the model's parameters), so it follows
    every change in who the customers are; what is left is the season and the drift.
    """
    first, (begin, end) = purchases.first_day, span
    began, bought = clock.at(first), clock.at(purchases.day)
    x, last = np.zeros(len(first)), began.copy()
    middle, actual, expected = [], [], []
    done = int(np.searchsorted(purchases.day, begin, side="right"))
    np.add.at(x, purchases.customer[:done], 1.0)
    np.maximum.at(last, purchases.customer[:done], bought[:done])
    for start in range(begin, end - width + 1, width):
        known = np.flatnonzero(first <= start)
        upto = int(np.searchsorted(purchases.day, start + width, side="right"))
        who, when = purchases.customer[done:upto], bought[done:upto]
        if len(known):
            age = np.maximum(clock.at(start) - began[known], 0.0)
            t_x = np.maximum(last[known] - began[known], 0.0)
            ahead = float(clock.between(start, start + width))
            expected.append(float((1.0 - model.p_no_purchase(ahead, x[known], t_x, age)).sum()))
            repeated = np.zeros(len(first), dtype=bool)
            repeated[who[first[who] <= start]] = True
            actual.append(float(np.count_nonzero(repeated)))
            middle.append(start + 0.5 * (width + 1))
        np.add.at(x, who, 1.0)
        np.maximum.at(last, who, when)
        done = upto
    return np.array(middle), np.array(actual), np.array(expected)


def seasonal_index(middle: Array, actual: Array, expected: Array, days: Array, contrast: Array) -> tuple[Array, float]:
    """ln of the yearly index at `days`, and the deviation of its `contrast`, averaged over settings by evidence.

    ln(actual/expected) is modelled as level + season (period one year) + drift (Ornstein-Uhlenbeck) + noise, on top
    of counting noise. Phases of the year never seen get an index of 1 and a wide deviation.
    """
    keep = expected > 0.5
    middle, actual, expected = middle[keep], actual[keep], expected[keep]
    if len(middle) < 8:
        return np.zeros(len(days)), 0.0
    y = np.log((actual + 0.5) / (expected + 0.5))
    counted = 1.0 / (0.5 * (actual + expected) + 0.5)
    drifts = [_drift(middle, *key) for key in product(_DRIFT_SD, _DRIFT_DAYS)]
    seasons = _seasons(middle, middle)
    diagonal = np.diag_indices(len(middle))
    found = []
    for season, drift, noise in product(seasons, drifts, _NOISE_SD):
        covariance = seasons[season] + drift
        covariance[diagonal] += counted + noise**2
        factor, failed = dpotrf(covariance, lower=True, clean=False)
        if failed:
            raise np.linalg.LinAlgError("the covariance of a season is not positive definite")
        solved, _ = dpotrs(factor, y, lower=True)
        evidence = -0.5 * float(y @ solved) - float(np.log(np.diag(factor)).sum())
        found.append((evidence, season, factor, solved))
    best = max(evidence for evidence, *_ in found)
    crosses, priors = _seasons(days, middle), _seasons(days, days)
    ahead: dict[tuple[float, float], tuple[Array, float]] = {}
    total, square, mean = 0.0, 0.0, np.zeros(len(days))
    for evidence, season, factor, solved in found:
        weight = float(np.exp(evidence - best))
        total += weight
        if weight < 1e-4 or season[0] == 0.0:
            continue
        if season not in ahead:
            ahead[season] = (contrast @ crosses[season], float(contrast @ priors[season] @ contrast))
        seen, prior = ahead[season]
        expectation = crosses[season] @ solved
        left = prior - float(seen @ dpotrs(factor, seen, lower=True)[0])
        mean += weight * expectation
        square += weight * (float(contrast @ expectation) ** 2 + max(left, 0.0))
    mean = mean / total
    return mean, float(np.sqrt(max(square / total - float(contrast @ mean) ** 2, 0.0)))


def _seasons(a: Array, b: Array) -> dict[tuple[float, float], Array]:
    """Covariances of the season at days `a` and `b`, by its deviation and width."""
    gap = np.sin(np.pi * (a[:, None] - b[None, :]) / YEAR)
    shapes = {width: np.exp(-2.0 * (gap / width) ** 2) for width in _SEASON_WIDTH}
    return {(sd, width): sd**2 * shapes[width] for sd, width in product(_SEASON_SD, _SEASON_WIDTH)}


def _drift(at: Array, sd: float, days: float) -> Array:
    return sd**2 * np.exp(-np.abs(at[:, None] - at[None, :]) / days) + _OFFSET_VARIANCE
