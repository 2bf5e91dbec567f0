"""Concentration: Lorenz curves, Gini, and the normalised Gini of a ranking.

Lives here: how unevenly a total is spread, and how much of that a prediction finds. Equal predictions share equally,
so nothing depends on the order of rows.
Stays out: error measures (`metrics`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pipelines.science.numerics import Array, Index, as_floats


@dataclass(frozen=True)
class Ranking:
    """Values sorted once: `levels`, the distinct ones, highest first, each value's `position`, and their `size`."""

    levels: Array
    position: Index
    size: Index

    @classmethod
    def of(cls, values: ArrayLike) -> Ranking:
        """Rank values."""
        lowest, position, size = np.unique(-as_floats(values), return_inverse=True, return_counts=True)
        return cls(-lowest, position, size)

    @property
    def descending(self) -> Array:
        """The values, highest first."""
        return np.repeat(self.levels, self.size)

    def order(self, values: Array) -> Array:
        """Other values in the order of these, highest first; where these are equal, all get the mean of the others."""
        total = np.bincount(self.position, weights=values, minlength=len(self.size))
        return np.repeat(total / self.size, self.size)

    def mean_ranks(self) -> Array:
        """Ranks 1, the lowest, to n; equal values share their mean rank."""
        above = np.cumsum(self.size) - self.size
        return (len(self.position) - above - 0.5 * (self.size - 1))[self.position]


def ranked(predicted: ArrayLike, actual: ArrayLike) -> Array:
    """Actual values in descending order of the prediction; equal predictions all get the mean of their actuals."""
    return Ranking.of(predicted).order(as_floats(actual))


def lorenz(values: ArrayLike, points: int = 101) -> tuple[Array, Array]:
    """Shares of the population (smallest value first) and of the total they hold; the diagonal for a total <= 0."""
    ordered = np.sort(as_floats(values))
    share = np.linspace(0.0, 1.0, points)
    total = float(ordered.sum())
    if total <= 0:
        return share, share.copy()
    curve = np.append(0.0, np.cumsum(ordered)) / total
    return share, np.interp(share, np.linspace(0.0, 1.0, len(curve)), curve)


def gini(values: ArrayLike) -> float:
    """Gini coefficient: 0 for equality, near 1 when one holds all; 0 for a total <= 0 or no values."""
    return concentration(np.sort(as_floats(values))[::-1])


def normalised_gini(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Gini of the actuals ranked by the prediction over the Gini of a perfect ranking: 1 perfect, 0 no information.

    0 where the actuals are all equal or their total is not positive.
    """
    best = gini(actual)
    return concentration(ranked(predicted, actual)) / best if best > 0 else 0.0


def concentration(descending: Array) -> float:
    """Twice the area between the concentration curve (largest first) and the diagonal; 0 for a total <= 0."""
    total, count = float(descending.sum()), len(descending)
    if count == 0 or total <= 0:
        return 0.0
    curve = np.append(0.0, np.cumsum(descending)) / total
    return float(2.0 * (0.5 * (curve[1:] + curve[:-1])).sum() / count - 1.0)
