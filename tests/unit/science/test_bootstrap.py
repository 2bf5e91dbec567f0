"""Intervals of totals: coverage in simulated worlds, agreement of two roads to the same deviation, degenerate cases."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.science.bgnbd import BGNBD
from pipelines.science.bootstrap import parameter_sd, poisson_bootstrap, total_interval
from pipelines.science.count_model import CountModel, CountRows
from pipelines.science.nbd import NBD
from pipelines.science.pareto_nbd import ParetoNBD
from tests.support.science_worlds import bgnbd_customers

TRUE = {"r": 0.6, "alpha": 40.0, "a": 0.8, "b": 2.4}


def world(seed: int, size: int) -> tuple[CountRows, float]:
    """Customers in whole days (few distinct rows) and the total of their purchases in the year after."""
    x, t_x, age, future = bgnbd_customers(np.random.default_rng([9, seed]), size, TRUE, 730.0, 365.0)
    return CountRows.of(x, np.ceil(t_x), np.ceil(age)), float(future.sum())


def test_nine_of_ten_totals_lie_in_the_interval() -> None:
    """40 replicates of 5,000 customers: 80 to 98 % (`tests/benchmarks/science_coverage.py` does 200)."""
    covered = []
    for seed in range(40):
        rows, actual = world(seed, 5000)
        interval = total_interval(BGNBD().fit_rows(rows), rows, 365.0)
        covered.append(interval.lo <= actual <= interval.hi)
    assert 0.80 <= np.mean(covered) <= 0.98


def test_delta_method_agrees_with_the_bootstrap() -> None:
    rows, _ = world(1, 3000)
    model = BGNBD().fit_rows(rows)

    def total(fitted: CountModel) -> float:
        return float(rows.n @ fitted.expected_purchases(365.0, rows.x, rows.t_x, rows.age))

    draws = poisson_bootstrap(model, rows, total, draws=60, seed=3)
    assert parameter_sd(model, rows, total) == pytest.approx(draws.std(), rel=0.35)
    assert (poisson_bootstrap(model, rows, total, draws=3, seed=3) == draws[:3]).all()


def test_level_uncertainty_widens_the_interval() -> None:
    rows, _ = world(2, 1000)
    model = NBD().fit_rows(rows)
    plain, wide = total_interval(model, rows, 90.0), total_interval(model, rows, 90.0, extra_log_sd=0.2)
    assert wide.hi - wide.lo > 1.5 * (plain.hi - plain.lo)
    assert plain.lo < plain.mean < plain.hi


@pytest.mark.parametrize("model", [NBD, BGNBD, ParetoNBD])
@pytest.mark.parametrize(
    "rows",
    [
        CountRows.of([], [], []),
        CountRows.of([0, 0], [0, 0], [10, 20]),
        CountRows.of([3], [5], [10]),
        CountRows.of([3, 3, 3], [9, 9, 9], [10, 10, 10]),
    ],
)
def test_degenerate_bases_have_finite_intervals(model: type[CountModel], rows: CountRows) -> None:
    interval = total_interval(model().fit_rows(rows), rows, 30.0)
    found = [interval.lo, interval.mean, interval.hi, interval.sd_process, interval.sd_parameters]
    assert np.isfinite(found).all()
    assert 0 <= interval.lo <= interval.mean <= interval.hi
