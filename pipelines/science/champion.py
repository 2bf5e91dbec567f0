"""The champion: which forecast is used, decided on past origins only.

Lives here: the scores of candidates on the past and the rule of choice.
Stays out: the holdout. Nothing here ever sees it.

The rule, frozen: the combination is champion unless another candidate's past forecasts beat it by at least 1.64
standard errors of the paired difference over customers. Orders and value are judged by deviance, silence by the Brier
score. The best such candidate takes over. Without a past the combination stays.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipelines.science.numerics import Array, Index
from pipelines.science.pool import deviance, earned

INCUMBENT = "combined"
LEAST_GAIN = 1.64


def loss(target: str, actual: Array, forecast: Array) -> Array:
    """Loss of each row: squared error of the probability for `churn`, deviance for `transactions` and `value`."""
    if target == "churn":
        return np.asarray((forecast - actual) ** 2)
    return deviance(actual, forecast)


def choose(target: str, actual: Array, candidates: Mapping[str, Array], code: Index) -> tuple[str, dict[str, float]]:
    """The champion's name and every candidate's mean loss on the past; `candidates` must hold the incumbent."""
    losses = {name: loss(target, actual, forecast) for name, forecast in candidates.items()}
    means = {name: float(values.mean()) for name, values in losses.items()}
    champion = INCUMBENT
    for name in sorted(losses, key=lambda key: (means[key], key)):
        if means[name] >= means[INCUMBENT]:
            break
        if earned(losses[INCUMBENT], losses[name], code) >= LEAST_GAIN:
            champion = name
            break
    return champion, means
