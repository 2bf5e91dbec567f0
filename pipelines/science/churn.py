"""Churn: the chance that a customer does not order for some time, calibrated on what happened before.

Lives here: the score from count models, its isotonic calibration, what recency alone says, and their test on past days.
Stays out: which orders were known when and tables (the marts), and `p_alive`, which is no churn risk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from sklearn.isotonic import IsotonicRegression

from pipelines.science.count_model import CountRows
from pipelines.science.fit_once import fit_once
from pipelines.science.numerics import Array
from pipelines.science.season import Clock
from pipelines.science.threads import one_thread
from pipelines.science.valuation_model import COUNT_CHOICES, times_on

SILENT_DAYS = 90
MOST_ORIGINS = 3
LEAST_HISTORY_DAYS = 60
LEAST_ROWS, LEAST_OF_A_KIND = 200, 20
"""Fewer rows of past customers, or fewer of them silent or not silent, calibrate nothing."""
_SLOPE = 1e-6


def silence(summary: pl.DataFrame, as_of: date, clock: Clock, days: int = SILENT_DAYS) -> Array:
    """P(no purchase in the `days` after `as_of`) of each customer: the mean of the three models with attrition.

    `summary` from `histories.summarise_days` as of that day. One value per row, 0 to 1, never NaN.
    """
    if summary.is_empty():
        return np.zeros(0)
    place, rows = CountRows.located(*times_on(summary, clock))
    today = (as_of - date(1970, 1, 1)).days
    ahead = float(clock.between(today, today + days))
    with one_thread():
        fits = [fit_once(kind, rows) for kind in COUNT_CHOICES["average"]]
        return np.mean([fit.p_no_purchase(ahead, rows.x, rows.t_x, rows.age) for fit in fits], axis=0)[place]


@dataclass(frozen=True)
class Curve:
    """A rising curve from a score to a probability, linear between knots."""

    score: Array
    probability: Array

    def read(self, score: Array) -> Array:
        """The probability of each score; a slope far below any difference keeps the order of scores within a step."""
        steps = np.interp(score, self.score, self.probability)
        scale = max(float(self.score[-1] - self.score[0]), 1e-12)
        return np.clip(steps + _SLOPE * (score - self.score[-1]) / scale, 0.0, 1.0)


def calibrate(score: Array, silent: Array) -> Curve | None:
    """The isotonic curve from scores to the share silent, kept off 0 and 1; None where there is too little to learn."""
    silent_n = float(silent.sum())
    if len(score) < LEAST_ROWS or min(silent_n, len(silent) - silent_n) < LEAST_OF_A_KIND:
        return None
    edge = 0.5 / len(score)
    model = IsotonicRegression(y_min=edge, y_max=1.0 - edge, out_of_bounds="clip").fit(score, silent)
    return Curve(np.asarray(model.X_thresholds_, dtype=np.float64), np.asarray(model.y_thresholds_, dtype=np.float64))


@dataclass(frozen=True)
class PastSilence:
    """One past day: scores and recency (days) of the customers known then, and who was silent (1) after it."""

    origin: date
    score: Array
    recency: Array
    silent: Array


def origins_of(first: date, end: date, days: int = SILENT_DAYS) -> list[date]:
    """Past days to learn from and to test on, oldest first, their horizons apart and over by `end`."""
    found = [end - timedelta(days=days * step) for step in range(MOST_ORIGINS, 0, -1)]
    return [day for day in found if (day - first).days >= LEAST_HISTORY_DAYS]


def forecasts(here: PastSilence, before: Sequence[PastSilence]) -> dict[str, Array]:
    """P(silent) at one origin by name, learned from earlier ones only: `model`, and where there is enough to learn
    from, `calibrated`, `recency_only` and `base_rate`."""
    found = {"model": here.score}
    learned = learn(before)
    if learned.model is not None and learned.recency is not None:
        found["calibrated"] = learned.model.read(here.score)
        found["recency_only"] = learned.recency.read(here.recency)
        found["base_rate"] = np.full(len(here.score), learned.base_rate)
    return found


@dataclass(frozen=True)
class Learned:
    """What past days teach: curves of the model's score and of recency, and the share that was silent."""

    model: Curve | None
    recency: Curve | None
    base_rate: float


def learn(past: Sequence[PastSilence]) -> Learned:
    """Curves from all past days together; none where they hold too little."""
    if not past:
        return Learned(None, None, 0.0)
    score, recency, silent = (
        np.concatenate([getattr(one, name) for one in past]) for name in ("score", "recency", "silent")
    )
    return Learned(calibrate(score, silent), calibrate(recency, silent), float(silent.mean()) if len(silent) else 0.0)
