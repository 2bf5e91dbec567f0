"""The challenger: gradient boosting on features, calibrated, trained on past snapshots only.

Lives here: one boosted model each for orders, value and silence, with forecasts for customers outside their training.
Stays out: the models of behaviour it challenges.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.isotonic import IsotonicRegression

from pipelines.science.numerics import Array, Index

FOLDS = 2
MOST_ROWS = 60_000


class Challenger:
    """HistGradientBoosting: Poisson loss for orders and value (negative value counts as 0), log loss for silence.

    `fit` sees features and outcomes of past snapshots; amounts are forecast per tested horizon and scaled by
    `stretch` (clock time ahead / clock time tested). Silence is calibrated by isotonic regression on forecasts out
    of fold, then carried to the horizon by P(0) ** sqrt(stretch), since rates differ and silence lasts.
    Learned: `out_of_fold_` (orders, value, silence of the training rows), `fit_status_`: `ok` or `too_few` (fewer
    than 200 rows or 20 events: the mean of the outcomes is forecast for everyone).
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.fit_status_ = "not_fitted"
        self.out_of_fold_: dict[str, Array] = {}

    def fit(self, features: Array, orders: Array, value: Array, code: Index) -> Self:
        """Train on rows of past snapshots; customers (`code`) are kept together in folds."""
        step = -(-len(orders) // MOST_ROWS)
        use = (code % step == 0) if step > 1 else np.ones(len(orders), dtype=bool)
        targets = {"orders": orders, "value": np.maximum(value, 0.0), "silence": (orders <= 0).astype(np.float64)}
        events = min(float((orders[use] > 0).sum()), float((orders[use] <= 0).sum()))
        self._scale = {name: max(float(target.mean()), 1e-9) for name, target in targets.items()}
        self._models: dict[str, list] = {}
        self._calibration: IsotonicRegression | None = None
        self.fit_status_ = "ok" if use.sum() >= 200 and events >= 20 else "too_few"
        if self.fit_status_ == "too_few":
            self.out_of_fold_ = {name: np.full(len(orders), float(target.mean())) for name, target in targets.items()}
            return self
        fold = (code * 7919) % FOLDS
        for name, target in targets.items():
            scaled = target / self._scale[name] if name != "silence" else target
            held = np.empty(len(orders))
            self._models[name] = []
            for part in range(FOLDS):
                model = self._new(name, int(use.sum()))
                model.fit(features[use & (fold != part)], scaled[use & (fold != part)])
                self._models[name].append(model)
                held[fold == part] = _predict(model, features[fold == part])
            self.out_of_fold_[name] = held * (self._scale[name] if name != "silence" else 1.0)
        self._calibration = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        self._calibration.fit(self.out_of_fold_["silence"][use], targets["silence"][use])
        self.out_of_fold_["silence"] = self._calibration.predict(self.out_of_fold_["silence"])
        return self

    def forecast(self, features: Array, stretch: float) -> dict[str, Array]:
        """Orders, value and silence over the horizon, the mean of the fold models."""
        if self.fit_status_ != "ok":
            found = {name: np.full(len(features), scale) for name, scale in self._scale.items()}
        else:
            found = {
                name: np.mean([_predict(model, features) for model in models], axis=0)
                for name, models in self._models.items()
            }
            for name in ("orders", "value"):
                found[name] *= self._scale[name]
            if self._calibration is not None:
                found["silence"] = self._calibration.predict(found["silence"])
        found["orders"] = found["orders"] * stretch
        found["value"] = found["value"] * stretch
        found["silence"] = np.clip(found["silence"], 1e-6, 1.0) ** np.sqrt(stretch)
        return found

    def _new(self, name: str, rows: int) -> HistGradientBoostingRegressor | HistGradientBoostingClassifier:
        shared = {
            "max_iter": 80,
            "learning_rate": 0.06,
            "max_leaf_nodes": 8,
            "min_samples_leaf": max(20, rows // 200),
            "l2_regularization": 5.0,
            "early_stopping": False,
            "random_state": self.seed,
        }
        if name == "silence":
            return HistGradientBoostingClassifier(**shared)
        return HistGradientBoostingRegressor(loss="poisson", **shared)


def _predict(model: HistGradientBoostingRegressor | HistGradientBoostingClassifier, features: Array) -> Array:
    if isinstance(model, HistGradientBoostingClassifier):
        return np.asarray(model.predict_proba(features)[:, 1])
    return np.asarray(model.predict(features))
