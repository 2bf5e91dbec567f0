"""Snapshots: everything known about the customers on one day, and, for days past, what they did next.

Lives here: sufficient statistics on a clock, features for corrections and the challenger, and outcomes. Training and
scoring take the same road, so nothing can be known in one and not in the other.
Stays out: models.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from pipelines.science.numerics import Array, Index
from pipelines.science.season import Clock
from pipelines.science.spend import SpendFacts
from pipelines.science.transactions import afterwards, summarise

FEATURES = (
    "x", "recency", "age", "t_x", "mean_gap", "recency_in_gaps", "last_gap", "gap_sd", "longest_gap",
    "last_30", "last_90", "last_180", "last_365", "mean_value", "last_value", "first_value", "return_rate",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What each customer did in the horizon: purchase days, gross amount, returns and net amount."""

    orders: Array
    gross: Array
    returned: Array
    net: Array


@dataclass(frozen=True)
class Snapshot:
    """Customers as known at the end of day `origin`, looking `horizon` days ahead on `clock`.

    `customers` is a `summarise` frame; `x, t_x, age` are on the clock and `ahead` is the horizon on it. `features`
    has one column per name in `FEATURES`, logarithms of days, counts and amounts.
    """

    origin: int
    horizon: int
    clock: Clock
    customers: pl.DataFrame
    features: Array
    outcome: Outcome | None = None

    @cached_property
    def code(self) -> Index:
        """The customer's number, the same in every snapshot of a log."""
        return self.customers["code"].to_numpy()

    @cached_property
    def x(self) -> Array:
        """Repeat purchase days."""
        return self.customers["x"].to_numpy().astype(np.float64)

    @cached_property
    def t_x(self) -> Array:
        """Clock time from the first to the last purchase."""
        return self.clock.between(self.customers["first_day"].to_numpy(), self.customers["last_day"].to_numpy())

    @cached_property
    def age(self) -> Array:
        """Clock time from the first purchase to the origin."""
        return self.clock.between(self.customers["first_day"].to_numpy(), self.origin)

    @cached_property
    def ahead(self) -> float:
        """The horizon in clock time."""
        return float(self.clock.between(self.origin, self.origin + self.horizon))

    @cached_property
    def recency(self) -> Array:
        """Days since the last purchase."""
        return self.origin - self.customers["last_day"].to_numpy().astype(np.float64)

    @cached_property
    def spend(self) -> SpendFacts:
        """Order values and returns so far."""
        return SpendFacts.of(self.customers)

    def on(self, clock: Clock) -> Snapshot:
        """The same customers on another clock."""
        return Snapshot(self.origin, self.horizon, clock, self.customers, self.features, self.outcome)


def take_snapshot(
    log: pl.DataFrame, origin: int, horizon: int, clock: Clock, *, with_outcome: bool, with_features: bool = True
) -> Snapshot:
    """The snapshot of a day log; `with_outcome` also reads the days (origin, origin + horizon]."""
    customers = summarise(log, origin)
    outcome = None
    if with_outcome:
        after = afterwards(log, customers, origin, horizon)
        outcome = Outcome(*(after[name].to_numpy().astype(np.float64) for name in after.columns[1:]))
    features = _features(log, customers, origin) if with_features else np.zeros((customers.height, 0))
    return Snapshot(origin, horizon, clock, customers, features, outcome)


def _features(log: pl.DataFrame, customers: pl.DataFrame, origin: int) -> Array:
    bought = log.lazy().filter(pl.col("is_purchase") & (pl.col("day") <= origin)).select("code", "day", "spent")
    gap = (pl.col("day") - pl.col("day").shift(1).over("code")).cast(pl.Float64)
    recent = {f"last_{days}": (pl.col("day") > origin - days).sum() for days in (30, 90, 180, 365)}
    facts = (
        bought.with_columns(gap=gap)
        .group_by("code")
        .agg(
            last_gap=pl.col("gap").last(),
            gap_sd=pl.col("gap").std(),
            longest_gap=pl.col("gap").max(),
            last_spent=pl.col("spent").last(),
            **recent,
        )
    )
    frame = customers.lazy().join(facts, on="code", how="left", maintain_order="left").collect()
    column = {name: frame[name].fill_null(0).to_numpy().astype(np.float64) for name in frame.columns[1:]}
    recency = origin - column["last_day"]
    mean_gap = column["t_x"] / np.maximum(column["x"], 1.0)
    spent = np.maximum(column["spent"], 0.0)
    raw = {
        **column,
        "recency": recency,
        "mean_gap": mean_gap,
        "recency_in_gaps": recency / np.maximum(mean_gap, 1.0),
        "mean_value": spent / (column["x"] + 1.0),
        "last_value": column["last_spent"] * 0.0001,
        "first_value": column["first_spent"],
        "return_rate": np.minimum(column["returned"] / np.where(spent > 0, spent, 1.0), 1.0),
    }
    return np.column_stack([np.log1p(np.maximum(raw[name], 0.0)) for name in FEATURES])
