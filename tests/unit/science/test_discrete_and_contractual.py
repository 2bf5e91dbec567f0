"""BG/BB against enumeration; sBG and BdW on planted lifetimes and on input that should not be."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pytest

from pipelines.science.bdw import BdW
from pipelines.science.bgbb import BGBB
from pipelines.science.contractual import ContractualModel
from pipelines.science.contractual import _likelihood as contractual_likelihood
from pipelines.science.sbg import SBG

VALUES = {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.8}


def history_probability(history: tuple[int, ...], p: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """P(history | p, theta): the customer may die at the beginning of each opportunity."""
    total = np.zeros(len(p))
    last = max((place + 1 for place, bought in enumerate(history) if bought), default=0)
    for lived in range(last, len(history) + 1):
        bought = sum(history[:lived])
        chance = p**bought * (1 - p) ** (lived - bought)
        death = theta if lived < len(history) else 1.0
        total += chance * (1 - theta) ** lived * death
    return total


def test_bgbb_answers_equal_simulated_parameters() -> None:
    """Posterior means over drawn (p, theta), weighted by the probability of what was seen."""
    rng, n = np.random.default_rng(2), 6
    p = rng.beta(VALUES["alpha"], VALUES["beta"], 40_000)
    theta = rng.beta(VALUES["gamma"], VALUES["delta"], 40_000)
    seen = (1, 0, 1, 1, 0, 0)
    weight = history_probability(seen, p, theta)
    model = BGBB.from_parameters(**VALUES)
    x, t_x = sum(seen), 4
    alive = np.prod([p if bought else 1 - p for bought in seen], axis=0) * (1 - theta) ** n
    assert model.p_alive(x, t_x, n)[0] == pytest.approx((alive * (1 - theta)).sum() / weight.sum(), rel=0.03)
    futures = [future for future in product((0, 1), repeat=3)]  # noqa: C416
    chance = {future: history_probability(seen + future, p, theta).sum() / weight.sum() for future in futures}
    expected = sum(sum(future) * share for future, share in chance.items())
    assert model.expected_purchases(3, x, t_x, n)[0] == pytest.approx(expected, rel=0.03)
    assert model.p_no_purchase(3, x, t_x, n)[0] == pytest.approx(chance[0, 0, 0], rel=0.03)
    totals = [model.expected_purchases(k, x, t_x, n)[0] for k in range(60)]
    assert model.dert(0.5, x, t_x, n)[0] == pytest.approx(np.diff(totals) @ 1.5 ** -np.arange(1.0, 60), rel=1e-6)


@pytest.mark.parametrize(
    ("x", "t_x", "n", "status"),
    [
        ([], [], [], "no_customers"),
        ([0, 0], [0, 0], [0, 0], "no_exposure"),
        ([0, 0, 0], [0, 0, 0], [5, 5, 5], ""),
        ([5, 5], [5, 5], [5, 5], ""),
        ([9, -1, np.nan], [2, 7, 1], [5, 5, 5], ""),
    ],
)
def test_bgbb_never_fails(x: list, t_x: list, n: list, status: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = BGBB().fit(x, t_x, n)
        found = [
            model.p_alive([0, 2], [0, 3], [0, 4]),
            model.expected_purchases(4, [0, 2], [0, 3], [0, 4]),
            model.p_no_purchase(4, [0, 2], [0, 3], [0, 4]),
            model.dert(0.1, [0, 2], [0, 3], [0, 4]),
        ]
    assert np.isfinite(np.concatenate(found)).all()
    if status:
        assert model.fit_status_ == status


@pytest.mark.parametrize("model", [SBG, BdW])
def test_contractual_models_recover_planted_lifetimes(model: type[ContractualModel]) -> None:
    truth = {"alpha": 0.9, "beta": 3.0} | ({"c": 1.4} if model is BdW else {})
    planted = model.from_parameters(**truth)
    alive = 200_000 * planted.survival(np.arange(11))
    fitted = model().fit_curve(alive)
    assert fitted.parameters_ == pytest.approx(truth, rel=1e-3)
    assert fitted.retention(np.arange(1, 20)) == pytest.approx(planted.retention(np.arange(1, 20)), rel=1e-3)


def test_cohorts_of_several_ages_add_up() -> None:
    planted = SBG.from_parameters(alpha=0.7, beta=1.5)
    lost, censored = np.zeros(9), np.zeros(9)
    for age in (2, 5, 8):
        survivors = 50_000 * planted.survival(np.arange(age + 1))
        lost[1 : age + 1] += -np.diff(survivors)
        censored[age] += survivors[-1]
    assert SBG().fit(lost, censored).parameters_ == pytest.approx({"alpha": 0.7, "beta": 1.5}, rel=1e-3)


def test_contractual_gradient() -> None:
    likelihood = contractual_likelihood(np.array([30.0, 20, 12, 8]), np.array([0.0, 5, 0, 40]), 3)
    theta = np.log([0.8, 2.0, 1.3])
    _, gradient = likelihood(theta)
    for place in range(3):
        shift = np.zeros(3)
        shift[place] = 1e-6
        slope = (likelihood(theta + shift)[0] - likelihood(theta - shift)[0]) / 2e-6
        assert gradient[place] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("model", [SBG, BdW])
@pytest.mark.parametrize(
    ("alive", "status"),
    [
        ([100], "no_losses"),
        ([0, 0, 0], "no_customers"),
        ([100, 100, 100], "no_losses"),
        ([100, 0, 0, 0], ""),
        ([100, 90, 95, 80], ""),  # more alive than before: no loss
        ([1, 0], ""),
        ([1e7, 9.9e6, 9.899e6], ""),
    ],
)
def test_contractual_models_never_fail(model: type[ContractualModel], alive: list, status: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = model().fit_curve(alive)
        found = [*fitted.survival([0, 1, 2.5, 1e4]), fitted.del_(0.1), fitted.derl(1, 0.1), fitted.derl(50, 0.1)]
    assert np.isfinite(found).all()
    assert (np.diff(found[:4]) <= 0).all()
    assert found[0] == 1.0
    if status:
        assert fitted.fit_status_ == status
