"""Intervals of shares and ratios, on arrays.

Lives here: the Wilson interval of a share, the linearised (delta) interval of a ratio of sums, the normal quantile.
Stays out: intervals of survival curves (`survival`) and the bootstrap (`bootstrap`).
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def two_sided_z(confidence: float) -> float:
    """The standard normal quantile of a two-sided interval; ValueError outside (0, 1)."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's score interval of a share, without continuity correction; NaN where there are no trials.

    The limits are exactly 0 without successes and exactly 1 without failures. ValueError when successes lie outside
    0 to trials.
    """
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if np.any((k < 0) | (k > n)):
        raise ValueError("successes must lie between 0 and trials")
    z2 = two_sided_z(confidence) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k / n
        centre = p + z2 / (2 * n)
        spread = np.sqrt(z2) * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        low, high = (centre - spread) / (1 + z2 / n), (centre + spread) / (1 + z2 / n)
    low, high = np.where(k == 0, 0.0, low), np.where(k == n, 1.0, high)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def ratio_of_sums(
    n: ArrayLike,
    sum_y: ArrayLike,
    sum_x: ArrayLike,
    sum_yy: ArrayLike,
    sum_xy: ArrayLike,
    sum_xx: ArrayLike,
    confidence: float = 0.95,
) -> tuple[Floats, Floats, Floats]:
    """Ratio sum(y) / sum(x) over n units, and its interval by linearisation (delta method, normal).

    Takes sums of values, squares and products, so that parts of a population merge by addition. The ratio is NaN where
    sum(x) is not positive, the limits also where n < 2.
    """
    count, y, x = (np.asarray(values, dtype=np.float64) for values in (n, sum_y, sum_x))
    yy, xy, xx = (np.asarray(values, dtype=np.float64) for values in (sum_yy, sum_xy, sum_xx))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(x > 0, y / x, np.nan)
        squares = np.maximum(yy - 2 * ratio * xy + ratio * ratio * xx, 0.0)
        error = np.sqrt(squares * count / (count - 1)) / x
        spread = np.where(count >= 2, two_sided_z(confidence) * error, np.nan)
    return ratio, ratio - spread, ratio + spread
