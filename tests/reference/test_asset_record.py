"""The record of the asset of a company of fifty: what is carried from the version before, and what is begun anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from support.as_known import as_known
from support.asset_company import (
    AS_OF,
    PARAMS,
    REVISIONS,
    SHAPE,
    Tables,
    assert_it_leads_on,
    assert_its_analysis_leads_on,
    compute_asset,
    published_as,
)
from support.marts_core import make_core

from pipelines.contracts.marts import MartParams
from pipelines.marts import digest
from pipelines.marts.common import BASES


def _with_news(core: Tables) -> tuple[Tables, tuple[str, str, str]]:
    """An order of March of a third customer comes to light, and of two others it turns out that they are one."""
    kept = core["fct_order"].filter(pl.col("is_kept") & (pl.col("ordered_on") < date(2025, 3, 1)))
    people = core["dim_customer"].filter(pl.col("is_identified") & ~pl.col("is_test"))["customer_id"]
    first, second, third = kept.filter(pl.col("customer_id").is_in(people.implode()))["customer_id"].unique().sort()[:3]
    orders = core["fct_order"].with_columns(pl.col("customer_id").replace({second: first}))
    found = kept.filter(pl.col("customer_id") == third).head(1).with_columns(
        pl.lit("found/1").alias("order_key"), pl.lit(date(2025, 3, 15)).alias("ordered_on"),
        pl.lit(date(2025, 3, 15)).cast(pl.Datetime("us")).alias("first_known_at"),
    )  # fmt: skip
    now = dict(core)
    now["fct_order"] = pl.concat([orders, found])
    for name in ("fct_refund", "fct_cancellation"):
        now[name] = core[name].with_columns(pl.col("customer_id").replace({second: first}))
    now["dim_account"] = core["dim_account"].with_columns(pl.col("customer_id").replace({second: first}))
    now["dim_customer"] = core["dim_customer"].filter(pl.col("customer_id") != second)
    return now, (first, second, third)


def test_closed_months_are_carried_and_news_is_booked_where_it_belongs(core: Tables) -> None:
    """A version of April; then an order of March comes to light, and two persons turn out to be one."""
    then = date(2025, 4, 30)
    params = MartParams(as_of=then)
    past = as_known(core, then)
    before = compute_asset(past, params)
    record = published_as(before, past, params)
    now, (first, second, third) = _with_news(core)
    after = compute_asset(now, PARAMS, record)
    for name in ("customer_asset", "asset_movement", "asset_ledger", "asset_variance"):
        closed = after[name].filter(pl.col("period_on") <= then).drop("as_of_on")
        assert closed.equals(before[name].drop("as_of_on")), name
    may = after["asset_movement"].filter(pl.col("period_on") == date(2025, 5, 31))
    identity = may.filter(pl.col("line") == "identity_revision")
    assert set(identity["customer_id"]) == {first, second}
    late = may.filter(pl.col("line") == "late_data_restatement")
    assert third in set(late["customer_id"])
    values = before["customer_asset"].filter(pl.col("period_on") == then)
    for basis in BASES:
        gone = values.filter(customer_id=second, basis=basis)["closing_amount"].item()
        mine = may.filter((pl.col("customer_id") == second) & pl.col("line").is_in(REVISIONS))
        assert mine.filter(basis=basis)["amount"].sum() == -gone
    assert_it_leads_on(after)


def test_a_record_of_another_measure_is_not_carried(core: Tables, frames: Tables) -> None:
    before = published_as(frames, core, PARAMS)
    later = MartParams(as_of=AS_OF, horizon_days=180)
    fresh, beside = compute_asset(core, later), compute_asset(core, later, before)
    assert digest(fresh["asset_ledger"]) == digest(beside["asset_ledger"])
    assert digest(fresh["asset_ledger"]) != digest(frames["asset_ledger"])


def _of_one_basis(before: Tables, headline: str) -> Tables:
    """What a version published before there were two bases: rows on its headline, and no basis of assumptions."""
    old = dict(before)
    for name in ("customer_asset", "asset_movement", "asset_ledger", "asset_variance"):
        old[name] = before[name].filter(basis=headline)
    rows = before["asset_assumptions"].filter(
        pl.col("basis").is_in(["both", headline]) & (pl.col("part") != "coverage")
    )
    old["asset_assumptions"] = rows.with_columns(basis=pl.lit(None, dtype=pl.String))
    return old


def test_a_record_of_one_basis_is_carried_and_the_other_begun_anew(core: Tables) -> None:
    """The headline's closed months stand; the other basis gets the months that a first run by then would have told."""
    then = date(2025, 4, 30)
    params = MartParams(as_of=then)
    past = as_known(core, then)
    before = compute_asset(past, params)
    now, (first, second, _) = _with_news(core)
    after = compute_asset(now, PARAMS, _of_one_basis(published_as(before, past, params), "contribution"))
    for name in ("customer_asset", "asset_movement", "asset_ledger", "asset_variance"):
        closed = after[name].filter((pl.col("period_on") <= then) & (pl.col("basis") == "contribution"))
        wanted = before[name].filter(basis="contribution")
        left_out = ["as_of_on", *(["covered_rate"] if name == "asset_ledger" else [])]  # was not kept then
        assert closed.drop(left_out).equals(wanted.drop(left_out)), name
        assert set(after[name].filter(period_on=then)["basis"]) == set(BASES)
    told = after["customer_asset"].filter(basis="net_revenue")
    kept = ["customer_id", "period_on", "actual_amount", "gained_amount", "lost_amount"]
    early = pl.col("period_on") < date(2025, 3, 1)  # before the order that came to light; by the persons of April
    fresh = before["customer_asset"].filter(early & (pl.col("basis") == "net_revenue"))
    assert told.filter(early).select(kept).equals(fresh.select(kept))
    assert {first, second} <= set(fresh["customer_id"])
    value = told.filter(early).group_by("period_on").agg(pl.col("closing_amount").sum()).sort("period_on")
    wanted = fresh.group_by("period_on").agg(pl.col("closing_amount").sum()).sort("period_on")
    for now_said, then_said in zip(value["closing_amount"], wanted["closing_amount"], strict=True):
        assert float(now_said) == pytest.approx(
            float(then_said), rel=0.02
        )  # order values are fitted to today's persons
    assert after["asset_movement"].filter(line="identity_revision")["basis"].n_unique() == 2
    _agree_from(after, then)
    assert_it_leads_on(after)
    assert_its_analysis_leads_on(after)

    later = MartParams(as_of=date(2025, 7, 31))
    both = compute_asset(now, later, published_as(after, now, PARAMS))
    for name in ("customer_asset", "asset_ledger"):
        closed = pl.col("period_on") <= date(2025, 5, 31)
        assert both[name].filter(closed).drop("as_of_on").equals(after[name].filter(closed).drop("as_of_on")), name
    _agree_from(both, then)
    assert_it_leads_on(both)


def _agree_from(frames: Tables, day: date) -> None:
    """From a close on, who customers are does not depend on the basis."""
    shared = ["customer_id", "period_on", "closing_head_n", "closing_state", "closing_tier", "closing_channel"]
    rows = frames["customer_asset"].filter(pl.col("period_on") >= day).sort("customer_id", "period_on")
    first, second = (rows.filter(basis=basis).select(shared) for basis in BASES)
    assert first.equals(second)


def test_a_record_of_another_headline_begins_anew(core: Tables, frames: Tables) -> None:
    """What was published on one basis alone says nothing on the headline of today."""
    old = _of_one_basis(published_as(frames, core, PARAMS), "net_revenue")
    old["mart_coverage"] = old["mart_coverage"].with_columns(headline_basis=pl.lit("net_revenue"))
    later = MartParams(as_of=date(2025, 7, 31))
    beside, fresh = compute_asset(core, later, old), compute_asset(core, later)
    assert digest(beside["asset_ledger"]) == digest(fresh["asset_ledger"])


def test_both_records_outlive_a_headline_that_changes(core: Tables) -> None:
    """Costs of half of the orders turn out to be unknown: tiers go by net revenue now, what was closed stands."""
    then = date(2025, 4, 30)
    params = MartParams(as_of=then)
    past = as_known(core, then)
    before = compute_asset(past, params)
    now = make_core(replace(SHAPE, cost_known_share=0.5))
    after = compute_asset(now, PARAMS, published_as(before, past, params))
    assert after["mart_coverage"]["headline_basis"].unique().to_list() == ["net_revenue"]
    assert before["mart_coverage"]["headline_basis"].unique().to_list() == ["contribution"]
    for name in ("customer_asset", "asset_movement", "asset_ledger"):
        closed = after[name].filter(pl.col("period_on") <= then).drop("as_of_on")
        assert closed.equals(before[name].drop("as_of_on")), name
    _agree_from(after, then)
    assert_it_leads_on(after)
