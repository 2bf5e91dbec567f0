"""What all models of repeat purchases share: rows, fitting with a fallback, and the public questions.

Lives here: `CountRows` (distinct sufficient statistics) and `CountModel`, the base class whose public methods clean
their input, and answer with finite numbers whatever the fit.
Stays out: any likelihood (one module per model) and the making of x, t_x, T from transactions (`transactions`).

Words: x = repeat purchase days, t_x = age at the last purchase (0 when x = 0), T = age at the end of observation,
all measured from the first purchase. Time has any unit, the same for t_x, T, t and the parameters; a `rate` of
discount is continuous, per unit of time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from pipelines.science.numerics import Array, Index, as_floats, dot, table
from pipelines.science.optimise import Optimum, maximise

_CHUNK = 65_536


def clean(x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> tuple[Array, Array, Array]:
    """Broadcast and make valid: x whole and >= 0, T >= 0, 0 <= t_x <= T, t_x = 0 where x = 0; missing becomes 0."""
    counts, last, ages = np.broadcast_arrays(as_floats(x), as_floats(t_x), as_floats(age))
    counts = np.maximum(np.rint(counts), 0.0)
    ages = np.maximum(ages, 0.0)
    last = np.where(counts > 0, np.clip(last, 0.0, ages), 0.0)
    return counts, last, ages


_BITS = 21
"""Bits of each part of a packed row; three fit into 63."""


def _packed(counts: Array, last: Array, ages: Array) -> Index | None:
    """One integer per row that sorts as (x, t_x, T); None where a value is not whole, or too large."""
    for values in (counts, last, ages):
        if len(values) == 0 or values.max() >= 1 << _BITS or (values != np.floor(values)).any():
            return None
    high, middle, low = (values.astype(np.int64) for values in (counts, last, ages))
    return (high << 2 * _BITS) | (middle << _BITS) | low


def _counted(packed: Index) -> tuple[Index, Index]:
    """Distinct values in order, and how often each occurs: sorting integers is far cheaper than grouping rows."""
    ordered = np.sort(packed)
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    return ordered[first], np.diff(np.append(first, len(ordered)))


def _unpacked(packed: Index, n: Index) -> tuple[Array, Array, Array, Array]:
    part = (1 << _BITS) - 1
    columns = (packed >> 2 * _BITS, (packed >> _BITS) & part, packed & part, n)
    return tuple(column.astype(np.float64) for column in columns)  # type: ignore[return-value]


@dataclass(frozen=True)
class CountRows:
    """Distinct rows (x, t_x, T) with the number of customers `n` (any weight >= 0) in each."""

    x: Array
    t_x: Array
    age: Array
    n: Array

    @classmethod
    def of(cls, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, weights: ArrayLike | None = None) -> CountRows:
        """Group customers on equal (x, t_x, T), in sorted order."""
        counts, last, ages = clean(x, t_x, age)
        packed = _packed(counts, last, ages) if weights is None else None
        if packed is not None:
            return cls(*_unpacked(*_counted(packed)))
        frame = pl.DataFrame({"x": counts, "t_x": last, "age": ages})
        keys = ["x", "t_x", "age"]
        if weights is None:
            grouped = frame.group_by(keys).len("n")
        else:
            frame = frame.with_columns(n=pl.Series(np.maximum(as_floats(weights), 0.0)))
            grouped = frame.sort(*keys, "n").group_by(keys, maintain_order=True).agg(pl.col("n").sum())
        grouped = grouped.filter(pl.col("n") > 0).sort("x", "t_x", "age")
        columns = [grouped[name].cast(pl.Float64).to_numpy() for name in ("x", "t_x", "age", "n")]
        return cls(*columns)

    @classmethod
    def located(cls, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> tuple[Index, CountRows]:
        """The distinct rows, and the position of every customer among them."""
        counts, last, ages = clean(x, t_x, age)
        packed = _packed(counts, last, ages)
        if packed is not None:
            found, n = _counted(packed)
            return np.searchsorted(found, packed), cls(*_unpacked(found, n))
        keys = ["x", "t_x", "age"]
        frame = pl.DataFrame({"x": counts, "t_x": last, "age": ages})
        distinct = frame.group_by(keys).len("n").sort(keys).with_row_index("place")
        place = frame.join(distinct, on=keys, how="left", maintain_order="left")["place"].to_numpy()
        columns = [distinct[name].cast(pl.Float64).to_numpy() for name in (*keys, "n")]
        return place.astype(np.int64), cls(*columns)

    def weighted(self, n: Array) -> CountRows:
        """The same rows with other weights; tables over distinct values are kept."""
        other = replace(self, n=n)
        for name in ("x_table", "age_table", "t_x_table"):
            other.__dict__[name] = getattr(self, name)
        return other

    def over(self, scale: float) -> CountRows:
        """Time divided by `scale`; tables over distinct values are kept."""
        other = replace(self, t_x=self.t_x / scale, age=self.age / scale)
        other.__dict__["x_table"] = self.x_table
        for name in ("age_table", "t_x_table"):
            distinct, place = getattr(self, name)
            other.__dict__[name] = (distinct / scale, place)
        return other

    @cached_property
    def x_table(self) -> tuple[Array, Index]:
        """Distinct x and each row's position among them."""
        return table(self.x)

    @cached_property
    def age_table(self) -> tuple[Array, Index]:
        """Distinct T and each row's position among them."""
        return table(self.age)

    @cached_property
    def t_x_table(self) -> tuple[Array, Index]:
        """Distinct t_x and each row's position among them."""
        return table(self.t_x)

    @cached_property
    def customers(self) -> float:
        """Sum of weights."""
        return float(self.n.sum())

    @cached_property
    def repeats(self) -> float:
        """Sum of x."""
        return dot(self.n, self.x)

    @cached_property
    def exposure(self) -> float:
        """Sum of T."""
        return dot(self.n, self.age)


class CountModel(ABC):
    """A model of repeat purchases over continuous time.

    Constructor: `prior` and `prior_sd` pull the log-parameters toward those of a larger fit (partial pooling of a
    segment toward all customers); without them the fit is plain maximum likelihood.

    Learned: `parameters_` (by name, in the caller's unit of time), `log_likelihood_` (of the caller's data, without
    the prior's term), `fit_status_`, `model_used_` (`nbd` after a fallback), `customers_`, `standard_errors_`,
    `log_covariance_` (of the log-parameters; None where the data do not identify them).

    `fit_status_`: `ok`; `boundary_nbd` (no attrition in the data: the NBD answers); `poisson` (rates do not differ);
    `no_repeaters`; `no_exposure` (nobody was observed for any time); `no_customers`; `single_customer`; `at_bound`;
    `not_converged` (the last two still answer, with the best point found). Every status answers every question with
    a finite number.
    """

    name: ClassVar[str]
    parameter_names: ClassVar[tuple[str, ...]]
    time_parameters: ClassVar[tuple[str, ...]] = ("alpha",)

    def __init__(self, *, prior: Mapping[str, float] | None = None, prior_sd: float = 0.5) -> None:
        self.prior = dict(prior) if prior else None
        self.prior_sd = prior_sd
        self.parameters_: dict[str, float] = {}
        self.standard_errors_: dict[str, float] = {}
        self.log_covariance_: Array | None = None
        self.log_likelihood_ = float("nan")
        self.fit_status_ = "not_fitted"
        self.model_used_ = self.name
        self.customers_ = 0.0
        self.fallback_: CountModel | None = None

    @classmethod
    def from_parameters(cls, **parameters: float) -> Self:
        """A model with given parameters, as if fitted; KeyError for a missing one."""
        model = cls()
        model.parameters_ = {name: float(parameters[name]) for name in cls.parameter_names}
        model.fit_status_ = "given"
        return model

    # -- fitting ---------------------------------------------------------------------------------------------------

    def fit(self, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, weights: ArrayLike | None = None) -> Self:
        """Estimate the parameters by maximum likelihood from one row per customer (or per weighted group)."""
        return self.fit_rows(CountRows.of(x, t_x, age, weights))

    def fit_rows(self, rows: CountRows, start: Mapping[str, float] | None = None, polish: bool = True) -> Self:
        """`fit` on rows already grouped. `start` is a warm start; without `polish` there are no standard errors."""
        self.customers_, self.fallback_, self.model_used_ = rows.customers, None, self.name
        scale = rows.exposure / rows.customers if rows.customers > 0 else 0.0
        scale = scale if scale > 0 else 1.0
        scaled = rows.over(scale)
        optimum = self._search(scaled, scale, start, polish)
        natural = self._rescale(optimum.parameters, scale)
        self.parameters_ = dict(zip(self.parameter_names, (float(value) for value in natural), strict=True))
        likelihood, _ = self._likelihood(scaled)(np.log(optimum.parameters))
        self.log_likelihood_ = float(likelihood) - rows.repeats * float(np.log(scale))
        covariance = optimum.covariance
        spread = np.sqrt(np.diag(covariance)) * self._rescale(np.ones(len(natural)), scale)
        known = np.isfinite(covariance).all()
        self.log_covariance_ = covariance / np.outer(optimum.parameters, optimum.parameters) if known else None
        self.standard_errors_ = dict(zip(self.parameter_names, (float(value) for value in spread), strict=True))
        self.fit_status_ = optimum.status
        self._fall_back(rows)
        return self

    def _search(self, scaled: CountRows, scale: float, start: Mapping[str, float] | None, polish: bool) -> Optimum:
        likelihood = self._likelihood(scaled)
        centre = None
        if self.prior is not None:
            centre = np.log(self._rescale(np.array([self.prior[name] for name in self.parameter_names]), 1 / scale))

        def objective(theta: Array) -> tuple[float, Array]:
            with np.errstate(all="ignore"):
                value, gradient = likelihood(theta)
                if centre is not None:
                    value -= 0.5 * float(np.sum(((theta - centre) / self.prior_sd) ** 2))
                    gradient = gradient - (theta - centre) / self.prior_sd**2
            return value, gradient

        if start is not None:
            begin = self._rescale(np.array([start[name] for name in self.parameter_names]), 1 / scale)
        else:
            begin = np.exp(centre) if centre is not None else self._start(scaled)
        return maximise(objective, begin, scaled.customers, polish=polish)

    def _fall_back(self, rows: CountRows) -> None:
        """Hook for models with attrition: hand over to the NBD where the data show none."""
        self.fallback_ = None

    def _rescale(self, values: Array, scale: float) -> Array:
        """Natural parameters when time is multiplied by `scale`."""
        return values * np.array([scale if name in self.time_parameters else 1.0 for name in self.parameter_names])

    @abstractmethod
    def _likelihood(self, rows: CountRows) -> Callable[[Array], tuple[float, Array]]:
        """The log-likelihood of scaled rows and its gradient, as a function of log-parameters."""

    @abstractmethod
    def _start(self, rows: CountRows) -> Array:
        """Starting values for scaled rows."""

    # -- questions -------------------------------------------------------------------------------------------------

    @property
    def answering(self) -> CountModel:
        """The model that answers: this one, or its fallback."""
        return self.fallback_ or self

    @property
    def values(self) -> tuple[float, ...]:
        """Parameters in the order of `parameter_names`."""
        return tuple(self.parameters_[name] for name in self.parameter_names)

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Array:
        """P(still a customer at T | x, t_x, T), 0 to 1. A latent state: never use 1 - p_alive as churn risk."""
        return self._alive(*clean(x, t_x, age))

    def _alive(self, x: Array, t_x: Array, age: Array) -> Array:
        """`p_alive` of clean values."""
        with np.errstate(all="ignore"):
            return _probability(self.answering._p_alive(x, t_x, age), 1.0)

    def expected_purchases(self, horizon: float, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Array:
        """E[purchases in (T, T + horizon] | x, t_x, T], in purchase days; 0 for a horizon of 0."""
        return self.expected_by(np.array([horizon], dtype=np.float64), x, t_x, age)[:, 0]

    def expected_by(
        self, horizons: ArrayLike, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, alive: Array | None = None
    ) -> Array:
        """`expected_purchases` for several horizons: one row per customer, one column per horizon.

        Here and below, `alive` is `p_alive` of the same customers where the caller has it already: it costs most.
        """
        until = np.maximum(as_floats(horizons), 0.0)
        counts, last, ages = clean(x, t_x, age)
        model = self.answering
        alive = self._alive(counts, last, ages) if alive is None else alive
        with np.errstate(all="ignore"):
            return _finite(alive[:, None] * model._expected_alive(until, counts, ages))

    def p_no_purchase(
        self, horizon: float, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, alive: Array | None = None
    ) -> Array:
        """P(no purchase in (T, T + horizon] | x, t_x, T), 0 to 1: the churn score; 1 for a horizon of 0."""
        counts, last, ages = clean(x, t_x, age)
        model = self.answering
        alive = self._alive(counts, last, ages) if alive is None else alive
        with np.errstate(all="ignore"):
            silent = _probability(model._p_silent_alive(max(float(horizon), 0.0), counts, ages), 1.0)
        return 1.0 - alive * (1.0 - silent)

    def dert(self, rate: float, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> Array:
        """Discounted expected residual transactions over an infinite horizon, continuous discount `rate` per unit.

        A rate of 0 or less is raised to 1e-9 per unit, since the undiscounted sum may be infinite.
        """
        counts, last, ages = clean(x, t_x, age)
        model = self.answering
        with np.errstate(all="ignore"):
            alive = _probability(model._p_alive(counts, last, ages), 1.0)
            return _finite(alive * model._discounted_alive(max(float(rate), 1e-9), counts, ages))

    def _discounted_alive(self, rate: float, x: Array, age: Array) -> Array:
        """E of e**(-rate u) over purchases at T + u | alive at T: rate times the transform of the expectation.

        Integrated by parts, so that only the smooth expectation is needed; trapezoid in ln u.
        """
        step = 0.35
        grid = np.arange(-22.0, 4.1, step)
        until, weight = np.exp(grid) / rate, step * np.exp(grid - np.exp(grid))
        result = np.empty(len(x))
        for part in (slice(begin, begin + _CHUNK) for begin in range(0, len(x), _CHUNK)):
            result[part] = np.einsum("ij,j->i", self._expected_alive(until, x[part], age[part]), weight)
        return result

    def variance_purchases(
        self, horizon: float, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, alive: Array | None = None
    ) -> Array:
        """Variance of the purchases in (T, T + horizon] given x, t_x, T and the parameters."""
        counts, last, ages = clean(x, t_x, age)
        model, until = self.answering, max(float(horizon), 0.0)
        alive = self._alive(counts, last, ages) if alive is None else alive
        with np.errstate(all="ignore"):
            mean = alive * model._expected_alive(np.array([until]), counts, ages)[:, 0]
            second = alive * model._pairs_alive(until, counts, ages)
        return np.maximum(_finite(second + mean - mean**2), 0.0)

    def expected_repeat(self, t: ArrayLike) -> Array:
        """E[X(t)]: repeat purchases of a random new customer up to age t."""
        with np.errstate(all="ignore"):
            return _finite(self.answering._expected_new(np.maximum(as_floats(t), 0.0)))

    def pmf(self, count: ArrayLike, t: ArrayLike) -> Array:
        """P(X(t) = count) for a random new customer."""
        counts, until = np.broadcast_arrays(np.maximum(np.rint(as_floats(count)), 0.0), as_floats(t))
        with np.errstate(all="ignore"):
            return _probability(self.answering._pmf(counts, np.maximum(until, 0.0)), 0.0)

    def tracking(self, born: ArrayLike, at: ArrayLike, weights: ArrayLike | None = None) -> Array:
        """Expected cumulative repeat purchases at times `at` of customers whose first purchase was at `born`.

        `born` and `at` are measured on one clock; customers not yet born count nothing.
        """
        births, position = table(as_floats(born))
        size = np.bincount(position, weights=None if weights is None else as_floats(weights))
        ages = np.maximum(as_floats(at)[:, None] - births[None, :], 0.0)
        distinct, place = table(ages)
        return self.expected_repeat(distinct)[place] @ size.astype(np.float64)

    @abstractmethod
    def _p_alive(self, x: Array, t_x: Array, age: Array) -> Array: ...

    @abstractmethod
    def _expected_alive(self, horizons: Array, x: Array, age: Array) -> Array:
        """E[purchases until each horizon | alive at T]: rows x horizons."""

    @abstractmethod
    def _pairs_alive(self, horizon: float, x: Array, age: Array) -> Array:
        """E[Y (Y - 1) | alive at T]."""

    @abstractmethod
    def _p_silent_alive(self, horizon: float, x: Array, age: Array) -> Array: ...

    @abstractmethod
    def _expected_new(self, t: Array) -> Array: ...

    @abstractmethod
    def _pmf(self, count: Array, t: Array) -> Array: ...


def _probability(value: Array, otherwise: float) -> Array:
    return np.clip(np.where(np.isfinite(value), value, otherwise), 0.0, 1.0)


def _finite(value: Array) -> Array:
    return np.maximum(np.nan_to_num(value, nan=0.0, posinf=np.finfo(np.float64).max, neginf=0.0), 0.0)
