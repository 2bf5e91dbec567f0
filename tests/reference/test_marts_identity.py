"""The identity marts against a second computation in plain Python, customer by customer."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from support.marts_core import Shape, lazy, make_core

from pipelines.contracts.marts import MartParams
from pipelines.marts import compute
from pipelines.marts.identity import identity_cluster_size, identity_match_rate, identity_policy_effect

AS_OF = date(2025, 6, 30)


@pytest.fixture(scope="module")
def core() -> dict[str, pl.DataFrame]:
    return make_core(
        Shape(
            customers=150, seed=4, as_of=AS_OF, days=900, mean_gap_days=80.0, cost_known_share=0.97, no_rate_share=0.01
        )
    )


def _anchor(core: dict[str, pl.DataFrame]) -> dict[str, str]:
    """The account that names the customer of each account in force: seen first, ties by key."""
    rows = core["dim_account"].select("customer_id", "first_seen_at", "account_key").rows()
    first: dict[str, tuple[object, str]] = {}
    for customer, at, key in rows:
        first[customer] = min(first.get(customer, (at, key)), (at, key))  # type: ignore[type-var]
    return {key: first[customer][1] for customer, _, key in rows}


@pytest.mark.parametrize("basis", ["contribution", "net_revenue"])
@pytest.mark.parametrize("policy", ["strict", "default", "loose"])
def test_figures_under_a_policy(core: dict[str, pl.DataFrame], policy: str, basis: str) -> None:
    mart = compute(identity_policy_effect.MART, lazy(core), MartParams(as_of=AS_OF))
    row = mart.filter((pl.col("policy") == policy) & (pl.col("basis") == basis)).row(0, named=True)
    cluster = _anchor(core)
    changed = core["identity_policy"].filter(pl.col("policy") == policy)
    cluster |= dict(changed.select("account_key", "cluster").iter_rows())
    counted = set(core["dim_customer"].filter(pl.col("is_identified") & ~pl.col("is_test"))["customer_id"])
    orders = defaultdict(list)
    for order in core["fct_order"].iter_rows(named=True):
        if order["customer_id"] in counted:
            orders[cluster[order["account_key"]]].append(order)
    customers = mature = repeat = 0
    values: list[Decimal] = []
    for rows in orders.values():
        kept = sorted(order["ordered_on"] for order in rows if order["is_kept"])
        if not kept:
            continue
        customers += 1
        if (AS_OF - kept[0]).days < 365:
            continue
        mature += 1
        repeat += sum((day - kept[0]).days <= 365 for day in kept) > 1
        within = [o[f"{basis}_reporting"] for o in rows if (o["ordered_on"] - kept[0]).days <= 365]
        if None not in within:
            values.append(sum(within, Decimal(0)))
    assert mature > 20
    assert (row["customer_n"], row["mature_n"], row["repeat_n"]) == (customers, mature, repeat)
    assert row["valued_n"] == len(values)
    assert row["ltv_365"] == (sum(values) / len(values)).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    assert row["repeat_rate"] == (Decimal(repeat) / mature).quantize(Decimal("0.000001"), ROUND_HALF_UP)


def test_policies_order_as_they_should(core: dict[str, pl.DataFrame]) -> None:
    mart = compute(identity_policy_effect.MART, lazy(core), MartParams(as_of=AS_OF))
    n = dict(mart.filter(pl.col("basis") == "net_revenue").select("policy", "customer_n").iter_rows())
    assert n["strict"] > n["default"] > n["loose"]


def test_match_rates(core: dict[str, pl.DataFrame]) -> None:
    mart = compute(identity_match_rate.MART, lazy(core), MartParams(as_of=AS_OF))
    sources = defaultdict(set)
    for source, customer in core["dim_account"].select("source_system", "customer_id").iter_rows():
        sources[customer].add(source)
    orders = Counter(core["fct_order"]["account_key"])
    for row in mart.iter_rows(named=True):
        own = core["dim_account"].filter(pl.col("source_system") == row["source_system"])
        keyed = own.filter(pl.col("buyer_key_kind") == "real")
        matched = [
            key
            for key, customer in keyed.select("account_key", "customer_id").iter_rows()
            if len(sources[customer]) > 1
        ]
        assert row["account_n"] == len(own)
        assert row["keyed_n"] == len(keyed)
        assert row["matched_n"] == len(matched)
        assert row["order_n"] == sum(orders[key] for key in own["account_key"])
        assert row["matched_order_n"] == sum(orders[key] for key in matched)
        assert row["match_rate"] == (Decimal(len(matched)) / len(keyed)).quantize(Decimal("0.000001"), ROUND_HALF_UP)
    assert mart["source_system"].to_list() == ["pos", "web"]


def test_sizes_add_up_to_all_customers(core: dict[str, pl.DataFrame]) -> None:
    mart = compute(identity_cluster_size.MART, lazy(core), MartParams(as_of=AS_OF))
    assert dict(mart.select("account_n", "customer_n").iter_rows()) == Counter(core["dim_customer"]["account_n"])
    assert mart["identified_customer_n"].sum() == core["dim_customer"]["is_identified"].sum()
