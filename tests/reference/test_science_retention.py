"""Published figures on contractual retention: Fader and Hardie (2007), Fader et al. (2018), Fader and Hardie (2010)."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.science.bdw import BdW
from pipelines.science.contractual import ContractualModel
from pipelines.science.sbg import SBG

HIGH_END = np.array([100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4])
REGULAR = np.array([100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1, 22.3, 20.7, 19.4, 18.3, 17.3])
LATE = np.arange(8, 13)


@pytest.mark.parametrize(
    ("curve", "years", "model", "parameters", "log_likelihood", "error"),
    [
        (HIGH_END, 7, SBG, [0.6681, 3.8061], -1611.158, 1.19),
        (HIGH_END, 7, BdW, [0.2143, 1.4266, 1.7236], -1605.314, 0.52),
        (REGULAR, 7, SBG, [0.7041, 1.1820], -1680.265, 0.29),
        (REGULAR, 7, BdW, [0.4556, 0.7793, 1.2835], -1679.603, 0.26),
        (HIGH_END, 4, SBG, [1.2810, 7.7904], -1225.135, 7.38),
        (HIGH_END, 4, BdW, [0.2593, 1.7226, 1.5844], -1222.749, 0.81),
        (REGULAR, 4, SBG, [0.7637, 1.2958], -1401.559, 1.31),
        (REGULAR, 4, BdW, [0.5230, 0.8943, 1.1964], -1401.383, 0.28),
    ],
)
def test_estimates_and_extrapolation(
    curve: np.ndarray,
    years: int,
    model: type[ContractualModel],
    parameters: list[float],
    log_likelihood: float,
    error: float,
) -> None:
    fitted = model().fit_curve(10.0 * curve[: years + 1])
    assert fitted.fit_status_ == "ok"
    assert list(fitted.parameters_.values()) == pytest.approx(parameters, rel=1e-3)
    assert fitted.log_likelihood_ == pytest.approx(log_likelihood, abs=0.01)
    assert np.abs(100.0 * fitted.survival(LATE) - curve[LATE]).mean() == pytest.approx(error, abs=0.006)


@pytest.mark.parametrize(
    ("curve", "del_", "derl"),
    [(HIGH_END, 5.9222, [5.4144, 5.9013, 6.8967]), (REGULAR, 3.6948, [2.9642, 4.1030, 5.8940])],
)
def test_discounted_lifetimes(curve: np.ndarray, del_: float, derl: list[float]) -> None:
    fitted = SBG().fit_curve(10.0 * curve[:8])
    assert fitted.del_(0.1) == pytest.approx(del_, abs=2e-4)
    assert fitted.del_(0.1) == pytest.approx(fitted.del_closed(0.1), rel=1e-12)
    assert [fitted.derl(n, 0.1) for n in (1, 2, 5)] == pytest.approx(derl, abs=2e-4)


@pytest.mark.parametrize(
    ("curve", "errors", "constant"),
    [(HIGH_END, [21.3, 18.5, 8.6, 1.0], 29.5), (REGULAR, [34.6, 52.9, 7.5, 4.1], 8.7)],
)
def test_naive_curves_are_as_bad_as_published(curve: np.ndarray, errors: list[float], constant: float) -> None:
    """The yardstick: what regression on the same seven years gives, beside sBG's 1.19 and .29 points."""
    t, seen = np.arange(8), curve[:8]
    forecasts = [
        np.polyval(np.polyfit(t, seen, 1), LATE),
        np.polyval(np.polyfit(t, seen, 2), LATE),
        np.exp(np.polyval(np.polyfit(t, np.log(seen), 1), LATE)),
        np.polyval(np.polyfit(np.log(t[1:]), seen[1:], 1), np.log(LATE)),
    ]
    found = [np.abs(forecast - curve[LATE]).mean() for forecast in forecasts]
    assert found == pytest.approx(errors, abs=0.06)
    assert 100.0 * (curve[7] / 100.0) ** (12 / 7) == pytest.approx(constant, abs=0.06)
    assert np.abs(100.0 * SBG().fit_curve(10.0 * seen).survival(LATE) - curve[LATE]).mean() < min(found) + 0.2
