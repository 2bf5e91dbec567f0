"""Metrics: how good a forecast of orders, value or silence was.

Lives here: level, ranking and calibration measures. All are finite for any input and do not depend on row order:
customers with equal predictions share their outcome equally.
Stays out: Lorenz and Gini (`lorenz`), and choosing a champion (`champion`).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from pipelines.science.lorenz import Ranking, concentration, ranked
from pipelines.science.numerics import Array, as_floats

BINS = 10


def forecast_metrics(actual: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Measures of a forecast amount per customer, in its unit unless a rate.

    `mae`, `rmse`; `bias_rate` = predicted total / actual total - 1; `ngini` (ranking); `decile_error` = mean absolute
    difference of decile means over the mean; `spearman`; `top_decile_rate` = share of the actual total held by the
    tenth ranked highest.
    """
    truth, guess = as_floats(actual), as_floats(predicted)
    if not len(truth):
        return dict.fromkeys(("mae", "rmse", "bias_rate", "ngini", "decile_error", "spearman", "top_decile_rate"), 0.0)
    total, mean = float(truth.sum()), abs(float(truth.mean()))
    by_guess, by_truth = Ranking.of(guess), Ranking.of(truth)
    ordered, best = by_guess.order(truth), concentration(by_truth.descending)
    found, forecast = _bin_means(ordered, by_guess.descending, BINS)
    top = ordered[: max(1, len(truth) // 10)]
    return {
        "mae": float(np.abs(guess - truth).mean()),
        "rmse": float(np.sqrt(((guess - truth) ** 2).mean())),
        "bias_rate": float(guess.sum() - total) / abs(total) if total != 0 else 0.0,
        "ngini": concentration(ordered) / best if best > 0 else 0.0,
        "decile_error": float(np.abs(found - forecast).mean()) / mean if mean > 0 else 0.0,
        "spearman": _correlation(by_truth, by_guess),
        "top_decile_rate": float(top.sum()) / total if total > 0 else 0.0,
    }


def decile_means(actual: ArrayLike, predicted: ArrayLike, bins: int = BINS) -> tuple[Array, Array]:
    """Mean actual and mean predicted in equally sized groups ranked by the prediction, highest first."""
    ranking = Ranking.of(predicted)
    return _bin_means(ranking.order(as_floats(actual)), ranking.descending, bins)


def _bin_means(truth: Array, guess: Array, bins: int) -> tuple[Array, Array]:
    least, more = divmod(len(guess), bins)
    ends = [place * least + min(place, more) for place in range(bins + 1)]
    parts = [(begin, end) for begin, end in pairwise(ends) if end > begin]
    found, forecast = ([values[begin:end].sum() / (end - begin) for begin, end in parts] for values in (truth, guess))
    return np.array(found), np.array(forecast)


def spearman(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Rank correlation with mean ranks for ties; 0 where either side is constant."""
    if not np.size(actual):
        return 0.0
    return _correlation(Ranking.of(actual), Ranking.of(predicted))


def _correlation(actual: Ranking, predicted: Ranking) -> float:
    first, second = actual.mean_ranks(), predicted.mean_ranks()
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / scale if scale > 0 else 0.0


def churn_metrics(silent: ArrayLike, probability: ArrayLike) -> dict[str, float]:
    """Measures of a predicted probability of silence; `silent` is 1 where there was no purchase.

    `auc`; `pr_auc` (average precision); `brier` = `reliability` - `resolution` + `uncertainty` + what is lost within
    bins; `ece` = mean absolute calibration error over deciles; `base_rate`; `lift_10`, `lift_20` = share silent among
    the tenth (fifth) at highest risk over the base rate. One class only: auc .5, lifts 1.
    """
    truth, guess = as_floats(silent), np.clip(as_floats(probability), 0.0, 1.0)
    names = ("auc", "pr_auc", "brier", "reliability", "resolution", "uncertainty", "ece", "base_rate")
    if not len(truth):
        return dict.fromkeys((*names, "lift_10", "lift_20"), 0.0)
    base = float(truth.mean())
    found, forecast = decile_means(truth, guess)
    weight = np.array([len(part) for part in np.array_split(truth, BINS) if len(part)], dtype=np.float64) / len(truth)
    ordered = ranked(guess, truth)
    return {
        "auc": auc(truth, guess),
        "pr_auc": average_precision(truth, guess),
        "brier": float(((guess - truth) ** 2).mean()),
        "reliability": float(weight @ (forecast - found) ** 2),
        "resolution": float(weight @ (found - base) ** 2),
        "uncertainty": base * (1.0 - base),
        "ece": float(weight @ np.abs(forecast - found)),
        "base_rate": base,
        "lift_10": _lift(ordered, 0.1, base),
        "lift_20": _lift(ordered, 0.2, base),
    }


def mean_ranks(values: Array) -> Array:
    """Ranks 1 to n, equal values sharing their mean rank."""
    return Ranking.of(values).mean_ranks()


def auc(outcome: ArrayLike, score: ArrayLike) -> float:
    """P(a random positive scores above a random negative), ties one half; .5 where one class is missing."""
    truth = as_floats(outcome) > 0
    positive, negative = int(truth.sum()), int((~truth).sum())
    if positive == 0 or negative == 0:
        return 0.5
    rank = mean_ranks(as_floats(score))
    return float((rank[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def average_precision(outcome: ArrayLike, score: ArrayLike) -> float:
    """Area under precision over recall, one step per distinct score; the base rate for a constant score."""
    truth, guess = as_floats(outcome), as_floats(score)
    total = float(truth.sum())
    if total <= 0:
        return 0.0
    _, position, size = np.unique(-guess, return_inverse=True, return_counts=True)
    hits = np.bincount(position, weights=truth, minlength=len(size))
    return float((np.cumsum(hits) / np.cumsum(size)) @ hits / total)


def calibration_table(actual: ArrayLike, predicted: ArrayLike, bins: int = BINS) -> pl.DataFrame:
    """For charts: `bin` (1 = highest prediction), `n`, `predicted`, `actual` (means)."""
    found, forecast = decile_means(actual, predicted, bins)
    size = [len(part) for part in np.array_split(as_floats(actual), bins) if len(part)]
    return pl.DataFrame({"bin": np.arange(1, len(size) + 1), "n": size, "predicted": forecast, "actual": found})


def _lift(descending: Array, share: float, base: float) -> float:
    top = descending[: max(1, round(len(descending) * share))]
    return float(top.mean()) / base if base > 0 else 1.0
