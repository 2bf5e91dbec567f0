"""Drift: customers change, so what they do lies further from the forecast than any model with fixed rates says.

Lives here: how much further it lay on a past day. Stays out: forecasts, and the level that all customers share
(`recalibration`).
"""

from __future__ import annotations

from pipelines.science.numerics import Array

LEAST_ORDERS, LEAST_CUSTOMERS = 2.0, 100
"""Expected orders from which a customer's pace shows in one horizon, and such customers that an estimate needs."""
_MOST = 4.0


def drift_variance(actual: Array, forecast: Array, variance: Array, orders: Array) -> float:
    """Variance of a customer's own factor on its forecast, beyond the model's `variance`; 0 where there is none to see.

    The moment estimator of random-effects models (Paule and Mandel 1982): the k at which squared errors over
    `variance + k forecast**2` have mean 1, among customers expected to order at least twice. The total of the
    forecasts is set right first, since a level that all share is no difference between them.
    """
    busy = (orders >= LEAST_ORDERS) & (forecast > 0) & (variance > 0)
    truth, guess, known = actual[busy], forecast[busy], variance[busy]
    if len(truth) < LEAST_CUSTOMERS or float(truth.sum()) <= 0:
        return 0.0
    guess = guess * (float(truth.sum()) / float(guess.sum()))
    error, size = (truth - guess) ** 2, guess**2

    def excess(k: float) -> float:
        return float((error / (known + k * size)).mean()) - 1.0

    low, high = 0.0, _MOST
    if excess(low) <= 0:
        return 0.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return 0.5 * (low + high)
