"""The forecast of the base: run-off against the valuation, trend against planted counts, past against what came."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from support.marts_core import Shape, lazy, make_core

from pipelines.contracts.marts import MartParams
from pipelines.marts import MARTS, compute_all
from pipelines.marts.asset.assumptions import reviews_of
from pipelines.marts.asset.months import Months
from pipelines.marts.asset.new_business import new_business, trend
from pipelines.marts.asset.run_off import by_horizon, errors
from pipelines.marts.common import BASES
from pipelines.science.valuation import value_customers

Tables = dict[str, pl.DataFrame]
AS_OF = date(2024, 12, 31)
PARAMS = MartParams(as_of=AS_OF)
NAMES = ("mart_coverage", "ltv_backtest", "asset_assumptions", "customer_asset", "asset_variance", "asset_forecast")


@pytest.fixture(scope="module")
def frames() -> Tables:
    core = make_core(
        Shape(customers=150, seed=4, as_of=AS_OF, days=400, mean_gap_days=30.0, cost_known_share=1.0, refund_share=-1)
    )
    wanted = [mart for mart in MARTS if mart.name in NAMES]
    return {**core, **compute_all(wanted, lazy(core), PARAMS)}


@pytest.mark.parametrize("basis", BASES)
def test_the_run_off_of_a_year_is_the_undiscounted_value(frames: Tables, basis: str) -> None:
    """Twelve months of 2025 are the horizon of 365 days; without discount their sum is the valuation's."""
    people = frames["dim_customer"].filter(pl.col("is_identified") & ~pl.col("is_test"))
    orders = (
        frames["fct_order"]
        .join(people.select("customer_id", segment="acquisition_channel"), on="customer_id")
        .select(
            "customer_id",
            "ordered_on",
            "is_kept",
            (pl.col(f"{basis}_reporting") * 10_000).cast(pl.Int64).alias("amount"),
            "segment",
        )
    )
    model = reviews_of(frames["asset_assumptions"])[-1].models[basis]
    plain = MartParams(as_of=AS_OF, discount_rate=0.0)
    value = value_customers(orders, AS_OF, plain, model, with_interval=False)["value"].sum() / 10_000
    forecast = frames["asset_forecast"].filter(forecast_on=AS_OF, part="run_off", basis=basis)
    assert forecast.height == 12
    assert forecast["est"].sum() == pytest.approx(value, rel=1e-4)
    closing = frames["customer_asset"].filter(period_on=AS_OF, basis=basis)["closing_amount"].sum()
    assert float(closing) < forecast["est"].sum() < 1.1 * float(closing)


def test_forecasts_of_the_next_month_stand_beside_what_came(frames: Tables) -> None:
    past = frames["asset_forecast"].filter(
        pl.col("actual_amount").is_not_null()
        & (pl.col("forecast_on").dt.offset_by("1d").dt.month_end() == pl.col("period_on"))
    )
    variance = frames["asset_variance"].filter(pl.col("dim") == "total")
    came = {(row["basis"], row["period_on"]): row for row in variance.iter_rows(named=True)}
    assert 2 * past["period_on"].n_unique() == variance.height - 2
    for row in past.iter_rows(named=True):
        month = came[row["basis"], row["period_on"]]
        said = {"run_off": month["actual_money_amount"], "new_business": month["new_money_amount"]}
        assert row["actual_amount"] == said.get(row["part"], sum(said.values(), Decimal(0)))
        assert row["forecast_on"] < row["period_on"]
        if row["part"] == "run_off":
            assert row["est"] == pytest.approx(float(month["expected_money_amount"]), rel=1e-8)
    told = past.filter(pl.col("lo").is_not_null())
    assert told.filter((pl.col("lo") > pl.col("est")) | (pl.col("hi") < pl.col("est"))).is_empty()
    untold = past.filter(pl.col("lo").is_null())
    assert untold["why_not"].null_count() == 0
    assert untold["period_on"].min() < told["period_on"].min()


@pytest.mark.parametrize("basis", BASES)
def test_forecasts_of_a_year_stand_beside_what_came(frames: Tables, basis: str) -> None:
    """From every third month-end: who was acquired by then is the base, all others are new."""
    asset = frames["customer_asset"].filter(basis=basis)
    acquired: dict[str, date] = {}
    for row in asset.sort("period_on").filter(pl.col("behaviour") == "acquired").iter_rows(named=True):
        acquired.setdefault(row["customer_id"], row["period_on"])
    past = frames["asset_forecast"].filter(
        pl.col("basis") == basis,
        pl.col("actual_amount").is_not_null(),
        (pl.col("period_on") - pl.col("forecast_on")).dt.total_days() > 31,
    )
    origins = sorted(past["forecast_on"].unique())
    assert origins == [date(2024, 6, 30), date(2024, 9, 30)]
    for row in past.iter_rows(named=True):
        came = {True: Decimal(0), False: Decimal(0)}
        for who, amount in asset.filter(period_on=row["period_on"]).select("customer_id", "actual_amount").iter_rows():
            came[acquired[who] <= row["forecast_on"]] += amount
        wanted = {"run_off": came[True], "new_business": came[False], "total": came[True] + came[False]}
        assert row["actual_amount"] == wanted[row["part"]]
    run_off = frames["asset_forecast"].filter(forecast_on=date(2024, 6, 30), part="run_off", basis=basis)
    value = asset.filter(period_on=date(2024, 6, 30))["closing_amount"].sum()
    assert run_off.height == 6
    assert 0.3 * float(value) < run_off["est"].sum() < 0.9 * float(value)  # half of the horizon of the value


def test_the_interval_so_far_ahead_comes_from_errors_so_far_ahead() -> None:
    """Four origins that were off by .2 two months ahead and by .1 three months ahead; beyond, a level that wanders."""
    found = np.full((4, 12), np.nan)
    found[:, 1], found[:, 2] = [0.2, -0.2, 0.2, -0.2], [0.1, -0.1, 0.1, -0.1]
    spread = by_horizon(0.05, found)
    assert spread[:3].tolist() == pytest.approx([0.05, 0.2, 0.2])  # never less than nearer
    assert spread[5] == pytest.approx(0.2 * np.sqrt(6 / 3))
    assert by_horizon(0.05, found[:3])[8] == pytest.approx(0.15)  # three origins are too few to tell
    assert np.isnan(by_horizon(float("nan"), found[:3])).all()
    past = errors([np.array([10.0, 20.0, 0.0])], [np.array([20.0, 10.0, 5.0])])
    assert past[0, :2].tolist() == pytest.approx([np.log(2), -np.log(2)])
    assert np.isnan(past[0, 2:]).all()


def test_the_parts_sum_to_the_total(frames: Tables) -> None:
    wide = frames["asset_forecast"].pivot("part", index=["forecast_on", "period_on", "basis"], values="est")
    apart = (pl.col("run_off") + pl.col("new_business") - pl.col("total")).abs() / pl.col("total").abs()
    assert wide.select(apart.max()).item() < 1e-7


def _months(counts: list[float]) -> Months:
    ends = [date(2024, month, 28) for month in range(1, len(counts) + 1)]
    zero = np.zeros(len(counts))
    return Months(ends, zero, zero, np.array(counts, dtype=np.float64), zero)


def test_the_trend_goes_on_and_never_below_nobody() -> None:
    rising, spread = trend(_months([10, 12, 14, 16, 18]), 3)
    assert rising.tolist() == pytest.approx([20, 22, 24])
    assert spread.max() == pytest.approx(0.0, abs=1e-6)
    falling, _ = trend(_months([9, 6, 3, 0]), 2)
    assert falling.tolist() == [0, 0]
    level, unsure = trend(_months([4, 6]), 2)
    assert level.tolist() == [5, 5]
    assert np.isnan(unsure).all()


def test_newcomers_bring_money_at_every_age() -> None:
    """Ten newcomers a month that bring 5 at age 0 and 2 at age 1: 50, then 70 a month."""
    by_age = np.array([5.0, 2.0, *np.zeros(10)])
    money, _ = new_business(_months([10] * 6), by_age, 4)
    assert money.tolist() == pytest.approx([50, 70, 70, 70])
