"""Wilson and ratio intervals against published values and independent computations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from pipelines.science.intervals import ratio_of_sums, two_sided_z, wilson


def test_wilson_equals_published_values() -> None:
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    low, high = wilson([81, 15, 0, 1], [263, 148, 20, 29])
    assert low == pytest.approx([0.2553, 0.0624, 0.0, 0.0061], abs=5e-5)
    assert high == pytest.approx([0.3662, 0.1605, 0.1611, 0.1718], abs=5e-5)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilson_equals_scipy(confidence: float) -> None:
    n = np.repeat([1, 2, 7, 50, 1000], 3)
    k = np.array([0, 1, 1, 0, 1, 2, 0, 3, 7, 0, 20, 50, 0, 999, 1000])
    low, high = wilson(k, n, confidence)
    for successes, trials, lower, upper in zip(k, n, low, high, strict=True):
        expected = binomtest(int(successes), int(trials)).proportion_ci(confidence, method="wilson")
        assert (lower, upper) == pytest.approx(tuple(expected), abs=1e-12)


def test_wilson_limits_are_exact_at_the_ends_and_nan_without_trials() -> None:
    low, high = wilson([0, 5, 0], [5, 5, 0])
    assert low[0] == 0.0
    assert high[1] == 1.0
    assert np.isnan(low[2])
    assert np.isnan(high[2])


def test_wilson_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="between 0 and trials"):
        wilson([3], [2])


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_confidence_must_be_a_share(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        two_sided_z(confidence)


def test_ratio_covers_the_true_ratio_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits, rounds, n = 0, 2000, 200
    for _ in range(rounds):
        x = rng.gamma(2.0, 50.0, n)
        y = 0.4 * x + rng.normal(0, 20, n)
        _, low, high = ratio_of_sums(n, y.sum(), x.sum(), (y * y).sum(), (x * y).sum(), (x * x).sum())
        hits += low <= 0.4 <= high
    assert 0.93 < hits / rounds < 0.97


def test_ratio_is_nan_without_a_base_and_has_no_interval_for_one_unit() -> None:
    ratio, low, _ = ratio_of_sums([1, 3], [5, 5], [10, 0], [25, 25], [50, 0], [100, 0])
    assert ratio[0] == 0.5
    assert np.isnan(low[0])
    assert np.isnan(ratio[1])
