"""Gamma-Gamma: the mean value of a customer's orders, shrunk to the population.

Lives here: the Gamma-Gamma model of spend, on repeat orders or on all orders (the caller's choice of counts).
Stays out: how often a customer orders, and returns (`spend`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, psi

from pipelines.science.numerics import Array, as_floats, dot, table
from pipelines.science.optimise import maximise


class GammaGamma:
    """Gamma-Gamma model of monetary value (Fader, Hardie and Lee 2005; note 025).

    Order values are Gamma(p, nu), nu ~ Gamma(q, gamma) across customers, independent of how often they order.
    ln L = ln G(px+q) - ln G(px) - ln G(q) + q ln gamma + (px-1) ln m + px ln x - (px+q) ln(gamma + x m),
    with x orders of mean m. E[M | x, m] = p (gamma + x m) / (p x + q - 1).

    Units: gamma in the unit of m; p, q pure numbers. Customers with x = 0 or m <= 0 cannot enter the fit and are
    answered with the population mean p gamma / (q - 1).
    Learned: `parameters_`, `standard_errors_`, `log_likelihood_`, `population_mean_`, `customers_`, `fit_status_`:
    `ok`; `few_customers` (fewer than 3 with values: everyone gets the mean of all orders); `heavy_tail` (q <= 1, the
    population mean would be infinite: answers are shrunk linearly to the mean of all orders instead); `at_bound`;
    `not_converged`.
    """

    name: ClassVar[str] = "gamma_gamma"
    parameter_names: ClassVar[tuple[str, ...]] = ("p", "q", "gamma")

    def __init__(self) -> None:
        self.parameters_: dict[str, float] = {}
        self.standard_errors_: dict[str, float] = {}
        self.log_likelihood_ = float("nan")
        self.population_mean_ = 0.0
        self.customers_ = 0.0
        self.fit_status_ = "not_fitted"

    @classmethod
    def from_parameters(cls, p: float, q: float, gamma: float) -> Self:
        """A model with given parameters; q must exceed 1 for a finite population mean."""
        model = cls()
        model.parameters_ = {"p": p, "q": q, "gamma": gamma}
        model.population_mean_ = p * gamma / (q - 1.0) if q > 1 else 0.0
        model.fit_status_ = "given" if q > 1 else "heavy_tail"
        return model

    def fit(self, x: ArrayLike, mean: ArrayLike, weights: ArrayLike | None = None) -> Self:
        """Maximum likelihood from the number of orders and their mean value, one row per customer."""
        counts, means = np.broadcast_arrays(as_floats(x), as_floats(mean))
        size = np.ones_like(counts) if weights is None else np.maximum(as_floats(weights), 0.0)
        keep = (counts > 0) & (means > 0) & (size > 0)
        counts, means, size = counts[keep], means[keep], size[keep]
        self.customers_ = float(size.sum())
        observed = float(size @ (counts * means) / (size @ counts)) if len(counts) else 0.0
        self.parameters_ = {"p": 1.0, "q": 2.0, "gamma": observed}
        self.standard_errors_ = dict.fromkeys(self.parameter_names, float("inf"))
        self.log_likelihood_, self.population_mean_ = 0.0, observed
        if self.customers_ < 3 or float(means.max()) <= float(means.min()) * (1.0 + 1e-12):
            self.fit_status_ = "few_customers"
            return self
        optimum = maximise(_likelihood(counts, means / observed, size), [3.0, 3.0, 1.0], self.customers_)
        p, q, gamma = (float(part) for part in optimum.parameters)
        self.parameters_ = {"p": p, "q": q, "gamma": gamma * observed}
        spread = np.sqrt(np.diag(optimum.covariance)) * np.array([1.0, 1.0, observed])
        self.standard_errors_ = dict(zip(self.parameter_names, map(float, spread), strict=True))
        self.log_likelihood_ = optimum.log_likelihood - self.customers_ * float(np.log(observed))
        self.fit_status_ = optimum.status
        if q <= 1.0 + 1e-6:
            self.fit_status_ = "heavy_tail"
        else:
            self.population_mean_ = p * gamma * observed / (q - 1.0)
            if self.population_mean_ > 10.0 * observed:
                self.fit_status_, self.population_mean_ = "heavy_tail", observed
        return self

    def expected_value(self, x: ArrayLike, mean: ArrayLike) -> Array:
        """E[mean order value | x orders of mean m], in the unit of m; the population mean where x = 0 or m <= 0."""
        counts, means = np.broadcast_arrays(as_floats(x), as_floats(mean))
        known = (counts > 0) & (means > 0)
        counts, means = np.where(known, counts, 0.0), np.where(known, means, 0.0)
        if self.fit_status_ == "few_customers":
            return np.full(counts.shape, self.population_mean_)
        p, q, gamma = (self.parameters_[name] for name in self.parameter_names)
        if self.fit_status_ == "heavy_tail":
            strength = max(q / p, 1.0)
            return (strength * self.population_mean_ + counts * means) / (strength + counts)
        return np.where(known, p * (gamma + counts * means) / (p * counts + q - 1.0), self.population_mean_)


def _likelihood(x: Array, mean: Array, weight: Array) -> Callable[[Array], tuple[float, Array]]:
    xs, at_x = table(x)
    n_x = np.bincount(at_x, weights=weight, minlength=len(xs))
    log_m_x = np.bincount(at_x, weights=weight * np.log(mean), minlength=len(xs))
    total_value, total, log_xs = x * mean, float(weight.sum()), np.log(xs)

    def value(theta: Array) -> tuple[float, Array]:
        p, q, gamma = np.exp(theta)
        log_sum = np.log(gamma + total_value)
        log_sum_x = np.bincount(at_x, weights=weight * log_sum, minlength=len(xs))
        px = p * xs
        likelihood = n_x @ (gammaln(px + q) - gammaln(px) + px * log_xs) + total * (q * theta[2] - gammaln(q))
        likelihood += (px - 1.0) @ log_m_x - (px + q) @ log_sum_x
        rise = psi(px + q)
        by_p = n_x @ (xs * (rise - psi(px) + log_xs)) + xs @ (log_m_x - log_sum_x)
        by_q = n_x @ (rise - psi(q)) + total * theta[2] - log_sum_x.sum()
        by_gamma = total * q / gamma - dot(weight * (p * x + q), 1.0 / (gamma + total_value))
        return float(likelihood), np.array([by_p * p, by_q * q, by_gamma * gamma])

    return value
