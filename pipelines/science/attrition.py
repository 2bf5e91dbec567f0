"""Attrition: what the models whose customers leave for good have in common.

Lives here: the hand-over to the NBD, and the family in which purchases are Poisson(lambda), lambda ~ Gamma, and a
purchase ends the relation with probability p ~ Beta. Its members (bgnbd, mbgnbd) differ in one number: whether the
first purchase can already be the last.
Stays out: Pareto/NBD, whose attrition runs in time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from scipy.special import betaln, psi

from pipelines.science.count_model import CountModel, CountRows
from pipelines.science.fit_once import fit_once
from pipelines.science.nbd import NBD, nb_at_least, nb_log_pmf
from pipelines.science.numerics import Array, BetaMean, Index, dot, interpolate_over, log_rising

GAIN = 0.05
"""Log-likelihood by which attrition must improve on the NBD; below it the model falls back."""

_CHUNK = 256
"""Rows at a time: their nodes stay in the processor's cache."""


class AttritionModel(CountModel):
    """A count model with attrition, which is the NBD in the limit of none."""

    def _fall_back(self, rows: CountRows) -> None:
        plain = fit_once(NBD, rows)
        trivial = plain.fit_status_ in ("no_customers", "no_exposure", "no_repeaters", "single_customer")
        gain = self.log_likelihood_ - plain.log_likelihood_
        if trivial or not np.isfinite(gain) or (gain < GAIN and self.prior is None):
            self.fallback_, self.model_used_ = plain, plain.model_used_
            self.fit_status_ = plain.fit_status_ if trivial else "boundary_nbd"
            self.log_likelihood_ = plain.log_likelihood_


class BetaAttrition(AttritionModel):
    """Attrition after a purchase with probability p ~ Beta(a, b); parameters r, alpha, a, b.

    With m = x + `first_chance` purchases survived (`first_chance` is 1 when the first one can be the last):
    ln L = ln G(r+x)/G(r) + r ln alpha + ln B(a,b+m)/B(a,b) - (r+x) ln(alpha+T)
           + [m > 0] softplus(ln a - ln(b+m-1) + (r+x) ln((alpha+T)/(alpha+t_x))).
    Alive at T, a customer has lambda ~ Gamma(r+x, alpha+T) and p ~ Beta(a, b+m), independent.
    Given both, E[Y(t)] = (1 - e**(-lambda p t)) / p. The Gamma is integrated in closed form, the Beta numerically:
    no hypergeometric function, hence no overflow for large x and no pole at a = 1.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    first_chance: ClassVar[float]

    def _start(self, rows: CountRows) -> Array:
        pace = rows.exposure / max(rows.repeats, 1e-9)
        return np.array([0.5, 0.35 * pace, 0.8, 2.4])

    def _likelihood(self, rows: CountRows) -> Callable[[Array], tuple[float, Array]]:
        xs, at_x = rows.x_table
        ages, at_age = rows.age_table
        lasts, at_last = rows.t_x_table
        n_x = np.bincount(at_x, weights=rows.n, minlength=len(xs))
        n_age = np.bincount(at_age, weights=rows.n, minlength=len(ages))
        x_age = np.bincount(at_age, weights=rows.n * rows.x, minlength=len(ages))
        kept = xs + self.first_chance
        tried = np.maximum(kept - 1.0, 0.0)
        may = np.flatnonzero(rows.x + self.first_chance > 0)
        n, row_x, row_age, row_last = rows.n[may], at_x[may], at_age[may], at_last[may]
        size_x = np.bincount(row_x, minlength=len(xs))  # rows are sorted by x: repeat and reduceat do for gathers
        begins, present = np.cumsum(size_x) - size_x, size_x > 0

        def value(theta: Array) -> tuple[float, Array]:
            r, alpha, a, b = np.exp(theta)
            log_c, log_l = np.log(alpha + ages), np.log(alpha + lasts)
            inv_c, inv_l = 1.0 / (alpha + ages), 1.0 / (alpha + lasts)
            k, total = r + xs, rows.customers
            row_k = np.repeat(k, size_x)
            gap = log_c.take(row_age) - log_l.take(row_last)
            odds = np.repeat(theta[2] - np.log(b + tried), size_x) + row_k * gap
            small = np.exp(-np.abs(odds))
            left = n * np.where(odds > 0, 1.0, small) / (1.0 + small)
            left_x = np.zeros(len(xs))
            left_x[present] = np.add.reduceat(left, begins[present]) if len(left) else 0.0
            weight = r * n_age + x_age
            likelihood = dot(n_x, log_rising(r, xs) + betaln(a, b + kept) - betaln(a, b))
            likelihood += total * r * theta[1] - dot(weight, log_c) + dot(n, np.maximum(odds, 0.0) + np.log1p(small))
            by_r = dot(n_x, psi(k) - psi(r)) + total * theta[1] - dot(n_age, log_c) + dot(left, gap)
            by_alpha = total * r / alpha - dot(weight, inv_c)
            by_alpha += dot(left * row_k, inv_c.take(row_age) - inv_l.take(row_last))
            both = psi(a + b) - psi(a + b + kept)
            by_a = dot(n_x, both) + float(left_x.sum()) / a
            by_b = dot(n_x, psi(b + kept) - psi(b) + both) - dot(left_x, 1.0 / (b + tried))
            return likelihood, np.array([by_r * r, by_alpha * alpha, by_a * a, by_b * b])

        return value

    def _p_alive(self, x: Array, t_x: Array, age: Array) -> Array:
        r, alpha, a, b = self.values
        kept = x + self.first_chance
        odds = np.log(a) - np.log(b + np.maximum(kept - 1.0, 0.0)) + (r + x) * np.log((alpha + age) / (alpha + t_x))
        return np.where(kept > 0, np.exp(-np.logaddexp(0.0, odds)), 1.0)

    def _pmf(self, count: Array, t: Array) -> Array:
        r, alpha, a, b = self.values
        kept = count + self.first_chance
        stay = np.exp(betaln(a, b + kept) - betaln(a, b) + nb_log_pmf(r, alpha, count, t))
        leave = np.exp(betaln(a + 1.0, b + np.maximum(kept - 1.0, 0.0)) - betaln(a, b))
        return stay + np.where(kept > 0, leave * nb_at_least(r, alpha, count, t), 0.0)

    def _expected_alive(self, horizons: Array, x: Array, age: Array) -> Array:
        r, alpha, a, b = self.values
        (counts, ages), place = _pairs(x, age)

        def exact(count: Array, base: Array) -> Array:
            return _expected(r + count, base, a, b + count + self.first_chance, horizons)

        return interpolate_over(exact, counts, ages + alpha)[place]

    def _pairs_alive(self, horizon: float, x: Array, age: Array) -> Array:
        r, alpha, a, b = self.values
        (counts, ages), place = _pairs(x, age)

        def exact(count: Array, base: Array) -> Array:
            return _second(r + count, base, a, b + count + self.first_chance, horizon)

        return interpolate_over(exact, counts, ages + alpha)[place, 0]

    def _p_silent_alive(self, horizon: float, x: Array, age: Array) -> Array:
        r, alpha, _, _ = self.values
        return np.exp(-(r + x) * np.log1p(horizon / (alpha + age)))

    def _expected_new(self, t: Array) -> Array:
        r, alpha, a, b = self.values
        one = np.ones(1)
        return _expected(r * one, alpha * one, a, b * one, t, born_dead=self.first_chance)[0]


def _pairs(x: Array, age: Array) -> tuple[tuple[Array, Array], Index]:
    """Distinct (x, T) in order and each row's position among them."""
    order = np.lexsort((age, x))
    counts, ages = x[order], age[order]
    is_first = np.append(True, (counts[1:] != counts[:-1]) | (ages[1:] != ages[:-1]))[: len(x)]
    place = np.empty(len(x), dtype=np.int64)
    place[order] = np.cumsum(is_first) - 1
    return (counts[is_first], ages[is_first]), place


def _expected(k: Array, c: Array, a: float, b: Array, until: Array, *, born_dead: float = 0.0) -> Array:
    """E_p[(1-p)**born_dead (1 - (1 + p t/c)**-k) / p], p ~ Beta(a, b): purchases in t at Gamma(k, c) rates.

    One row per (k, c, b), one column per t in `until`.
    """
    result = np.empty((len(k), len(until)))
    for part in (slice(begin, begin + _CHUNK) for begin in range(0, len(k), _CHUNK)):
        mean = BetaMean(a, b[part])
        weight = (1.0 - mean.p if born_dead else 1.0) / mean.p
        for column, t in enumerate(until):
            ratio = t / c[part]
            inner = weight * -np.expm1(-k[part, None] * np.log1p(mean.p * ratio[:, None]))
            at_one = np.zeros(len(ratio)) if born_dead else -np.expm1(-k[part] * np.log1p(ratio))
            result[part, column] = mean(inner, k[part] * ratio, at_one)
    return result


def _second(k: Array, c: Array, a: float, b: Array, until: float) -> Array:
    """E[Y (Y-1)] over t at Gamma(k, c) rates with p ~ Beta(a, b), as a column.

    Given p: 2 (1-p)/p**2 (1 - (1+u)**-k - k u (1+u)**-(k+1)), u = p t/c; a series where u is small.
    """
    result = np.empty((len(k), 1))
    for part in (slice(begin, begin + _CHUNK) for begin in range(0, len(k), _CHUNK)):
        mean, shape, ratio = BetaMean(a, b[part]), k[part, None], until / c[part]
        u = mean.p * ratio[:, None]
        log_stay = -shape * np.log1p(u)
        exact = -np.expm1(log_stay) - shape * u / (1.0 + u) * np.exp(log_stay)
        series = 0.5 * shape * (shape + 1.0) * u**2 * (1.0 - (2.0 / 3.0) * (shape + 2.0) * u)
        inner = 2.0 * (1.0 - mean.p) / mean.p**2 * np.where((shape + 2.0) * u < 1e-5, series, exact)
        result[part, 0] = mean(inner, k[part] * (k[part] + 1.0) * ratio**2, np.zeros(len(ratio)))
    return result
