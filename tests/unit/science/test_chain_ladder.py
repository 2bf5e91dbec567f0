"""Chain ladder away from the textbook: additive fallback, ragged and empty triangles, honest errors."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from pipelines.science.chain_ladder import ChainLadder

NAN = np.nan


def test_exact_pattern_is_completed_exactly() -> None:
    fitted = ChainLadder().fit([[100, 150, 165], [200, 300, NAN], [50, NAN, NAN]])
    assert fitted.factors_ == pytest.approx([1.5, 1.1])
    assert fitted.ultimate_ == pytest.approx([165, 330, 82.5])
    assert fitted.se_[:, -1] == pytest.approx([0, 0, 0])
    assert fitted.fit_status_ == "ok"


def test_negative_cohorts_take_the_additive_method() -> None:
    triangle = [[-50, 30, 50], [-80, 50, NAN], [-20, NAN, NAN]]
    fitted = ChainLadder().fit(triangle, exposure=[10, 20, 5])
    assert fitted.method_ == fitted.fit_status_ == "additive"
    assert fitted.factors_ == pytest.approx([210 / 30, 2.0])
    assert fitted.ultimate_ == pytest.approx([50, 90, -20 + 35 + 10])
    assert (fitted.se_[1:, -1] > 0).all()


@pytest.mark.parametrize(
    ("triangle", "status"),
    [
        (np.full((3, 3), NAN), "no_data"),
        ([[5.0]], "ok"),
        ([[5, 8, NAN], [4, NAN, NAN]], "tail_unknown"),
        ([[0, 0, 0], [0, 0, NAN]], "additive"),
        ([[NAN, NAN], [3, 6], [2, NAN]], "ok"),
        ([[1, NAN, 9], [2, 4, NAN]], "tail_unknown"),  # nothing counts beyond a gap
    ],
)
def test_any_triangle_is_completed(triangle: list, status: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = ChainLadder().fit(triangle)
    assert fitted.fit_status_ == status
    assert np.isfinite(fitted.projected_).all()
    assert np.isfinite(fitted.se_).all()
    assert np.isfinite(fitted.total_se_)


def test_standard_error_covers_simulated_ultimates() -> None:
    """Mack's own model: the total of ten cohorts lies within 1.645 standard errors in nine of ten worlds."""
    rng, inside, worlds = np.random.default_rng(4), 0, 300
    factor, spread = np.array([2.0, 1.4, 1.2, 1.1, 1.05]), 0.8
    for _ in range(worlds):
        full = np.zeros((10, 6))
        full[:, 0] = rng.gamma(20, 5, 10)
        for age in range(5):
            full[:, age + 1] = np.maximum(
                full[:, age] * factor[age] + rng.normal(0, spread, 10) * np.sqrt(full[:, age]), 1
            )
        seen = np.where(np.arange(6)[None, :] <= np.arange(9, -1, -1)[:, None], full, NAN)
        fitted = ChainLadder().fit(seen)
        inside += abs(fitted.ultimate_.sum() - full[:, -1].sum()) <= 1.645 * fitted.total_se_
    assert 0.84 <= inside / worlds <= 0.95
