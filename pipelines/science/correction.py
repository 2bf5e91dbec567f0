"""Corrections: what a base forecast misses systematically, learned from past forecasts and shrunk to nothing.

Lives here: a ridge GLM on top of a base forecast (its offset), with a strength in (0, 1/2, 1) that must prove itself
on customers it has not seen.
Stays out: the base forecast and its level (`recalibration`).
"""

from __future__ import annotations

from typing import Self

import numpy as np

from pipelines.science.numerics import Array, Index, sigmoid
from pipelines.science.pool import deviance, earned

STRENGTHS = (0.5, 1.0)
FOLDS = 4
LEAST_GAIN = 1.64
"""Standard errors by which a correction must improve forecasts for customers outside its training."""


class Correction:
    """Multiplies a forecast mean by exp(z'b), or shifts a probability's logit by z'b; `strength_` 0 leaves it alone.

    `kind` is `amount` (orders, money: Poisson deviance) or `probability` (log loss). z are standardised features with
    squares and products, kept inside the range seen in training. Ridge: `ridge` x information per coefficient.
    Learned: `strength_`, `gain_` (standard errors out of fold), `out_of_fold_` (corrected training forecasts).
    """

    def __init__(self, kind: str = "amount", ridge: float = 0.01) -> None:
        self.kind = kind
        self.ridge = ridge
        self.strength_ = 0.0
        self.gain_ = 0.0
        self.out_of_fold_ = np.zeros(0)
        self.coefficients_ = np.zeros(1)

    def fit(self, base: Array, features: Array, actual: Array, code: Index) -> Self:
        """Learn from past forecasts; customers (`code`) are kept together in folds."""
        design, offset, actual = self._prepare(features), self._link(base), np.maximum(actual, 0.0)
        fold = (code * 7919) % FOLDS
        shift = np.zeros(len(base))
        if len(base) < 50 * FOLDS or float(actual.sum()) < 50:
            self.out_of_fold_ = base.copy()
            return self
        for part in range(FOLDS):
            train = fold != part
            beta = self._solve(design[train], offset[train], actual[train])
            shift[~train] = design[~train] @ beta
        plain = self._loss(base, actual)
        self.out_of_fold_, best = base.copy(), 0.0
        for strength in STRENGTHS:
            trial = self._move(base, strength * shift)
            loss = self._loss(trial, actual)
            gain, score = float((plain - loss).mean()), earned(plain, loss, code)
            if score >= LEAST_GAIN and gain > best:
                self.strength_, self.gain_, self.out_of_fold_, best = strength, score, trial, gain
        if self.strength_ > 0:
            self.coefficients_ = self._solve(design, offset, actual)
        return self

    def apply(self, base: Array, features: Array) -> Array:
        """The corrected forecast."""
        if self.strength_ == 0.0:
            return base
        return self._move(base, self.strength_ * (self._design(features) @ self.coefficients_))

    def _prepare(self, features: Array) -> Array:
        self._mean, self._low, self._high = features.mean(axis=0), features.min(axis=0), features.max(axis=0)
        self._sd = np.maximum(features.std(axis=0), 1e-9)
        return self._design(features)

    def _design(self, features: Array) -> Array:
        inside = np.clip(features, self._low, self._high)
        z = np.clip((inside - self._mean) / self._sd, -4.0, 4.0)
        first = z[:, : min(4, z.shape[1])]
        pairs = [first[:, i] * first[:, j] for i in range(first.shape[1]) for j in range(i, first.shape[1])]
        return np.column_stack([np.ones(len(z)), z, *pairs])

    def _link(self, base: Array) -> Array:
        if self.kind == "amount":
            return np.log(np.maximum(base, 1e-9))
        safe = np.clip(base, 1e-4, 1.0 - 1e-4)
        return np.log(safe / (1.0 - safe))

    def _move(self, base: Array, shift: Array) -> Array:
        bounded = np.clip(shift, -3.0, 3.0)
        return base * np.exp(bounded) if self.kind == "amount" else sigmoid(self._link(base) + bounded)

    def _loss(self, forecast: Array, actual: Array) -> Array:
        if self.kind == "amount":
            return deviance(actual, forecast)
        safe = np.clip(forecast, 1e-4, 1.0 - 1e-4)
        return -2.0 * (actual * np.log(safe) + (1.0 - actual) * np.log(1.0 - safe))

    def _solve(self, design: Array, offset: Array, actual: Array) -> Array:
        """Newton steps for the ridge GLM; the intercept is free."""
        beta = np.zeros(design.shape[1])
        for _ in range(25):
            eta = np.clip(design @ beta, -6.0, 6.0) + offset
            mean = np.exp(eta) if self.kind == "amount" else sigmoid(eta)
            weight = mean if self.kind == "amount" else mean * (1.0 - mean)
            ridge = self.ridge * float(weight.sum()) * np.ones(len(beta))
            ridge[0] = 1e-6 * ridge[0] + 1e-9
            information = (design * weight[:, None]).T @ design + np.diag(ridge)
            step = np.linalg.solve(information, design.T @ (actual - mean) - ridge * beta)
            beta = beta + np.clip(step, -1.0, 1.0)
            if float(np.abs(step).max()) < 1e-8:
                break
        return beta
