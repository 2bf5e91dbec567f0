"""Pareto/NBD: Poisson purchases, exponential lifetimes, both rates differing by a Gamma.

Lives here: the likelihood with its gradient, and everything conditional on being alive.
Stays out: the fallback to the NBD (`attrition`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from scipy.special import psi

from pipelines.science.attrition import AttritionModel
from pipelines.science.count_model import CountRows
from pipelines.science.nbd import nb_log_pmf
from pipelines.science.numerics import Array, dot, legendre, log_rising

_CHUNK = 2048
_CUT = 42.0


class ParetoNBD(AttritionModel):
    """Pareto/NBD model (Schmittlein, Morrison and Colombo 1987; likelihood as in Fader and Hardie 2005).

    lambda ~ Gamma(r, alpha), death rate mu ~ Gamma(s, beta), independent.
    L = G(r+x)/G(r) alpha**r beta**s { (alpha+T)**-(r+x) (beta+T)**-s + s J(t_x, T) },
    J(t_x, T) = integral over tau of (alpha+tau)**-(r+x) (beta+tau)**-(s+1): the death at tau.
    J and its derivatives are taken by Gauss-Legendre quadrature on a logarithmic clock, scaled by the integrand at
    t_x; the integrand is positive, so nothing cancels and nothing overflows (hypergeometric forms do, for large x).
    P(alive) is the first term's share of L. Alive at T: lambda ~ Gamma(r+x, alpha+T), mu ~ Gamma(s, beta+T).

    Units: alpha and beta in the unit of T; r, s pure numbers. Boundary: no deaths (s near 0 or beta to infinity) is
    answered by the NBD, status `boundary_nbd`.
    """

    name: ClassVar[str] = "pareto_nbd"
    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    time_parameters: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    quadrature_nodes: ClassVar[int] = 32

    def _start(self, rows: CountRows) -> Array:
        pace = rows.exposure / max(rows.repeats, 1e-9)
        return np.array([0.6, 0.4 * pace, 0.6, 0.4])

    def _likelihood(self, rows: CountRows) -> Callable[[Array], tuple[float, Array]]:
        xs, at_x = rows.x_table
        n_x = np.bincount(at_x, weights=rows.n, minlength=len(xs))
        k_rows, n, nodes = rows.x, rows.n, self.quadrature_nodes

        def value(theta: Array) -> tuple[float, Array]:
            r, alpha, s, beta = np.exp(theta)
            k = r + k_rows
            log_j, means = death_integral(k, s, (alpha, beta), (rows.t_x, rows.age), nodes, with_means=True)
            log_a, log_b = np.log(alpha + rows.age), np.log(beta + rows.age)
            stay, leave = -k * log_a - s * log_b, theta[2] + log_j
            both = np.logaddexp(stay, leave)
            alive, dead = np.exp(stay - both) * n, np.exp(leave - both) * n
            total = rows.customers
            likelihood = dot(n_x, log_rising(r, xs)) + total * (r * theta[1] + s * theta[3]) + dot(n, both)
            by_r = dot(n_x, psi(r + xs) - psi(r)) + total * theta[1] - dot(alive, log_a) - dot(dead, means[0])
            by_alpha = total * r / alpha - dot(alive * k, 1.0 / (alpha + rows.age)) - dot(dead * k, means[1])
            by_s = total * theta[3] - dot(alive, log_b) + float(dead.sum()) / s - dot(dead, means[2])
            by_beta = total * s / beta - s * dot(alive, 1.0 / (beta + rows.age)) - (s + 1.0) * dot(dead, means[3])
            return likelihood, np.array([by_r * r, by_alpha * alpha, by_s * s, by_beta * beta])

        return value

    def _p_alive(self, x: Array, t_x: Array, age: Array) -> Array:
        r, alpha, s, beta = self.values
        k = r + x
        log_j, _ = death_integral(k, s, (alpha, beta), (t_x, age), self.quadrature_nodes)
        odds = np.log(s) + log_j + k * np.log(alpha + age) + s * np.log(beta + age)
        return np.exp(-np.logaddexp(0.0, odds))

    def _expected_alive(self, horizons: Array, x: Array, age: Array) -> Array:
        r, alpha, s, beta = self.values
        base = (beta + age)[:, None]
        return ((r + x) / (alpha + age))[:, None] * base * _power_mean(s, np.log1p(horizons[None, :] / base))

    def _pairs_alive(self, horizon: float, x: Array, age: Array) -> Array:
        r, alpha, s, beta = self.values
        base, k = beta + age, r + x
        nodes, weights = legendre(32)
        width = np.log1p(horizon / base)
        w = width[:, None] * nodes
        moment = base**2 * width * ((np.expm1(w) * np.exp((1.0 - s) * w)) @ weights)
        return 2.0 * k * (k + 1.0) / (alpha + age) ** 2 * moment

    def _p_silent_alive(self, horizon: float, x: Array, age: Array) -> Array:
        r, alpha, s, beta = self.values
        k = r + x
        span = (np.zeros_like(age), np.full_like(age, horizon))
        log_j, _ = death_integral(k, s, (alpha + age, beta + age), span, self.quadrature_nodes)
        died = np.log(s) + log_j + k * np.log(alpha + age) + s * np.log(beta + age)
        stayed = -k * np.log1p(horizon / (alpha + age)) - s * np.log1p(horizon / (beta + age))
        return np.exp(died) + np.exp(stayed)

    def _expected_new(self, t: Array) -> Array:
        r, alpha, s, beta = self.values
        return r / alpha * beta * _power_mean(s, np.log1p(t / beta))

    def _pmf(self, count: Array, t: Array) -> Array:
        r, alpha, s, beta = self.values
        nodes, weights = legendre(64)
        width = np.log1p(t / beta)
        w = width[..., None] * nodes
        died_at = beta * np.expm1(w)
        given = np.exp(nb_log_pmf(r, alpha, count[..., None], died_at))
        died = width * ((s * np.exp(-s * w) * given) @ weights)
        return died + np.exp(-s * width + nb_log_pmf(r, alpha, count, t))


def _power_mean(s: float, log_ratio: Array) -> Array:
    """(1 - e**(-(s-1) y)) / (s - 1), which is y at s = 1; y = ln((beta+T+t)/(beta+T))."""
    power = s - 1.0
    if abs(power) < 1e-9:
        return log_ratio
    return -np.expm1(-power * log_ratio) / power


def death_integral(
    k: Array,
    s: float,
    shifts: tuple[float | Array, float | Array],
    span: tuple[Array, Array],
    count: int,
    *,
    with_means: bool = False,
) -> tuple[Array, tuple[Array, ...]]:
    """ln of the integral over tau in `span` of (alpha+tau)**-k (beta+tau)**-(s+1); -inf where the span is empty.

    `shifts` are alpha and beta. With `with_means` also the means, under the normalised integrand, of ln(alpha+tau),
    1/(alpha+tau), ln(beta+tau) and 1/(beta+tau): the derivatives.
    """
    alpha, beta = (np.broadcast_to(shift, k.shape) for shift in shifts)
    value = np.empty(len(k))
    means = tuple(np.empty(len(k) if with_means else 0) for _ in range(4))
    for first in range(0, len(k), _CHUNK):
        part = slice(first, first + _CHUNK)
        spans = (span[0][part], span[1][part])
        value[part], found = _death_part(k[part], s, (alpha[part], beta[part]), spans, count, with_means=with_means)
        for column, mean in zip(means, found, strict=False):
            column[part] = mean
    return value, means


def _death_part(
    k: Array, s: float, shifts: tuple[Array, Array], span: tuple[Array, Array], count: int, *, with_means: bool
) -> tuple[Array, tuple[Array, ...]]:
    """One chunk of `death_integral`; the clock is w = ln((near+tau)/(near+begin)), near = min(alpha, beta)."""
    (alpha, beta), (begin, end) = shifts, span
    first = alpha <= beta
    near, far = np.minimum(alpha, beta), np.maximum(alpha, beta)
    p, q = np.where(first, k, s + 1.0), np.where(first, s + 1.0, k)
    ratio = (near + begin) / (far + begin)
    decay = p - 1.0 + q * ratio
    width = np.log((near + end) / (near + begin))
    width = np.where(decay > 0, np.minimum(width, _CUT / np.maximum(decay, 1e-300)), width)
    nodes, weights = legendre(count)
    w = width[:, None] * nodes
    grown = np.exp(w)
    far_grown = grown - 1.0  # in place from here on: new room for every step costs as much as the steps
    far_grown *= ratio[:, None]
    far_grown += 1.0
    log_far = np.log(far_grown)
    g = -(p - 1.0)[:, None] * w
    g -= q[:, None] * log_far
    top = g.max(axis=1)
    g -= top[:, None]
    np.exp(g, out=g)
    g *= weights
    mass = g.sum(axis=1)
    log_near0, log_far0 = np.log(near + begin), np.log(far + begin)
    with np.errstate(divide="ignore"):
        log_width = np.log(width)
    value = log_width + np.log(mass) + top + (1.0 - p) * log_near0 - q * log_far0
    if not with_means:
        return value, ()
    g /= mass[:, None]
    ln_near = log_near0 + np.einsum("ij,ij->i", g, w)
    ln_far = log_far0 + np.einsum("ij,ij->i", g, log_far)
    inv_near = np.einsum("ij,ij->i", g, np.divide(1.0, grown, out=grown)) / (near + begin)
    inv_far = np.einsum("ij,ij->i", g, np.divide(1.0, far_grown, out=far_grown)) / (far + begin)
    return value, (
        np.where(first, ln_near, ln_far),
        np.where(first, inv_near, inv_far),
        np.where(first, ln_far, ln_near),
        np.where(first, inv_far, inv_near),
    )
