"""The combination: pooled models, corrected and levelled by what they got wrong in the past.

Lives here: the forecast of record, learned from panels at rolling origins only.
Stays out: single models (`panel`), the choice between combination and single models (`champion`).

Orders: weights by past deviance (the NBD must earn its place), a correction that must prove itself on unseen
customers, and the posterior of the level. Value: pooled orders times pooled order values, treated likewise. Silence:
the pool's P(no purchase) at the levelled pace, corrected likewise. Without a past: the attrition models weigh the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipelines.science.correction import Correction
from pipelines.science.numerics import Array, Index
from pipelines.science.panel import NAMES, Panel
from pipelines.science.pool import admit, pool_weights
from pipelines.science.recalibration import Level, level_posterior
from pipelines.science.spend import SPEND_MODELS

_GUEST = NAMES.index("nbd")


@dataclass(frozen=True)
class Forecast:
    """Per customer: expected orders (purchase days), expected net value, P(no purchase) in the horizon."""

    orders: Array
    value: Array
    silence: Array


def _equal_attrition() -> Array:
    weights = np.ones(len(NAMES))
    weights[_GUEST] = 0.0
    return weights / weights.sum()


@dataclass
class Combination:
    """What was learned from the past; `past` holds the forecasts it would have made there (out of sample)."""

    weights: Array = field(default_factory=_equal_attrition)
    spend_weights: Array = field(default_factory=lambda: np.full(len(SPEND_MODELS), 1.0 / len(SPEND_MODELS)))
    orders_correction: Correction = field(default_factory=Correction)
    value_correction: Correction = field(default_factory=Correction)
    silence_correction: Correction = field(default_factory=lambda: Correction("probability"))
    orders_level: Level = field(default_factory=lambda: Level(0.0, 0.1))
    value_level: Level = field(default_factory=lambda: Level(0.0, 0.1))
    past: list[Forecast] = field(default_factory=list)

    @property
    def parameters(self) -> dict[str, float]:
        """Weights, strengths and levels by name."""
        found = {f"weight_{name}": float(weight) for name, weight in zip(NAMES, self.weights, strict=True)}
        found |= {
            f"weight_{name}": float(weight) for name, weight in zip(SPEND_MODELS, self.spend_weights, strict=True)
        }
        for name in ("orders", "value", "silence"):
            found[f"correction_{name}"] = getattr(self, f"{name}_correction").strength_
        return found | {"level_orders": self.orders_level.factor, "level_value": self.value_level.factor}

    def apply(self, panel: Panel) -> Forecast:
        """The combined forecast for a panel."""
        base = panel.orders @ self.weights
        features = _design(panel, base)
        orders = self.orders_correction.apply(base, features) * self.orders_level.factor
        value = orders * (panel.value @ self.spend_weights) * self.value_level.factor
        value = self.value_correction.apply(value, features)
        silence = panel.silence(self.orders_level.factor) @ self.weights
        return Forecast(orders, value, self.silence_correction.apply(silence, features))


def _design(panel: Panel, base: Array) -> Array:
    """Features, and how far each model is from the pool (logs)."""
    apart = np.log(np.maximum(panel.orders, 1e-6) / np.maximum(base, 1e-6)[:, None])
    return np.column_stack([panel.snapshot.features, np.clip(apart, -3.0, 3.0)])


def learn(panels: Sequence[Panel], stretch: float = 1.0) -> Combination:
    """Learn the combination from panels of past snapshots with outcomes; `stretch` = horizon / tested horizon."""
    past = [(panel, panel.snapshot.outcome) for panel in panels if panel.snapshot.outcome is not None]
    past = [(panel, outcome) for panel, outcome in past if outcome is not None and outcome.orders.sum() > 0]
    if not past:
        return Combination()
    result = Combination()
    codes = [panel.snapshot.code for panel, _ in past]
    code, cuts = np.concatenate(codes), np.cumsum([len(part) for part in codes])[:-1]
    actual = [outcome.orders for _, outcome in past if outcome is not None]
    result.weights = admit([panel.orders for panel, _ in past], actual, codes, _GUEST)
    bases = [panel.orders @ result.weights for panel, _ in past]
    features = np.concatenate([_design(panel, base) for (panel, _), base in zip(past, bases, strict=True)])
    fitted, level = _correct(result.orders_correction, bases, actual, (features, code, stretch))
    result.orders_level = level
    orders = [part * level.factor for part in np.split(fitted, cuts)]

    net = [np.maximum(outcome.net, 0.0) for _, outcome in past if outcome is not None]
    values = [part[:, None] * panel.value for part, (panel, _) in zip(orders, past, strict=True)]
    if all(part.sum() > 0 for part in net):
        result.spend_weights = pool_weights(values, net)
    bases = [part @ result.spend_weights for part in values]
    fitted, result.value_level = _correct(result.value_correction, bases, net, (features, code, stretch))
    value = [part * result.value_level.factor for part in np.split(fitted, cuts)]

    silence = [panel.silence(result.orders_level.factor) @ result.weights for panel, _ in past]
    silent = np.concatenate([(part <= 0).astype(np.float64) for part in actual])
    result.silence_correction.fit(np.concatenate(silence), features, silent, code)
    silence = np.split(result.silence_correction.out_of_fold_, cuts)
    result.past = [Forecast(*parts) for parts in zip(orders, value, silence, strict=True)]
    return result


def _correct(
    correction: Correction, bases: Sequence[Array], actuals: Sequence[Array], rest: tuple[Array, Index, float]
) -> tuple[Array, Level]:
    """Fit a correction on bases set to each origin's level; corrected (not levelled) forecasts, and the level."""
    features, code, stretch = rest
    factors = [_ratio(float(actual.sum()), float(base.sum())) for base, actual in zip(bases, actuals, strict=True)]
    sizes = [len(base) for base in bases]
    factor = np.repeat(factors, sizes)
    base, actual = np.concatenate(bases), np.concatenate(actuals)
    correction.fit(base * factor, features, actual, code)
    fitted = correction.out_of_fold_ / factor
    parts = np.split(fitted, np.cumsum(sizes)[:-1])
    totals = [
        (float(a.sum()), float(f.sum()), float(((a - f) ** 2).sum())) for a, f in zip(actuals, parts, strict=True)
    ]
    truth, guess, noise = (np.array(column) for column in zip(*totals, strict=True))
    return fitted, level_posterior(truth, guess, noise, stretch)


def _ratio(actual: float, forecast: float) -> float:
    return actual / forecast if actual > 0 and forecast > 0 else 1.0
