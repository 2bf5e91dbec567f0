"""Outlook: what a valuation expects of customers between days to come.

Lives here: expected money of stretches of time, from the same models and order values as a customer's value.
Stays out: fitting and the value itself (`pipelines.science.valuation_scores`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from pipelines.contracts.marts import MartParams
from pipelines.science.count_model import CountRows
from pipelines.science.histories import on_basis
from pipelines.science.numerics import Array, legendre
from pipelines.science.valuation_model import Fitted, ValuationModel, times_on
from pipelines.science.valuation_scores import by_fit, levels, worth

_NODES = 2
_UNITS = 10_000.0


def expected_money(
    summary: pl.DataFrame,
    models: Mapping[str, ValuationModel],
    params: MartParams,
    spans: Sequence[tuple[float, float]],
) -> dict[str, tuple[Array, Array]]:
    """Expected money of each customer in spans of days ahead, by basis: at face value, and discounted to its day.

    Each two matrices (float currency), one row per row of the summary, one column per span (from, to], in days.
    `summary` tells of all bases of `models`, which share their count models.
    """
    plain, discounted = np.zeros((len(summary), len(spans))), np.zeros((len(summary), len(spans)))
    model = next(iter(models.values()))
    for part, fitted in by_fit(summary, model, by="count_key"):
        mine = part["place"].to_numpy()
        plain[mine], discounted[mine] = _orders(part, model, fitted, params, spans)
    level = np.c_[levels(summary, model)]
    found = {}
    for basis, by in models.items():
        each = np.c_[_worth(on_basis(summary, basis), by)]
        found[basis] = (plain * level * each, discounted * level * each)
    return found


def _worth(summary: pl.DataFrame, model: ValuationModel) -> Array:
    """Expected net money of an order of each row; 0 where no amount is known."""
    each = np.zeros(len(summary))
    for part, fitted in by_fit(summary, model):
        if fitted.has_amounts:
            each[part["place"].to_numpy()] = worth(part, fitted)
    return each


def _orders(
    summary: pl.DataFrame,
    model: ValuationModel,
    fitted: Fitted,
    params: MartParams,
    spans: Sequence[tuple[float, float]],
) -> tuple[Array, Array]:
    """Expected orders in the spans before any level, and the same discounted.

    The discounted integral is taken by parts, so that only the smooth expectation is asked, at a few Gauss nodes.
    """
    place, rows = CountRows.located(*times_on(summary, model.clock))
    today = int(summary["first_on"].cast(pl.Int32)[0] + summary["age"][0])
    nodes, weights = legendre(_NODES)
    asked = np.array([[begin, *(begin + nodes * (end - begin)), end] for begin, end in spans])
    days, where = np.unique(asked, return_inverse=True)
    ahead = model.clock.between(today, today + days)
    known = (rows.x, rows.t_x, rows.age)
    by = np.mean([counts.expected_by(ahead, *known) for counts in fitted.counts], axis=0)
    by = by[:, where.reshape(asked.shape)]
    delta = float(np.log1p(max(params.discount_rate, 0.0))) / 365.0
    fade, length = np.exp(-delta * asked), asked[:, -1] - asked[:, 0]
    edges = fade[:, -1] * by[:, :, -1] - fade[:, 0] * by[:, :, 0]
    within = delta * length * (by[:, :, 1:-1] * (weights * fade[:, 1:-1])).sum(axis=2)
    return (by[:, :, -1] - by[:, :, 0])[place], (edges + within)[place]


def money_between(summary: pl.DataFrame, models: Mapping[str, ValuationModel], days: Array) -> dict[str, Array]:
    """Expected money at face value of all rows together, by basis, between each of `days` ahead and the next (units).

    The first of the days is 0. Each customer's money is rounded to a whole unit before it is summed.
    """
    orders = np.zeros((len(summary), len(days) - 1))
    model = next(iter(models.values()))
    for part, fitted in by_fit(summary, model, by="count_key"):
        place, rows = CountRows.located(*times_on(part, model.clock))
        today = int(part["first_on"].cast(pl.Int32)[0] + part["age"][0])
        ahead = model.clock.between(today, today + days[1:])
        known = (rows.x, rows.t_x, rows.age)
        by = np.mean([counts.expected_by(ahead, *known) for counts in fitted.counts], axis=0)
        orders[part["place"].to_numpy()] = np.diff(by, axis=1, prepend=0.0)[place]
    orders *= np.c_[levels(summary, model)]
    return {
        basis: np.rint(orders * np.c_[_worth(on_basis(summary, basis), by)] * _UNITS).sum(axis=0)
        for basis, by in models.items()
    }
