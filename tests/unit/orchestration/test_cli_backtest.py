"""`caw backtest`: the whole comparison on CDNOW, against published figures and the package `lifetimes`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support.science_worlds import cdnow
from typer.testing import CliRunner, Result

from orchestration.cli import app
from orchestration.cli.science import RefusedLogError

Run = Callable[..., Result]
WORLD = cdnow()
COLUMNS = ["--customer", "customer", "--date", "date", "--amount", "amount"]
SPAN = ["--calibration-end", WORLD.end.isoformat(), "--horizon", str(WORLD.horizon)]


def run(*arguments: object) -> Result:
    """The verb with the columns of the CDNOW file."""
    return CliRunner().invoke(app, ["backtest", *map(str, arguments)], catch_exceptions=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CDNOW with three rows that cannot be used, and everything the verb writes about it."""
    folder = tmp_path_factory.mktemp("backtest")
    bad = ",1997-01-01,5\n00004,never,3\n00004,1997-03-01,abc\n"
    (folder / "log.csv").write_text(WORLD.log.write_csv() + bad, encoding="utf-8")
    written = ["--json", folder / "b.json", "--out", folder / "b.csv", "--html", folder / "b.html"]
    result = run(folder / "log.csv", *COLUMNS, *SPAN, *written)
    assert result.exit_code == 0, result.output
    (folder / "screen.txt").write_text(result.output, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> dict:
    """The JSON."""
    return json.loads((folder / "b.json").read_text(encoding="utf-8"))


def test_the_json_has_the_promised_shape(found: dict) -> None:
    assert (found["customers"], found["calibration_end"], found["horizon_days"]) == (2357, "1997-09-30", 273)
    amounts, churn = {"mae", "rmse", "bias_rate", "ngini", "decile_error"}, {"auc", "brier", "ece"}
    for model in found["models"].values():
        assert {"parameters", "log_likelihood", "fit_status", "transactions", "value", "churn"} <= set(model)
        assert amounts <= set(model["transactions"]) & set(model["value"])
        assert churn <= set(model["churn"])
    for target in ("transactions", "value", "churn"):
        assert found["champion"][target] in found["models"] | found["baselines"]
        assert sum(target in baseline for baseline in found["baselines"].values()) >= 2
        named = found["models"] | found["baselines"]
        assert found["champion_metrics"][target] == named[found["champion"][target]][target]
    assert sum("transactions" in baseline for baseline in found["baselines"].values()) >= 3
    assert {"lo", "hi", "actual"} <= set(found["interval"])
    assert found["interval"]["lo"] < found["interval"]["actual"] < found["interval"]["hi"]


def test_rows_left_out_are_counted_and_shown(found: dict, folder: Path) -> None:
    rows = found["rows"]
    assert rows["read"] == WORLD.log.height + 3 == rows["used"] + 3
    assert (rows["without_customer"], rows["without_date"], rows["without_amount"]) == (1, 1, 1)
    screen = (folder / "screen.txt").read_text(encoding="utf-8")
    assert f"row {WORLD.log.height + 3}: 'never'" in screen
    assert "champion" in screen


def test_models_are_those_of_the_literature(found: dict) -> None:
    weeks = 7.0
    published = {
        "bgnbd": ({"r": 0.242593, "alpha": 4.413532, "a": 0.792886, "b": 2.425753}, -9582.4256),
        "pareto_nbd": ({"r": 0.553275, "alpha": 10.57761, "s": 0.606217, "beta": 11.66802}, -9594.9739),
    }
    for name, (parameters, likelihood) in published.items():
        model = found["models"][name]
        for key, value in parameters.items():
            scale = weeks if key in ("alpha", "beta") else 1.0
            assert model["parameters"][key] == pytest.approx(value * scale, rel=1e-3)
        assert model["log_likelihood"] + 2457 * np.log(weeks) == pytest.approx(likelihood, abs=0.01)


def test_metrics_equal_those_of_an_independent_fit(found: dict) -> None:
    from lifetimes import BetaGeoFitter

    days: dict[str, set] = {}
    for row in WORLD.log.to_dicts():
        days.setdefault(row["customer"], set()).add(row["date"])
    rows = []
    for when in days.values():
        seen = sorted(day for day in when if day <= WORLD.end)
        later = [day for day in when if WORLD.end < day <= WORLD.end + timedelta(days=WORLD.horizon)]
        if seen:
            rows.append((len(seen) - 1, (seen[-1] - seen[0]).days, (WORLD.end - seen[0]).days, len(later)))
    frequency, recency, age, actual = np.array(rows, dtype=float).T
    model = BetaGeoFitter().fit(frequency, recency / 7, age / 7)
    forecast = np.asarray(
        model.conditional_expected_number_of_purchases_up_to_time(WORLD.horizon / 7, frequency, recency / 7, age / 7)
    )
    error = forecast - actual
    measured = found["models"]["bgnbd"]["transactions"]
    assert measured["mae"] == pytest.approx(np.abs(error).mean(), rel=2e-3)
    assert measured["rmse"] == pytest.approx((error**2).mean() ** 0.5, rel=2e-3)
    assert measured["bias_rate"] == pytest.approx(forecast.sum() / actual.sum() - 1, abs=2e-3)


def test_the_champion_is_no_worse_than_the_published_lines(found: dict) -> None:
    measured = found["champion_metrics"]
    assert measured["transactions"]["rmse"] <= 1.605
    assert abs(measured["transactions"]["bias_rate"]) <= 0.115
    assert measured["transactions"]["ngini"] >= 0.670
    assert measured["value"]["ngini"] >= 0.66
    assert abs(measured["value"]["bias_rate"]) <= 0.15
    assert measured["churn"]["auc"] >= 0.757
    assert measured["churn"]["brier"] <= 0.161
    assert measured["churn"]["ece"] <= 0.055


def test_scores_and_page(folder: Path, found: dict) -> None:
    scores = pl.read_csv(folder / "b.csv")
    assert scores.height == found["customers"]
    assert scores["expected_orders"].sum() == pytest.approx(found["interval"]["forecast"], rel=1e-6)
    assert scores["actual_orders"].sum() == found["interval"]["actual"]
    page = (folder / "b.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|<script|<link[^>]+stylesheet", page)
    assert page.count("<svg") >= 4
    assert "champion" in page


def test_the_holdout_is_not_looked_at(folder: Path, found: dict, tmp_path: Path) -> None:
    late = pl.col("date") > WORLD.end
    one = WORLD.log.filter(late).head(1).with_columns(date=pl.lit(WORLD.end + timedelta(days=WORLD.horizon)))
    pl.concat([WORLD.log.filter(~late), one]).write_parquet(tmp_path / "cut.parquet")
    result = run(tmp_path / "cut.parquet", *COLUMNS, *SPAN, "--json", tmp_path / "cut.json")
    assert result.exit_code == 0, result.output
    cut = json.loads((tmp_path / "cut.json").read_text(encoding="utf-8"))
    assert cut["champion"] == found["champion"]
    assert cut["past_losses"] == found["past_losses"]
    assert cut["interval"]["forecast"] == found["interval"]["forecast"]
    assert cut["interval"]["actual"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--customer", "who", *COLUMNS[2:], *SPAN], "log.csv has no column who; it has customer, date, amount"),
        ([*COLUMNS[:4], "--amount", "customer", "--calibration-end", "1999-01-01", "--horizon", "9"], "1997-01-01 to"),
        ([*COLUMNS, "--calibration-end", "1996-01-01", "--horizon", "9"], "nothing on one side"),
        ([*COLUMNS[:2], "--date", "amount", *COLUMNS[4:], *SPAN], "row 2"),
    ],
)
def test_errors_say_what_is_wrong_and_what_to_do(folder: Path, arguments: list[str], message: str) -> None:
    result = run(folder / "log.csv", *arguments)
    assert isinstance(result.exception, RefusedLogError)
    assert message in result.exception.message
    assert result.exception.fix


def test_help_shows_an_example() -> None:
    text = run("--help").output
    assert "Example" in text
    assert "--calibration-end" in text
