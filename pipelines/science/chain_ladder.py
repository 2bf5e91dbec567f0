"""Chain ladder: cohorts that are still young, completed by how older cohorts went on, with Mack's standard error.

Lives here: the development of a cumulative triangle, and the additive method where multiplying makes no sense.
Stays out: making triangles from orders (marts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from pipelines.science.numerics import Array, Mask


@dataclass(frozen=True)
class _Fit:
    """Per age step j -> j+1: factor (or increment per customer), its variance parameter and the volume behind it."""

    step: Array
    sigma2: Array
    volume: Array


class ChainLadder:
    """Chain ladder with the distribution-free standard error of Mack (1993, ASTIN Bulletin 23).

    Input: a cumulative triangle, one row per cohort (oldest first), one column per age, NaN where not yet observed;
    observed cells are contiguous from age 0. Money in any unit, ages in any period.
    factor_j = sum C[i, j+1] / sum C[i, j] over cohorts seen at j+1; sigma2_j as Mack, the last one by his
    extrapolation. `projected_` completes the triangle; `se_` is the root mean squared error of each projected cell
    (0 where observed) and `total_se_` that of the sum over cohorts at the last age, with the correlation that comes
    from shared factors.

    Boundary: where a step's volume is not positive, or any observed cell of the triangle is negative, multiplying is
    meaningless: with `exposure` (customers acquired per cohort) the additive method is used for the whole triangle
    (status `additive`): increments per customer, pooled over cohorts. Without exposure all cohorts count the same.
    A step nobody has been seen to take keeps its level (factor 1, increment 0) and status says `tail_unknown`;
    then the projection is a lower bound of what is known, with no error for the unknown part. `no_data`: nothing
    observed. Never NaN.
    """

    def __init__(self) -> None:
        self.fit_status_ = "not_fitted"
        self.method_ = "chain_ladder"
        self.factors_: Array = np.zeros(0)
        self.sigma2_: Array = np.zeros(0)
        self.projected_: Array = np.zeros((0, 0))
        self.se_: Array = np.zeros((0, 0))
        self.total_se_ = 0.0

    def fit(self, cumulative: ArrayLike, exposure: ArrayLike | None = None) -> Self:
        """Estimate the development and complete the triangle."""
        triangle = np.array(cumulative, dtype=np.float64, ndmin=2)
        seen = np.cumprod(np.isfinite(triangle), axis=1).astype(bool)
        triangle = np.where(seen, np.nan_to_num(triangle), np.nan)
        size = np.ones(len(triangle)) if exposure is None else np.asarray(exposure, dtype=np.float64)
        if not seen.any():
            self.fit_status_, self.projected_, self.se_ = "no_data", np.zeros(triangle.shape), np.zeros(triangle.shape)
            self.factors_ = np.ones(max(triangle.shape[1] - 1, 0))
            self.sigma2_ = np.zeros(len(self.factors_))
            return self
        triangle, seen, alive = self._without_empty(triangle, seen)
        additive = bool((triangle[seen] < 0).any()) or not _volumes_positive(triangle, seen)
        self.method_ = "additive" if additive else "chain_ladder"
        found = _additive_fit(triangle, seen, size[alive]) if additive else _ladder_fit(triangle, seen)
        unknown = bool((found.volume == 0).any())
        self.fit_status_ = "tail_unknown" if unknown else ("additive" if additive else "ok")
        self.factors_, self.sigma2_ = found.step, found.sigma2
        complete = _additive_complete if additive else _ladder_complete
        projected, error, self.total_se_ = complete(triangle, seen, found, size[alive])
        self.projected_, self.se_ = np.zeros((len(alive), projected.shape[1])), np.zeros((len(alive), error.shape[1]))
        self.projected_[alive], self.se_[alive] = projected, error
        return self

    @property
    def ultimate_(self) -> Array:
        """Each cohort at the last age."""
        return self.projected_[:, -1]

    @staticmethod
    def _without_empty(triangle: Array, seen: Mask) -> tuple[Array, Mask, Mask]:
        """Cohorts without a single observed cell are taken out (they stay 0 in the result)."""
        alive: Mask = np.any(seen, axis=1)
        return triangle[alive], seen[alive], alive


def _volumes_positive(triangle: Array, seen: Mask) -> bool:
    for age in range(triangle.shape[1] - 1):
        both = seen[:, age + 1]
        if both.any() and triangle[both, age].sum() <= 0:
            return False
    return True


def _ladder_fit(triangle: Array, seen: Mask) -> _Fit:
    steps = triangle.shape[1] - 1
    factor, sigma2, volume = np.ones(steps), np.zeros(steps), np.zeros(steps)
    known = np.zeros(steps, dtype=bool)
    for age in range(steps):
        both = seen[:, age + 1]
        base, nxt = triangle[both, age], triangle[both, age + 1]
        if not both.any():
            continue
        volume[age] = base.sum()
        factor[age] = nxt.sum() / volume[age]
        positive = base > 0
        if positive.sum() > 1:
            ratio = nxt[positive] / base[positive]
            sigma2[age] = base[positive] @ (ratio - factor[age]) ** 2 / (positive.sum() - 1)
            known[age] = True
    return _Fit(factor, _extrapolated(sigma2, known, volume > 0), volume)


def _extrapolated(sigma2: Array, known: Mask, used: Mask) -> Array:
    """Mack's rule for steps seen in one cohort only: min(s[k-1]**2 / s[k-2], s[k-2], s[k-1])."""
    result = sigma2.copy()
    for age in np.flatnonzero(used & ~known):
        if age >= 2 and result[age - 2] > 0:
            result[age] = min(result[age - 1] ** 2 / result[age - 2], result[age - 2], result[age - 1])
        elif age >= 1:
            result[age] = result[age - 1]
    return result


def _ladder_complete(triangle: Array, seen: Mask, fit: _Fit, size: Array) -> tuple[Array, Array, float]:
    del size
    projected, mse = np.nan_to_num(triangle), np.zeros(triangle.shape)
    shared = np.zeros(len(triangle))  # of each cohort: sum over projected steps of sigma2 / factor**2 / volume
    for age in range(triangle.shape[1] - 1):
        open_ = ~seen[:, age + 1]
        level, factor = projected[open_, age], fit.step[age]
        projected[open_, age + 1] = level * factor
        step = fit.sigma2[age] / fit.volume[age] if fit.volume[age] > 0 else 0.0
        mse[open_, age + 1] = mse[open_, age] * factor**2 + fit.sigma2[age] * level + step * level**2
        shared[open_] += step / factor**2 if factor != 0 else 0.0
    last = projected[:, -1]
    order = np.argsort(shared, kind="stable")
    common = 0.0
    for place, one in enumerate(order):
        common += 2.0 * last[one] * last[order[place + 1 :]].sum() * shared[one]
    return projected, np.sqrt(np.maximum(mse, 0.0)), float(np.sqrt(max(mse[:, -1].sum() + common, 0.0)))


def _additive_fit(triangle: Array, seen: Mask, size: Array) -> _Fit:
    steps = triangle.shape[1] - 1
    mean, sigma2, volume = np.zeros(steps), np.zeros(steps), np.zeros(steps)
    known = np.zeros(steps, dtype=bool)
    for age in range(steps):
        both = seen[:, age + 1] & (size > 0)
        if not both.any():
            continue
        increment = triangle[both, age + 1] - triangle[both, age]
        volume[age] = size[both].sum()
        mean[age] = increment.sum() / volume[age]
        if both.sum() > 1:
            sigma2[age] = size[both] @ (increment / size[both] - mean[age]) ** 2 / (both.sum() - 1)
            known[age] = True
    return _Fit(mean, _extrapolated(sigma2, known, volume > 0), volume)


def _additive_complete(triangle: Array, seen: Mask, fit: _Fit, size: Array) -> tuple[Array, Array, float]:
    projected, mse = np.nan_to_num(triangle), np.zeros(triangle.shape)
    total = 0.0
    for age in range(triangle.shape[1] - 1):
        open_ = ~seen[:, age + 1]
        step = fit.sigma2[age] / fit.volume[age] if fit.volume[age] > 0 else 0.0
        projected[open_, age + 1] = projected[open_, age] + size[open_] * fit.step[age]
        mse[open_, age + 1] = mse[open_, age] + fit.sigma2[age] * size[open_] + step * size[open_] ** 2
        total += fit.sigma2[age] * size[open_].sum() + step * size[open_].sum() ** 2
    return projected, np.sqrt(np.maximum(mse, 0.0)), float(np.sqrt(max(total, 0.0)))
