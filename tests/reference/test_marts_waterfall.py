"""The profit waterfall against plain sums over order lines and refunds, by the definitions of B1."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from support.marts_core import Shape, lazy, make_core

from pipelines.contracts.marts import MartParams
from pipelines.marts import MARTS, compute_all

SHAPES = (
    Shape(customers=80, seed=9, days=260, cost_known_share=0.9, no_rate_share=0.02),
    Shape(customers=50, seed=10, days=120, cost_known_share=0.0),
    Shape(customers=50, seed=11, days=120, cost_known_share=1.0, period_costs=False),
)
SIGNS = {
    "list_value": 1,
    "markdown": -1,
    "merchant_discount": -1,
    "cancelled": -1,
    "refunded_goods": -1,
    "refunded_shipping": -1,
    "shipping_charged": 1,
    "tax": -1,
}
COSTS = ("cogs", "platform_fee", "payment_fee", "commission", "fulfilment", "incentives")
ZERO = Decimal(0)


@pytest.fixture(scope="module", params=SHAPES, ids=["most costs", "no costs", "all costs"])
def case(request: pytest.FixtureRequest) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Core and marts."""
    core = make_core(request.param)
    marts = [mart for mart in MARTS if mart.name in ("profit_waterfall", "mart_coverage")]
    return core, compute_all(marts, lazy(core), MartParams(as_of=request.param.as_of))


def _kind(core: dict[str, pl.DataFrame]) -> dict[str, str]:
    """New, returning or unidentified, by order."""
    identified = dict(core["dim_customer"].select("customer_id", "is_identified").iter_rows())
    first = {row["customer_id"]: row["ordered_at"] for row in core["fct_order"].to_dicts() if row["kept_order_n"] == 1}
    kinds = {}
    for row in core["fct_order"].to_dicts():
        who = row["customer_id"]
        late = who in first and row["ordered_at"] > first[who]
        kinds[row["order_key"]] = ("returning" if late else "new") if identified[who] else "unidentified"
    return kinds


def _month(day: date) -> date:
    return day.replace(day=1)


def _cells(core: dict[str, pl.DataFrame], dating: str) -> dict[tuple[str, str, date], list[dict]]:
    """Signed amounts of order lines, and of refunds moved to another month, by every cell they fall into."""
    category = dict(core["dim_product"].select("sku", "category_l1").iter_rows())
    kinds = _kind(core)
    lines = {row["order_line_key"]: row for row in core["fct_order_line_economics"].to_dicts()}
    cells: dict[tuple[str, str, date], list[dict]] = defaultdict(list)

    def put(line: dict, month: date, amounts: dict) -> None:
        amounts["costed"], amounts["known"] = (
            line["is_costed"],
            {cost: line[f"{cost}_reporting"] is not None for cost in COSTS},
        )
        for dim, value in (
            ("total", "total"),
            ("channel", line["channel"]),
            ("source_system", line["source_system"]),
            ("category_l1", category.get(line["sku"]) or "(unknown)"),
            ("customer_kind", kinds[line["order_key"]]),
        ):
            cells[(dim, value, month)].append(amounts)

    for line in lines.values():
        amounts = {name: line[f"{name}_reporting"] or ZERO for name in (*SIGNS, *COSTS, "net_revenue")}
        amounts["platform_subsidy"] = line["platform_subsidy_reporting"] or ZERO
        amounts["is_line"], amounts["has_rate"] = True, line["net_revenue_reporting"] is not None
        put(line, _month(line["ordered_on"]), amounts)
    for refund in core["fct_refund"].to_dicts() if dating == "refund" else []:
        goods, shipping, tax, cogs = (
            refund[f"{name}_reporting"] or ZERO
            for name in ("refunded_goods", "refunded_shipping", "tax_returned", "cogs_returned")
        )
        for month, sign in ((_month(refund["refunded_on"]), 1), (_month(refund["ordered_on"]), -1)):
            amounts = dict.fromkeys((*SIGNS, *COSTS, "platform_subsidy"), ZERO)
            amounts |= {"refunded_goods": sign * goods, "refunded_shipping": sign * shipping}
            amounts |= {"tax": -sign * tax, "cogs": -sign * cogs}
            amounts |= {"net_revenue": sign * (tax - goods - shipping), "is_line": False, "has_rate": False}
            put(lines[refund["order_line_key"]], month, amounts)
    return cells


@pytest.mark.parametrize("dating", ["order", "refund"])
def test_every_line_of_every_cell_equals_plain_sums(case, dating: str) -> None:
    core, marts = case
    found = {
        (row["dim"], row["dim_value"], row["month"], row["line"]): row
        for row in marts["profit_waterfall"].filter(pl.col("dating") == dating).to_dicts()
    }
    checked = 0
    for cell, rows in _cells(core, dating).items():
        if not any(row["is_line"] for row in rows) and (*cell, "net_revenue") not in found:
            assert all(not row["net_revenue"] and not row["cogs"] for row in rows), (
                "a refund within its month moves nothing"
            )
            continue
        net = sum((row["net_revenue"] for row in rows), ZERO)
        line_n = sum(row["is_line"] for row in rows)
        for name, sign in SIGNS.items():
            row = found[(*cell, name)]
            total = sign * sum((part[name] for part in rows), ZERO)
            assert (row["amount"], row["known_amount"]) == (total, total)
            assert (row["net_revenue"], row["order_line_n"]) == (net, line_n)
            assert row["known_order_line_n"] == sum(part["has_rate"] for part in rows)
        goods = found[(*cell, "gross_merchandise")]["amount"]
        assert goods == sum((part["list_value"] - part["markdown"] - part["merchant_discount"] for part in rows), ZERO)
        assert found[(*cell, "platform_subsidy")]["amount"] == sum((part["platform_subsidy"] for part in rows), ZERO)
        assert found[(*cell, "net_revenue")]["amount"] == net
        costed = [part for part in rows if part["costed"] and (part["has_rate"] or not part["is_line"])]
        some = any(part["is_line"] for part in costed)
        for name in COSTS:
            row = found[(*cell, name)]
            known = [part for part in rows if part["known"][name]]
            if some:
                assert row["amount"] == -sum((part[name] for part in costed), ZERO)
            assert (row["known_amount"] or ZERO) == -sum((part[name] for part in known), ZERO)
            assert row["known_net_revenue"] == sum((part["net_revenue"] for part in known), ZERO)
            assert row["known_order_line_n"] == sum(part["is_line"] for part in known)
        left = sum((part["net_revenue"] - sum(part[name] for name in COSTS) for part in costed), ZERO)
        contribution = found[(*cell, "contribution")]["amount"]
        assert contribution == left if some else contribution in (None, left)
        checked += 1
    assert checked > 30


def test_core_contribution_comes_out_by_channel(case) -> None:
    core, marts = case
    expected = (
        core["fct_order_line_economics"]
        .group_by("channel")
        .agg(pl.col("contribution_reporting").sum().alias("sum"), pl.col("contribution_reporting").count().alias("n"))
    )
    for dating in ("order", "refund"):
        sums = dict(
            marts["profit_waterfall"]
            .filter((pl.col("dating") == dating) & (pl.col("dim") == "channel") & (pl.col("line") == "contribution"))
            .group_by("dim_value")
            .agg(pl.col("amount").sum())
            .iter_rows()
        )
        for channel, total, n in expected.iter_rows():
            assert sums[channel] == (total if n else 0)


def test_steps_sum_to_subtotals_and_dimensions_to_the_total(case) -> None:
    _, marts = case
    rows = marts["profit_waterfall"].filter(pl.col("dim_value") != "(unallocated)")
    for _, cell in rows.group_by("dating", "dim", "dim_value", "month"):
        running, told = ZERO, True
        for line in cell.sort("position").iter_rows(named=True):
            if line["line_kind"] == "step":
                running += line["amount"] or ZERO
            elif line["line_kind"] == "subtotal":
                told = line["amount"] is not None
                assert line["amount"] == running if told else running is not None
    by_dim = marts["profit_waterfall"].group_by("dating", "month", "line", "dim").agg(pl.col("amount").sum())
    per_line = by_dim.group_by("dating", "month", "line").agg(pl.col("amount").n_unique(), pl.len())
    assert (per_line["amount"] == 1).all()
    datings = marts["profit_waterfall"].filter(pl.col("dim") == "total").group_by("line", "dating")
    whole = datings.agg(pl.col("amount").sum()).group_by("line").agg(pl.col("amount").n_unique())
    assert (whole["amount"] == 1).all(), "the dating moves money between months and makes none"


def test_period_costs_are_shared_exactly(case) -> None:
    core, marts = case
    costs = core["fct_period_cost"]
    rows = marts["profit_waterfall"].filter((pl.col("dating") == "order") & (pl.col("dim") == "channel"))
    placed = (
        rows.filter(pl.col("line").is_in(["period_cost", "unallocated"])).group_by("month").agg(pl.col("amount").sum())
    )
    per_month = dict(placed.iter_rows())
    for month, amount in costs.group_by("month").agg(pl.col("amount_reporting").sum()).iter_rows():
        assert per_month[month] == -amount
    never = costs.filter(pl.col("allocation_rule").is_in(["none", "channel:moon"]))["amount_reporting"].sum()
    left = -rows.filter(pl.col("line") == "unallocated")["amount"].sum()
    assert left >= never
    if costs.height:
        moon = rows.filter((pl.col("line") == "unallocated") & (pl.col("amount") < 0))
        assert set(moon["dim_value"]) == {"(unallocated)"}


def test_coverage_and_headline_equal_plain_sums(case) -> None:
    core, marts = case
    lines = core["fct_order_line_economics"].to_dicts()
    total = marts["mart_coverage"].filter(pl.col("dim") == "total").to_dicts()[0]
    net = sum((line["net_revenue_reporting"] or ZERO for line in lines), ZERO)
    costed = sum((line["net_revenue_reporting"] or ZERO for line in lines if line["is_costed"]), ZERO)
    assert (total["net_revenue"], total["costed_net_revenue"]) == (net, costed)
    assert total["costed_rate"] == (costed / net).quantize(Decimal("0.000001"), "ROUND_HALF_UP")
    assert total["unconverted_order_line_n"] == sum(line["net_revenue_reporting"] is None for line in lines)
    expected = "contribution" if costed / net >= Decimal("0.95") else "net_revenue"
    assert set(marts["mart_coverage"]["headline_basis"]) == {expected}
    for row in marts["mart_coverage"].filter(pl.col("dim") == "channel").to_dicts():
        own = [line for line in lines if line["channel"] == row["dim_value"]]
        assert row["order_line_n"] == len(own)
        assert row["net_revenue"] == sum((line["net_revenue_reporting"] or ZERO for line in own), ZERO)
