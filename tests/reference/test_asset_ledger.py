"""The asset ledger of a company of fifty, against a second computation customer by customer in plain Python."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from support.as_known import as_known
from support.asset_company import (
    AS_OF,
    PARAMS,
    SHAPE,
    Oracle,
    Tables,
    assert_it_leads_on,
    assert_its_analysis_leads_on,
    compute_asset,
    month_ends,
    movements,
    published_as,
    told_movements,
)
from support.marts_core import make_core

from pipelines.contracts.marts import MartParams
from pipelines.marts import digest
from pipelines.marts.asset.states import BEHAVIOURS
from pipelines.marts.common import BASES
from pipelines.science.valuation import value_customers


@pytest.mark.parametrize("basis", BASES)
def test_every_line_of_every_customer_equals_a_second_computation(core: Tables, frames: Tables, basis: str) -> None:
    found = told_movements(frames, basis)
    assert found == movements(Oracle(core, frames["asset_assumptions"]), basis)
    lines = {line for _, _, line in found}
    assert {"late_data_restatement", "model_revision", "acquired", "reactivated", "deepened", "lapsed"} <= lines


def test_what_a_cost_does_not_tell_is_left_out_and_said() -> None:
    """Half of the orders have no known cost: contribution is valued from the others, and the ledger says how many."""
    core = make_core(replace(SHAPE, cost_known_share=0.5))
    frames = compute_asset(core)
    oracle = Oracle(core, frames["asset_assumptions"])
    for basis in BASES:
        assert told_movements(frames, basis) == movements(oracle, basis)
    assert frames["mart_coverage"]["headline_basis"].unique().to_list() == ["net_revenue"]
    orders = oracle.known(AS_OF, AS_OF)
    costed = sum(order["net_revenue"] for order in orders if order["contribution"] is not None)
    share = costed / sum(order["net_revenue"] for order in orders)
    told = frames["asset_ledger"].filter(period_on=AS_OF).group_by("basis").agg(pl.col("covered_rate").unique())
    assert dict(told.iter_rows()) == {
        "contribution": [pytest.approx(Decimal(share), abs=Decimal("0.000001"))], "net_revenue": [1],
    }  # fmt: skip
    assert 0.2 < share < 0.8
    test_the_ledger_leads_from_opening_to_closing_and_on(frames)


def test_a_basis_of_which_nothing_is_known_has_no_rows() -> None:
    core = make_core(replace(SHAPE, cost_known_share=0.0))
    frames = compute_asset(core)
    for name in ("customer_asset", "asset_movement", "asset_ledger", "asset_variance"):
        assert frames[name]["basis"].unique().to_list() == ["net_revenue"], name
    said = frames["asset_assumptions"].filter(part="coverage", fitted_on=AS_OF)
    assert dict(said.select("basis", "value").iter_rows()) == {"contribution": 0.0, "net_revenue": 1.0}


def test_states_tiers_and_heads_are_the_same_on_both_bases(frames: Tables) -> None:
    asset = frames["customer_asset"].drop("behaviour").sort("customer_id", "period_on")
    first, second = (asset.filter(basis=basis).drop("basis") for basis in BASES)
    assert first.select(pl.exclude("^.*_amount$")).equals(second.select(pl.exclude("^.*_amount$")))
    assert not first["closing_amount"].equals(second["closing_amount"])


def test_the_ledger_leads_from_opening_to_closing_and_on(frames: Tables) -> None:
    assert_it_leads_on(frames)


def test_the_analysis_of_change_leads_from_opening_to_closing(frames: Tables) -> None:
    assert_its_analysis_leads_on(frames)


def test_what_is_released_and_comes_into_view_is_what_the_valuation_says(core: Tables, frames: Tables) -> None:
    """Expected money of the month, and of the days beyond the horizon, from valuations with other horizons."""
    oracle = Oracle(core, frames["asset_assumptions"])
    start, end = date(2025, 4, 30), date(2025, 5, 31)
    review, days = oracle.review(end), (end - start).days
    rows = oracle.known(start, end)

    def total(horizon: int, basis: str) -> float:
        frame = pl.DataFrame(
            {
                "customer_id": [o["customer_id"] for o in rows],
                "ordered_on": [o["ordered_on"] for o in rows],
                "is_kept": [o["kept"] for o in rows],
                "amount": [o[basis] for o in rows],
                "segment": pl.Series([oracle.segment[o["customer_id"]] for o in rows], dtype=pl.String),
            }
        )
        params = MartParams(as_of=AS_OF, horizon_days=horizon)
        return float(value_customers(frame, start, params, review.models[basis], with_interval=False)["value"].sum())

    for basis in BASES:
        row = frames["asset_variance"].filter(dim="total", period_on=end, basis=basis).row(0, named=True)
        assert float(row["released_amount"]) * 10_000 == pytest.approx(total(days, basis), rel=2e-4)
        beyond = total(365 + days, basis) - total(365, basis)
        assert float(row["extension_amount"]) * 10_000 == pytest.approx(beyond, rel=5e-3)


def test_a_second_run_on_the_same_input_changes_nothing(core: Tables, frames: Tables) -> None:
    again = compute_asset(core, PARAMS, published_as(frames, core, PARAMS))
    assert {name: digest(frame) for name, frame in again.items()} == {
        name: digest(frame) for name, frame in frames.items()
    }


def test_later_cancellations_and_refunds_change_no_month_end_of_the_past(core: Tables, frames: Tables) -> None:
    """A first run of today tells the months that a first run of the end of November told. The last month of that run
    had a review of its own, at its as-of day; all before it have the same reviews."""
    then, last = date(2024, 11, 30), date(2024, 10, 31)
    later = core["fct_cancellation"].filter((pl.col("cancelled_on") > then) & (pl.col("ordered_on") <= last))
    assert later.filter(pl.col("kind") == "cancelled").height > 0
    before = compute_asset(as_known(core, then), MartParams(as_of=then))
    for name in ("customer_asset", "asset_movement"):
        told, wanted = (
            tables[name].filter(pl.col("period_on") <= last).drop("as_of_on") for tables in (frames, before)
        )
        assert digest(told) == digest(wanted), name
    assert before["customer_asset"].filter(pl.col("period_on") <= last).height > 50


def _late(core: Tables, since: date, until: date) -> set[str]:
    """Customers of whom facts up to a day were learnt after it, or whose order of then was paid after it."""
    found = [
        core[name].filter((pl.col(on) <= since) & known.is_between(since, until, closed="right"))
        for name, on, known in (
            ("fct_order", "ordered_on", pl.col("first_known_at").dt.date()),
            ("fct_order", "ordered_on", pl.col("paid_on")),
            ("fct_refund", "refunded_on", pl.col("known_at").dt.date()),
            ("fct_cancellation", "cancelled_on", pl.col("known_at").dt.date()),
        )
    ]
    return set(pl.concat([rows.select("customer_id") for rows in found])["customer_id"])


def test_an_order_paid_in_a_later_month_is_news_of_that_month(core: Tables, frames: Tables) -> None:
    """Customers of whom nothing else came to light: what is restated is the order that has been paid since."""
    moved, restated = frames["asset_movement"].filter(pl.col("amount") != 0), 0
    orders = core["fct_order"].filter("is_kept", pl.col("paid_on") > pl.col("ordered_on").dt.month_end())
    for who, ordered, paid in orders.select("customer_id", "ordered_on", "paid_on").iter_rows():
        ends = month_ends(ordered, AS_OF)
        place = next(k for k, end in enumerate(ends) if paid <= end)
        of_month = moved.filter(customer_id=who, period_on=ends[place])
        earlier = moved.filter(pl.col("customer_id") == who, pl.col("period_on") < ends[place])
        if earlier.is_empty() and not of_month.is_empty():  # the first order, so nobody knew the customer before
            assert "late_data_restatement" in set(of_month["line"])
            restated += 1
    assert restated > 0


def test_a_cancellation_is_behaviour_of_its_month_unless_it_was_learnt_later(core: Tables, frames: Tables) -> None:
    """Where nothing came to light about months before, nothing is restated: the customer moves by behaviour alone."""
    moved, restated = frames["asset_movement"].filter(pl.col("amount") != 0), 0
    ended = core["fct_cancellation"].filter(pl.col("kind") == "cancelled")
    for who, on, cancelled, known in ended.select("customer_id", "ordered_on", "cancelled_on", "known_at").iter_rows():
        since = cancelled.replace(day=1) - timedelta(days=1)
        until = month_ends(cancelled, AS_OF)[0]
        mine = moved.filter(customer_id=who, period_on=until)
        if on > since or known.date() > until or who in _late(core, since, until) or mine.is_empty():
            continue
        assert "late_data_restatement" not in set(mine["line"])
        assert set(mine["line"]) & set(BEHAVIOURS)
        restated += 1
    assert restated > 2
