"""Fits made once: what a second asker gets, and what counts as the same fit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import numpy as np
import pytest

from pipelines.science import fit_once as memo
from pipelines.science.bgnbd import BGNBD
from pipelines.science.count_model import CountRows
from pipelines.science.fit_once import fit_once


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> CountRows:
    """Rows that nothing has been fitted to."""
    monkeypatch.setattr(memo, "_made", type(memo._made)())
    rng = np.random.default_rng(5)
    x = rng.poisson(1.5, 400)
    age = rng.integers(50, 400, 400)
    return CountRows.of(x, age * rng.random(400), age)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[CountRows]:
    """The rows of every BG/NBD that is really fitted from here on."""
    asked: list[CountRows] = []
    plain = BGNBD.fit_rows

    def slowly(self: BGNBD, rows: CountRows, *, polish: bool = True) -> BGNBD:
        asked.append(rows)
        sleep(0.05)
        return plain(self, rows, polish=polish)

    monkeypatch.setattr(BGNBD, "fit_rows", slowly)
    return asked


def test_a_fit_made_before_is_that_of_the_model_itself(rows: CountRows, fitted: list[CountRows]) -> None:
    direct = BGNBD().fit_rows(rows, polish=False)
    first, second = fit_once(BGNBD, rows), fit_once(BGNBD, CountRows(*(part.copy() for part in _parts(rows))))
    assert len(fitted) == 2
    assert direct.parameters_ == first.parameters_ == second.parameters_
    assert direct.fit_status_ == second.fit_status_
    assert second is not first


def test_other_rows_priors_and_polish_are_other_fits(rows: CountRows, fitted: list[CountRows]) -> None:
    prior = {"r": 1.0, "alpha": 50.0, "a": 1.0, "b": 2.0}
    fit_once(BGNBD, rows)
    fit_once(BGNBD, rows.weighted(rows.n * 2.0))
    fit_once(BGNBD, rows.over(2.0))
    fit_once(BGNBD, rows, prior=prior)
    fit_once(BGNBD, rows, prior=prior, prior_sd=0.1)
    fit_once(BGNBD, rows, prior=prior | {"a": 1.5})
    polished = fit_once(BGNBD, rows, polish=True)
    assert len(fitted) == 7
    assert np.isfinite(list(polished.standard_errors_.values())).all()


def test_who_asks_while_a_fit_is_made_waits_for_it(rows: CountRows, fitted: list[CountRows]) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fit_once(BGNBD, rows).parameters_, range(4)))
    assert len(fitted) == 1
    assert all(one == found[0] for one in found)


def _parts(rows: CountRows) -> tuple[np.ndarray, ...]:
    return rows.x, rows.t_x, rows.age, rows.n
