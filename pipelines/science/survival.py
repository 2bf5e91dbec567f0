"""Survival: the product-limit (Kaplan-Meier) curve with Greenwood's variance, on counts.

Lives here: the curve from counts of events and censorings by whole time, its value, its conditional value and their
log-log intervals. Stays out: parametric lifetimes (`sbg`, `bgnbd`) and regression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipelines.science.intervals import two_sided_z

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SurvivalCurve:
    """A step function: at each distinct time the number at risk just before it, the survival and Greenwood's sum after.

    A unit censored at a time is at risk at that time. `greenwood` is the running sum of d / (r (r - d)), infinite once
    everybody at risk has had the event.
    """

    times: Ints
    at_risk: Ints
    events: Ints
    survival: Floats
    greenwood: Floats

    def value_at(self, time: ArrayLike) -> Floats:
        """Survival beyond `time`: the share without an event up to and including it."""
        return np.r_[1.0, self.survival][self._position(time)]

    def at_risk_after(self, time: ArrayLike) -> Ints:
        """Units still without event and under observation after `time`."""
        return np.r_[self.at_risk, 0][self._position(time)]

    def interval_at(self, time: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Log-log (exponential Greenwood) interval of `value_at`; NaN where survival is 0 or 1."""
        position = self._position(time)
        return _log_log(np.r_[1.0, self.survival][position], np.r_[0.0, self.greenwood][position], confidence)

    def conditional(self, start: int, end: int, confidence: float = 0.95) -> tuple[float, float, float]:
        """Chance of no event up to `end` given none up to `start`, with its log-log interval; NaN where not defined."""
        first, last = self._position(start), self._position(end)
        survival, greenwood = np.r_[1.0, self.survival], np.r_[0.0, self.greenwood]
        if survival[first] == 0:
            return float("nan"), float("nan"), float("nan")
        chance = survival[last] / survival[first]
        low, high = _log_log(chance, greenwood[last] - greenwood[first], confidence)
        return float(chance), float(low), float(high)

    def _position(self, time: ArrayLike) -> NDArray[np.intp]:
        return np.searchsorted(self.times, np.asarray(time), side="right")


def kaplan_meier(times: ArrayLike, events: ArrayLike, censored: ArrayLike) -> SurvivalCurve:
    """The product-limit curve from, for each time, how many had the event and how many were censored then.

    Times may repeat and come in any order; rows without counts are dropped. ValueError for negative counts.
    """
    time = np.asarray(times, dtype=np.int64)
    had, left = np.asarray(events, dtype=np.int64), np.asarray(censored, dtype=np.int64)
    if np.any(had < 0) or np.any(left < 0):
        raise ValueError("counts must not be negative")
    distinct, inverse = np.unique(time[(had + left) > 0], return_inverse=True)
    used = (had + left) > 0
    d = np.zeros(len(distinct), dtype=np.int64)
    c = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(d, inverse, had[used])
    np.add.at(c, inverse, left[used])
    gone = np.cumsum(d + c)
    total = int(gone[-1]) if len(gone) else 0
    r = total - np.r_[0, gone[:-1]] if len(gone) else gone
    with np.errstate(divide="ignore"):
        survival = np.cumprod((r - d) / r)
        greenwood = np.cumsum(np.where(d > 0, d / (r * (r - d)), 0.0))
    return SurvivalCurve(distinct, r, d, survival, greenwood)


def _log_log(survival: ArrayLike, greenwood: ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    s, v = np.asarray(survival, dtype=np.float64), np.asarray(greenwood, dtype=np.float64)
    z = two_sided_z(confidence)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = z * np.sqrt(v) / np.abs(np.log(s))
        low, high = s ** np.exp(spread), s ** np.exp(-spread)
    inside = (s > 0) & (s < 1)
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)
