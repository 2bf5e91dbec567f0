"""Numerics shared by the models: tables over distinct values, log-space helpers and quadrature.

Lives here: gather tables, the log-gamma ratio, expectation rules for Beta weights and Gauss-Legendre panels, and
interpolation over an age. Everything is vectorised and finite for finite input.
Stays out: likelihoods (one module per model) and the optimiser (`optimise`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, gammaln

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

_CUT = 42.0
"""Log of the relative mass at which a quadrature range is cut (e**-42 is about 6e-19)."""


def as_floats(values: ArrayLike) -> Array:
    """A float array; missing, infinite and unreadable values become 0."""
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if not np.isfinite(array).all():
        array = np.nan_to_num(array, nan=0.0, posinf=0.0, neginf=0.0)
    return array


def table(values: Array) -> tuple[Array, Index]:
    """The sorted distinct values, and for every row the position of its value.

    Whole numbers that are not far apart are looked up in place of sorted.
    """
    if values.size and values.min() >= 0 and values.max() < 4 * values.size and (values == np.floor(values)).all():
        whole = values.astype(np.int64)
        there = np.zeros(int(whole.max()) + 1, dtype=bool)
        there[whole] = True
        return np.flatnonzero(there).astype(values.dtype), (np.cumsum(there) - 1)[whole]
    distinct, position = np.unique(values, return_inverse=True)
    return distinct, position.reshape(values.shape)


def dot(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Sum of products without BLAS: the same bits on one thread or many, and no threads waking for short work."""
    return float(np.einsum("i,i->", first, second))


def log_rising(shape: float, count: Array) -> Array:
    """ln Gamma(shape + count) - ln Gamma(shape), the log of the rising factorial."""
    return gammaln(shape + count) - gammaln(shape)


def softplus(value: Array) -> Array:
    """ln(1 + e**value) without overflow."""
    return np.logaddexp(0.0, value)


def sigmoid(value: Array) -> Array:
    """1 / (1 + e**-value) without overflow."""
    return np.exp(-np.logaddexp(0.0, -value))


@lru_cache(maxsize=16)
def legendre(count: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return 0.5 * (nodes + 1.0), 0.5 * weights


@lru_cache(maxsize=16)
def legendre_panels(panels: int, count: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on [0, 1], split into equal panels."""
    nodes, weights = legendre(count)
    starts = np.arange(panels, dtype=np.float64)[:, None]
    return ((starts + nodes) / panels).ravel(), np.tile(weights, panels) / panels


def _beta_range(a: float, b: Array) -> tuple[Array, Array]:
    """Where (a+1) y - (a+b+2) ln(1+e**y), the log-density in y = logit p, has fallen by the cut on either side."""
    peak = np.log((a + 1.0) / (b + 1.0))

    def density(y: Array) -> Array:
        return (a + 1.0) * y - (a + b + 2.0) * np.logaddexp(0.0, y)

    level = density(peak) - _CUT
    ends = []
    for side in (-1.0, 1.0):
        inner, outer = peak.copy(), peak + side * (_CUT + 60.0)
        for _ in range(50):
            middle = 0.5 * (inner + outer)
            inside = density(middle) > level
            inner, outer = np.where(inside, middle, inner), np.where(inside, outer, middle)
        ends.append(outer)
    return ends[0], ends[1]


@lru_cache(maxsize=32)
def _unit_grid(count: int) -> Array:
    return np.linspace(0.0, 1.0, count)


def beta_rule(a: float, b: ArrayLike, count: int = 128) -> tuple[Array, Array]:
    """Nodes p and weights w, one row per value of `b`, for integrals against the density of Beta(a, b).

    The rule is the trapezoid in logit p. It is exact to about 1e-10 for integrands that vanish at p = 0 and p = 1
    (subtract the chord, see `BetaMean`), for every a, b > 0, also where the density itself is singular.
    """
    rules = [_beta_rule(a, shape, count) for shape in np.atleast_1d(np.asarray(b, dtype=np.float64)).tolist()]
    nodes, weights = ([rule[side] for rule in rules] for side in (0, 1))
    return np.concatenate(nodes), np.concatenate(weights)


@lru_cache(maxsize=1024)
def _beta_rule(a: float, b: float, count: int) -> tuple[Array, Array]:
    """`beta_rule` of the same shape is asked again and again: by every chunk, horizon and month."""
    shape = np.array([b])
    low, high = _beta_range(a, shape)
    y = low[:, None] + (high - low)[:, None] * _unit_grid(count)[None, :]
    log_q = -np.logaddexp(0.0, y)
    log_density = a * y + (a + shape)[:, None] * log_q - betaln(a, shape)[:, None]
    step = (high - low) / (count - 1)
    return np.exp(y + log_q), np.exp(log_density) * step[:, None]


class BetaMean:
    """Means over p ~ Beta(a, b) for many functions of p: nodes are made once per distinct `b`."""

    def __init__(self, a: float, b: Array) -> None:
        shapes, place = table(b)
        nodes, weights = beta_rule(a, shapes)
        self.p, self._weight = nodes[place], weights[place]
        self._mean = a / (a + b)

    def __call__(self, inner: Array, at_zero: Array, at_one: Array) -> Array:
        """E[f(p)] per row, from f on the nodes `p` (rows x nodes) and its limits at the ends.

        The chord between the ends is integrated in closed form and the remainder, which vanishes at both ends, by the
        rule; so a near 0 (every customer stays) and b near 0 lose no accuracy.
        """
        slope = at_one - at_zero
        rest = inner - slope[:, None] * self.p - at_zero[:, None]
        return at_zero + slope * self._mean + np.einsum("ij,ij->i", self._weight, rest)


def interpolate_over(function: Callable[[Array, Array], Array], group: Array, age: Array) -> Array:
    """`function(group, age)`, a matrix with one row per row, where it is smooth in ln(age) for a given group value.

    Groups with more distinct ages than Chebyshev nodes are evaluated at the nodes and interpolated (barycentric,
    relative error about 1e-9 for functions analytic within +/- pi/2 of the real axis); smaller groups are evaluated
    as they are. `age` must be positive.
    """
    order = np.lexsort((age, group))
    plain: list[Index] = []
    smooth: list[tuple[Index, Array]] = []
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if not len(rows):
            continue
        low, high = float(np.log(age[rows[0]])), float(np.log(age[rows[-1]]))
        nodes = max(8, int(np.ceil(21.0 / np.arcsinh(np.pi / max(high - low, 1e-6)))))
        if len(rows) <= nodes:
            plain.append(rows)
        else:
            smooth.append((rows, _chebyshev(low, high, nodes)))
    direct = np.concatenate([*plain, np.zeros(0, dtype=np.int64)])
    at_group = [group[direct]] + [np.full(len(points), group[rows[0]]) for rows, points in smooth]
    at_age = [age[direct]] + [np.exp(points) for _, points in smooth]
    values = function(np.concatenate(at_group), np.concatenate(at_age))
    result = np.empty((len(age), values.shape[1]))
    done = len(direct)
    result[direct] = values[:done]
    for rows, points in smooth:
        result[rows] = _barycentric(points, values[done : done + len(points)], np.log(age[rows]))
        done += len(points)
    return result


def _chebyshev(low: float, high: float, count: int) -> Array:
    angle = np.pi * np.arange(count) / (count - 1)
    points = 0.5 * (low + high) - 0.5 * (high - low) * np.cos(angle)
    points[0], points[-1] = low, high
    return points


def _barycentric(points: Array, values: Array, at: Array) -> Array:
    weight = np.where(np.arange(len(points)) % 2 == 0, 1.0, -1.0)
    weight[0], weight[-1] = 0.5 * weight[0], 0.5 * weight[-1]
    gap = at[:, None] - points[None, :]
    hit = np.abs(gap) < 1e-14
    ratio = weight / np.where(hit, 1.0, gap)
    result = np.einsum("ij,jk->ik", ratio, values) / ratio.sum(axis=1)[:, None]
    exact = hit.any(axis=1)
    if exact.any():
        result[exact] = values[np.argmax(hit[exact], axis=1)]
    return result
