"""Exchange rates of the simulated years.

Lives here: `Rates`, a daily table in both directions without week-ends, and the last rate at most seven days old.
Stays out: conversion itself (`exact.convert`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.clock import Clock, Ints, stream

MAX_AGE = 7
LEAD = 10
"""Days before the start from which rates are published."""


@dataclass(frozen=True)
class Rates:
    """Rates in millionths by published day; `usd_cny` is yuan for a dollar, `cny_usd` dollars for a yuan."""

    day: Ints
    usd_cny: Ints
    cny_usd: Ints

    def on(self, day: Ints, direction: str) -> Ints:
        """The last rate published on or before each day. ValueError when one is older than seven days."""
        at = np.searchsorted(self.day, day, side="right") - 1
        if len(at) and (at.min() < 0 or (day - self.day[at]).max() > MAX_AGE):
            raise ValueError("a day has no exchange rate of the last seven days")
        return (self.usd_cny if direction == "usd_cny" else self.cny_usd)[at]


def draw_rates(clock: Clock, seed: int) -> Rates:
    """Business-day rates from before the start to the last day; the two directions are quoted apart."""
    rng = stream(seed, "fx")
    days = np.arange(-LEAD, clock.n_days, dtype=np.int64)
    weekday = (clock.start.weekday() + days) % 7
    steps = rng.normal(0, 0.0016, len(days))
    usd_cny = np.round(7_180_000 * np.exp(np.cumsum(steps)))
    cny_usd = np.round(1e12 / usd_cny * (1 + rng.normal(0, 0.0002, len(days))))
    open_days = weekday < 5
    return Rates(days[open_days], usd_cny[open_days].astype(np.int64), cny_usd[open_days].astype(np.int64))
