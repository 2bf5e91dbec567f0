"""Spend: what one more order of a customer brings, net of returns.

Lives here: the candidate models of order value side by side (Gamma-Gamma on repeat orders, on all orders, linear
credibility), and the customer's return rate.
Stays out: how many orders there will be, and which candidate is best (`forecast` weighs them by past forecasts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from pipelines.science.credibility import Credibility, within_variance
from pipelines.science.gamma_gamma import GammaGamma
from pipelines.science.numerics import Array

SPEND_MODELS = ("gamma_gamma_repeat", "gamma_gamma_all", "credibility")


@dataclass(frozen=True)
class SpendFacts:
    """Per customer: orders (days, the first included), their total, the first one's, sum of squares, returns."""

    orders: Array
    spent: Array
    first_spent: Array
    square: Array
    returned: Array

    @classmethod
    def of(cls, summary: pl.DataFrame) -> SpendFacts:
        """From a `transactions.summarise` frame."""
        columns = [summary[name].to_numpy() for name in ("spent", "first_spent", "spent_square", "returned")]
        return cls(summary["x"].to_numpy().astype(np.float64) + 1.0, *columns)

    @property
    def repeats(self) -> Array:
        """Orders after the first."""
        return np.maximum(self.orders - 1.0, 0.0)

    @property
    def repeat_mean(self) -> Array:
        """Mean value of repeat orders; 0 without any."""
        return (self.spent - self.first_spent) / np.maximum(self.repeats, 1.0) * (self.repeats > 0)

    @property
    def mean(self) -> Array:
        """Mean value of all orders; 0 without any."""
        return self.spent / np.maximum(self.orders, 1.0)


class Spend:
    """All spend models fitted to the same customers. Values in the currency of the amounts, per order."""

    def __init__(self) -> None:
        self.repeat_ = GammaGamma()
        self.all_ = GammaGamma()
        self.credibility_ = Credibility()
        self.returns_ = Credibility()

    def fit(self, facts: SpendFacts) -> Self:
        """Fit every candidate and the return rate."""
        self.repeat_.fit(facts.repeats, facts.repeat_mean)
        self.all_.fit(facts.orders, facts.mean)
        within = within_variance(facts.orders, facts.spent, facts.square)
        self.credibility_.fit(facts.orders, facts.mean, within)
        total = float(facts.spent.sum())
        rate = min(float(facts.returned.sum()) / total, 1.0) if total > 0 else 0.0
        self.returns_.fit(facts.orders, _rates(facts), rate * (1.0 - rate))
        self.returns_.mean_ = rate
        return self

    def gross_value(self, name: str, facts: SpendFacts) -> Array:
        """Expected value of an order before returns, by one of `SPEND_MODELS`."""
        if name == "gamma_gamma_repeat":
            return self.repeat_.expected_value(facts.repeats, facts.repeat_mean)
        if name == "gamma_gamma_all":
            return self.all_.expected_value(facts.orders, facts.mean)
        return np.maximum(self.credibility_.expected(facts.orders, facts.mean), 0.0)

    def return_rate(self, facts: SpendFacts) -> Array:
        """Expected share of an order's value that comes back, 0 to 1; a customer's own rate, shrunk."""
        return np.clip(self.returns_.expected(facts.orders, _rates(facts)), 0.0, 1.0)

    def net_value(self, name: str, facts: SpendFacts) -> Array:
        """Expected value of an order after returns."""
        return self.gross_value(name, facts) * (1.0 - self.return_rate(facts))


def _rates(facts: SpendFacts) -> Array:
    """Returned over spent, at most 1; 0 where nothing was spent."""
    safe = np.where(facts.spent > 0, facts.spent, 1.0)
    return np.clip(np.where(facts.spent > 0, facts.returned / safe, 0.0), 0.0, 1.0)
