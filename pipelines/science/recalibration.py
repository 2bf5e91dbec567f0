"""Recalibration: the level of a forecast, from its own errors at rolling origins.

Lives here: which past days to forecast from, and the posterior of the log-level given past ratios.
Stays out: seasons (`season`) and the ranking of customers (`correction`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from pipelines.science.numerics import Array, as_floats

_BIAS_SD = (0.01, 0.03, 0.1, 0.2)
_WANDER_SD = (0.01, 0.03, 0.1)
_STRETCH_SD = 0.12
"""Standard deviation of the log-level added per e-fold by which the horizon exceeds what was tested in the past."""
_STRETCH_DECAY = 0.5
"""A bias over a short horizon carries over to one `stretch` times as long with correlation stretch**-decay."""


@dataclass(frozen=True)
class Level:
    """Posterior of ln(actual total / forecast total) for the coming horizon."""

    log_mean: float = 0.0
    log_sd: float = 0.0

    @property
    def factor(self) -> float:
        """What to multiply the forecast with."""
        return float(np.exp(self.log_mean))


def rolling_origins(first_day: int, end: int, horizon: int, most: int = 4) -> tuple[list[int], int]:
    """Past origins (latest first) and the horizon to test there; no origins when the history is too short.

    The tested horizon is the real one, but at most a third of the history; windows do not overlap and end by `end`;
    at least a quarter of the history (and 60 days) lies before each origin.
    """
    history = end - first_day
    tested = min(horizon, history // 3)
    if tested < 14:
        return [], 0
    least = max(60, history // 4)
    candidates = [end - tested * step for step in range(1, most + 1)]
    return [origin for origin in candidates if origin - first_day >= least], tested


def level_posterior(actual: ArrayLike, forecast: ArrayLike, variance: ArrayLike, stretch: float = 1.0) -> Level:
    """Posterior of the log-level from totals at past origins; `variance` is the sampling variance of each actual.

    ln(actual/forecast) = bias + wander + sampling error. The standard deviations of bias (the same in the future) and
    wander (new every time) are averaged over a grid by their evidence. `stretch` = horizon / tested horizon.
    """
    truth, guess, noise = as_floats(actual), as_floats(forecast), as_floats(variance)
    keep = (truth > 0) & (guess > 0)
    extra = _STRETCH_SD * float(np.log(max(stretch, 1.0)))
    if not keep.any():
        return Level(0.0, float(np.hypot(0.1, extra)))
    truth, guess, noise = truth[keep], guess[keep], noise[keep]
    y = np.log(truth / guess)
    sampling = noise / truth**2
    scores, means, squares = [], [], []
    for bias_sd, wander_sd in product(_BIAS_SD, _WANDER_SD):
        score, mean, left = _posterior(y, sampling + wander_sd**2, bias_sd)
        scores.append(score)
        means.append(mean)
        squares.append(mean**2 + left + wander_sd**2)
    weight = np.exp(np.array(scores) - max(scores))
    weight /= weight.sum()
    mean = float(weight @ np.array(means))
    spread = float(weight @ np.array(squares)) - mean**2 + extra**2
    carried = max(stretch, 1.0) ** -_STRETCH_DECAY
    return Level(carried * mean, float(np.sqrt(max(spread, 0.0))))


def _posterior(y: Array, noise: Array, bias_sd: float) -> tuple[float, float, float]:
    """Log-evidence, posterior mean and variance of a common bias with prior N(0, bias_sd**2)."""
    precision = 1.0 / noise
    total = float(precision.sum()) + bias_sd**-2
    mean = float(precision @ y) / total
    score = -0.5 * (float(precision @ y**2) - total * mean**2)
    score += 0.5 * float(np.log(precision).sum()) - float(np.log(bias_sd)) - 0.5 * float(np.log(total))
    return score, mean, 1.0 / total
