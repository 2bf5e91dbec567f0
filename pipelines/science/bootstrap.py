"""Bootstrap: how uncertain an estimate is, and the interval of a forecast total.

Lives here: the Poisson bootstrap on grouped customers, and total intervals made of parameter, process and level
uncertainty.
Stays out: intervals of proportions and means in marts (`intervals`), and where the level's uncertainty comes from
(`recalibration`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from pipelines.science.count_model import CountModel, CountRows
from pipelines.science.numerics import Array


@dataclass(frozen=True)
class TotalInterval:
    """A forecast total with its central interval; `sd_process` and `sd_parameters` are parts of the uncertainty."""

    mean: float
    lo: float
    hi: float
    level: float
    sd_process: float
    sd_parameters: float


def poisson_bootstrap(
    model: CountModel, rows: CountRows, statistic: Callable[[CountModel], float], draws: int = 100, seed: int = 0
) -> Array:
    """`statistic` of refits to Poisson-weighted groups: each of a group's n customers is drawn Poisson(1) times.

    Refits start at the fitted parameters. Deterministic for a seed. The fallback of a degenerate refit is used as is.
    """
    rng = np.random.default_rng(seed)
    answering = model.answering
    result = np.empty(draws)
    for draw in range(draws):
        weights = rng.poisson(rows.n).astype(np.float64)
        refit = type(answering)().fit_rows(rows.weighted(weights), start=answering.parameters_, polish=False)
        result[draw] = statistic(refit)
    return result


def parameter_sd(
    model: CountModel, rows: CountRows, statistic: Callable[[CountModel], float], draws: int = 60, seed: int = 0
) -> float:
    """Standard deviation of `statistic` from the parameters' uncertainty: delta method, else the bootstrap."""
    answering = model.answering
    covariance = answering.log_covariance_
    if covariance is None or float(np.diag(covariance).max()) > 4.0:
        if rows.repeats <= 0 or rows.customers < 2:
            return 0.0
        return float(poisson_bootstrap(model, rows, statistic, draws, seed).std())
    names, step = answering.parameter_names, 1e-3
    slope = np.empty(len(names))
    for place, name in enumerate(names):
        sides = []
        for sign in (1.0, -1.0):
            moved = dict(answering.parameters_)
            moved[name] *= float(np.exp(sign * step))
            sides.append(statistic(type(answering).from_parameters(**moved)))
        slope[place] = (sides[0] - sides[1]) / (2.0 * step)
    return float(np.sqrt(max(float(slope @ covariance @ slope), 0.0)))


def total_interval(
    model: CountModel, rows: CountRows, horizon: float, level: float = 0.9, extra_log_sd: float = 0.0
) -> TotalInterval:
    """Central interval of the customers' total purchases over the horizon (the unit of T).

    Process variance given the parameters, parameter variance, and `extra_log_sd` (level, season) add up; the
    interval is lognormal. An expected total of 0 gives [0, z**2 / 2], the bound of the Poisson's zero.
    """

    def total(fitted: CountModel) -> float:
        return float(rows.n @ fitted.expected_purchases(horizon, rows.x, rows.t_x, rows.age))

    mean = total(model)
    z = float(ndtri(0.5 + 0.5 * level))
    if mean <= 0:
        return TotalInterval(0.0, 0.0, 0.5 * z * z, level, 0.0, 0.0)
    process = float(np.sqrt(rows.n @ model.variance_purchases(horizon, rows.x, rows.t_x, rows.age)))
    parameters = parameter_sd(model, rows, total)
    relative = (process**2 + parameters**2) / mean**2
    spread = float(np.sqrt(np.log1p(relative) + extra_log_sd**2))
    centre = float(np.log(mean)) - 0.5 * float(np.log1p(relative))
    return TotalInterval(
        mean, float(np.exp(centre - z * spread)), float(np.exp(centre + z * spread)), level, process, parameters
    )
