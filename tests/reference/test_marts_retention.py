"""Retention cells against plain loops over dictionaries, by the definitions of E1."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from lifelines import KaplanMeierFitter
from support.marts_core import Shape, lazy, make_core

from pipelines.contracts.marts import MartParams
from pipelines.marts import MARTS, compute_all

SHAPES = (
    Shape(customers=160, seed=3, days=700, cost_known_share=0.995),
    Shape(customers=90, seed=4, days=420, cost_known_share=0.6, no_rate_share=0.01),
)
Z = 1.959963984540054


@pytest.fixture(scope="module", params=SHAPES, ids=["long", "short, costs missing"])
def case(request: pytest.FixtureRequest) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame], date]:
    """Core, marts, as-of day."""
    core = make_core(request.param)
    wanted = {"lifecycle_cut_points", "cohort_retention"}
    marts = [mart for mart in MARTS if mart.name in wanted]
    return core, compute_all(marts, lazy(core), MartParams(as_of=request.param.as_of)), request.param.as_of


def _histories(core: dict[str, pl.DataFrame]) -> dict[str, list[dict]]:
    people = {
        row["customer_id"] for row in core["dim_customer"].to_dicts() if row["is_identified"] and not row["is_test"]
    }
    orders: dict[str, list[dict]] = defaultdict(list)
    for row in core["fct_order"].to_dicts():
        if row["customer_id"] in people:
            orders[row["customer_id"]].append(row)
    return {who: rows for who, rows in orders.items() if any(row["is_kept"] for row in rows)}


def _first_day(rows: list[dict]) -> date:
    return min(row["ordered_on"] for row in rows if row["is_kept"])


def _period(day: date, first: date) -> int:
    return max(0, math.ceil((day - first).days / 30))


def _lapse_day(rows: list[dict], cut: int, as_of: date) -> int | None:
    days = sorted({row["ordered_on"] for row in rows if row["is_kept"]})
    for day, following in zip(days, [*days[1:], as_of], strict=True):
        if (following - day).days > cut:
            return (day - days[0]).days + cut + 1
    return None


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _kept(rows: list[dict], kind: str, k: int, cut: int | None, as_of: date) -> bool:
    first = _first_day(rows)
    periods = {_period(row["ordered_on"], first) for row in rows if row["is_kept"]}
    if kind == "exact":
        return k in periods
    if kind == "within_n":
        return any(1 <= period <= k for period in periods)
    if kind == "rolling":
        return any(period >= k for period in periods)
    assert cut is not None
    lapse = _lapse_day(rows, cut, as_of)
    return lapse is None or lapse > 30 * k


def _wilson(k: int, n: int) -> tuple[float, float]:
    p = k / n
    centre, spread = p + Z * Z / (2 * n), Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return (centre - spread) / (1 + Z * Z / n), (centre + spread) / (1 + Z * Z / n)


def _groups(core: dict[str, pl.DataFrame]) -> dict[tuple[str, str, str], list[list[dict]]]:
    acquired = {row["customer_id"]: row["acquisition_channel"] for row in core["dim_customer"].to_dicts()}
    category = {row["sku"]: row["category_l1"] for row in core["dim_product"].to_dicts()}
    groups: dict[tuple[str, str, str], list[list[dict]]] = defaultdict(list)
    for who, rows in _histories(core).items():
        start = next(row for row in rows if row["kept_order_n"] == 1)
        groups[("total", "total", f"{_first_day(rows):%Y-%m}")].append(rows)
        for dim, value in (
            ("total", "total"),
            ("first_channel", start["channel"]),
            ("acquisition_channel", acquired[who]),
            ("first_category", category.get(start["first_sku"])),
            ("first_discount_band", _band(start)),
        ):
            groups[(dim, value or "(unknown)", "(all)")].append(rows)
    return groups


def _band(order: dict) -> str | None:
    if order["list_value_reporting"] is None or order["list_value_reporting"] <= 0:
        return None
    depth = Fraction(order["markdown_reporting"] + order["merchant_discount_reporting"]) / Fraction(
        order["list_value_reporting"]
    )
    if depth == 0:
        return "none"
    limits = ((Fraction(1, 10), "up_to_10"), (Fraction(1, 5), "up_to_20"), (Fraction(3, 10), "up_to_30"))
    return next((name for limit, name in limits if depth <= limit), "above_30")


def _observed(group: list[list[dict]], cohort: str, k: int, as_of: date) -> list[list[dict]]:
    """Customers observed for k full periods; of a cohort none before its last possible customer was."""
    if cohort != "(all)" and _month_end(_first_day(group[0])) + timedelta(days=30 * k) > as_of:
        return []
    return [rows for rows in group if _first_day(rows) + timedelta(days=30 * k) <= as_of]


def test_the_marts_cells_are_exactly_the_matured_ones(case) -> None:
    core, marts, as_of = case
    expected = {
        (*key, k) for key, group in _groups(core).items() for k in range(1, 37) if _observed(group, key[2], k, as_of)
    }
    found = marts["cohort_retention"].select("dim", "dim_value", "cohort", "period_n").unique().rows()
    assert set(found) == expected
    assert len(expected) > 40


def test_customer_cells_equal_plain_counting(case) -> None:
    core, marts, as_of = case
    cut = marts["lifecycle_cut_points"].filter(pl.col("segment") == "(all)")["churned_days"].item()
    cells = marts["cohort_retention"].filter(pl.col("measure") == "customers").to_dicts()
    groups, checked = _groups(core), 0
    for cell in cells:
        group = groups[(cell["dim"], cell["dim_value"], cell["cohort"])]
        observed = _observed(group, cell["cohort"], cell["period_n"], as_of)
        assert (cell["cohort_n"], cell["n"]) == (len(group), len(observed))
        if cell["retention_kind"] == "survival" and cut is None:
            assert cell["est"] is None
            assert cell["why_not"]
            continue
        kept = sum(_kept(rows, cell["retention_kind"], cell["period_n"], cut, as_of) for rows in observed)
        assert cell["kept_n"] == kept, cell
        if cell["retention_kind"] == "survival" and cell["cohort"] == "(all)":
            continue
        assert cell["est"] == pytest.approx(kept / len(observed), rel=1e-8)
        assert (cell["lo"], cell["hi"]) == pytest.approx(_wilson(kept, len(observed)), rel=1e-7, abs=1e-12)
        checked += 1
    assert checked > 200


def test_pooled_survival_equals_lifelines(case) -> None:
    core, marts, as_of = case
    cut = marts["lifecycle_cut_points"].filter(pl.col("segment") == "(all)")["churned_days"].item()
    if cut is None:
        pytest.skip("this company's data are too short to tell churn")
    histories = list(_histories(core).values())
    lapses = [_lapse_day(rows, cut, as_of) for rows in histories]
    ages = [(as_of - _first_day(rows)).days for rows in histories]
    fitter = KaplanMeierFitter().fit(
        [age if lapse is None else lapse for age, lapse in zip(ages, lapses, strict=True)],
        [lapse is not None for lapse in lapses],
    )
    cells = marts["cohort_retention"].filter(
        (pl.col("retention_kind") == "survival") & (pl.col("dim") == "total") & (pl.col("cohort") == "(all)")
    )
    limits = fitter.confidence_interval_
    inside = 0
    for cell in cells.to_dicts():
        assert cell["est"] == pytest.approx(fitter.predict(cell["age_days"]), abs=1e-9)
        if 0 < cell["est"] < 1:
            row = limits[limits.index <= cell["age_days"]].iloc[-1]
            assert (cell["lo"], cell["hi"]) == pytest.approx(tuple(row), abs=1e-8)
            inside += 1
    assert inside > 3


def test_money_cells_equal_plain_sums(case) -> None:
    core, marts, as_of = case
    groups, told = _groups(core), 0
    for cell in marts["cohort_retention"].filter(pl.col("measure") != "customers").to_dicts():
        group = groups[(cell["dim"], cell["dim_value"], cell["cohort"])]
        observed = _observed(group, cell["cohort"], cell["period_n"], as_of)
        pairs, net, costed, no_rate = [], Decimal(0), Decimal(0), False
        for rows in observed:
            x = y = Decimal(0)
            for row in rows:
                period = _period(row["ordered_on"], _first_day(rows))
                if period > cell["period_n"]:
                    continue
                amount = row[f"{cell['measure']}_reporting"] or Decimal(0)
                no_rate |= row["net_revenue_reporting"] is None
                net += row["net_revenue_reporting"] or Decimal(0)
                costed += row["costed_net_revenue_reporting"]
                if period == 0:
                    x += amount
                elif cell["retention_kind"] == "within_n" or period == cell["period_n"]:
                    y += amount
            pairs.append((x, y))
        base, money = sum(x for x, _ in pairs), sum(y for _, y in pairs)
        short = cell["measure"] == "contribution" and costed * 100 < net * 95
        if no_rate or short or base <= 0:
            assert cell["est"] is None
            assert cell["why_not"]
            continue
        told += 1
        assert (cell["amount"], cell["base_amount"]) == (money, base)
        ratio = Fraction(money) / Fraction(base)
        assert cell["est"] == pytest.approx(float(ratio), rel=1e-8)
        n = len(pairs)
        if cell["lo"] is not None:
            squares = sum((Fraction(y) - ratio * Fraction(x)) ** 2 for x, y in pairs)
            error = math.sqrt(squares * n / (n - 1)) / float(base)
            assert cell["hi"] - cell["est"] == pytest.approx(Z * error, rel=1e-5)
            assert cell["est"] - cell["lo"] == pytest.approx(Z * error, rel=1e-5)
        else:
            assert n == 1 or money == 0
    assert told > 100
