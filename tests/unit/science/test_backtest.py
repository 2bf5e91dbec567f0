"""The backtest: its JSON, no look at the holdout, determinism, odd logs, and the bars on small companies."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.science.backtest import Backtest, backtest
from pipelines.science.transactions import day_log, day_number
from tests.support.science_worlds import KINDS, World, cdnow, mixed, peak

MODELS = ("nbd", "bgnbd", "mbgnbd", "pareto_nbd", "gradient_boosting", "combined")
SINGLES = MODELS[:-1]


def run(world: World, log: pl.DataFrame | None = None) -> Backtest:
    return backtest(day_log(world.log if log is None else log, "customer", "date", "amount"), world.end, world.horizon)


@pytest.fixture(scope="module")
def cdnow_found() -> Backtest:
    return run(cdnow())


@pytest.fixture(scope="module")
def season() -> tuple[World, Backtest]:
    world = peak(102, 1200)
    return world, run(world)


def test_json_has_the_promised_structure(cdnow_found: Backtest) -> None:
    result = json.loads(json.dumps(cdnow_found.result, allow_nan=False))
    assert result["customers"] == 2357
    assert result["calibration_end"] == "1997-09-30"
    assert result["horizon_days"] == 273
    assert result["holdout_complete"] is True
    assert set(result["models"]) == set(MODELS)
    for found in result["models"].values():
        assert {"parameters", "log_likelihood", "fit_status"} <= set(found)
        for target in ("transactions", "value"):
            assert {"mae", "rmse", "bias_rate", "ngini", "decile_error"} <= set(found[target])
        assert {"auc", "brier", "ece", "pr_auc", "lift_10", "lift_20"} <= set(found["churn"])
    assert set(result["baselines"]) == {"historical_rate", "last_horizon", "segment_mean", "recency_only", "base_rate"}
    assert set(result["champion"]) == {"transactions", "value", "churn"}
    assert result["interval"]["lo"] <= result["interval"]["actual"] <= result["interval"]["hi"]
    assert result["models"]["bgnbd"]["parameters"]["alpha"] == pytest.approx(7 * 4.4136, rel=1e-3)  # days


def test_cdnow_row_is_not_worse_than_the_best_published_line(cdnow_found: Backtest) -> None:
    found = cdnow_found.result["champion_metrics"]
    assert found["transactions"]["rmse"] <= 1.605
    assert abs(found["transactions"]["bias_rate"]) <= 0.115
    assert found["transactions"]["ngini"] >= 0.670
    assert found["value"]["ngini"] >= 0.66
    assert abs(found["value"]["bias_rate"]) <= 0.15
    assert found["churn"]["auc"] >= 0.757
    assert found["churn"]["brier"] <= 0.161
    assert found["churn"]["ece"] <= 0.055


def test_frames_belong_to_the_result(cdnow_found: Backtest) -> None:
    scores, result = cdnow_found.scores, cdnow_found.result
    assert scores.height == result["customers"]
    assert scores["actual_orders"].sum() == 1882
    assert scores["expected_orders"].sum() == pytest.approx(result["interval"]["forecast"], rel=1e-6)
    assert scores.select(pl.col(pl.Float64).is_finite().all()).row(0) == (True,) * 8
    assert scores.select((pl.col("p_alive").is_between(0, 1) & pl.col("p_no_purchase").is_between(0, 1)).all()).item()
    calibration = cdnow_found.calibration
    assert calibration.filter(model="champion", target="churn")["n"].sum() == 2357
    tracking = cdnow_found.tracking
    assert tracking.filter("is_holdout")["actual"].max() == 2457 + 1882
    assert tracking["expected"].is_sorted()


def test_the_holdout_is_not_looked_at(season: tuple[World, Backtest]) -> None:
    world, found = season
    cut = run(world, world.log.filter(pl.col("date") <= world.end))
    scores = ["customer", "p_alive", "p_no_purchase", "expected_orders", "expected_value"]
    assert_frame_equal(cut.scores.select(scores), found.scores.select(scores))
    for name in ("champion", "past_losses", "origins", "season"):
        assert cut.result[name] == found.result[name]
    assert cut.result["holdout_complete"] is False
    assert cut.scores["actual_orders"].sum() == 0


def test_order_of_rows_does_not_matter(season: tuple[World, Backtest]) -> None:
    world, found = season
    again = run(world, world.log.sample(fraction=1.0, shuffle=True, seed=4))
    assert again.result == found.result
    assert_frame_equal(again.scores, found.scores)


def test_a_returned_order_and_its_reversal_cancel() -> None:
    world = KINDS["loyal"](7, 300)
    customer = world.log["customer"].min()
    rows = {"customer": [customer] * 2, "date": [world.end - timedelta(days=40)] * 2, "amount": [-55.5, 55.5]}
    before = day_log(world.log, "customer", "date", "amount")
    bought = world.log.filter((pl.col("customer") == customer) & (pl.col("date") == rows["date"][0])).height
    after = day_log(pl.concat([world.log, pl.DataFrame(rows)]), "customer", "date", "amount")
    net = [log.select(pl.col("spent").sum() - pl.col("returned").sum()).item() for log in (before, after)]
    assert net[0] == net[1]
    assert after.height - before.height == (0 if bought else 1)


def test_seasons_and_growth_halve_the_bias(season: tuple[World, Backtest]) -> None:
    world = mixed(102, 1200)
    for found in (season[1], run(world)):
        champion, plain = found.result["champion_metrics"], found.result["models"]["bgnbd"]
        for target in ("transactions", "value"):
            assert abs(champion[target]["bias_rate"]) <= 0.5 * abs(plain[target]["bias_rate"])
        best = max(found.result["models"][name]["transactions"]["ngini"] for name in SINGLES)
        assert champion["transactions"]["ngini"] >= best
        assert champion["churn"]["brier"] <= min(found.result["models"][name]["churn"]["brier"] for name in SINGLES)


@pytest.mark.parametrize("kind", ["wholesale", "loyal", "one_cohort"])
def test_the_champion_keeps_up_with_the_best_single_model(kind: str) -> None:
    world = KINDS[kind](103, 800)
    found = run(world)
    champion, models = found.result["champion_metrics"], found.result["models"]
    assert champion["transactions"]["ngini"] >= max(models[name]["transactions"]["ngini"] for name in SINGLES) - 0.006
    assert champion["churn"]["brier"] <= min(models[name]["churn"]["brier"] for name in SINGLES) + 0.003


LONG_AGO = date(2020, 1, 1)


def days(*rows: tuple[str, int, float]) -> pl.DataFrame:
    """A day log from (customer, day after 2020-01-01, amount)."""
    return day_log(pl.DataFrame(list(rows), schema=["customer", "day", "amount"], orient="row").with_columns(
        pl.col("day") + day_number(LONG_AGO)
    ))  # fmt: skip


@pytest.mark.parametrize(
    "log",
    [
        days(("a", 5, 10.0)),
        days(("a", 100, 10.0)),  # born on the last day of calibration
        days(("a", 5, 0.0), ("a", 9, -4.0), ("b", 7, -1.0)),
        days(*((f"c{i}", i % 90, 5.0) for i in range(60))),  # no repeaters
        days(*(("x", day, 1.0) for day in range(0, 130, 2))),  # one customer
        days(*((f"c{i}", day, -9.0 if day % 2 else 3.0) for i in range(30) for day in range(i, 140, 11))),
        days(*((f"c{i}", 10 + (i * day) % 90, 1e9 * (i + 1)) for i in range(25) for day in range(1, 6))),
    ],
)
def test_odd_logs_are_answered(log: pl.DataFrame) -> None:
    found = backtest(log, LONG_AGO + timedelta(days=100), 60)
    json.dumps(found.result, allow_nan=False)
    assert found.scores.select(pl.col(pl.Float64).is_finite().all()).row(0) == (True,) * 8
    assert np.isfinite([found.result["interval"][name] for name in ("lo", "hi", "forecast", "actual")]).all()


def test_nothing_before_the_end_is_said_so() -> None:
    with pytest.raises(ValueError, match="no purchases up to 2020-01-03"):
        backtest(days(("a", 5, 10.0)), LONG_AGO + timedelta(days=2), 60)
