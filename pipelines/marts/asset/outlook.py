"""Outlook: what a valuation expects of customers between days to come.

Lives here: expected money of stretches of time, from the same models and order values as a customer's value.
Stays out: fitting and the value itself (`pipelines.science.valuation_scores`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.contracts.marts import MartParams
from pipelines.science.count_model import CountRows
from pipelines.science.histories import on_basis
from pipelines.science.numerics import Array, Index, legendre
from pipelines.science.valuation_model import ValuationModel, times_on
from pipelines.science.valuation_scores import by_fit, levels, worth

_NODES = 2
_UNITS = 10_000.0


@dataclass(frozen=True)
class Span:
    """The days after `begin` and up to `end`, both counted ahead from a day."""

    begin: float
    end: float

    @property
    def asked(self) -> Array:
        """The days ahead at which an expectation is asked: begin, Gauss nodes, end."""
        nodes, _ = legendre(_NODES)
        return np.array([self.begin, *(self.begin + nodes * (self.end - self.begin)), self.end])

    @staticmethod
    def days_of(spans: Sequence[Span]) -> tuple[Array, Index]:
        """The days at which spans ask, each once, and by span the places of its own among them."""
        asked = np.array([span.asked for span in spans])
        days, where = np.unique(asked, return_inverse=True)
        return days, where.reshape(asked.shape)

    def taken(self, by: Array, params: MartParams) -> tuple[Array, Array]:
        """Expected orders of the span, from those expected `by` the days `asked`; and the same discounted.

        The discounted integral is taken by parts, so that only the smooth expectation is asked, at a few Gauss nodes.
        """
        _, weights = legendre(_NODES)
        delta = float(np.log1p(max(params.discount_rate, 0.0))) / 365.0
        fade, length = np.exp(-delta * self.asked), self.end - self.begin
        edges = fade[-1] * by[:, -1] - fade[0] * by[:, 0]
        within = delta * length * (by[:, 1:-1] * (weights * fade[1:-1])).sum(axis=1)
        return by[:, -1] - by[:, 0], edges + within


def _worth(summary: pl.DataFrame, model: ValuationModel) -> Array:
    """Expected net money of an order of each row; 0 where no amount is known."""
    each = np.zeros(len(summary))
    for part, fitted in by_fit(summary, model):
        if fitted.has_amounts:
            each[part["place"].to_numpy()] = worth(part, fitted)
    return each


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
