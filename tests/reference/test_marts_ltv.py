"""Historical value at fixed ages and customer_360 against plain loops over dictionaries."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from support.marts_core import Shape, lazy, make_core

from pipelines.contracts.marts import MartParams
from pipelines.marts import MARTS, compute_all

SHAPES = (
    Shape(customers=150, seed=7, days=900, cost_known_share=0.9),
    Shape(customers=80, seed=8, days=200, cost_known_share=0.0, no_rate_share=0.05),
)


@pytest.fixture(scope="module", params=SHAPES, ids=["some costs", "no costs, rates missing"])
def case(request: pytest.FixtureRequest) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame], date]:
    """Core, marts, as-of day."""
    core = make_core(request.param)
    return core, compute_all(MARTS, lazy(core), MartParams(as_of=request.param.as_of)), request.param.as_of


def _orders(core: dict[str, pl.DataFrame]) -> dict[str, list[dict]]:
    orders: dict[str, list[dict]] = defaultdict(list)
    for row in core["fct_order"].to_dicts():
        orders[row["customer_id"]].append(row)
    return {
        row["customer_id"]: orders[row["customer_id"]]
        for row in core["dim_customer"].to_dicts()
        if row["is_identified"] and not row["is_test"]
    }


def _total(rows: list[dict], column: str) -> Decimal | None:
    amounts = [row[column] for row in rows]
    return None if None in amounts else sum(amounts, Decimal(0))


def test_value_at_each_age_equals_plain_sums(case) -> None:
    core, marts, as_of = case
    expected = {}
    for who, rows in _orders(core).items():
        kept = [row["ordered_on"] for row in rows if row["is_kept"]]
        if not kept:
            continue
        first = min(kept)
        for age in (0, 30, 60, 90, 180, 365, 720):
            until = first + timedelta(days=age)
            inside = [row for row in rows if row["ordered_on"] <= until]
            for basis in ("contribution", "net_revenue"):
                if until > as_of:
                    expected[(who, age, basis)] = (None, None, False, "the customer has not reached this age")
                    continue
                amount = _total(inside, f"{basis}_reporting")
                no_rate = _total(inside, "net_revenue_reporting") is None
                why = None
                if amount is None:
                    why = "no exchange rate for the day" if no_rate else "a cost is not known"
                expected[(who, age, basis)] = (amount, sum(row["is_kept"] for row in inside), True, why)
    found = {
        (row["customer_id"], row["age_days"], row["basis"]): (
            row["amount"],
            row["kept_order_n"],
            row["is_reached"],
            row["why_not"],
        )
        for row in marts["customer_ltv_historical"].to_dicts()
    }
    assert found == expected
    assert {why for *_, why in found.values()} >= {None, "the customer has not reached this age", "a cost is not known"}


def test_customer_360_equals_plain_sums(case) -> None:
    core, marts, as_of = case
    category = {row["sku"]: row["category_l1"] for row in core["dim_product"].to_dicts()}
    people = {row["customer_id"]: row for row in core["dim_customer"].to_dicts()}
    orders = _orders(core)
    rows = marts["customer_360"].to_dicts()
    assert {row["customer_id"] for row in rows} == set(orders)
    state = dict(marts["customer_lifecycle"].select("customer_id", "state").iter_rows())
    tier = dict(marts["customer_rfm"].select("customer_id", "tier").iter_rows())
    for row in rows:
        own, person = orders[row["customer_id"]], people[row["customer_id"]]
        kept = [order for order in own if order["is_kept"]]
        first = next((order for order in own if order["kept_order_n"] == 1), None)
        assert (row["order_n"], row["kept_order_n"]) == (len(own), len(kept))
        assert row["channel_n"] == len({order["channel"] for order in kept})
        assert row["first_order_on"] == min((order["ordered_on"] for order in kept), default=None)
        assert row["last_order_on"] == max((order["ordered_on"] for order in kept), default=None)
        for name in ("net_revenue", "contribution", "refunded_goods"):
            assert row[name] == _total(own, f"{name}_reporting")
        assert row["costed_net_revenue"] == sum((order["costed_net_revenue_reporting"] for order in own), Decimal(0))
        assert row["first_channel"] == (first and first["channel"])
        assert row["first_category"] == (category.get(first["first_sku"]) if first else None)
        if first and first["list_value_reporting"]:
            depth = (first["markdown_reporting"] + first["merchant_discount_reporting"]) / first["list_value_reporting"]
            assert row["first_discount_rate"] == depth.quantize(Decimal("0.000001"), "ROUND_HALF_UP")
        else:
            assert row["first_discount_rate"] is None
        email = person["has_email"] and person["is_email_consented"] is True
        sms = person["has_phone"] and person["is_sms_consented"] is True
        assert (row["is_email_reachable"], row["is_sms_reachable"], row["is_reachable"]) == (email, sms, email or sms)
        if kept:
            assert row["tenure_days"] == (as_of - row["first_order_on"]).days
            assert row["recency_days"] == (as_of - row["last_order_on"]).days
        assert (row["state"], row["tier"]) == (state[row["customer_id"]], tier[row["customer_id"]])


def test_customer_channel_splits_customer_360_exactly(case) -> None:
    core, marts, _ = case
    split, orders = marts["customer_channel"], _orders(core)
    for (who, channel), own in split.group_by("customer_id", "channel"):
        rows = [row for row in orders[who] if row["channel"] == channel]
        assert (own["order_n"].item(), own["kept_order_n"].item()) == (len(rows), sum(row["is_kept"] for row in rows))
        assert own["contribution"].item() == _total(rows, "contribution_reporting")
    sums = split.group_by("customer_id").agg(pl.col("order_n", "kept_order_n").sum(), pl.col("net_revenue").sum())
    both = marts["customer_360"].filter(pl.col("order_n") > 0).join(sums, on="customer_id")
    assert len(both) == len(sums)
    assert (both["order_n"] == both["order_n_right"]).all()
    known = both.drop_nulls("net_revenue")
    assert (known["net_revenue"] == known["net_revenue_right"]).all()
