"""Predicted value, backtest, cohorts, reconciliation and churn risk against plain loops and models asked directly."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from support.marts_core import Shape, lazy, make_core

from pipelines.contracts.marts import MartParams
from pipelines.marts import MARTS, compute, compute_all
from pipelines.marts.common import BASES
from pipelines.marts.ltv.fallback import published
from pipelines.marts.ltv.ltv_reconciliation import GIVES_WAY
from pipelines.marts.ltv.orders import known_by, numbered, order_rows, orders_on, orders_today, with_filled
from pipelines.science.valuation_model import COUNT_CHOICES

SHAPE = Shape(
    customers=1500,
    seed=41,
    days=390,
    mean_gap_days=40,
    stop_share=0.2,
    late_payment_days=20,
    acquisition_channels=("ads", None),
)
PARAMS = MartParams(as_of=SHAPE.as_of, horizon_days=180)
Tables = dict[str, pl.DataFrame]
HALF_UP = Decimal("0.0001")


@pytest.fixture(scope="module")
def core() -> Tables:
    """A company with a year of orders: less than a season needs, so that time runs evenly."""
    return make_core(SHAPE)


@pytest.fixture(scope="module")
def marts(core: Tables) -> Tables:
    """Every mart."""
    return compute_all(MARTS, lazy(core), PARAMS)


@pytest.fixture(scope="module")
def orders(core: Tables) -> dict[str, list[dict]]:
    """The orders of each customer that counts, refunds and cancellations beside them."""
    refunds, ended = defaultdict(list), defaultdict(list)
    for row in core["fct_refund"].to_dicts():
        refunds[row["order_key"]].append(row)
    for row in core["fct_cancellation"].to_dicts():
        ended[row["order_key"]].append(row)
    counted = core["dim_customer"].filter(pl.col("is_identified") & ~pl.col("is_test"))["customer_id"].to_list()
    found: dict[str, list[dict]] = {who: [] for who in counted}
    for row in core["fct_order"].to_dicts():
        if row["customer_id"] in found:
            found[row["customer_id"]].append(
                row | {"refunds": refunds[row["order_key"]], "ended": ended[row["order_key"]]}
            )
    return found


def _then(row: dict, day: date) -> tuple[bool, Decimal | None] | None:
    """Whether an order was kept, and its contribution, as known on a day; None when it was not placed."""
    if row["ordered_on"] > day or max(row["first_known_at"].date(), row["paid_on"] or date.min) > day:
        return None
    later = [r for r in row["refunds"] if max(r["refunded_on"], r["known_at"].date()) > day]
    amount = row["contribution_reporting"]
    for refund in later:
        if amount is None or refund["cogs_returned_reporting"] is None:
            amount = None
            break
        amount += refund["refunded_goods_reporting"] + refund["refunded_shipping_reporting"]
        amount -= refund["tax_returned_reporting"] + refund["cogs_returned_reporting"]
    if any(r["kind"] == "cancelled" and max(r["cancelled_on"], r["known_at"].date()) > day for r in row["ended"]):
        return _standing(row, amount, day)
    back = sum((r["refunded_goods"] for r in later), Decimal(0))
    kept = row["is_kept"] or (row["status"] == "refunded" and row["refunded_goods"] - back < row["gross_merchandise"])
    return kept, amount


def _standing(row: dict, amount: Decimal | None, day: date) -> tuple[bool, Decimal | None]:
    """An order that was cancelled later: kept, unless all of it had been given back by then."""
    back = Decimal(0)
    for part in row["ended"]:
        if max(part["cancelled_on"], part["known_at"].date()) <= day:
            back += part["cancelled_goods"]
        elif amount is not None and part["cancelled_contribution_reporting"] is not None:
            amount += part["cancelled_contribution_reporting"]
        else:
            amount = None
    return row["gross_merchandise"] <= 0 or back < row["gross_merchandise"], amount


@pytest.mark.parametrize("back", [0, 100, 300])
def test_orders_as_known_on_a_day_have_later_refunds_and_cancellations_undone(
    core: Tables, marts: Tables, orders: dict[str, list[dict]], back: int
) -> None:
    day = SHAPE.as_of - timedelta(days=back)
    rows = order_rows({**lazy(core), "mart_coverage": marts["mart_coverage"].lazy()}, PARAMS).collect()
    found = known_by(rows, day)
    expected = []
    for who, own in orders.items():
        for row in own:
            then = _then(row, day)
            if then is not None:
                units = None if then[1] is None else int(then[1] * 10_000)
                expected.append((who, row["ordered_on"], then[0], units))
    kept = orders_on(found, "contribution").select("customer_id", "ordered_on", "is_kept", "amount").rows()
    assert sorted(kept, key=str) == sorted(expected, key=str)
    undone = rows.filter(pl.col("undone_on") > day).height
    assert (undone > 0) == (back > 0)


def test_orders_as_known_today_are_those_of_the_as_of_day(core: Tables, marts: Tables) -> None:
    inputs = {**lazy(core), "mart_coverage": marts["mart_coverage"].lazy()}
    expected = known_by(order_rows(inputs, PARAMS).collect(), PARAMS.as_of)
    found = orders_today(inputs, PARAMS).collect()
    assert found["basis"].unique().to_list() == [marts["customer_churn_risk"]["basis"][0]]
    assert found.equals(found.sort("customer_id", "ordered_on", maintain_order=True))
    same = with_filled(found).select(expected.columns)
    assert expected["contribution"].null_count() > 0
    assert same.sort(pl.all()).equals(expected.sort(pl.all()))
    names, orders = numbered(same.sample(fraction=1.0, shuffle=True, seed=3))
    assert names.to_list() == sorted(expected["customer_id"].unique())
    named = orders.with_columns(names.gather(orders["customer_id"]).alias("customer_id"))
    assert named.sort(pl.all()).equals(expected.sort(pl.all()))


def _history(own: list[dict], day: date) -> list[date]:
    """Days with a kept order as known on a day."""
    return sorted({row["ordered_on"] for row in own if (then := _then(row, day)) is not None and then[0]})


def _statistics(orders: dict[str, list[dict]], day: date) -> dict[str, tuple[int, int, int]]:
    found = {who: _history(own, day) for who, own in orders.items()}
    return {
        who: (len(days) - 1, (days[-1] - days[0]).days, (day - days[0]).days) for who, days in found.items() if days
    }


def test_expected_orders_are_those_of_the_chosen_model(marts: Tables, orders: dict[str, list[dict]]) -> None:
    chosen = {
        row["segment"]: row
        for row in marts["ltv_backtest"].filter(pl.col("kind") == "chosen", pl.col("target") == "orders").to_dicts()
    }
    statistics = _statistics(orders, SHAPE.as_of)
    for basis in BASES:
        _are_expected(marts["customer_ltv_predictive"].filter(basis=basis), statistics, chosen)


def _are_expected(rows: pl.DataFrame, statistics: dict[str, tuple[int, int, int]], chosen: dict[str, dict]) -> None:
    assert rows["customer_id"].to_list() == sorted(statistics)
    x, t_x, age = (np.array([statistics[who][at] for who in rows["customer_id"]], dtype=float) for at in range(3))
    tested = 0
    for segment, choice in chosen.items():
        if segment == "(all)" or choice["is_by_segment"]:
            continue
        mine = (rows["segment"] == segment).to_numpy()
        models = [kind().fit(x, t_x, age) for kind in COUNT_CHOICES[choice["model"]]]
        wanted = np.mean([model.expected_purchases(180, x, t_x, age) for model in models], axis=0) * choice["level"]
        np.testing.assert_allclose(rows["expected_orders"].to_numpy()[mine], wanted[mine], rtol=1e-5)
        silent = np.mean([model.p_no_purchase(90 * choice["level"], x, t_x, age) for model in models], axis=0)
        np.testing.assert_allclose(rows["p_order_90"].to_numpy()[mine], 1 - silent[mine], rtol=1e-5)
        tested += int(mine.sum())
    assert tested > 300
    by_hand = rows["expected_orders"] * rows["order_value"]
    value, rounding = rows["model_value"].cast(pl.Float64), 0.000051  # stored to the ten-thousandth
    assert ((value <= by_hand + rounding) & (value >= by_hand * 1.1**-0.5 - rounding)).all()
    assert (rows["lo"] <= rows["expected_value"]).all()
    assert (rows["hi"] >= rows["expected_value"]).all()
    assert rows["customer_id"].n_unique() == rows.height


def test_backtest_measures_equal_plain_loops(marts: Tables, orders: dict[str, list[dict]]) -> None:
    rows = marts["ltv_backtest"].filter(
        pl.col("segment") == "(all)", pl.col("decile") == 0, pl.col("target") == "orders"
    )
    tested = rows.filter(pl.col("kind") != "chosen")
    origins = tested["origin_on"].unique().sort().to_list()
    assert origins == [SHAPE.as_of - timedelta(days=180)]
    horizon = tested["horizon_days"][0]
    for origin in origins:
        past = _statistics(orders, origin)
        until = origin + timedelta(days=horizon)
        actual, last, rate = [], [], []
        for who in sorted(past):
            now = _history(orders[who], SHAPE.as_of)
            actual.append(sum(origin < day <= until for day in now))
            before = _history(orders[who], origin)
            recent = sum(day > origin - timedelta(days=horizon) for day in before)
            last.append(max(recent - (before[0] > origin - timedelta(days=horizon)), 0))
            rate.append(past[who][0] / max(past[who][2], 1) * horizon)
        here = {row["model"]: row for row in tested.filter(pl.col("origin_on") == origin).to_dicts()}
        for name, forecast in (("last_horizon", last), ("historical_rate", rate)):
            assert here[name]["kind"] == "baseline"
            assert here[name]["customer_n"] == len(past)
            assert here[name]["forecast"] == pytest.approx(np.mean(forecast), rel=1e-8)
            assert here[name]["actual"] == pytest.approx(np.mean(actual), rel=1e-8)
            assert here[name]["bias"] == pytest.approx(sum(forecast) / sum(actual) - 1, rel=1e-6)
            error = np.array(forecast) - np.array(actual)
            assert here[name]["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-8)
            assert here[name]["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-8)
        assert here["champion"]["mae"] < min(here["last_horizon"]["mae"], here["historical_rate"]["mae"])
        assert sum(row["kind"] == "baseline" for row in here.values()) >= 3
    value = marts["ltv_backtest"].filter(
        pl.col("target") == "value", pl.col("kind") == "champion", pl.col("decile") == 0
    )
    assert value["coverage_95"].min() > 0.85  # type: ignore[operator]
    assert (value["coverage_80"] <= value["coverage_95"]).all()
    assert (
        marts["ltv_backtest"].filter(pl.col("kind") == "baseline", pl.col("target") == "value")["model"].n_unique() >= 3
    )


def test_cohorts_equal_a_plain_triangle(core: Tables, marts: Tables, orders: dict[str, list[dict]]) -> None:
    cells: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(13))
    sizes: dict[str, int] = defaultdict(int)
    youngest: dict[str, date] = {}
    for own in orders.values():
        kept = [row["ordered_on"] for row in own if row["is_kept"]]
        if not kept:
            continue
        first, cohort = min(kept), f"{min(kept):%Y-%m}"
        sizes[cohort] += 1
        youngest[cohort] = max(first, youngest.get(cohort, first))
        for row in own:
            age = max((row["ordered_on"] - first).days, 0)
            cells[cohort][-(-age * 12 // 180) :] += float(row["net_revenue_reporting"] or 0)
    months = sorted(sizes)
    reached = {month: (SHAPE.as_of - youngest[month]).days * 12 // 180 for month in months}
    projected = {month: cells[month].copy() for month in months}
    for age in range(12):
        seen = [month for month in months if reached[month] > age]
        factor = sum(cells[m][age + 1] for m in seen) / sum(cells[m][age] for m in seen)
        for month in months:
            if reached[month] <= age:
                projected[month][age + 1] = projected[month][age] * factor
    rows = marts["cohort_ltv"].filter(
        pl.col("dim") == "total", pl.col("basis") == "net_revenue", pl.col("cohort") != "(all)"
    )
    assert rows.height == len(months) * 13
    for row in rows.to_dicts():
        month, age = row["cohort"], row["age_n"]
        assert row["customer_n"] == sizes[month]
        assert row["is_observed"] == (age <= reached[month])
        assert row["age_days"] == age * 15
        assert row["est"] == pytest.approx(projected[month][age] / sizes[month], rel=1e-7)
        if row["is_observed"]:
            assert float(row["amount"]) == pytest.approx(cells[month][age], abs=1e-3)
            assert row["lo"] == row["est"] == row["hi"]
        else:
            assert row["lo"] <= row["est"] <= row["hi"]
    pooled = marts["cohort_ltv"].filter(
        pl.col("cohort") == "(all)", pl.col("age_n") == 12, pl.col("basis") == "net_revenue"
    )
    total = pooled.filter(pl.col("dim") == "total")["customer_n"].item()
    assert pooled.group_by("dim").agg(pl.col("customer_n").sum())["customer_n"].unique().to_list() == [total]


def test_reconciliation_ties_to_the_customers(marts: Tables) -> None:
    customers, rows = marts["customer_ltv_predictive"], marts["ltv_reconciliation"]
    for row in rows.filter(pl.col("period") == "next").to_dicts():
        told = customers.filter(basis=row["basis"])
        mine = told if row["segment"] == "(all)" else told.filter(pl.col("segment") == row["segment"])
        assert row["customer_n"] == mine.height
        assert row["predictive"] == mine["model_value"].sum()
        assert row["cohort"] == mine["cohort_value"].sum()
        assert row["diff"] == row["predictive"] - row["cohort"]
        assert row["predictive_lo"] < row["predictive"] < row["predictive_hi"]
        if row["segment"] != "(all)":
            assert (row["value_source"] == "cohort") == (not row["is_overlap"])
        published = mine["expected_value"].sum()
        wanted = row["cohort"] if row["value_source"] == "cohort" else row["predictive"]
        assert row["segment"] == "(all)" or abs(published - wanted) <= HALF_UP * mine.height
    for basis in BASES:
        past = rows.filter(period="past", segment="(all)", basis=basis).to_dicts()[0]
        champion = marts["ltv_backtest"].filter(kind="champion", segment="(all)", decile=0, target="value", basis=basis)
        tested = champion.to_dicts()[-1]
        assert float(past["realised"]) == pytest.approx(tested["actual"] * tested["customer_n"], rel=1e-7)
    for row in rows.filter(pl.col("period") == "past").to_dicts():
        published = row["cohort"] if row["value_source"] == "cohort" else row["predictive"]
        lo, hi = (row[f"{'cohort' if row['value_source'] == 'cohort' else 'predictive'}_{end}"] for end in ("lo", "hi"))
        assert row["diff"] == published - row["realised"]
        assert row["is_covered"] == (lo <= row["realised"] <= hi)
        assert row["predictive_lo"] < row["predictive"] < row["predictive_hi"]
        assert (row["value_source"] == "cohort") == (row["is_overlap"] is False)


def test_a_segment_whose_models_disagree_is_published_by_its_cohorts_and_says_so(core: Tables, marts: Tables) -> None:
    """Levels planted so that one segment's model says four times as much, and is sure of it."""
    here = (pl.col("kind") == "chosen") & (pl.col("target") == "orders") & (pl.col("segment") == "ads")
    planted = marts["ltv_backtest"].with_columns(
        level=pl.when(here).then(4.0).otherwise("level"), level_log_sd=pl.col("level_log_sd") * 0.01
    )
    inputs = {**lazy(core), **{name: frame.lazy() for name, frame in marts.items()}, "ltv_backtest": planted.lazy()}
    by_name = {mart.name: mart for mart in MARTS}
    values = compute(by_name["customer_ltv_predictive"], inputs, PARAMS)
    rows = compute(by_name["ltv_reconciliation"], {**inputs, "customer_ltv_predictive": values.lazy()}, PARAMS)
    found = rows.filter(pl.col("segment") == "ads", pl.col("period") == "next").to_dicts()
    assert len(found) == len(BASES)
    for row in found:
        assert (row["is_overlap"], row["value_source"], row["reason"]) == (False, "cohort", GIVES_WAY)
        mine = values.filter(segment="ads", basis=row["basis"])
        assert set(mine["value_source"]) == {"cohort"}
        assert abs(mine["expected_value"].sum() - row["cohort"]) <= HALF_UP * mine.height
        assert mine["model_value"].sum() == row["predictive"] > 2 * row["cohort"]
        by_model = mine.sort("model_value", "customer_id")["expected_value"].cast(pl.Float64).to_numpy()
        assert (np.diff(by_model) >= -float(HALF_UP)).all()
        assert (mine["lo"] <= mine["expected_value"]).all()
        assert (mine["expected_value"] <= mine["hi"]).all()


def test_net_revenue_is_valued_as_contribution_without_costs_would_be(core: Tables, marts: Tables) -> None:
    """A company whose every cost is 0 contributes its net revenue: its contribution rows are the net revenue rows."""
    free = dict(core)
    free["fct_order"] = core["fct_order"].with_columns(contribution_reporting="net_revenue_reporting")
    nothing = pl.lit(0).cast(pl.Decimal(18, 4))
    free["fct_refund"] = core["fct_refund"].with_columns(cogs_returned_reporting=nothing)
    free["fct_cancellation"] = core["fct_cancellation"].with_columns(
        cancelled_contribution_reporting="cancelled_net_revenue_reporting"
    )
    names = ("mart_coverage", "ltv_backtest", "customer_ltv_predictive", "ltv_reconciliation")
    found = compute_all([mart for mart in MARTS if mart.name in names], lazy(free), PARAMS)
    for name in names[1:]:
        is_money = pl.col("target") == "value" if name == "ltv_backtest" else pl.lit(True)
        theirs = found[name].filter(is_money, pl.col("basis") == "contribution").drop("basis")
        ours = marts[name].filter(is_money, pl.col("basis") == "net_revenue").drop("basis")
        assert len(ours) > 1
        assert theirs.equals(ours), name


def test_churn_is_measured_against_what_came(marts: Tables, orders: dict[str, list[dict]]) -> None:
    rows = marts["churn_backtest"].filter(pl.col("part") == "all")
    shares, sizes = {}, {}
    for origin in sorted(set(rows["origin_on"]) - {SHAPE.as_of}):
        past = _statistics(orders, origin)
        until = origin + timedelta(days=90)
        silent = [not any(origin < day <= until for day in _history(orders[who], SHAPE.as_of)) for who in past]
        shares[origin], sizes[origin] = float(np.mean(silent)), len(silent)
        here = {row["model"]: row for row in rows.filter(pl.col("origin_on") == origin).to_dicts()}
        assert here["model"]["customer_n"] == len(past)
        assert here["model"]["actual"] == pytest.approx(shares[origin], rel=1e-8)
        before = [day for day in shares if day < origin]
        if before:
            base = sum(shares[day] * sizes[day] for day in before) / sum(sizes[day] for day in before)
            assert here["base_rate"]["forecast"] == pytest.approx(base, rel=1e-8)
            brier = shares[origin] * (1 - base) ** 2 + (1 - shares[origin]) * base**2
            assert here["base_rate"]["brier"] == pytest.approx(brier, rel=1e-6)
            assert here["calibrated"]["brier"] < here["base_rate"]["brier"]
            assert here["calibrated"]["auc"] > 0.6
    assert len(shares) >= 2
    assert set(rows.filter(pl.col("origin_on") == SHAPE.as_of)["model"]) == {
        "model", "calibrated", "recency_only", "base_rate",
    }  # fmt: skip


def test_risk_is_calibrated_monotone_and_in_money(marts: Tables, orders: dict[str, list[dict]]) -> None:
    rows = marts["customer_churn_risk"].sort("p_model", "customer_id")
    assert rows["is_calibrated"].all()
    risk = rows["p_no_order_90"].to_numpy()
    assert (np.diff(risk) >= -1e-9).all()
    assert rows["p_base_rate"].n_unique() == 1
    statistics = _statistics(orders, SHAPE.as_of)
    silent = [statistics[who][2] - statistics[who][1] for who in rows["customer_id"]]
    assert rows["silence_days"].to_list() == silent
    assert rows["basis"].unique().to_list() == marts["mart_coverage"]["headline_basis"].unique().to_list()
    value = marts["customer_ltv_predictive"].select("customer_id", "basis", "expected_value")
    both = rows.join(value, on=["customer_id", "basis"], suffix="_c2")
    assert (both["expected_value"] == both["expected_value_c2"]).all()
    wanted = (both["expected_value"].cast(pl.Float64) * both["p_no_order_90"]).to_numpy()
    np.testing.assert_allclose(both["value_at_risk"].cast(pl.Float64).to_numpy(), wanted, atol=1e-4)
    never = 1.0 - rows["p_alive"].to_numpy()
    assert (risk > never).mean() > 0.9


def test_overdue_is_beyond_nine_in_ten_of_ones_own_gaps(marts: Tables, orders: dict[str, list[dict]]) -> None:
    cuts = dict(marts["lifecycle_cut_points"].select("segment", "dormant_days").iter_rows())
    seen: dict[tuple[bool, bool], int] = defaultdict(int)
    for row in marts["customer_churn_risk"].to_dicts():
        days = sorted(_history(orders[row["customer_id"]], SHAPE.as_of))
        gaps = sorted((later - earlier).days for earlier, later in pairwise(days))
        usual = cuts.get(row["segment"], cuts["(all)"])
        limit = Decimal(usual)
        if gaps:
            own = next(gap for gap in gaps if sum(other <= gap for other in gaps) >= Decimal("0.9") * len(gaps))
            known = min(len(gaps), 5)
            limit = (Decimal(known * own + (5 - known) * usual) / 5).quantize(Decimal(1), "ROUND_HALF_UP")
        assert row["overdue_after_days"] == limit
        assert row["is_overdue"] == ((SHAPE.as_of - days[-1]).days > limit)
        seen[(len(gaps) >= 5, row["is_overdue"])] += 1
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("cohort", "wanted", "source"),
    [
        ([30_0000, 10_0000], [30_0000, 10_0000], "cohort"),  # a third of the model's total, each scaled
        ([87_0000, 31_0000], [90_0000, 30_0000], "model"),  # inside the joint interval of 2.8
        ([-9_0000, -3_0000], [-9_0000, -3_0000], "cohort"),  # no factor leads to a loss: the cohort's own shares
    ],
)
def test_the_rule_of_the_fallback(cohort: list[int], wanted: list[int], source: str) -> None:
    scores = pl.DataFrame(
        {"customer_id": ["c_1", "c_2"], "segment": ["ads"] * 2, "value": [90_0000, 30_0000], "lo": [80_0000, 20_0000],
         "hi": [99_0000, 40_0000], "value_sd": [1.0, 1.0]}
    )  # fmt: skip
    each = np.array(cohort) / 1e4
    found = published(scores, (each, {"ads": (1.0, "ok")}), {"ads": 0.0}, 0.9)
    assert set(found["value_source"]) == {source}
    assert found["expected_value"].to_list() == wanted
    assert (found["lo"] < found["expected_value"]).all()
    assert (found["expected_value"] < found["hi"]).all()
