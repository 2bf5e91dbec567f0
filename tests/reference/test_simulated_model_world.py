"""The plain model world: its histories follow the parameters that its truth states."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from pipelines.simulate import SimulationSummary, simulate

MONTHS = 24


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SimulationSummary:
    root = tmp_path_factory.mktemp("model")
    return simulate(root, customers=6_000, months=MONTHS, seed=2, start=date(2024, 1, 1), world="bgnbd")


@pytest.fixture(scope="module")
def people(world: SimulationSummary) -> pl.DataFrame:
    return pl.read_parquet(world.truth / "persons.parquet")


@pytest.fixture(scope="module")
def parameters(world: SimulationSummary) -> dict[str, float]:
    return pl.read_parquet(world.truth / "parameters.parquet").row(0, named=True)


@pytest.fixture(scope="module")
def exported(world: SimulationSummary) -> list[dict[str, str]]:
    with (world.landing / "web/orders_export.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_export_holds_exactly_the_orders_of_truth(
    world: SimulationSummary, people: pl.DataFrame, exported: list[dict[str, str]]
) -> None:
    orders = pl.read_parquet(world.truth / "orders.parquet")
    assert [row["Id"] for row in exported] == orders["order_id"].to_list()
    assert [row["Created at"][:10] for row in exported] == [str(day) for day in orders["ordered_on"]]
    counts = dict(zip(people["email"], people["order_n"], strict=True))
    assert Counter(row["Email"] for row in exported) == counts
    assert {row["Financial Status"] for row in exported} == {"paid"}
    assert all(row["Taxes"] == row["Shipping"] == row["Refunded Amount"] == "0.00" for row in exported)


def test_latent_traits_have_the_moments_of_their_laws(people: pl.DataFrame, parameters: dict[str, float]) -> None:
    rate, dropout, spend = (people[name].to_numpy() for name in ("rate_per_week", "dropout", "mean_spend"))
    assert rate.mean() == pytest.approx(parameters["r"] / parameters["alpha"], rel=0.06)
    assert rate.var() == pytest.approx(parameters["r"] / parameters["alpha"] ** 2, rel=0.2)
    assert dropout.mean() == pytest.approx(parameters["a"] / (parameters["a"] + parameters["b"]), rel=0.04)
    expected = parameters["p"] * parameters["gamma"] / (parameters["q"] - 1)
    assert spend.mean() == pytest.approx(expected, rel=0.05)


def test_nobody_leaves_after_a_first_order_and_the_dead_order_no_more(people: pl.DataFrame) -> None:
    assert people.filter(pl.col("order_n") == 1)["is_alive"].all()
    assert not people["is_alive"].all()
    last_day = date(2024, 1, 1).toordinal() + parametrised_window()
    assert max(day.toordinal() for day in people["acquired_on"]) < last_day


def parametrised_window() -> int:
    from pipelines.simulate.bgnbd import ACQUISITION_DAYS

    return ACQUISITION_DAYS


def test_expected_repeat_orders_follow_the_model(people: pl.DataFrame, parameters: dict[str, float]) -> None:
    """E[X(t)] of BG/NBD in its integral form: over rates and dropouts, (1 - exp(-rate p t)) / p."""
    weeks = (parameters["observed_days"] - np.array([(d - date(2024, 1, 1)).days for d in people["acquired_on"]])) / 7
    rate, p = people["rate_per_week"].to_numpy(), np.maximum(people["dropout"].to_numpy(), 1e-9)
    expected = ((1 - np.exp(-rate * p * weeks)) / p).sum()
    observed = (people["order_n"] - 1).sum()
    assert observed == pytest.approx(expected, rel=0.03)


def test_amounts_scatter_around_each_persons_mean(people: pl.DataFrame, exported: list[dict[str, str]]) -> None:
    total = sum(Decimal(row["Total"]) for row in exported)
    expected = (people["order_n"] * people["mean_spend"]).sum()
    assert float(total) == pytest.approx(expected, rel=0.02)
