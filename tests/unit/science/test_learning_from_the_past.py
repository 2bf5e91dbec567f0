"""Pool, correction, level and champion: each takes what the past proves and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.science.champion import choose
from pipelines.science.correction import Correction
from pipelines.science.pool import admit, deviance, earned, pool_weights
from pipelines.science.recalibration import level_posterior, rolling_origins

RNG = np.random.default_rng(21)
CODE = np.arange(4000)


def counts(mean: np.ndarray) -> np.ndarray:
    return RNG.poisson(mean).astype(float)


def test_pool_finds_the_better_model_whatever_its_level() -> None:
    mean = RNG.gamma(0.7, 2.0, 4000)
    good, bad = 3.0 * mean, mean[RNG.permutation(4000)]
    weights = pool_weights([np.column_stack([good, bad])], [counts(mean)])
    share = weights[0] * good.sum() / (weights @ [good.sum(), bad.sum()])
    assert share > 0.97
    assert weights.sum() == pytest.approx(1.0)


def test_pool_mixes_models_that_know_different_things() -> None:
    first, second = RNG.gamma(0.5, 1.0, 4000), RNG.gamma(0.5, 1.0, 4000)
    weights = pool_weights([np.column_stack([first, second])], [counts(0.5 * first + 0.5 * second)])
    assert weights == pytest.approx([0.5, 0.5], abs=0.07)


def test_a_guest_without_merit_is_not_admitted() -> None:
    mean = RNG.gamma(0.7, 2.0, 4000)
    noise = mean * RNG.lognormal(0, 0.3, 4000)
    actual = counts(mean)
    assert admit([np.column_stack([noise, mean])], [actual], [CODE], guest=0)[0] == 0.0
    assert admit([np.column_stack([mean, noise])], [actual], [CODE], guest=0)[0] > 0.8


def test_repeated_rows_of_a_customer_do_not_add_evidence() -> None:
    gain = RNG.normal(0.1, 1.0, 400)
    once = earned(gain, np.zeros(400), np.arange(400))
    thrice = earned(np.tile(gain, 3), np.zeros(1200), np.tile(np.arange(400), 3))
    assert thrice == pytest.approx(once)
    assert earned(np.ones(5), np.ones(5), np.arange(5)) == 0.0


def test_correction_learns_what_the_base_misses() -> None:
    hidden, base = RNG.normal(size=4000), RNG.gamma(1.0, 2.0, 4000)
    features = np.column_stack([hidden, RNG.normal(size=(4000, 5))])
    actual = counts(base * np.exp(0.5 * hidden - 0.125))
    correction = Correction().fit(base, features, actual, CODE)
    assert correction.strength_ == 1.0
    fresh = RNG.normal(size=4000)
    guess = correction.apply(base, np.column_stack([fresh, np.zeros((4000, 5))]))
    assert np.corrcoef(np.log(guess / base), fresh)[0, 1] > 0.95


def test_correction_leaves_a_good_base_alone() -> None:
    kept = 0
    for _ in range(10):
        base, features = RNG.gamma(1.0, 2.0, 2000), RNG.normal(size=(2000, 12))
        correction = Correction().fit(base, features, counts(base), np.arange(2000))
        kept += correction.strength_ == 0.0
        if correction.strength_ == 0.0:
            assert correction.apply(base, features) is base
    assert kept >= 8


def test_correction_of_probabilities_stays_in_range() -> None:
    hidden = RNG.normal(size=4000)
    base = np.clip(RNG.beta(2, 2, 4000), 0.0, 1.0)
    truth = 1 / (1 + np.exp(-(np.log(base / (1 - base)) + 0.8 * hidden)))
    correction = Correction("probability").fit(base, hidden[:, None], (RNG.random(4000) < truth).astype(float), CODE)
    guess = correction.apply(np.append(base, [0.0, 1.0]), np.append(hidden, [9.0, -9.0])[:, None])
    assert correction.strength_ > 0
    assert (guess >= 0).all()
    assert (guess <= 1).all()
    assert np.mean((guess[:4000] - truth) ** 2) < np.mean((base - truth) ** 2)


def test_few_rows_teach_nothing() -> None:
    base = np.ones(20)
    correction = Correction().fit(base, RNG.normal(size=(20, 3)), counts(base), np.arange(20))
    assert correction.strength_ == 0.0
    assert (correction.out_of_fold_ == base).all()


def test_level_follows_consistent_errors_and_doubts_single_ones() -> None:
    consistent = level_posterior([1200, 1210, 1190, 1205], [1000] * 4, [1200] * 4)
    assert consistent.factor == pytest.approx(1.2, abs=0.02)
    single = level_posterior([1200], [1000], [40_000])
    assert 1.0 < single.factor < consistent.factor
    assert single.log_sd > consistent.log_sd
    right = level_posterior([1000, 1003, 995, 1001], [1000] * 4, [1000] * 4)
    assert right.factor == pytest.approx(1.0, abs=0.01)
    assert right.log_sd < 0.05
    stretched = level_posterior([1200, 1210, 1190, 1205], [1000] * 4, [1200] * 4, stretch=3.0)
    assert 1.0 < stretched.factor < consistent.factor
    assert stretched.log_sd > consistent.log_sd
    assert level_posterior([], [], []).factor == 1.0
    assert level_posterior([0.0], [10.0], [1.0]).factor == 1.0


@pytest.mark.parametrize(
    ("history", "horizon", "origins", "tested"),
    [(730, 180, 3, 180), (273, 273, 2, 91), (40, 30, 0, 0), (1500, 90, 4, 90), (10, 365, 0, 0)],
)
def test_rolling_origins_lie_inside_the_calibration(history: int, horizon: int, origins: int, tested: int) -> None:
    found, length = rolling_origins(1000, 1000 + history, horizon)
    assert len(found) == origins
    assert length in (tested, min(horizon, history // 3))
    for origin in found:
        assert 1000 + 60 <= origin <= 1000 + history - length
    assert found == sorted(found, reverse=True)


def test_champion_is_dethroned_by_proof_only() -> None:
    mean = RNG.gamma(0.7, 2.0, 4000)
    actual = counts(mean)
    noisy, poor = mean * RNG.lognormal(0, 0.02, 4000), np.full(4000, mean.mean())
    assert choose("transactions", actual, {"combined": noisy, "other": mean}, CODE)[0] == "combined"
    assert choose("transactions", actual, {"combined": poor, "other": mean, "worse": poor * 2}, CODE)[0] == "other"
    silent = (actual == 0).astype(float)
    name, losses = choose("churn", silent, {"combined": np.full(4000, 0.5), "other": np.exp(-mean)}, CODE)
    assert name == "other"
    assert losses["combined"] == pytest.approx(0.25)


def test_deviance_is_zero_for_a_perfect_forecast_only() -> None:
    assert deviance(np.array([0.0, 2.0]), np.array([0.0, 2.0])) == pytest.approx([0, 0], abs=1e-8)
    assert (deviance(np.array([0.0, 2.0]), np.array([1.0, 3.0])) > 0).all()
