"""Scoring: every customer's P(no purchase), expected orders by period, value and DERT, in one pass.

Lives here: asking a fitted count model and a spend model once per distinct row and joining the answers back.
Stays out: fitting, and the combination of models (`forecast`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.science.count_model import CountModel, CountRows
from pipelines.science.gamma_gamma import GammaGamma
from pipelines.science.numerics import as_floats


@dataclass(frozen=True)
class ScoringParams:
    """What to score: horizon of silence and value, ends of the periods, yearly discount, days in the model's unit."""

    horizon_days: float = 365.0
    period_ends_days: Sequence[float] = tuple(365.0 * month / 12.0 for month in range(1, 13))
    discount_rate: float = 0.10
    unit_days: float = 1.0


def score(model: CountModel, spend: GammaGamma, customers: pl.DataFrame, params: ScoringParams) -> pl.DataFrame:
    """Scores of customers with columns `x, t_x, age` (whole days), `orders_n` and `mean_value` (spend so far).

    Adds `p_alive`, `p_no_purchase`, `expected_orders_1..n` (cumulative, at the end of each period),
    `expected_orders` (horizon), `expected_order_value` (currency), `expected_value` (horizon), `dert` (discounted
    orders for good). Row order is kept. A null in x, t_x or age counts as 0.
    """
    keys = ["x", "t_x", "age"]
    base = customers.with_columns(pl.col(keys).fill_null(0).cast(pl.Int32))
    place, rows = CountRows.located(*(base[name].to_numpy() for name in keys))
    x, t_x, age = rows.x, rows.t_x / params.unit_days, rows.age / params.unit_days
    ends = np.append(as_floats(params.period_ends_days), params.horizon_days) / params.unit_days
    expected = model.expected_by(ends, x, t_x, age)
    rate = float(np.log1p(max(params.discount_rate, 0.0))) / 365.0 * params.unit_days
    columns = {
        "p_alive": model.p_alive(x, t_x, age),
        "p_no_purchase": model.p_no_purchase(params.horizon_days / params.unit_days, x, t_x, age),
        **{f"expected_orders_{place + 1}": expected[:, place] for place in range(len(ends) - 1)},
        "expected_orders": expected[:, -1],
        "dert": model.dert(rate, x, t_x, age),
    }
    worth = spend.expected_value(customers["orders_n"].to_numpy(), customers["mean_value"].to_numpy())
    return base.with_columns(
        *(pl.Series(name, values[place]) for name, values in columns.items()), expected_order_value=pl.Series(worth)
    ).with_columns(expected_value=pl.col("expected_orders") * pl.col("expected_order_value"))
