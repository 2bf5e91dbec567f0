"""Model averaging: a pool of forecasts, weighted by how they forecast the past.

Lives here: weights on the simplex by the deviance of pooled forecasts over rolling origins, and the one-standard-error
rule by which a model must earn its place.
Stays out: making the forecasts (`forecast`) and their level (`recalibration`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from pipelines.science.numerics import Array, Index

_FLOOR = 1e-9


def deviance(actual: Array, forecast: Array) -> Array:
    """Poisson deviance of each row, 2 (y ln(y/m) - y + m); a proper score for any amount >= 0 and its mean."""
    y, m = np.maximum(actual, 0.0), np.maximum(forecast, _FLOOR)
    return 2.0 * (np.where(y > 0, y * np.log(np.maximum(y, _FLOOR) / m), 0.0) - (y - m))


def level_free(actual: Array, forecast: Array) -> Array:
    """`deviance` after the forecast's total has been set to the actual one."""
    total, guess = float(np.maximum(actual, 0.0).sum()), float(forecast.sum())
    return deviance(actual, forecast * (total / guess if guess > 0 and total > 0 else 1.0))


def pool_weights(forecasts: Sequence[Array], actuals: Sequence[Array], prior: float = 0.1) -> Array:
    """Weights >= 0 with sum 1 that minimise the level-free deviance of the pooled forecast, summed over origins.

    `forecasts` holds, per origin, customers x models. `prior` counts pseudo-observations toward equal weights.
    """
    size = forecasts[0].shape[1]

    def loss(z: Array) -> tuple[float, Array]:
        w = np.exp(z - z.max())
        w /= w.sum()
        value, gradient = -prior * float(np.log(np.maximum(w, 1e-300)).sum()), -prior / np.maximum(w, 1e-300)
        for forecast, actual in zip(forecasts, actuals, strict=True):
            y = np.maximum(actual, 0.0)
            pooled = np.maximum(forecast @ w, _FLOOR)
            total, level = float(y.sum()), float(pooled.sum())
            value += total * float(np.log(level)) - float(y @ np.log(pooled))
            gradient = gradient + total / level * forecast.sum(axis=0) - (y / pooled) @ forecast
        return value, w * (gradient - float(gradient @ w))

    scale = max(sum(float(np.maximum(actual, 0.0).sum()) for actual in actuals), 1.0)
    found = minimize(
        lambda z: tuple(part / scale for part in loss(z)),
        np.zeros(size),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-12.0, 12.0)] * size,
    )
    weights = np.exp(found.x - found.x.max())
    return weights / weights.sum()


def earned(loss_without: Array, loss_with: Array, code: Index) -> float:
    """Mean gain over its standard error, where rows of one customer (`code`) are dependent; 0 if they are equal."""
    _, place = np.unique(code, return_inverse=True)
    gain = np.bincount(place, weights=loss_without - loss_with)
    error = float(gain.std()) / np.sqrt(max(len(gain), 1))
    return float(gain.mean()) / error if error > 1e-15 else 0.0


def admit(
    forecasts: Sequence[Array], actuals: Sequence[Array], codes: Sequence[Index], guest: int, least: float = 1.64
) -> Array:
    """Pool weights in which model `guest` takes part only if it gains at least `least` standard errors."""
    size = forecasts[0].shape[1]
    others = [place for place in range(size) if place != guest]
    core = np.zeros(size)
    core[others] = pool_weights([forecast[:, others] for forecast in forecasts], actuals)
    full = pool_weights(forecasts, actuals)

    def losses(weights: Array) -> Array:
        pairs = zip(forecasts, actuals, strict=True)
        return np.concatenate([level_free(actual, forecast @ weights) for forecast, actual in pairs])

    return full if earned(losses(core), losses(full), np.concatenate(codes)) >= least else core
