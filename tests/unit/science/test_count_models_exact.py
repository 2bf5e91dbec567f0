"""The formulas of the count models, against hypergeometric forms, differences, quadrature and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln, hyp2f1

from pipelines.science.bgnbd import BGNBD
from pipelines.science.count_model import CountModel, CountRows
from pipelines.science.mbgnbd import MBGNBD
from pipelines.science.nbd import NBD
from pipelines.science.pareto_nbd import ParetoNBD, death_integral

X = np.array([0, 1, 2, 5, 12, 0, 40])
T_X = np.array([0, 3.0, 20.0, 38.0, 39.0, 0.0, 35.0])
AGE = np.array([39.0, 38.0, 39.0, 38.86, 39.0, 5.0, 39.0])
PARAMETERS = {
    NBD: [{"r": 0.7, "alpha": 9.0}],
    BGNBD: [{"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, {"r": 2.0, "alpha": 30.0, "a": 1.0, "b": 0.3}],
    MBGNBD: [{"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}, {"r": 3.0, "alpha": 8.0, "a": 0.01, "b": 50.0}],
    ParetoNBD: [
        {"r": 0.553, "alpha": 10.58, "s": 0.606, "beta": 11.67},
        {"r": 1.4, "alpha": 0.02, "s": 1.0, "beta": 400.0},
    ],
}  # fmt: skip
MODELS = [(model, values) for model, found in PARAMETERS.items() for values in found]


@pytest.mark.parametrize(("model", "values"), MODELS)
def test_gradient_is_the_slope_of_the_likelihood(model: type[CountModel], values: dict[str, float]) -> None:
    likelihood = model()._likelihood(CountRows.of(X, T_X, AGE, np.arange(1.0, 8.0)))
    theta, step = np.log(list(values.values())), 1e-5
    _, gradient = likelihood(theta)
    for place in range(len(theta)):
        shift = np.zeros(len(theta))
        shift[place] = step
        slope = (likelihood(theta + shift)[0] - likelihood(theta - shift)[0]) / (2 * step)
        assert gradient[place] == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_bgnbd_expectation_is_the_hypergeometric_form() -> None:
    r, alpha, a, b = 0.243, 4.414, 0.793, 2.426
    for t in (0.5, 39.0, 400.0):
        ratio = ((alpha + AGE) / (alpha + AGE + t)) ** (r + X)
        tail = hyp2f1(r + X, b + X, a + b + X - 1, t / (alpha + AGE + t))
        odds = np.where(X > 0, a / (b + np.maximum(X, 1) - 1) * ((alpha + AGE) / (alpha + T_X)) ** (r + X), 0.0)
        exact = (a + b + X - 1) / (a - 1) * (1 - ratio * tail) / (1 + odds)
        model = BGNBD.from_parameters(r=r, alpha=alpha, a=a, b=b)
        assert model.expected_purchases(t, X, T_X, AGE) == pytest.approx(exact, rel=1e-9)


def test_interpolation_over_age_agrees_with_single_rows() -> None:
    model = BGNBD.from_parameters(r=0.5, alpha=3.0, a=0.8, b=2.0)
    age = np.linspace(0.0, 700.0, 701)
    for x in (0, 3, 60):
        together = model.expected_by([30.0, 365.0], x, 0.5 * age, age)
        alone = np.array([model.expected_by([30.0, 365.0], x, 0.5 * one, one)[0] for one in age[::50]])
        assert together[::50] == pytest.approx(alone, rel=2e-8)


def test_pareto_likelihood_is_the_hypergeometric_form() -> None:
    for r, alpha, s, beta in ((0.553, 10.58, 0.606, 11.67), (0.9, 15.0, 2.0, 6.0)):
        big, gap = max(alpha, beta), abs(alpha - beta)
        second = s + 1 if alpha >= beta else r + X

        def term(t: np.ndarray, big: float = big, gap: float = gap, second: object = second) -> np.ndarray:
            k = r + s + X  # noqa: B023
            return hyp2f1(k, second, k + 1, gap / (big + t)) / (big + t) ** k

        a0 = term(T_X) - term(AGE)
        head = np.exp(gammaln(r + X) - gammaln(r)) * alpha**r * beta**s
        exact = head * ((alpha + AGE) ** -(r + X) * (beta + AGE) ** -s + s / (r + s + X) * a0)
        value, _ = ParetoNBD()._likelihood(CountRows.of(X, T_X, AGE))(np.log([r, alpha, s, beta]))
        assert value == pytest.approx(np.log(exact).sum(), rel=1e-10)


@pytest.mark.parametrize("k", [0.2, 3.0, 250.0])
@pytest.mark.parametrize(("alpha", "beta"), [(10.0, 11.0), (0.01, 900.0), (900.0, 0.01), (5.0, 5.0)])
def test_death_integral_is_the_integral(k: float, alpha: float, beta: float) -> None:
    s, begin, end = 0.6, 2.0, 60.0
    value, _ = death_integral(np.array([k]), s, (alpha, beta), (np.array([begin]), np.array([end])), 32)
    scale = -k * np.log(alpha + begin) - (s + 1) * np.log(beta + begin)

    def scaled(t: float) -> float:
        return float(np.exp(-k * np.log(alpha + t) - (s + 1) * np.log(beta + t) - scale))

    exact = quad(scaled, begin, end, epsabs=0, epsrel=1e-11, limit=400, points=[begin + 0.02, begin + 0.3, begin + 3])[
        0
    ]
    assert value[0] == pytest.approx(np.log(exact) + scale, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("model", "values"), MODELS)
def test_dert_is_the_discounted_sum_of_expectations(model: type[CountModel], values: dict[str, float]) -> None:
    fitted, rate = model.from_parameters(**values), 0.02
    ends = np.linspace(0.0, 900.0, 2001)
    steps = np.diff(fitted.expected_by(ends, X[2], T_X[2], AGE[2])[0])
    exact = steps @ np.exp(-rate * 0.5 * (ends[1:] + ends[:-1]))
    assert fitted.dert(rate, X[2], T_X[2], AGE[2])[0] == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize(("model", "values"), MODELS)
def test_distribution_of_new_customers_is_one_with_its_mean(model: type[CountModel], values: dict[str, float]) -> None:
    fitted = model.from_parameters(**values)
    counts = np.arange(3000)
    pmf = fitted.pmf(counts, 4.0)
    assert pmf.sum() == pytest.approx(1.0, abs=2e-3)
    if pmf[-1] < 1e-9:
        assert float(pmf @ counts) == pytest.approx(fitted.expected_repeat(4.0)[0], rel=1e-5)
    newcomer = fitted.p_no_purchase(4.0, 0, 0.0, 0.0)[0]
    if model is not MBGNBD:  # there a newcomer is alive with certainty only before the first purchase
        assert pmf[0] == pytest.approx(newcomer, rel=1e-6)


@pytest.mark.parametrize("model", [BGNBD, MBGNBD, ParetoNBD])
def test_moments_and_silence_against_simulation(model: type[CountModel]) -> None:
    """The posterior given alive, drawn directly: mean, variance and P(0) of purchases in 30 weeks."""
    values = PARAMETERS[model][0]
    fitted, rng, draws, horizon = model.from_parameters(**values), np.random.default_rng(3), 200_000, 30.0
    x, t_x, age = 4.0, 30.0, 39.0
    rate = rng.gamma(values["r"] + x, 1.0 / (values["alpha"] + age), draws)
    alive = rng.random(draws) < fitted.p_alive(x, t_x, age)[0]
    if model is ParetoNBD:
        death = rng.exponential(1.0, draws) / rng.gamma(values["s"], 1.0 / (values["beta"] + age), draws)
        counts = rng.poisson(rate * np.minimum(death, horizon))
    else:
        leave = rng.beta(values["a"], values["b"] + x + (model is MBGNBD), draws)
        counts = np.minimum(rng.poisson(rate * horizon), rng.geometric(leave))
    counts = counts * alive
    mean, variance = (
        fitted.expected_purchases(horizon, x, t_x, age)[0],
        fitted.variance_purchases(horizon, x, t_x, age)[0],
    )
    assert counts.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / draws))
    assert counts.var() == pytest.approx(variance, rel=0.03)
    silent = fitted.p_no_purchase(horizon, x, t_x, age)[0]
    assert (counts == 0).mean() == pytest.approx(silent, abs=5 * np.sqrt(silent * (1 - silent) / draws))


def test_beta_attrition_has_no_pole_at_one() -> None:
    found = [
        BGNBD.from_parameters(r=0.5, alpha=5.0, a=a, b=2.0).expected_purchases(20, 2, 10, 30)[0]
        for a in (0.999, 1.0 - 1e-9, 1.0, 1.0 + 1e-9, 1.001)
    ]
    assert (np.diff(found) <= 0).all()
    assert found[0] == pytest.approx(found[-1], rel=2e-3)
