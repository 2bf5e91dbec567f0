"""Outlook: what a valuation expects of customers between days to come.

Lives here: expected money of stretches of time, from the same models and order values as a customer's value.
Stays out: fitting and the value itself (`pipelines.science.valuation_scores`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from pipelines.contracts.marts import MartParams
from pipelines.science.count_model import CountRows
from pipelines.science.numerics import Array, legendre
from pipelines.science.valuation_model import Fitted, ValuationModel, times_on
from pipelines.science.valuation_scores import by_fit, worth

_NODES = 2
_UNITS = 10_000.0


def expected_money(
    summary: pl.DataFrame, model: ValuationModel, params: MartParams, spans: Sequence[tuple[float, float]]
) -> tuple[Array, Array]:
    """Expected money of each customer of a summary in spans of days ahead: at face value, and discounted to its day.

    Two matrices (float currency), one row per row of the summary, one column per span (from, to], in days.
    """
    plain, discounted = np.zeros((len(summary), len(spans))), np.zeros((len(summary), len(spans)))
    for part, fitted in by_fit(summary, model):
        mine, each = part["place"].to_numpy(), worth(part, fitted) if fitted.has_amounts else np.zeros(len(part))
        orders, valued = _orders(part, model, fitted, params, spans)
        plain[mine], discounted[mine] = orders * np.c_[each], valued * np.c_[each]
    return plain, discounted


def _orders(
    summary: pl.DataFrame,
    model: ValuationModel,
    fitted: Fitted,
    params: MartParams,
    spans: Sequence[tuple[float, float]],
) -> tuple[Array, Array]:
    """Expected orders in the spans, and the same discounted.

    The discounted integral is taken by parts, so that only the smooth expectation is asked, at a few Gauss nodes.
    """
    place, rows = CountRows.located(*times_on(summary, model.clock))
    today = int(summary["first_on"].cast(pl.Int32)[0] + summary["age"][0])
    nodes, weights = legendre(_NODES)
    asked = np.array([[begin, *(begin + nodes * (end - begin)), end] for begin, end in spans])
    days, where = np.unique(asked, return_inverse=True)
    ahead = model.clock.between(today, today + days)
    known = (rows.x, rows.t_x, rows.age)
    by = fitted.choice.level * np.mean([counts.expected_by(ahead, *known) for counts in fitted.counts], axis=0)
    by = by[:, where.reshape(asked.shape)]
    delta = float(np.log1p(max(params.discount_rate, 0.0))) / 365.0
    fade, length = np.exp(-delta * asked), asked[:, -1] - asked[:, 0]
    edges = fade[:, -1] * by[:, :, -1] - fade[:, 0] * by[:, :, 0]
    within = delta * length * (by[:, :, 1:-1] * (weights * fade[:, 1:-1])).sum(axis=2)
    return (by[:, :, -1] - by[:, :, 0])[place], (edges + within)[place]


def money_between(summary: pl.DataFrame, model: ValuationModel, days: Array) -> Array:
    """Expected money at face value of all rows together, between each of `days` ahead and the next (units).

    The first of the days is 0. Each customer's money is rounded to a whole unit before it is summed.
    """
    total = np.zeros(len(days) - 1)
    for part, fitted in by_fit(summary, model):
        if not fitted.has_amounts:
            continue
        place, rows = CountRows.located(*times_on(part, model.clock))
        today = int(part["first_on"].cast(pl.Int32)[0] + part["age"][0])
        ahead = model.clock.between(today, today + days[1:])
        known = (rows.x, rows.t_x, rows.age)
        by = fitted.choice.level * np.mean([counts.expected_by(ahead, *known) for counts in fitted.counts], axis=0)
        orders = np.diff(by, axis=1, prepend=0.0)[place]
        total += np.rint(orders * np.c_[worth(part, fitted)] * _UNITS).sum(axis=0)
    return total
