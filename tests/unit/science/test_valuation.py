"""Valuation of customers: against plain loops, against the models asked one by one, and on degenerate businesses."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from support.science_worlds import Company, Process, births, company_log

from pipelines.contracts.marts import MartParams
from pipelines.science.bgnbd import BGNBD
from pipelines.science.drift import drift_variance
from pipelines.science.histories import order_days, summarise_days
from pipelines.science.season import Clock
from pipelines.science.valuation import clock_of, fit_valuation, value_customers
from pipelines.science.valuation_model import Choice

AS_OF = date(2022, 9, 30)
PARAMS = MartParams(as_of=AS_OF)


def _orders(size: int = 600, seed: int = 1) -> pl.DataFrame:
    """A business of several segments: kept and other orders, unknown amounts, two orders a day, returns as losses."""
    rng = np.random.default_rng(seed)
    log = company_log(rng, [Company(births(rng, size, 600), Process(return_rate=0.1))], 900)
    kept = rng.random(len(log)) < 0.93
    known = rng.random(len(log)) < 0.97
    units = (log["amount"] * 10_000).round().cast(pl.Int64).to_numpy()
    frame = pl.DataFrame(
        {
            "customer_id": log["customer"],
            "ordered_on": log["date"],
            "is_kept": kept,
            "amount": pl.Series(np.where(kept, units, -np.abs(units) // 20)).set(pl.Series(~known), None),
        }
    )
    segment = pl.col("customer_id").str.slice(1).cast(pl.Int64) % 3
    return frame.with_columns(pl.when(segment > 0).then(pl.format("s{}", segment)).alias("segment"))


def test_histories_equal_a_plain_loop() -> None:
    orders = _orders(120)
    twice = pl.concat([orders, orders.sample(80, seed=3)])
    found = {row["customer_id"]: row for row in summarise_days(order_days(twice), AS_OF).to_dicts()}
    by_customer: dict[str, dict[date, list[tuple[bool, int | None]]]] = {}
    for row in twice.to_dicts():
        if row["ordered_on"] <= AS_OF:
            day = by_customer.setdefault(row["customer_id"], {}).setdefault(row["ordered_on"], [])
            day.append((row["is_kept"], row["amount"]))
    expected = 0
    for customer, days in by_customer.items():
        bought = sorted(day for day, rows in days.items() if any(kept for kept, _ in rows))
        if not bought:
            assert customer not in found
            continue
        expected += 1
        valued = [day for day in bought if all(amount is not None for kept, amount in days[day] if kept)]
        gain = {day: sum(max(amount or 0, 0) for _, amount in rows) for day, rows in days.items()}
        loss = sum(max(-(amount or 0), 0) for rows in days.values() for _, amount in rows)
        row = found[customer]
        assert (row["first_on"], row["last_on"], row["x"]) == (bought[0], bought[-1], len(bought) - 1)
        assert (row["t_x"], row["age"]) == ((bought[-1] - bought[0]).days, (AS_OF - bought[0]).days)
        assert row["valued_n"] == len(valued)
        assert row["spent"] == pytest.approx(sum(gain[day] for day in valued) / 10_000)
        assert row["spent_square"] == pytest.approx(sum((gain[day] / 10_000) ** 2 for day in valued))
        assert row["first_spent"] == pytest.approx((gain[valued[0]] if valued else 0) / 10_000)
        assert row["returned"] == pytest.approx(loss / 10_000)
    assert len(found) == expected > 60


def test_values_equal_the_model_asked_day_by_day() -> None:
    orders = _orders()
    choices = {name: Choice("bgnbd", "gamma_gamma_all", level=1.2) for name in (None, "s1", "s2")}
    scores = value_customers(orders, AS_OF, PARAMS, choices=choices)
    rows = summarise_days(order_days(orders), AS_OF)
    x, t_x, age = (rows[name].to_numpy().astype(float) for name in ("x", "t_x", "age"))
    model = BGNBD().fit(x, t_x, age)
    by_day = model.expected_by(np.arange(366.0), x, t_x, age) * 1.2
    discount = 1.1 ** -((np.arange(365) + 0.5) / 365)
    worth = scores["order_value"].to_numpy()
    assert scores["customer_id"].to_list() == rows["customer_id"].to_list()
    np.testing.assert_allclose(scores["expected_orders"], by_day[:, -1], rtol=1e-6)
    np.testing.assert_allclose(scores["value"] / 1e4, np.diff(by_day, axis=1) @ discount * worth, rtol=2e-4, atol=1e-3)
    np.testing.assert_allclose(scores["p_order_90"], 1 - model.p_no_purchase(108, x, t_x, age), rtol=1e-6)
    np.testing.assert_allclose(scores["p_alive"], model.p_alive(x, t_x, age), rtol=1e-6)
    assert (scores["lo"] <= scores["value"]).all()
    assert (scores["hi"] >= scores["value"]).all()
    assert set(scores["model_used"]) == {"bgnbd x gamma_gamma_all"}


def test_a_fitted_model_scores_any_day_and_the_future_changes_nothing() -> None:
    orders = _orders()
    before = orders.filter(pl.col("ordered_on") <= AS_OF)
    choices = {"s1": Choice("pareto_nbd", is_segment_fit=True)}
    here = value_customers(orders.sample(fraction=1.0, shuffle=True, seed=5), AS_OF, PARAMS, choices=choices)
    assert here.equals(value_customers(before, AS_OF, PARAMS, choices=choices))
    model = fit_valuation(before, AS_OF, choices)
    assert here.equals(value_customers(orders, AS_OF, PARAMS, model))
    earlier = AS_OF - timedelta(days=200)
    then = value_customers(orders, earlier, PARAMS, model)
    assert then.equals(value_customers(orders.filter(pl.col("ordered_on") <= earlier), earlier, PARAMS, model))
    assert not then.equals(value_customers(orders, earlier, PARAMS, choices=choices))
    plain = value_customers(orders, AS_OF, PARAMS, model, with_interval=False)
    assert plain["lo"].null_count() == plain["hi"].null_count() == plain.height
    assert plain.drop("lo", "hi", "value_sd").equals(here.drop("lo", "hi", "value_sd"))


def test_segments_have_fits_of_their_own_where_they_are_large() -> None:
    orders = _orders(2_000)
    choices = {name: Choice("mbgnbd", is_segment_fit=True) for name in ("s1", "s2")}
    model = fit_valuation(orders, AS_OF, choices)
    assert model.of("s1").model_used == "mbgnbd x credibility by segment"
    assert model.of("s1").counts[0].parameters_ != model.of("s2").counts[0].parameters_
    assert "by segment" not in model.of(None).model_used
    assert "by segment" not in fit_valuation(orders.head(300), AS_OF, choices).of("s1").model_used
    assert model.of("never seen").model_used == model.rest.model_used


def test_on_a_seasonal_clock_the_models_are_asked_for_clock_time() -> None:
    orders = _orders()
    day = np.arange(2_000)
    clock = Clock(18_500, 1.0 + 0.8 * np.sin(2 * np.pi * day / 365.25))
    scores = value_customers(orders, AS_OF, PARAMS, choices={None: Choice("bgnbd")}, clock=clock)
    rows = summarise_days(order_days(orders), AS_OF)
    first, last = (rows[name].cast(pl.Int32).to_numpy() for name in ("first_on", "last_on"))
    today = int((pl.Series([AS_OF]).cast(pl.Int32))[0])
    t_x, age, ahead = clock.between(first, last), clock.between(first, today), clock.between(today, today + 90)
    model = BGNBD().fit(rows["x"].to_numpy(), t_x, age)
    wanted = 1 - model.p_no_purchase(float(ahead), rows["x"].to_numpy(), t_x, age)
    own = scores["segment"].is_null().to_numpy()
    assert own.sum() > 100
    np.testing.assert_allclose(scores["p_order_90"].to_numpy()[own], wanted[own], rtol=1e-6)
    assert clock_of(order_days(orders.head(50)), AS_OF, 365).is_calendar


def test_intervals_hold_what_customers_really_bring() -> None:
    rng = np.random.default_rng(8)
    log = company_log(rng, [Company(births(rng, 3_000, 600), Process())], 1_000)
    orders = log.select(
        pl.col("customer").alias("customer_id"),
        pl.col("date").alias("ordered_on"),
        is_kept=True,
        amount=(pl.col("amount") * 10_000).round().cast(pl.Int64),
    )
    end = date(2021, 1, 1) + timedelta(days=635)
    terms = MartParams(as_of=end, confidence=0.9, discount_rate=0.0)
    scores = value_customers(orders, end, terms, choices={None: Choice("bgnbd")})
    after = orders.filter(pl.col("ordered_on").is_between(end + timedelta(days=1), end + timedelta(days=365)))
    actual = scores.join(after.group_by("customer_id").agg(pl.col("amount").sum()), on="customer_id", how="left")
    amount = actual["amount"].fill_null(0)
    inside = (amount >= actual["lo"]) & (amount <= actual["hi"])
    assert 0.87 < inside.mean() < 0.985  # type: ignore[operator]
    assert scores["value"].sum() == pytest.approx(amount.sum(), rel=0.1)


def _one(amount: int | None = 100_000, *, kept: bool = True) -> pl.DataFrame:
    return pl.DataFrame(
        {"customer_id": ["c"], "ordered_on": [AS_OF], "is_kept": [kept], "amount": [amount]},
        schema_overrides={"amount": pl.Int64},
    )


DEGENERATE = {
    "one order on the day": _one(),
    "nothing kept": _one(kept=False),
    "nothing at all": _one().clear(),
    "no amount known": pl.concat([_one(None), _one(None).with_columns(customer_id=pl.lit("d"))]),
    "only losses": _orders(50).with_columns(-pl.col("amount").abs()),
    "zero amounts": _orders(50).with_columns(amount=pl.lit(0, dtype=pl.Int64)),
    "nobody comes back": _orders(300).unique("customer_id", keep="first", maintain_order=True),
    "one customer often": _orders(50).with_columns(customer_id=pl.lit("c"), segment=pl.lit(None, dtype=pl.String)),
    "all on one day": _orders(50).with_columns(ordered_on=pl.lit(AS_OF)),
    "huge amounts": _orders(50).with_columns(pl.col("amount") * 1_000_000),
}


@pytest.mark.parametrize("kind", DEGENERATE)
@pytest.mark.parametrize("count_model", ["nbd", "bgnbd", "mbgnbd", "pareto_nbd", "average"])
def test_degenerate_businesses_get_finite_scores_and_a_status(kind: str, count_model: str) -> None:
    orders = DEGENERATE[kind]
    choices = {None: Choice(count_model, "gamma_gamma_repeat", is_segment_fit=True)}
    scores = value_customers(orders, AS_OF, PARAMS, choices=choices)
    kept = orders.filter(pl.col("is_kept") & (pl.col("ordered_on") <= AS_OF))
    assert scores.height == kept["customer_id"].n_unique()
    for name in ("p_alive", "p_order_90", "expected_orders", "order_value"):
        assert scores[name].is_finite().all(), name
        assert (scores[name] >= 0).all(), name
    assert ((scores["p_alive"] <= 1) & (scores["p_order_90"] <= 1)).all()
    is_unknown = kind == "no amount known"
    for name in ("value", "lo", "hi"):
        assert scores[name].null_count() == (scores.height if is_unknown else 0), name
    assert scores["fit_status"].str.contains("no_amounts").all() == (is_unknown or not scores.height)


@pytest.mark.parametrize("sd", [0.0, 0.3, 0.6])
def test_drift_is_what_customers_differ_by_beyond_the_model(sd: float) -> None:
    """Poisson counts around forecasts that every customer multiplies by a factor of its own; all by a tenth too low."""
    rng = np.random.default_rng(8)
    forecast = rng.gamma(2.0, 6.0, 20_000)
    factor = 1.0 + sd * rng.uniform(-np.sqrt(3.0), np.sqrt(3.0), len(forecast))
    actual = rng.poisson(1.1 * forecast * np.maximum(factor, 0.0)).astype(float)
    found = drift_variance(actual, forecast, 1.1 * forecast, forecast)
    assert np.sqrt(found) == pytest.approx(sd, abs=0.03)


def test_drift_needs_customers_who_order_often_enough_to_tell() -> None:
    few = np.full(99, 5.0)
    assert drift_variance(few * 3, few, few, few) == 0.0
    seldom = np.full(500, 0.5)
    assert drift_variance(seldom * 3, seldom, seldom, seldom) == 0.0
    often = np.tile([1.0, 9.0], 250)
    assert drift_variance(often, np.full(500, 5.0), np.full(500, 0.1), np.full(500, 5.0)) > 0.3
    assert drift_variance(often * 0, often, often, often) == 0.0
