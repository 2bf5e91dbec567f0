"""Calibration: from what a linkage model states to how often it is right, learnt where strong links know the answer.

Lives here: the correction of a model's posteriors, and how it is fitted on accounts whose identifiers were hidden.
Stays out: scoring pairs (`probabilistic`), what is compared (`probabilistic_model`).

Accounts that an identifier links are given to the model without it. The pairs it finds are one person where the links
say so, and two where different ids of which a person has one say so; the others teach nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

LEAST_PAIRS = 30
"""Pairs of one person, and of two people, without which nothing is corrected."""
HELD_FLOOR = 0.001
"""Pairs below this stated posterior are looked at neither where the answer is known nor where it is asked."""


@dataclass(frozen=True)
class Calibration:
    """log-odds of a pair = intercept + slope x its stated log-odds; learnt on `pair_n` pairs, `match_n` of one person.

    The intercept carries the share of matches among the pairs asked about: all but as many chance pairs as people who
    are known to be different made, scaled by the number of pairs there are.
    """

    slope: float
    intercept: float
    pair_n: int
    match_n: int

    def corrected(self, stated: pl.Series) -> pl.Series:
        """The probability behind stated posteriors."""
        odds = self.intercept + self.slope * _log_odds(stated.to_numpy())
        return pl.Series("posterior", 1 / (1 + np.exp(-odds)), dtype=pl.Float64)


def calibrate(known: pl.DataFrame, stranger_pairs: float, asked_n: int, asked_pair_n: int) -> Calibration | None:
    """The correction learnt on `known` (posterior, is_match), the pairs of HELD_FLOOR and more whose answer is known.

    Those that are none come from `stranger_pairs` pairs of records known to be two people. `asked_pair_n` pairs were
    found among the `asked_n` records that the correction is for. None where there is too little to learn, or where a
    higher score means no more.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - half a second, where the stage runs only

    match_n = int(known["is_match"].sum())
    if min(match_n, known.height - match_n) < LEAST_PAIRS or not asked_pair_n:
        return None
    # Sorted, so that sums come out the same for any order of pairs.
    ordered = known.select("posterior", "is_match").sort(pl.all())
    odds = _log_odds(ordered["posterior"].to_numpy())
    fitted = LogisticRegression(C=1e6).fit(odds[:, None], ordered["is_match"].to_numpy())
    slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if slope <= 0:
        return None
    strangers = (known.height - match_n) / stranger_pairs * (asked_n * (asked_n - 1) / 2)
    least = 1 / (asked_pair_n + 2)
    share = min(max(1 - strangers / asked_pair_n, least), 1 - least)
    shift = float(_log_odds(share) - _log_odds(match_n / known.height))
    return Calibration(float(f"{slope:.9g}"), float(f"{intercept + shift:.9g}"), known.height, match_n)


def _log_odds(probability: Any) -> Any:
    clipped = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.log(clipped / (1 - clipped))
