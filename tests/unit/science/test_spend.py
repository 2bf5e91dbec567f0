"""Order values: Gamma-Gamma, credibility and returns recover what was planted and survive what should not be."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from pipelines.science.credibility import Credibility, within_variance
from pipelines.science.gamma_gamma import GammaGamma, _likelihood
from pipelines.science.spend import SPEND_MODELS, Spend, SpendFacts

RNG = np.random.default_rng(11)


def customers(size: int, p: float = 6.0, q: float = 4.0, gamma: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    x = RNG.integers(1, 12, size)
    return x, RNG.gamma(p * x) / RNG.gamma(q, 1 / gamma, size) / x


def test_gamma_gamma_recovers_its_parameters() -> None:
    x, mean = customers(20_000)
    fitted = GammaGamma().fit(x, mean)
    for name, value in {"p": 6.0, "q": 4.0, "gamma": 30.0}.items():
        assert abs(fitted.parameters_[name] - value) < 3 * fitted.standard_errors_[name]
    assert fitted.population_mean_ == pytest.approx(6.0 * 30.0 / 3.0, rel=0.02)


def test_gamma_gamma_gradient() -> None:
    x, mean = (part.astype(float) for part in customers(50))
    likelihood = _likelihood(x, mean, np.ones(50))
    theta = np.log([3.0, 2.5, 20.0])
    _, gradient = likelihood(theta)
    for place in range(3):
        shift = np.zeros(3)
        shift[place] = 1e-5
        slope = (likelihood(theta + shift)[0] - likelihood(theta - shift)[0]) / 2e-5
        assert gradient[place] == pytest.approx(slope, rel=1e-6)


def test_currency_does_not_matter() -> None:
    x, mean = customers(500)
    cents, euros = GammaGamma().fit(x, 100 * mean), GammaGamma().fit(x, mean)
    assert cents.expected_value(x, 100 * mean) == pytest.approx(100 * euros.expected_value(x, mean), rel=1e-6)


@pytest.mark.parametrize(
    ("x", "mean", "status"),
    [
        ([], [], "few_customers"),
        ([0, 0], [0.0, 0.0], "few_customers"),
        ([3], [20.0], "few_customers"),
        ([1, 2, 3, 4], [9.0, 9.0, 9.0, 9.0], "few_customers"),
        ([1, 2, -1, 4, 5], [9.0, -4.0, 9.0, 0.0, np.nan], "few_customers"),
        ([1, 1, 1, 1, 1], [1e-6, 1.0, 1e6, 3.0, 50.0], ""),
        ([5, 5, 5, 5], [10.0, 10.1, 9.9, 10.05], ""),
    ],
)
def test_gamma_gamma_never_fails(x: list, mean: list, status: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = GammaGamma().fit(x, mean)
        found = fitted.expected_value([0, 1, 5, 3], [0.0, 10.0, 1e9, -3.0])
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    if status:
        assert fitted.fit_status_ == status


def test_heavy_tails_are_shrunk_to_the_mean_of_all_orders() -> None:
    x = RNG.integers(1, 5, 4000)
    mean = RNG.gamma(3.0 * x) / RNG.gamma(0.8, 1.0, 4000) / x
    fitted = GammaGamma().fit(x, mean)
    assert fitted.fit_status_ == "heavy_tail"
    assert fitted.population_mean_ == pytest.approx(float(x @ mean) / x.sum())
    found = fitted.expected_value([0, 1, 1000], [0.0, 1.0, 1.0])
    assert found[0] == fitted.population_mean_ > found[1] > found[2] > 1.0


def test_credibility_shrinks_by_its_moments() -> None:
    n = RNG.integers(1, 10, 5000)
    truth = RNG.normal(50.0, 10.0, 5000)
    mean = truth + RNG.normal(0.0, 20.0, 5000) / np.sqrt(n)
    fitted = Credibility().fit(n, mean, 400.0)
    assert fitted.strength_ == pytest.approx(4.0, rel=0.15)
    error = [np.mean((guess - truth) ** 2) for guess in (fitted.expected(n, mean), mean, np.full(5000, 50.0))]
    assert error[0] < min(error[1:])


def test_within_variance_by_hand() -> None:
    assert within_variance([2, 1, 3], [4.0, 9.0, 6.0], [10.0, 81.0, 14.0]) == pytest.approx((2.0 + 2.0) / 3)
    assert within_variance([1, 1], [3.0, 4.0], [9.0, 16.0]) == 0.0


def facts(**changes: np.ndarray) -> SpendFacts:
    size = 400
    orders = RNG.integers(1, 9, size).astype(float)
    value = RNG.gamma(4.0, 10.0, size)
    base = {
        "orders": orders, "spent": orders * value, "first_spent": value, "square": orders * value**2 * 1.1,
        "returned": np.zeros(size),
    }  # fmt: skip
    return SpendFacts(**(base | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"returned": np.full(400, 1e6)},  # returns exceed purchases
        {"spent": np.zeros(400), "first_spent": np.zeros(400), "square": np.zeros(400)},
        {"orders": np.ones(400)},
    ],
)
def test_net_values_are_never_negative(changes: dict[str, np.ndarray]) -> None:
    seen = facts(**changes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spend = Spend().fit(seen)
        for name in SPEND_MODELS:
            net = spend.net_value(name, seen)
            assert np.isfinite(net).all()
            assert (net >= 0).all()
    if "returned" in changes:
        assert spend.return_rate(seen) == pytest.approx(np.ones(400))


def test_return_rate_of_a_customer_is_shrunk_to_the_shop() -> None:
    prone = RNG.beta(0.6, 2.4, 3000)
    orders = RNG.integers(1, 30, 3000).astype(float)
    back = RNG.binomial(orders.astype(int), prone)
    seen = SpendFacts(orders, 10 * orders, np.full(3000, 10.0), 100 * orders, 10.0 * back)
    rate = Spend().fit(seen).return_rate(seen)
    assert float((orders @ rate) / orders.sum()) == pytest.approx(float(back.sum() / orders.sum()), rel=0.03)
    assert np.mean((rate - prone) ** 2) < np.mean((back / orders - prone) ** 2)
