"""A panel: the forecasts of every single model for one snapshot.

Lives here: fitting the count and spend models to a snapshot and asking each for orders, silence and order value.
Stays out: combining them (`combination`) and choosing among them (`champion`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.science.bgnbd import BGNBD
from pipelines.science.count_model import CountModel, CountRows
from pipelines.science.mbgnbd import MBGNBD
from pipelines.science.nbd import NBD
from pipelines.science.numerics import Array
from pipelines.science.pareto_nbd import ParetoNBD
from pipelines.science.snapshot import Snapshot
from pipelines.science.spend import SPEND_MODELS, Spend

COUNT_MODELS: tuple[type[CountModel], ...] = (NBD, BGNBD, MBGNBD, ParetoNBD)
NAMES = tuple(model.name for model in COUNT_MODELS)


@dataclass(frozen=True)
class Panel:
    """Fitted models and their forecasts: customers x models (`orders`), customers x spend models (`value`)."""

    snapshot: Snapshot
    models: dict[str, CountModel]
    spend: Spend
    orders: Array
    value: Array

    def silence(self, factor: float = 1.0) -> Array:
        """P(no purchase) per customer and model over the horizon, with the pace of purchases times `factor`."""
        seen = self.snapshot
        place, rows = CountRows.located(seen.x, seen.t_x, seen.age)
        horizon = seen.ahead * factor
        columns = [model.p_no_purchase(horizon, rows.x, rows.t_x, rows.age) for model in self.models.values()]
        return np.column_stack(columns)[place]


def make_panel(snapshot: Snapshot, *, polish: bool = True) -> Panel:
    """Fit all models to a snapshot and forecast; predictions are made once per distinct row."""
    place, rows = CountRows.located(snapshot.x, snapshot.t_x, snapshot.age)
    models = {model.name: model().fit_rows(rows, polish=polish) for model in COUNT_MODELS}
    columns = [model.expected_purchases(snapshot.ahead, rows.x, rows.t_x, rows.age) for model in models.values()]
    spend = Spend().fit(snapshot.spend)
    value = np.column_stack([spend.net_value(name, snapshot.spend) for name in SPEND_MODELS])
    return Panel(snapshot, models, spend, np.column_stack(columns)[place], value)
