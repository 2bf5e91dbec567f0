"""Published figures on CDNOW 1/10 (2,357 customers, 1997-01-01 to 1998-06-30), from raw transactions.

Sources: Fader, Hardie and Lee (2005) and the spreadsheets beside it, Hardie's notes, the tests of CLVTools and the
manuals of BTYD and BTYDplus. Parameters agree within 1e-3, log-likelihoods within .01, points within 1e-4, wider only
where the published figure itself is rounded.
"""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from pipelines.science.bgnbd import BGNBD
from pipelines.science.count_model import CountModel, CountRows
from pipelines.science.gamma_gamma import GammaGamma
from pipelines.science.mbgnbd import MBGNBD
from pipelines.science.metrics import auc, churn_metrics, forecast_metrics
from pipelines.science.pareto_nbd import ParetoNBD
from pipelines.science.transactions import afterwards, day_log, day_number, purchases_by_day, summarise
from tests.support.science_worlds import cdnow_file

CALIBRATION, HOLDOUT = day_number(date(1997, 9, 30)), day_number(date(1998, 6, 30))
BGNBD_MLE = {"r": 0.242593, "alpha": 4.413532, "a": 0.792886, "b": 2.425753}
BGNBD_PAPER = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
PARETO_BTYD = {"r": 0.5533971, "alpha": 10.5801985, "s": 0.6060625, "beta": 11.6562237}
PARETO_78 = {"r": 0.5629966, "alpha": 12.5590370, "s": 0.4081095, "beta": 10.5148048}


@pytest.fixture(scope="module")
def log() -> pl.DataFrame:
    rows = [line.split() for line in cdnow_file().read_text(encoding="ascii").splitlines() if line.strip()]
    return day_log(
        pl.DataFrame(
            {
                "customer": [row[1] for row in rows],
                "day": [datetime.strptime(row[2], "%Y%m%d").date() for row in rows],  # noqa: DTZ007
                "amount": [float(row[4]) for row in rows],
            }
        )
    )


@pytest.fixture(scope="module")
def week39(log: pl.DataFrame) -> tuple[np.ndarray, ...]:
    return _weeks(log, CALIBRATION)


@pytest.fixture(scope="module")
def week78(log: pl.DataFrame) -> tuple[np.ndarray, ...]:
    return _weeks(log, HOLDOUT)


@pytest.fixture(scope="module")
def bgnbd(week39: tuple[np.ndarray, ...]) -> BGNBD:
    return BGNBD().fit(*week39)


@pytest.fixture(scope="module")
def pareto(week39: tuple[np.ndarray, ...]) -> ParetoNBD:
    return ParetoNBD().fit(*week39)


def _weeks(log: pl.DataFrame, end: int) -> tuple[np.ndarray, ...]:
    summary = summarise(log, end)
    x, t_x, age = (summary[name].to_numpy().astype(float) for name in ("x", "t_x", "age"))
    return x, t_x / 7.0, age / 7.0


def test_sufficient_statistics(week39: tuple[np.ndarray, ...], log: pl.DataFrame) -> None:
    x, _, age = week39
    assert len(x) == 2357
    assert x.sum() == 2457
    assert age.sum() == pytest.approx(77_111.21, abs=0.1)  # the published table rounds every T to .01
    assert len(CountRows.of(*week39).x) == 1016
    assert (x > 0).sum() == 946
    assert afterwards(log, summarise(log, CALIBRATION), CALIBRATION, 273)["orders"].sum() == 1882


@pytest.mark.parametrize(
    ("model", "weeks", "parameters", "log_likelihood"),
    [
        (BGNBD, 39, {"r": 0.2425945, "alpha": 4.4136019, "a": 0.7929199, "b": 2.4258881}, -9582.429),
        (ParetoNBD, 39, {"r": 0.553275, "alpha": 10.57761, "s": 0.606217, "beta": 11.66802}, -9594.9739),
        (MBGNBD, 39, {"r": 0.5248, "alpha": 6.1831, "a": 0.8914, "b": 1.6140}, -9582.14),
        (ParetoNBD, 78, PARETO_78, -17135.8359),
        (BGNBD, 78, {"r": 0.253561, "alpha": 5.447257, "a": 0.607365, "b": 2.647234}, -17138.2340),
    ],
)
def test_estimates(
    model: type[CountModel], weeks: int, parameters: dict, log_likelihood: float, request: pytest.FixtureRequest
) -> None:
    fitted = model().fit(*request.getfixturevalue(f"week{weeks}"))
    assert fitted.fit_status_ == "ok"
    assert fitted.parameters_ == pytest.approx(parameters, rel=1e-3)
    assert fitted.log_likelihood_ == pytest.approx(log_likelihood, abs=0.01)


def test_standard_errors_of_pareto_nbd(pareto: ParetoNBD) -> None:
    published = {"r": 0.0476, "alpha": 0.8427, "s": 0.1873, "beta": 6.2105}
    assert pareto.standard_errors_ == pytest.approx(published, rel=2e-3)


def test_gamma_gamma(log: pl.DataFrame) -> None:
    summary = summarise(log, CALIBRATION)
    x = summary["x"].to_numpy()
    mean = ((summary["spent"] - summary["first_spent"]) / summary["x"].clip(1)).to_numpy()
    fitted = GammaGamma().fit(x, mean)
    assert fitted.customers_ == 946
    assert mean[x > 0].mean() == pytest.approx(35.08, abs=0.005)
    assert np.corrcoef(x[x > 0], mean[x > 0])[0, 1] == pytest.approx(0.114, abs=5e-4)
    assert fitted.parameters_ == pytest.approx({"p": 6.2488, "q": 3.7446, "gamma": 15.4477}, rel=1e-3)
    assert fitted.log_likelihood_ == pytest.approx(-4055.9177, abs=0.01)
    rounded = GammaGamma.from_parameters(p=6.25, q=3.74, gamma=15.44)
    sheet = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert rounded.expected_value(x, mean)[:10] == pytest.approx(sheet, abs=0.1)


def test_bgnbd_expectations() -> None:
    paper, mle = BGNBD.from_parameters(**BGNBD_PAPER), BGNBD.from_parameters(**BGNBD_MLE)
    assert paper.expected_purchases(39, 2, 30.43, 38.86)[0] == pytest.approx(1.22603, abs=1e-4)
    assert mle.expected_purchases(39, 2, 30.43, 38.86)[0] == pytest.approx(1.22591, abs=1e-4)
    sheet = [0.00782, 0.05318, 0.15063, 1.04049, 1.04374, 1.85797]
    assert mle.expected_repeat([0.1429, 1, 3, 31.8571, 32, 78]) == pytest.approx(sheet, abs=1e-5)
    assert paper.expected_purchases(2, 10, 35, 39)[0] == pytest.approx(0.39156921, abs=1e-4)


def test_bgnbd_distribution_and_p_alive() -> None:
    paper = BGNBD.from_parameters(**BGNBD_PAPER)
    assert paper.pmf(10, 2)[0] == pytest.approx(1.07869e-07, rel=1e-4)
    assert paper.pmf(0, 39)[0] == pytest.approx(0.5737864, abs=1e-6)
    assert paper.pmf([11, 20], 30) == pytest.approx([0.0019995214, 0.0002222260], abs=1e-9)
    assert paper.pmf(np.arange(400), 39).sum() == pytest.approx(1.0, abs=1e-6)
    assert paper.p_alive(23, 39, 39)[0] == pytest.approx(0.96855545, abs=1e-7)
    falling = paper.p_alive(np.arange(5, 21), 30, 39)
    assert falling[[0, -1]] == pytest.approx([0.70562685, 0.19682044], abs=1e-7)
    assert (np.diff(falling) < 0).all()


def test_pareto_nbd_points(pareto: ParetoNBD) -> None:
    btyd = ParetoNBD.from_parameters(**PARETO_BTYD)
    assert btyd.p_alive(26, 30.86, 31)[0] == pytest.approx(0.9979, abs=5e-5)
    assert btyd.p_alive(0, 0, 39)[0] == pytest.approx(0.2941633, abs=1e-6)
    assert btyd.expected_purchases(52, 26, 30.86, 31)[0] == pytest.approx(25.46, abs=0.005)
    assert pareto.p_alive(26, 30.86, 31)[0] == pytest.approx(0.997918, abs=1e-5)
    assert pareto.p_alive(0, 0, 39)[0] == pytest.approx(0.294277, abs=1e-4)
    assert pareto.expected_purchases(52, 26, 30.86, 31)[0] == pytest.approx(25.4565, abs=1e-3)


def test_pareto_nbd_is_stable_for_many_purchases() -> None:
    clv = ParetoNBD.from_parameters(r=0.5143, alpha=2.8845, s=0.2856, beta=14.1087)
    x, t_x = [221, 254, 161, 204], [103.42857, 97.14286, 94.71429, 98.57143]
    age = [103.57143, 97.28571, 98, 99.42857]
    answers = [
        clv.p_alive(x, t_x, age),
        clv.expected_purchases(52, x, t_x, age),
        clv.dert(0.0027, x, t_x, age),
        np.atleast_1d(ParetoNBD().fit(x, t_x, age).log_likelihood_),
    ]
    assert np.isfinite(np.concatenate(answers)).all()
    lifetimes = ParetoNBD.from_parameters(r=0.55, alpha=10.58, s=0.61, beta=11.67)
    assert lifetimes.expected_purchases(10, [132, 133], 200, 200) == pytest.approx([6.20605, 6.25287], abs=1e-4)


def test_discounted_expected_residual_transactions(week78: tuple[np.ndarray, ...]) -> None:
    model = ParetoNBD.from_parameters(**PARETO_78)
    assert model.dert(0.0027, 7, 35, 77.86)[0] == pytest.approx(1.86418, abs=1e-4)
    manual = [2.19916, 2.84353, 2.86713, 2.44541, 1.84050, 1.26242, 0.80962, 0.49480, 0.29202, 0.16793]
    assert model.dert(0.0027, np.arange(1, 11), 30, 77.86) == pytest.approx(manual, abs=1e-4)
    assert model.dert(0.0027, *week78).sum() == pytest.approx(9428.37, abs=0.2)


TRACKING = {
    "weeks": [13, 26, 39, 52, 65, 78],
    "actual": [828, 1746, 2457, 3183, 3844, 4339],
    "bgnbd": [722.5, 1736.4, 2501.5, 3134.1, 3680.7, 4165.7],
    "pareto": [712.4, 1742.9, 2532.8, 3191.1, 3763.9, 4275.4],
}


def test_tracking(log: pl.DataFrame, bgnbd: BGNBD, pareto: ParetoNBD) -> None:
    first = day_number(date(1997, 1, 1))
    ends = first + 7 * np.array(TRACKING["weeks"]) - 1
    daily = purchases_by_day(log, HOLDOUT)
    cumulative = np.cumsum(daily["repeat_n"].to_numpy())
    actual = cumulative[np.searchsorted(daily["day"].to_numpy(), ends, side="right") - 1]
    assert actual.tolist() == TRACKING["actual"]
    born = summarise(log, CALIBRATION)["first_day"].to_numpy() / 7.0
    weeks = (ends + 1) / 7.0  # the published curve counts the day of the first purchase as lived through
    assert bgnbd.tracking(born, weeks) == pytest.approx(TRACKING["bgnbd"], abs=0.1)
    assert pareto.tracking(born, weeks) == pytest.approx(TRACKING["pareto"], abs=0.1)


def test_conditional_expectations_by_frequency(
    log: pl.DataFrame, week39: tuple[np.ndarray, ...], bgnbd: BGNBD, pareto: ParetoNBD
) -> None:
    actual = afterwards(log, summarise(log, CALIBRATION), CALIBRATION, 273)["orders"].to_numpy()
    forecasts = [bgnbd.expected_purchases(39, *week39), pareto.expected_purchases(39, *week39)]
    group = np.minimum(week39[0], 7).astype(int)
    size = np.bincount(group)
    assert size.tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    means = [np.bincount(group, weights=values) / size for values in (actual, *forecasts)]
    published = [
        [0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359],
        [0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157],
        [0.138, 0.599, 1.196, 1.714, 2.398, 2.907, 3.819, 6.403],
    ]
    for found, expected in zip(means, published, strict=True):
        assert found == pytest.approx(expected, abs=6e-4)
    assert actual.sum() == 1882
    assert [values.sum() for values in forecasts] == pytest.approx([1653.4, 1665.5], abs=0.1)


def test_holdout_metrics(log: pl.DataFrame, week39: tuple[np.ndarray, ...], bgnbd: BGNBD, pareto: ParetoNBD) -> None:
    summary = summarise(log, CALIBRATION)
    after = afterwards(log, summary, CALIBRATION, 273)
    orders = after["orders"].to_numpy()
    published = {
        "bgnbd": (bgnbd, 0.785, 1.608, -0.121, 0.663),
        "pareto": (pareto, 0.755, 1.603, -0.115, 0.673),
        "mbgnbd": (MBGNBD().fit(*week39), 0.765, 1.607, -0.162, 0.664),
    }
    for model, mae, rmse, bias, ngini in published.values():
        found = forecast_metrics(orders, model.expected_purchases(39, *week39))
        assert [found["mae"], found["rmse"], found["bias_rate"]] == pytest.approx([mae, rmse, bias], abs=8e-4)
        assert found["ngini"] == pytest.approx(ngini, abs=1.1e-3)
    historical = forecast_metrics(orders, week39[0] / week39[2] * 39)
    assert [historical["mae"], historical["rmse"]] == pytest.approx([1.024, 2.212], abs=8e-4)
    assert historical["bias_rate"] == pytest.approx(0.557, abs=8e-4)
    x, spent, first = (summary[name].to_numpy() for name in ("x", "spent", "first_spent"))
    repeat = GammaGamma().fit(x, (spent - first) / np.maximum(x, 1))
    every = GammaGamma().fit(x + 1, spent / (x + 1))
    expected = bgnbd.expected_purchases(39, *week39)
    for value, figures in (
        (repeat.expected_value(x, (spent - first) / np.maximum(x, 1)), (30.4, 72.3, -0.156, 0.638)),
        (every.expected_value(x + 1, spent / (x + 1)), (30.0, 72.9, -0.171, 0.672)),
    ):
        found = forecast_metrics(after["net"].to_numpy(), expected * value)
        assert [found["mae"], found["rmse"]] == pytest.approx(figures[:2], abs=0.06)
        assert [found["bias_rate"], found["ngini"]] == pytest.approx(figures[2:], abs=1.1e-3)


def test_silence_ranks_where_p_alive_ranks_backwards(
    log: pl.DataFrame, week39: tuple[np.ndarray, ...], bgnbd: BGNBD
) -> None:
    after = afterwards(log, summarise(log, CALIBRATION), CALIBRATION, 273)
    silent = (after["orders"] == 0).to_numpy()
    found = churn_metrics(silent, bgnbd.p_no_purchase(39, *week39))
    assert [found["auc"], found["brier"], found["ece"]] == pytest.approx([0.757, 0.161, 0.054], abs=6e-4)
    assert auc(silent, 1.0 - bgnbd.p_alive(*week39)) == pytest.approx(0.316, abs=6e-4)
    assert auc(silent, week39[2] - week39[1]) == pytest.approx(0.771, abs=6e-4)
