"""No input makes a count model raise or answer with anything but finite, possible numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from pipelines.science.bgnbd import BGNBD
from pipelines.science.count_model import CountModel
from pipelines.science.mbgnbd import MBGNBD
from pipelines.science.nbd import NBD
from pipelines.science.pareto_nbd import ParetoNBD
from pipelines.science.transactions import day_log, day_number, summarise
from tests.support.science_worlds import one_cohort

MODELS = (NBD, BGNBD, MBGNBD, ParetoNBD)
ATTRITION = (BGNBD, MBGNBD, ParetoNBD)
RNG = np.random.default_rng(7)


def poisson_customers(size: int, rate: float, age: float) -> tuple[np.ndarray, ...]:
    """Customers that never leave: x, t_x, T."""
    born = RNG.uniform(0, age / 2, size)
    x = RNG.poisson(rate * (age - born))
    t_x = np.where(x > 0, (age - born) * RNG.beta(np.maximum(x, 1), 1), 0.0)
    return x, t_x, age - born


PLAIN = (np.array([0, 1, 2, 5, 0, 3, 1, 0]), np.array([0, 30, 80, 90, 0, 40, 5, 0.0]), np.full(8, 100.0))
CASES: dict[str, tuple[tuple, str]] = {
    "nobody": ((np.zeros(0), np.zeros(0), np.zeros(0)), "no_customers"),
    "no repeaters": ((np.zeros(50), np.zeros(50), np.full(50, 100.0)), "no_repeaters"),
    "born today": ((np.zeros(50), np.zeros(50), np.zeros(50)), "no_exposure"),
    "one customer": ((np.array([3]), np.array([20.0]), np.array([30.0])), "single_customer"),
    "one customer, no repeat": ((np.array([0]), np.array([0.0]), np.array([30.0])), "no_repeaters"),
    "some born today": ((np.append(PLAIN[0], 0), np.append(PLAIN[1], 0), np.append(PLAIN[2], 0)), ""),
    "seconds": ((PLAIN[0], PLAIN[1] * 86_400, PLAIN[2] * 86_400), ""),
    "years": ((PLAIN[0], PLAIN[1] / 365, PLAIN[2] / 365), ""),
    "thousands of purchases": (
        (np.array([1500, 4000, 2, 0, 900]), np.array([99, 99.9, 50, 0, 60]), np.full(5, 100.0)),
        "",
    ),
    "equal customers": ((np.full(30, 4), np.full(30, 90.0), np.full(30, 100.0)), ""),
    "last purchase at T": ((np.full(30, 4), np.full(30, 100.0), np.full(30, 100.0)), ""),
    "missing and negative": (
        (np.array([np.nan, -3, 2, 1]), np.array([1, np.nan, 500, -5]), np.array([9, -1, 40, np.inf])),
        "",
    ),
    "two customers": ((np.array([2, 0]), np.array([20.0, 0]), np.array([30.0, 30.0])), ""),
    "nobody leaves": (poisson_customers(400, 0.05, 300.0), ""),
    "everybody leaves": ((np.full(200, 3), RNG.uniform(5, 10, 200), np.full(200, 1000.0)), ""),
}  # fmt: skip


def answers(
    model: CountModel, horizon: float, x: np.ndarray, t_x: np.ndarray, age: np.ndarray
) -> dict[str, np.ndarray]:
    """Every question a count model answers."""
    return {
        "p_alive": model.p_alive(x, t_x, age),
        "p_no_purchase": model.p_no_purchase(horizon, x, t_x, age),
        "expected": model.expected_purchases(horizon, x, t_x, age),
        "variance": model.variance_purchases(horizon, x, t_x, age),
        "dert": model.dert(0.1 / 365, x, t_x, age),
        "repeat": model.expected_repeat([0.0, horizon, 1e6]),
        "pmf": model.pmf([0, 1, 50], horizon),
        "tracking": model.tracking([0.0, 5.0], [0.0, 10.0, 1000.0]),
    }


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("model", MODELS)
def test_every_answer_is_finite_and_possible(model: type[CountModel], case: str) -> None:
    (x, t_x, age), status = CASES[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = model().fit(x, t_x, age)
        probe = [np.concatenate([np.nan_to_num(part), [0.0, 0.0, 3.0, 2000.0]]) for part in (x, t_x, age)]
        probe[1][-2:], probe[2][-4:] = (50.0, 99.0), (0.0, 100.0, 100.0, 100.0)
        found = answers(fitted, 90.0, *probe)
    for name, values in found.items():
        assert np.isfinite(values).all(), name
        assert (values >= 0).all(), name
        if name.startswith("p"):
            assert (values <= 1).all(), name
    assert np.isfinite(fitted.log_likelihood_)
    if status:
        assert fitted.fit_status_ == status
        assert fitted.model_used_ == "nbd"


@pytest.mark.parametrize("model", ATTRITION)
def test_no_attrition_is_answered_by_the_nbd(model: type[CountModel]) -> None:
    x, t_x, age = poisson_customers(3000, 0.05, 300.0)
    fitted, plain = model().fit(x, t_x, age), NBD().fit(x, t_x, age)
    if fitted.fit_status_ == "ok":  # a trace of attrition by chance: then it must be worth its likelihood
        assert fitted.log_likelihood_ > plain.log_likelihood_ + 0.05
    else:
        assert fitted.fit_status_ == "boundary_nbd"
        assert fitted.model_used_ == "nbd"
        assert fitted.log_likelihood_ == pytest.approx(plain.log_likelihood_, abs=1e-6)
    assert fitted.expected_purchases(90, x, t_x, age).sum() == pytest.approx(
        plain.expected_purchases(90, x, t_x, age).sum(), rel=0.02
    )


@pytest.mark.parametrize("model", ATTRITION)
def test_tiny_a_and_the_nbd_agree(model: type[CountModel]) -> None:
    shape = {"r": 0.7, "alpha": 20.0}
    near = {"s": 1e-9, "beta": 10.0} if model is ParetoNBD else {"a": 1e-9, "b": 2.0}
    edge, plain = model.from_parameters(**shape, **near), NBD.from_parameters(**shape)
    x, t_x, age = PLAIN
    edges, plains = answers(edge, 90.0, x, t_x, age), answers(plain, 90.0, x, t_x, age)
    for name in ("p_alive", "p_no_purchase", "expected", "variance", "pmf", "tracking"):
        assert edges[name] == pytest.approx(plains[name], rel=1e-5, abs=1e-9), name


@pytest.mark.parametrize("model", MODELS)
def test_unit_of_time_does_not_matter(model: type[CountModel]) -> None:
    log = one_cohort(1, 800).log
    summary = summarise(day_log(log, "customer", "date", "amount"), day_number(one_cohort(1, 800).end))
    x, t_x, age = (summary[name].to_numpy() for name in ("x", "t_x", "age"))
    days = model().fit(x, t_x, age)
    seconds = model().fit(x, t_x * 86_400, age * 86_400)
    assert days.fit_status_ == seconds.fit_status_ == "ok"
    assert seconds.log_likelihood_ + x.sum() * np.log(86_400) == pytest.approx(days.log_likelihood_, abs=1e-6)
    assert seconds.expected_purchases(90 * 86_400, x, t_x * 86_400, age * 86_400) == pytest.approx(
        days.expected_purchases(90, x, t_x, age), rel=1e-5
    )


@pytest.mark.parametrize("model", MODELS)
def test_weights_are_customers(model: type[CountModel]) -> None:
    x, t_x, age = PLAIN
    copies = np.array([5, 3, 2, 1, 9, 4, 2, 7])
    long = model().fit(np.repeat(x, copies), np.repeat(t_x, copies), np.repeat(age, copies))
    short = model().fit(x, t_x, age, copies)
    assert short.log_likelihood_ == pytest.approx(long.log_likelihood_, abs=1e-9)
    assert short.customers_ == long.customers_ == copies.sum()


@pytest.mark.parametrize("model", MODELS)
def test_order_of_customers_does_not_matter(model: type[CountModel]) -> None:
    x, t_x, age = poisson_customers(300, 0.02, 200.0)
    order = RNG.permutation(300)
    first, second = model().fit(x, t_x, age), model().fit(x[order], t_x[order], age[order])
    assert first.parameters_ == second.parameters_
    assert (first.dert(0.001, x, t_x, age)[order] == second.dert(0.001, x[order], t_x[order], age[order])).all()


@pytest.mark.parametrize("model", ATTRITION)
def test_a_prior_pulls_a_small_segment(model: type[CountModel]) -> None:
    x, t_x, age = PLAIN
    names = model.parameter_names
    centre = dict(zip(names, (0.8, 30.0, 0.6, 2.5), strict=True))
    tight = model(prior=centre, prior_sd=0.01).fit(x, t_x, age)
    assert tight.parameters_ == pytest.approx(centre, rel=0.05)
    wide = model(prior=centre, prior_sd=10.0).fit(x, t_x, age)
    assert wide.log_likelihood_ > tight.log_likelihood_
