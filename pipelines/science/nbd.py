"""NBD: purchases without attrition, Poisson rates that differ by a Gamma.

Lives here: the NBD and its degenerate cases, which are the fallback of every model with attrition.
Stays out: attrition (bgnbd, mbgnbd, pareto_nbd).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Self

import numpy as np
from scipy.special import betainc, psi

from pipelines.science.count_model import CountModel, CountRows
from pipelines.science.numerics import Array, dot, log_rising

POISSON_SHAPE = 1e6
"""Shape r that stands for equal rates."""


def nb_log_pmf(shape: float, scale: float, count: Array, t: Array) -> Array:
    """ln P(N(t) = count) of a Gamma(shape, scale) mixture of Poisson processes; -inf for counts > 0 at t = 0."""
    from scipy.special import gammaln  # noqa: PLC0415

    with np.errstate(all="ignore"):
        tail = np.where(count > 0, count * np.log(t / (scale + t)), 0.0)
    return log_rising(shape, count) - gammaln(count + 1.0) - shape * np.log1p(t / scale) + tail


def nb_at_least(shape: float, scale: float, count: Array, t: Array) -> Array:
    """P(N(t) >= count); 1 for a count of 0."""
    with np.errstate(all="ignore"):
        return np.where(count > 0, betainc(np.maximum(count, 1.0), shape, t / (scale + t)), 1.0)


class NBD(CountModel):
    """Negative binomial model of repeat purchases.

    lambda ~ Gamma(r, alpha); purchases are Poisson(lambda); nobody leaves (Ehrenberg 1959; Fader and Hardie,
    note 008 for the individual likelihood). ln L = ln G(r+x) - ln G(r) + r ln alpha - (r+x) ln(alpha+T).

    Units: alpha in the unit of T; r is a pure number. Boundary: equal rates (r to infinity) are kept as r = 1e6 with
    status `poisson`; without repeat purchases r = 1/2 and alpha = sum of T (half an expected purchase in all the
    time seen, the Jeffreys estimate), status `no_repeaters`; a single customer gets its own rate.
    """

    name: ClassVar[str] = "nbd"
    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha")

    def fit_rows(self, rows: CountRows, start: Mapping[str, float] | None = None, polish: bool = True) -> Self:
        """Fit, or settle a degenerate case in closed form."""
        trivial = self._trivial(rows)
        if trivial is None:
            super().fit_rows(rows, start, polish)
            if self.fit_status_ == "at_bound" or self.parameters_["r"] > POISSON_SHAPE:
                self._set(rows, POISSON_SHAPE, POISSON_SHAPE * rows.exposure / rows.repeats, "poisson")
            return self
        status, shape, scale = trivial
        self._set(rows, shape, scale, status)
        return self

    @staticmethod
    def _trivial(rows: CountRows) -> tuple[str, float, float] | None:
        if rows.customers <= 0:
            return "no_customers", 0.5, 1.0
        if rows.exposure <= 0:
            return "no_exposure", 0.5, 1.0
        if rows.repeats <= 0:
            return "no_repeaters", 0.5, rows.exposure
        if rows.customers <= 1:
            return "single_customer", POISSON_SHAPE, POISSON_SHAPE * rows.exposure / rows.repeats
        return None

    def _set(self, rows: CountRows, shape: float, scale: float, status: str) -> None:
        self.customers_, self.model_used_, self.fallback_ = rows.customers, self.name, None
        self.parameters_ = {"r": shape, "alpha": scale}
        self.standard_errors_ = {"r": float("inf"), "alpha": float("inf")}
        self.log_likelihood_ = 0.0
        if rows.customers > 0:
            self.log_likelihood_ = float(self._likelihood(rows)(np.log([shape, scale]))[0])
        self.fit_status_ = status

    def _start(self, rows: CountRows) -> Array:
        return np.array([0.7, 0.7 * rows.exposure / rows.repeats])

    def _likelihood(self, rows: CountRows) -> Callable[[Array], tuple[float, Array]]:
        xs, at_x = rows.x_table
        ages, at_age = rows.age_table
        n_x = np.bincount(at_x, weights=rows.n, minlength=len(xs))
        n_age = np.bincount(at_age, weights=rows.n, minlength=len(ages))
        x_age = np.bincount(at_age, weights=rows.n * rows.x, minlength=len(ages))

        def value(theta: Array) -> tuple[float, Array]:
            r, alpha = np.exp(theta)
            log_c, total = np.log(alpha + ages), rows.customers
            weight = r * n_age + x_age
            likelihood = dot(n_x, log_rising(r, xs)) + total * r * theta[1] - dot(weight, log_c)
            by_r = dot(n_x, psi(r + xs) - psi(r)) + total * theta[1] - dot(n_age, log_c)
            by_alpha = total * r / alpha - dot(weight, 1.0 / (alpha + ages))
            return likelihood, np.array([by_r * r, by_alpha * alpha])

        return value

    def _p_alive(self, x: Array, t_x: Array, age: Array) -> Array:
        return np.ones_like(x)

    def _expected_alive(self, horizons: Array, x: Array, age: Array) -> Array:
        r, alpha = self.values
        return ((r + x) / (alpha + age))[:, None] * horizons[None, :]

    def _pairs_alive(self, horizon: float, x: Array, age: Array) -> Array:
        r, alpha = self.values
        return (r + x) * (r + x + 1.0) * (horizon / (alpha + age)) ** 2

    def _p_silent_alive(self, horizon: float, x: Array, age: Array) -> Array:
        r, alpha = self.values
        return np.exp(-(r + x) * np.log1p(horizon / (alpha + age)))

    def _discounted_alive(self, rate: float, x: Array, age: Array) -> Array:
        r, alpha = self.values
        return (r + x) / (alpha + age) / rate

    def _expected_new(self, t: Array) -> Array:
        r, alpha = self.values
        return r * t / alpha

    def _pmf(self, count: Array, t: Array) -> Array:
        r, alpha = self.values
        return np.exp(nb_log_pmf(r, alpha, count, t))
