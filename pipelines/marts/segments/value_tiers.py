"""Value tiers: the one rule by which a customer is of high, mid or low value at a period end.

Lives here: thresholds over predicted values, and the tier of a value with its memory. Stays out: predicted values
(`pipelines.marts.asset.chain`, which applies the rule month-end by month-end) and the tables that show tiers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.science.numerics import Index

TIERS = ("low", "mid", "high")
"""Tiers by their number."""
HIGH_PERCENT, MID_PERCENT = 80, 95
NO_TIER = -1
_FALLS_BELOW_TENTHS = 9


def threshold(descending: Index, percent: int) -> int | None:
    """The least of the largest values that together make `percent` % of all positive value; None without any."""
    positive = descending[descending > 0]
    if not len(positive):
        return None
    running = np.cumsum(positive, dtype=np.int64)
    target = -(-int(running[-1]) * percent // 100)
    return int(positive[np.searchsorted(running, target)])


def limits(values: Index) -> tuple[int | None, int | None]:
    """From which value a customer is of mid, and of high value, among these; None where nobody is worth anything."""
    descending = -np.sort(-values)
    return threshold(descending, MID_PERCENT), threshold(descending, HIGH_PERCENT)


def tiers(value: Index, valued: npt.NDArray[np.bool_], before: Index, ranked: Index) -> Index:
    """The tier of each customer, its place in `TIERS`; `NO_TIER` for customers not `valued`.

    Thresholds are those of the values `ranked`. A customer rises at a threshold and falls only below 90 % of it;
    `before` is the tier at the period end before. Where nobody is worth anything, or no money is known, nobody has one.
    """
    bars = limits(ranked)
    if None in bars:
        return np.full(len(value), NO_TIER, dtype=np.int64)

    def level(tenths: int) -> Index:
        return np.array([value * 10 >= bar * tenths for bar in bars if bar is not None]).sum(axis=0, dtype=np.int64)

    found = np.maximum(level(10), np.minimum(np.maximum(before, 0), level(_FALLS_BELOW_TENTHS)))
    return np.where(valued, found, NO_TIER)
