"""Kaplan-Meier against lifelines and worked values."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.science.survival import kaplan_meier


def test_worked_example() -> None:
    # Six units: events at 1, 3, 3; censored at 2, 3, 5.
    curve = kaplan_meier([1, 2, 3, 5], [1, 0, 2, 0], [0, 1, 1, 1])
    assert list(curve.at_risk) == [6, 5, 4, 1]
    assert curve.value_at([0, 1, 2, 3, 9]) == pytest.approx([1, 5 / 6, 5 / 6, 5 / 12, 5 / 12])
    assert list(curve.at_risk_after([0, 1, 3, 5])) == [6, 5, 1, 0]
    assert curve.conditional(1, 3)[0] == pytest.approx(0.5)


def test_equals_lifelines_with_its_intervals() -> None:
    from lifelines import KaplanMeierFitter

    rng = np.random.default_rng(5)
    times, seen = rng.integers(0, 60, 400), rng.random(400) < 0.7
    fitter = KaplanMeierFitter().fit(times, seen)
    grid = np.arange(0, 60)
    curve = kaplan_meier(times, seen.astype(int), (~seen).astype(int))
    assert curve.value_at(grid) == pytest.approx(fitter.predict(grid).to_numpy(), abs=1e-12)
    low, high = curve.interval_at(grid)
    limits = fitter.confidence_interval_.reindex(grid, method="ffill").to_numpy()
    inside = (curve.value_at(grid) > 0) & (curve.value_at(grid) < 1)
    assert inside.sum() > 40
    assert low[inside] == pytest.approx(limits[inside, 0], abs=1e-10)
    assert high[inside] == pytest.approx(limits[inside, 1], abs=1e-10)


def test_conditional_equals_lifelines_on_the_survivors() -> None:
    from lifelines import KaplanMeierFitter

    rng = np.random.default_rng(6)
    times, seen = rng.integers(1, 80, 500), rng.random(500) < 0.6
    curve = kaplan_meier(times, seen.astype(int), (~seen).astype(int))
    later = times > 20
    fitter = KaplanMeierFitter().fit(times[later], seen[later])
    chance, low, high = curve.conditional(20, 50)
    assert chance == pytest.approx(fitter.predict(50), abs=1e-12)
    row = fitter.confidence_interval_[fitter.confidence_interval_.index <= 50].iloc[-1]
    assert (low, high) == pytest.approx(tuple(row), abs=1e-10)


def test_order_and_splitting_of_counts_do_not_matter() -> None:
    one = kaplan_meier([3, 1, 2], [2, 1, 0], [1, 0, 4])
    other = kaplan_meier([2, 3, 1, 3, 2], [0, 1, 1, 1, 0], [3, 1, 0, 0, 1])
    assert np.array_equal(one.survival, other.survival)
    assert np.array_equal(one.greenwood, other.greenwood)


def test_everybody_gone_and_nobody_there() -> None:
    curve = kaplan_meier([4], [3], [0])
    assert list(curve.value_at([3, 4])) == [1.0, 0.0]
    assert np.isnan(curve.conditional(4, 9)[0])
    assert np.isnan(curve.interval_at(4)[0])
    assert list(kaplan_meier([], [], []).value_at([0, 7])) == [1.0, 1.0]


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        kaplan_meier([1], [-1], [0])
