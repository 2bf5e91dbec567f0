"""Scores of a valuation: what fitted models say of every customer on a day.

Lives here: chance to be alive, expected orders, expected discounted money with an interval, chance of an order soon.
Stays out: fitting (`valuation_model`) and orders as they come (`valuation`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import polars as pl
from scipy.special import gammaincinv

from pipelines.science.count_model import CountRows
from pipelines.science.numerics import Array, Index, legendre
from pipelines.science.season import Clock
from pipelines.science.spend import SpendFacts
from pipelines.science.valuation_model import Fitted, ValuationModel, spend_facts, times_on

SOON_DAYS = 90
_NODES = 3
_MOST = 9e13


class Terms(Protocol):
    """What a valuation needs to know of a run; `pipelines.contracts.marts.MartParams` is one."""

    @property
    def horizon_days(self) -> int:
        """Days ahead that are valued."""

    @property
    def discount_rate(self) -> float:
        """Yearly discount."""

    @property
    def confidence(self) -> float:
        """Level of the intervals, 0 to 1."""


def value_summary(
    summary: pl.DataFrame,
    params: Terms,
    model: ValuationModel,
    *,
    with_interval: bool = True,
    counts: CountScores | None = None,
) -> pl.DataFrame:
    """`value_customers` from a `summarise_days` frame with a `segment`, with a fitted model.

    `counts` are the scores of the same customers by the same count models (`CountScores.of`), where several kinds of
    money are valued.
    """
    schema = {name: summary.schema[name] for name in ("customer_id", "segment", "x", "t_x", "age")} | _SCORES
    asked = counts or CountScores.of(summary, params, model, with_interval=with_interval)
    parts = [
        _scored(rows, asked.at(rows["place"].to_numpy()), params.confidence, fitted, with_interval=with_interval)
        for rows, fitted in by_fit(summary, model)
    ]
    return pl.concat(parts).sort("place").select(schema.keys()) if parts else pl.DataFrame(schema=schema)


def levels(summary: pl.DataFrame, model: ValuationModel) -> Array:
    """The factor on the pace of orders of each row's segment."""
    named = {name: fitted.choice.level for name, fitted in model.segments.items()}
    kinds = {name: named.get(name, model.rest.choice.level) for name in summary["segment"].unique().to_list()}
    if len(set(kinds.values())) <= 1:
        return np.full(len(summary), next(iter(kinds.values()), 1.0))
    return summary["segment"].replace_strict(kinds, return_dtype=pl.Float64).to_numpy()


def by_fit(summary: pl.DataFrame, model: ValuationModel, *, by: str = "key") -> Iterator[tuple[pl.DataFrame, Fitted]]:
    """The rows of segments that share their models (`by` "count_key": their count models), with their `place`."""
    groups: dict[tuple, tuple[Fitted, list[str | None]]] = {}
    for name in summary["segment"].unique().to_list():
        fitted = model.of(name)
        groups.setdefault(getattr(fitted, by), (fitted, []))[1].append(name)
    rows = summary.with_row_index("place")
    for fitted, members in groups.values():
        yield (rows if len(groups) == 1 else rows.filter(_is_one_of(members))), fitted


def worth(rows: pl.DataFrame, fitted: Fitted) -> Array:
    """Expected net money of an order, in float currency."""
    return fitted.spend.net_value(fitted.choice.spend_model, spend_facts(rows)) * fitted.choice.value_level


def _times(rows: pl.DataFrame, params: Terms, clock: Clock) -> tuple[Index, tuple[Array, Array, Array], Array]:
    """Each row's place among the distinct (x, t_x, T) on the clock, these, and the moments ahead on the clock."""
    place, distinct = CountRows.located(*times_on(rows, clock))
    today = _today(rows)
    moments = clock.between(today, today + horizon_days(float(params.horizon_days)))
    return place, (distinct.x, distinct.t_x, distinct.age), moments


def _today(rows: pl.DataFrame) -> int:
    return int(rows["first_on"].cast(pl.Int32)[0] + rows["age"][0])


def _is_one_of(segments: list[str | None]) -> pl.Expr:
    found = pl.col("segment").is_in([name for name in segments if name is not None]).fill_null(False)
    return found | pl.col("segment").is_null() if None in segments else found


_SCORES: dict[str, pl.DataType] = {
    "p_alive": pl.Float64(),
    "expected_orders": pl.Float64(),
    "order_value": pl.Float64(),
    "value": pl.Int64(),
    "lo": pl.Int64(),
    "hi": pl.Int64(),
    "value_sd": pl.Float64(),
    "p_order_90": pl.Float64(),
    "model_used": pl.String(),
    "fit_status": pl.String(),
}


def _scored(
    rows: pl.DataFrame, counts: CountScores, confidence: float, fitted: Fitted, *, with_interval: bool
) -> pl.DataFrame:
    """The rows of segments that share their models, with their scores."""
    each = worth(rows, fitted)
    value = counts.discounted * each
    lo, hi, spread = None, None, pl.lit(None, dtype=pl.Float64)
    if with_interval:
        variance = _variance(counts, spend_facts(rows), each, fitted)
        lo, hi = _interval(counts, value, variance, confidence)
        spread = pl.lit(pl.Series(np.sqrt(variance))) if fitted.has_amounts else spread
    return rows.select("place", "customer_id", "segment", "x", "t_x", "age").with_columns(
        p_alive=pl.Series(counts.alive),
        expected_orders=pl.Series(counts.orders),
        order_value=pl.Series(each),
        value=_units(value, fitted),
        lo=_units(lo, fitted),
        hi=_units(hi, fitted),
        value_sd=spread,
        p_order_90=pl.Series(1.0 - counts.silent_soon),
        model_used=pl.lit(fitted.model_used),
        fit_status=pl.lit(fitted.fit_status),
    )


def _units(amount: Array | None, fitted: Fitted) -> pl.Expr:
    """Amounts as whole ten-thousandths; null where there is nothing to tell."""
    if amount is None or not fitted.has_amounts:
        return pl.lit(None, dtype=pl.Int64)
    return pl.lit(pl.Series(units_of(amount)))


def units_of(amount: Array) -> Index:
    """Amounts in float currency as whole ten-thousandths; those beyond DECIMAL(18,4) are cut."""
    return np.rint(np.clip(amount, -_MOST, _MOST) * 10_000.0).astype(np.int64)


@dataclass(frozen=True)
class CountScores:
    """Answers of the count models, one value per customer; the mean of the models where a choice has several."""

    alive: Array
    orders: Array
    discounted: Array
    variance: Array
    silent: Array
    silent_soon: Array

    @classmethod
    def of(
        cls, summary: pl.DataFrame, params: Terms, model: ValuationModel, *, with_interval: bool = True
    ) -> CountScores:
        """In the order of the rows; without intervals `variance` and `silent` are 0."""
        found = np.zeros((len(fields(cls)), len(summary)))
        for rows, fitted in by_fit(summary, model, by="pace_key"):
            found[:, rows["place"].to_numpy()] = _asked(rows, params, fitted, model.clock, with_interval=with_interval)
        return cls(*found)

    def at(self, place: Index) -> CountScores:
        """Those of some of the customers."""
        return CountScores(*(getattr(self, field.name)[place] for field in fields(self)))


def _asked(rows: pl.DataFrame, params: Terms, fitted: Fitted, clock: Clock, *, with_interval: bool) -> Array:
    """`CountScores` of customers of the same models and level, a row each.

    Each model is asked once per distinct (x, t_x, T); a level of 1.1 lets a tenth more time pass.
    """
    place, known, until = _times(rows, params, clock)
    today, level, horizon = _today(rows), fitted.choice.level, float(params.horizon_days)
    ahead, soon = (float(clock.between(today, today + days)) * level for days in (horizon, SOON_DAYS))
    nothing, found = np.zeros(len(known[0])), []
    for counts in fitted.counts:
        alive = counts.p_alive(*known)
        orders, discounted = over_horizon(counts.expected_by(until, *known, alive), params)
        found.append(
            (
                alive,
                orders * level,
                discounted * level,
                counts.variance_purchases(ahead, *known, alive) if with_interval else nothing,
                counts.p_no_purchase(ahead, *known, alive) if with_interval else nothing,
                counts.p_no_purchase(soon, *known, alive),
            )
        )
    return np.array([np.asarray(sum(parts) / len(found))[place] for parts in zip(*found, strict=True)])


def horizon_days(horizon: float) -> Array:
    """The days ahead at which the expectation is asked: Gauss nodes, and the horizon."""
    return np.append(legendre(_NODES)[0] * horizon, horizon)


def over_horizon(by: Array, params: Terms) -> tuple[Array, Array]:
    """Expected orders over the horizon, and the same discounted by e**(-delta u) for an order at u.

    By parts, so that only the smooth expectation `by` at `horizon_days` is needed; relative error below 1e-4 on the
    calendar.
    """
    delta, horizon = float(np.log1p(max(params.discount_rate, 0.0))) / 365.0, float(params.horizon_days)
    weights = legendre(_NODES)[1] * np.exp(-delta * horizon_days(horizon)[:-1])
    later = np.exp(-delta * horizon) * by[:, -1] + delta * horizon * (by[:, :-1] * weights).sum(axis=1)
    return by[:, -1], np.minimum(later, by[:, -1])


def _variance(counts: CountScores, facts: SpendFacts, worth: Array, fitted: Fitted) -> Array:
    """Variance of a customer's discounted money: of the number of orders, of the value of an order around the
    customer's mean, of that mean around what is expected of it, and of the customer who changes (`drift`)."""
    spread = fitted.within / fitted.mean**2 if fitted.mean > 0 else 0.0
    strength = fitted.spend.credibility_.strength_
    unsure = spread / np.maximum(facts.orders + strength, 1e-9) if np.isfinite(strength) else np.zeros(len(worth))
    orders = counts.orders
    share = np.divide(counts.discounted, orders, out=np.ones(len(worth)), where=orders > 0)
    drift = fitted.choice.drift * orders**2
    return (orders * spread + counts.variance * (1.0 + unsure) + orders**2 * unsure + drift) * (worth * share) ** 2


def _interval(counts: CountScores, money: Array, variance: Array, confidence: float) -> tuple[Array, Array]:
    """Central interval of a customer's discounted money: nothing with P(0), else a Gamma with the same moments.

    Widened to hold the expectation where nothing at all is likelier than the level.
    """
    active = np.maximum(1.0 - counts.silent, 1e-12)
    mean = money / active
    left = np.maximum((variance + money**2) / active - mean**2, 1e-12 * mean**2 + 1e-300)
    shape = np.clip(mean**2 / left, 1e-3, 1e9)
    ends = []
    for at in (0.5 - 0.5 * confidence, 0.5 + 0.5 * confidence):
        inside = np.clip((at - counts.silent) / active, 0.0, 1.0 - 1e-12)
        ends.append(np.nan_to_num(gammaincinv(shape, inside) * mean / shape))
    return np.minimum(ends[0], money), np.maximum(ends[1], money)
