"""BG/BB: purchases in discrete opportunities, with geometric attrition.

Lives here: the model for data with at most one purchase per period (donations by year, weekly habits).
Stays out: continuous time (bgnbd, mbgnbd, pareto_nbd).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy.special import betaln, gammaln, psi

from pipelines.science.numerics import Array, as_floats
from pipelines.science.optimise import maximise


class BGBB:
    """Beta-geometric / beta-Bernoulli model (Fader, Hardie and Shang 2010, Marketing Science 29).

    At each of n opportunities a living customer buys with probability p ~ Beta(alpha, beta); at the beginning of each
    it dies with probability theta ~ Beta(gamma, delta). x purchases, the last at opportunity t_x, out of n.
    L = B(al+x, be+n-x)/B(al,be) B(ga, de+n)/B(ga,de)
        + sum over i < n - t_x of B(al+x, be+t_x-x+i)/B(al,be) B(ga+1, de+t_x+i)/B(ga,de).

    All parameters are pure numbers; time is counted in opportunities. Learned: `parameters_`, `log_likelihood_`,
    `standard_errors_`, `fit_status_` (`ok`, `at_bound`, `not_converged`, `no_customers`, `no_exposure`). The
    degenerate cases keep the uniform prior alpha = beta = gamma = delta = 1.
    """

    name: ClassVar[str] = "bgbb"
    parameter_names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma", "delta")

    def __init__(self) -> None:
        self.parameters_: dict[str, float] = {}
        self.standard_errors_: dict[str, float] = {}
        self.log_likelihood_ = float("nan")
        self.fit_status_ = "not_fitted"
        self.customers_ = 0.0

    @classmethod
    def from_parameters(cls, alpha: float, beta: float, gamma: float, delta: float) -> Self:
        """A model with given parameters."""
        model = cls()
        model.parameters_ = {"alpha": alpha, "beta": beta, "gamma": gamma, "delta": delta}
        model.fit_status_ = "given"
        return model

    def fit(self, x: ArrayLike, t_x: ArrayLike, n: ArrayLike, weights: ArrayLike | None = None) -> Self:
        """Maximum likelihood from one row per customer, or per group of `weights` customers."""
        counts, last, chances = _clean(x, t_x, n)
        size = np.ones_like(counts) if weights is None else np.maximum(as_floats(weights), 0.0)
        grouped = (
            pl.DataFrame({"x": counts, "t_x": last, "n": chances, "w": size})
            .filter(pl.col("w") > 0)
            .sort("x", "t_x", "n", "w")
            .group_by("x", "t_x", "n", maintain_order=True)
            .agg(pl.col("w").sum())
        )
        counts, last, chances, size = (grouped[name].to_numpy() for name in ("x", "t_x", "n", "w"))
        self.customers_ = float(size.sum())
        self.parameters_ = dict.fromkeys(self.parameter_names, 1.0)
        self.standard_errors_ = dict.fromkeys(self.parameter_names, float("inf"))
        self.log_likelihood_ = 0.0
        if self.customers_ <= 0 or chances.max() <= 0:
            self.fit_status_ = "no_customers" if self.customers_ <= 0 else "no_exposure"
            return self
        likelihood = _likelihood(counts, last, chances, size)
        optimum = maximise(likelihood, [1.0, 1.0, 0.7, 2.5], self.customers_)
        self.parameters_ = dict(zip(self.parameter_names, map(float, optimum.parameters), strict=True))
        spread = np.sqrt(np.diag(optimum.covariance))
        self.standard_errors_ = dict(zip(self.parameter_names, map(float, spread), strict=True))
        self.log_likelihood_, self.fit_status_ = optimum.log_likelihood, optimum.status
        return self

    @property
    def values(self) -> tuple[float, float, float, float]:
        """alpha, beta, gamma, delta."""
        found = self.parameters_
        return found["alpha"], found["beta"], found["gamma"], found["delta"]

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Array:
        """P(alive at opportunity n + 1 | x, t_x, n)."""
        counts, last, chances = _clean(x, t_x, n)
        return np.clip(np.exp(self._log_alive(counts, last, chances, 1.0)), 0.0, 1.0)

    def expected_purchases(self, periods: int, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Array:
        """E[purchases in the next `periods` opportunities | x, t_x, n]; a sum, so gamma = 1 is no exception."""
        counts, last, chances = _clean(x, t_x, n)
        alpha, beta, _, _ = self.values
        total = np.zeros_like(counts)
        for ahead in range(1, int(periods) + 1):
            total += np.exp(self._log_alive(counts, last, chances, float(ahead)))
        return total * (alpha + counts) / (alpha + beta + chances)

    def p_no_purchase(self, periods: int, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Array:
        """P(no purchase in the next `periods` opportunities | x, t_x, n)."""
        counts, last, chances = _clean(x, t_x, n)
        alpha, beta, _, _ = self.values
        result = 1.0 - np.exp(self._log_alive(counts, last, chances, 1.0))
        failures = beta + chances - counts
        for ahead in range(1, int(periods) + 1):
            silent = np.exp(betaln(alpha + counts, failures + ahead) - betaln(alpha + counts, failures))
            alive = np.exp(self._log_alive(counts, last, chances, float(ahead)))
            later = np.exp(self._log_alive(counts, last, chances, float(ahead + 1))) if ahead < periods else 0.0
            result += silent * (alive - later)
        return np.clip(result, 0.0, 1.0)

    def dert(self, rate: float, x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> Array:
        """Discounted expected residual transactions, `rate` per period, the next opportunity discounted once.

        Summed until the discount is below 1e-15; a rate under .001 is raised to it.
        """
        counts, last, chances = _clean(x, t_x, n)
        alpha, beta, _, _ = self.values
        step = max(float(rate), 0.001)
        total = np.zeros_like(counts)
        for ahead in range(1, int(35.0 / np.log1p(step)) + 2):
            total += np.exp(self._log_alive(counts, last, chances, float(ahead)) - ahead * np.log1p(step))
        return total * (alpha + counts) / (alpha + beta + chances)

    def expected_total(self, n: int) -> float:
        """E[X(n)]: purchases of a random new customer in n opportunities."""
        alpha, beta, gamma, delta = self.values
        ahead = np.arange(1.0, n + 1.0)
        return float(alpha / (alpha + beta) * np.exp(betaln(gamma, delta + ahead) - betaln(gamma, delta)).sum())

    def pmf(self, count: ArrayLike, n: int) -> Array:
        """P(X(n) = count) for a random new customer."""
        alpha, beta, gamma, delta = self.values
        counts = np.rint(as_floats(count))
        result = _choose(float(n), counts) + betaln(alpha + counts, beta + n - counts) - betaln(alpha, beta)
        result = np.exp(result + betaln(gamma, delta + n) - betaln(gamma, delta))
        for died in range(int(n)):
            possible = counts <= died
            x = np.where(possible, counts, 0.0)
            term = _choose(float(died), x) + betaln(alpha + x, beta + died - x) - betaln(alpha, beta)
            result += np.where(possible, np.exp(term + betaln(gamma + 1, delta + died) - betaln(gamma, delta)), 0.0)
        return np.clip(result, 0.0, 1.0)

    def _log_alive(self, x: Array, t_x: Array, n: Array, ahead: float) -> Array:
        """ln P(alive at opportunity n + ahead | x, t_x, n)."""
        alpha, beta, gamma, delta = self.values
        joint = betaln(alpha + x, beta + n - x) - betaln(alpha, beta)
        joint = joint + betaln(gamma, delta + n + ahead) - betaln(gamma, delta)
        terms, _ = _terms((alpha, beta, gamma, delta), x, t_x, n)
        return joint - np.logaddexp.reduce(terms, axis=1)


def _clean(x: ArrayLike, t_x: ArrayLike, n: ArrayLike) -> tuple[Array, Array, Array]:
    counts, last, chances = np.broadcast_arrays(as_floats(x), as_floats(t_x), as_floats(n))
    chances = np.maximum(np.rint(chances), 0.0)
    counts = np.clip(np.rint(counts), 0.0, chances)
    last = np.where(counts > 0, np.clip(np.rint(last), counts, chances), 0.0)
    return counts, last, chances


def _choose(n: float, k: Array) -> Array:
    return gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)


def _terms(
    parameters: tuple[float, float, float, float], x: Array, t_x: Array, n: Array
) -> tuple[Array, tuple[Array, Array]]:
    """ln of the terms of L: column 0 alive after n, column 1 + i dead after opportunity t_x + i (-inf beyond n)."""
    alpha, beta, gamma, delta = parameters
    longest = int((n - t_x).max(initial=0.0))
    died = t_x[:, None] + np.arange(longest)[None, :]
    valid = died < n[:, None]
    end = np.column_stack([n, np.where(valid, died, t_x[:, None])])
    extra = np.zeros(end.shape)
    extra[:, 1:] = 1.0
    terms = betaln(alpha + x[:, None], beta + end - x[:, None]) - betaln(alpha, beta)
    terms += betaln(gamma + extra, delta + end) - betaln(gamma, delta)
    terms[:, 1:][~valid] = -np.inf
    return terms, (end, extra)


def _likelihood(x: Array, t_x: Array, n: Array, weight: Array) -> Callable[[Array], tuple[float, Array]]:
    def value(theta: Array) -> tuple[float, Array]:
        alpha, beta, gamma, delta = (float(part) for part in np.exp(theta))
        terms, (end, extra) = _terms((alpha, beta, gamma, delta), x, t_x, n)
        total = np.logaddexp.reduce(terms, axis=1)
        share = np.exp(terms - total[:, None]) * weight[:, None]
        sum_p = psi(alpha + beta) - psi(alpha + beta + end)
        sum_d = psi(gamma + delta) - psi(gamma + extra + delta + end)
        gradient = np.array(
            [
                np.sum(share * (psi(alpha + x)[:, None] - psi(alpha) + sum_p)),
                np.sum(share * (psi(beta + end - x[:, None]) - psi(beta) + sum_p)),
                np.sum(share * (psi(gamma + extra) - psi(gamma) + sum_d)),
                np.sum(share * (psi(delta + end) - psi(delta) + sum_d)),
            ]
        )
        return float(weight @ total), gradient * np.exp(theta)

    return value
