"""Baselines: what anyone would forecast without a model. A model that cannot beat them is not worth running.

Lives here: historical rate, repeats of the last horizon, segment means, recency alone, the base rate.
Stays out: anything fitted by likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.isotonic import IsotonicRegression

from pipelines.science.numerics import Array, Index
from pipelines.science.snapshot import Snapshot

AMOUNT_BASELINES = ("historical_rate", "last_horizon", "segment_mean")
SILENCE_BASELINES = ("recency_only", "base_rate")


def segment(snapshot: Snapshot) -> Index:
    """The coarse segment of each customer: repeat purchases 0, 1, 2, 3-5, 6+ by recency below or above half the age."""
    level = np.searchsorted([1.0, 2.0, 3.0, 6.0], snapshot.x, side="right")
    age = snapshot.origin - snapshot.customers["first_day"].to_numpy()
    return (level * 2 + (snapshot.recency > 0.5 * age)).astype(np.int64)


def amount_baselines(snapshot: Snapshot, past: Sequence[Snapshot], log_window: tuple[Array, Array]) -> dict[str, dict]:
    """Orders and value by each of `AMOUNT_BASELINES`: `{name: {"orders": ..., "value": ...}}`.

    `log_window` holds each customer's orders and net amount in the last horizon before the origin. Segment means
    come from past snapshots, scaled to the horizon in days; the overall history rate stands in without any.
    """
    days = np.maximum(snapshot.origin - snapshot.customers["first_day"].to_numpy().astype(np.float64), 1.0)
    rate = snapshot.x / days * snapshot.horizon
    facts = snapshot.spend
    net = np.maximum(facts.mean - facts.returned / facts.orders, 0.0)
    result = {
        "historical_rate": {"orders": rate, "value": rate * net},
        "last_horizon": {"orders": log_window[0], "value": np.maximum(log_window[1], 0.0)},
    }
    known = [place for place in past if place.outcome is not None]
    if not known:
        return {
            **result,
            "segment_mean": {
                "orders": np.full(len(rate), float(rate.mean())),
                "value": rate * 0 + float((rate * net).mean()),
            },
        }
    stretch = snapshot.horizon / known[0].horizon
    groups = np.concatenate([segment(place) for place in known])
    here = segment(snapshot)
    means = {}
    for name, column in (("orders", "orders"), ("value", "net")):
        actual = np.concatenate([getattr(place.outcome, column) for place in known])
        size = np.bincount(groups, minlength=10) + 5.0
        total = np.bincount(groups, weights=actual, minlength=10) + 5.0 * float(actual.mean())
        means[name] = np.maximum(total / size, 0.0)[here] * stretch
    return {**result, "segment_mean": means}


def silence_baselines(snapshot: Snapshot, past: Sequence[Snapshot]) -> dict[str, Array]:
    """P(no purchase in the horizon) by each of `SILENCE_BASELINES`, learned from past snapshots.

    Recency is measured in horizons, so that a curve learned on a shorter one carries over; a slope far below any
    probability keeps the order of recency within its steps. A longer horizon than tested takes the root of the
    stretch as power of the base rate (rates differ, so silence lasts). Without a past, recency alone is
    recency / (recency + horizon) and the base rate is its mean.
    """
    known = [place for place in past if place.outcome is not None]
    if not known:
        guess = snapshot.recency / np.maximum(snapshot.recency + snapshot.horizon, 1.0)
        return {"recency_only": guess, "base_rate": np.full(len(guess), float(guess.mean()) if len(guess) else 0.0)}
    recency = np.concatenate([place.recency / place.horizon for place in known])
    here = snapshot.recency / snapshot.horizon
    silent = np.concatenate([(place.outcome.orders <= 0).astype(np.float64) for place in known if place.outcome])
    power = float(np.sqrt(snapshot.horizon / known[0].horizon))
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(recency, silent)
    curve = np.clip(model.predict(here) + 1e-6 * (here - here.max(initial=0.0)), 0.0, 1.0)
    return {"recency_only": curve, "base_rate": np.full(len(curve), max(float(silent.mean()), 1e-6) ** power)}
