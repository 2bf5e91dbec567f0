"""Calibration: from what a linkage model states to how often it is right, learnt where strong links know the answer.

Lives here: the correction of a model's posteriors, and how it is fitted on accounts whose identifiers were hidden.
Stays out: scoring pairs (`probabilistic`), what is compared (`probabilistic_model`), who else bears a name (`rivals`).

Accounts that an identifier links are given to the model without it. The pairs it finds are one person where the links
say so, and two where different ids of which a person has one say so; the others teach nothing.

A model weighs the parts of a pair as if each were drawn by itself, and the rarity of a name by the table it is given.
Namesakes of one town make it too sure, so the correction weighs also who else bears the name. Where the likeliest tenth
of the known pairs are two people more often than the fit says, no more is stated of the likeliest than that tenth bears
out, even where the next ones are right more often.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

LEAST_PAIRS = 30
"""Pairs of one person, and of two people, without which nothing is corrected."""
HELD_FLOOR = 0.001
"""Pairs below this stated posterior are looked at neither where the answer is known nor where it is asked."""


@dataclass(frozen=True)
class Calibration:
    """log-odds of a pair = intercept + slope x its stated log-odds + rivals_slope x log(rivals + 1/2).

    Learnt on `pair_n` pairs, `match_n` of one person. The intercept carries the share of matches among the pairs asked
    about: all but as many chance pairs as people who are known to be different made, scaled by the number of pairs
    there are. A probability of `top_from` and more, as the likeliest tenth of the known pairs has, is stated as `most`
    at most: what that tenth bears out (see `_top`).
    """

    slope: float
    intercept: float
    pair_n: int
    match_n: int
    rivals_slope: float = 0.0
    top_from: float = 1.0
    most: float = 1.0

    def corrected(self, pairs: pl.DataFrame) -> pl.Series:
        """The probability behind the stated `posterior` of pairs with so many `rivals`."""
        weights = np.array([self.slope, self.rivals_slope])
        odds = self.intercept + (_features(pairs) * weights).sum(axis=1)
        told = 1 / (1 + np.exp(-odds))
        return pl.Series("posterior", np.where(told >= self.top_from, np.minimum(told, self.most), told))


def calibrate(known: pl.DataFrame, stranger_pairs: float, asked_n: int, asked_pair_n: int) -> Calibration | None:
    """The correction learnt on `known` (posterior, rivals, is_match): pairs from HELD_FLOOR on whose answer is known.

    Those that are none come from `stranger_pairs` pairs of records known to be two people. `asked_pair_n` pairs were
    found among the `asked_n` records that the correction is for. None where there is too little to learn, or where a
    higher score means no more; rivals that speak for a match are chance and not counted.
    """
    match_n = int(known["is_match"].sum())
    if min(match_n, known.height - match_n) < LEAST_PAIRS or not asked_pair_n:
        return None
    # Sorted, so that sums come out the same for any order of pairs.
    ordered = known.select("posterior", "rivals", "is_match").sort(pl.all())
    (slope, rivals_slope), intercept = _fitted(ordered, 2)
    if rivals_slope > 0 or ordered["rivals"].n_unique() == 1:
        (slope, rivals_slope), intercept = _fitted(ordered, 1)
    if slope <= 0:
        return None
    strangers = (known.height - match_n) / stranger_pairs * (asked_n * (asked_n - 1) / 2)
    least = 1 / (asked_pair_n + 2)
    share = min(max(1 - strangers / asked_pair_n, least), 1 - least)
    shift = float(_log_odds(share) - _log_odds(match_n / known.height))
    told = [float(f"{value:.9g}") for value in (slope, intercept + shift)]
    found = Calibration(told[0], told[1], known.height, match_n, float(f"{rivals_slope:.9g}"))
    top_from, most = _top(found.corrected(ordered).to_numpy(), ordered["is_match"].to_numpy(), shift)
    return replace(found, top_from=top_from, most=most)


def _fitted(ordered: pl.DataFrame, used: int) -> tuple[tuple[float, float], float]:
    """Slopes of the stated log-odds and of the rivals (0 unless two are used), and the intercept."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - half a second, where the stage runs only

    features = _features(ordered)[:, :used]
    fitted = LogisticRegression(C=1e6).fit(features, ordered["is_match"].to_numpy())
    slopes = [*map(float, fitted.coef_[0]), 0.0]
    return (slopes[0], slopes[1]), float(fitted.intercept_[0])


def _top(told: Any, is_match: Any, shift: float) -> tuple[float, float]:
    """From which probability on the likeliest tenth of the known pairs begins, and the greatest that it bears out.

    With k strangers among its n pairs, the odds are at most (n - k + 1) : (k + 1). Nothing is held down (1 and 1) where
    k is no more than the fit expects. `shift` takes odds of known pairs to those of the pairs asked about, among which
    there are fewer matches or more.
    """
    top_from = np.sort(told)[-max(LEAST_PAIRS, len(told) // 10)]
    top = told >= top_from
    strangers = int((top & ~is_match).sum())
    expected = float((1 / (1 + np.exp(_log_odds(told[top]) - shift))).sum())
    if strangers <= expected:
        return 1.0, 1.0
    odds = np.log((int(top.sum()) - strangers + 1) / (strangers + 1)) + shift
    return float(top_from), float(f"{1 / (1 + np.exp(-odds)):.9g}")


def _features(pairs: pl.DataFrame) -> Any:
    """Stated log-odds and log of rivals, half a one added, of each pair."""
    return np.stack([_log_odds(pairs["posterior"].to_numpy()), np.log(pairs["rivals"].to_numpy() + 0.5)], axis=1)


def _log_odds(probability: Any) -> Any:
    clipped = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.log(clipped / (1 - clipped))
