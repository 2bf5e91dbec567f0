"""Maximum likelihood in log-parameters: L-BFGS-B, polished by Newton steps, with standard errors.

Lives here: the one optimiser of all models, its outcome, and the covariance of the estimates by the delta method.
Stays out: likelihoods, starting values and fallbacks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from pipelines.science.numerics import Array
from pipelines.science.threads import one_thread

Objective = Callable[[Array], tuple[float, Array]]
"""Log-parameters in; log-likelihood (to be maximised) and its gradient out."""

BOUND = 16.0
"""Log-parameters are kept within +/- this; time is scaled to mean 1, so no sane estimate lies outside."""


@dataclass(frozen=True)
class Optimum:
    """Where the likelihood is highest: natural parameters, and whether the search ended well.

    `status` is `ok`, `at_bound` (an estimate runs to 0 or infinity) or `not_converged`. `curvature` is the matrix of
    second derivatives of the log-likelihood in log-parameters.
    """

    parameters: Array
    log_likelihood: float
    status: str
    iterations: int
    curvature: Array

    @property
    def covariance(self) -> Array:
        """Covariance of the natural parameters (delta method); infinite where the data do not identify them."""
        size = len(self.parameters)
        if not np.isfinite(self.curvature).all():
            return np.full((size, size), np.inf)
        try:
            inverse = np.linalg.inv(-self.curvature)
        except np.linalg.LinAlgError:
            return np.full((size, size), np.inf)
        if not np.isfinite(inverse).all() or (np.diag(inverse) <= 0).any():
            return np.full((size, size), np.inf)
        return inverse * np.outer(self.parameters, self.parameters)


def maximise(
    objective: Objective,
    start: Sequence[float] | Array,
    weight: float,
    max_iterations: int = 500,
    polish: bool = True,
) -> Optimum:
    """Maximise `objective` from natural parameters `start`; `weight` (the number of customers) scales tolerances.

    Never raises on a bad likelihood: values that are not finite are treated as very poor and the status tells.
    Without `polish` (refits inside a bootstrap) the Newton steps and the curvature are left out.
    """
    scale = 1.0 / max(weight, 1.0)
    worst = 1e15

    def descend(theta: Array) -> tuple[float, Array]:
        value, gradient = objective(theta)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return worst, np.zeros_like(theta)
        return -value * scale, -gradient * scale

    begin = np.clip(np.log(np.maximum(np.asarray(start, dtype=np.float64), 1e-12)), -BOUND + 1, BOUND - 1)
    limits = [(-BOUND, BOUND)] * len(begin)
    options = {"maxiter": max_iterations, "ftol": 1e-13, "gtol": 1e-9, "maxcor": 12}
    with one_thread():
        found = minimize(descend, begin, jac=True, method="L-BFGS-B", bounds=limits, options=options)
    theta, value, steps = np.asarray(found.x), float(found.fun), int(found.nit)
    curvature = np.full((len(theta), len(theta)), np.nan)
    if polish:
        theta, value, curvature = _polish(descend, theta, value)
    _, gradient = descend(theta)
    at_bound = bool((np.abs(theta) > BOUND - 1e-6).any())
    flat = float(np.abs(gradient[np.abs(theta) < BOUND - 1e-6]).max(initial=0.0))
    status = "not_converged" if value >= worst or flat > 1e-4 else ("at_bound" if at_bound else "ok")
    return Optimum(np.exp(theta), -value / scale, status, steps, -curvature / scale)


def _polish(descend: Objective, theta: Array, value: float) -> tuple[Array, float, Array]:
    """A few Newton steps with one differenced Hessian; returns the point, its value and the curvature there."""
    curvature = _hessian(descend, theta)
    for _ in range(4):
        _, gradient = descend(theta)
        free = np.abs(theta) < BOUND - 1e-6
        if not free.any() or np.abs(gradient[free]).max() < 1e-12:
            break
        try:
            block = curvature[np.ix_(free, free)]
            if np.linalg.eigvalsh(block).min() <= 0:
                break
            step = np.zeros_like(theta)
            step[free] = -np.linalg.solve(block, gradient[free])
        except np.linalg.LinAlgError:
            break
        if np.abs(step).max() > 1.0:
            break
        trial = np.clip(theta + step, -BOUND, BOUND)
        better, _ = descend(trial)
        if better > value + 1e-13 * abs(value):
            break
        moved = np.abs(trial - theta).max()
        theta, value = trial, better
        if moved < 1e-8:
            break
    return theta, value, curvature


def _hessian(descend: Objective, theta: Array, width: float = 1e-4) -> Array:
    size = len(theta)
    rows = np.empty((size, size))
    for i in range(size):
        shift = np.zeros(size)
        shift[i] = width
        rows[i] = (descend(theta + shift)[1] - descend(theta - shift)[1]) / (2.0 * width)
    return 0.5 * (rows + rows.T)
