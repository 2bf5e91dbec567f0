"""Credibility: a customer's own mean, shrunk linearly to the population's.

Lives here: the Buehlmann-Straub estimator for order values of any sign and for return rates.
Stays out: parametric spend (gamma_gamma) and the choice between the two (`spend`).
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from pipelines.science.numerics import Array, as_floats


class Credibility:
    """Linear Bayes estimate of a mean (Buehlmann and Straub 1970).

    E[M | n, m] = (n m + k mu) / (n + k), k = variance within customers / variance between them, both by moments.
    Needs no distribution: values may be zero or negative. Units: those of the values; k counts orders.
    Learned: `mean_`, `strength_` (k; infinite when customers do not differ, 0 when orders of a customer are equal),
    `fit_status_`: `ok`, `no_difference`, `few_customers` (everyone gets the mean).
    """

    def __init__(self) -> None:
        self.mean_ = 0.0
        self.strength_ = float("inf")
        self.fit_status_ = "not_fitted"

    def fit(self, n: ArrayLike, mean: ArrayLike, within: float) -> Self:
        """Moments from the number of observations and their mean per customer; `within` is the variance of one."""
        counts, means = as_floats(n), as_floats(mean)
        keep = counts > 0
        counts, means = counts[keep], means[keep]
        total = float(counts.sum())
        self.mean_, self.strength_ = (float(counts @ means) / total if total > 0 else 0.0), float("inf")
        spread = total - float(counts @ counts) / total if total > 0 else 0.0
        if len(counts) < 3 or spread <= 0:
            self.fit_status_ = "few_customers"
            return self
        between = (float(counts @ (means - self.mean_) ** 2) - (len(counts) - 1) * within) / spread
        self.fit_status_ = "ok" if between > 0 else "no_difference"
        if between > 0:
            self.strength_ = max(within, 0.0) / between
        return self

    def expected(self, n: ArrayLike, mean: ArrayLike) -> Array:
        """The shrunk mean of each customer; the population mean for n = 0."""
        counts, means = np.broadcast_arrays(np.maximum(as_floats(n), 0.0), as_floats(mean))
        if not np.isfinite(self.strength_):
            return np.full(counts.shape, self.mean_)
        share = counts / np.maximum(counts + self.strength_, 1e-300)
        return share * means + (1.0 - share) * self.mean_


def within_variance(n: ArrayLike, total: ArrayLike, square: ArrayLike) -> float:
    """Pooled variance of one observation within customers, from counts, sums and sums of squares; 0 if unknown."""
    counts, sums, squares = as_floats(n), as_floats(total), as_floats(square)
    keep = counts > 1
    freedom = float((counts[keep] - 1.0).sum())
    if freedom <= 0:
        return 0.0
    return max(float((squares[keep] - sums[keep] ** 2 / counts[keep]).sum()) / freedom, 0.0)
