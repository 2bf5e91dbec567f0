"""The marts at the edges: nobody, one customer, nothing kept, no costs, one month, tomorrow's order, free orders."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from support.marts_core import Shape, lazy, make_core

from pipelines.contracts.marts import MartParams
from pipelines.marts import MARTS, compute_all, digest

Tables = dict[str, pl.DataFrame]
AS_OF = date(2025, 6, 20)


def _marts(core: Tables, as_of: date = AS_OF, buckets: int = 1) -> Tables:
    return compute_all(MARTS, lazy(core), MartParams(as_of=as_of), buckets)


def _cut(core: Tables, customers: list[str]) -> Tables:
    """Only these customers' rows."""
    return {
        name: frame.filter(pl.col("customer_id").is_in(customers)) if "customer_id" in frame.columns else frame
        for name, frame in core.items()
    }


@pytest.fixture(scope="module")
def core() -> Tables:
    """A small company with all costs known."""
    return make_core(Shape(customers=60, seed=31, days=400, cost_known_share=1.0))


def _somebody(core: Tables) -> str:
    people = core["dim_customer"].filter(pl.col("is_identified") & ~pl.col("is_test"))
    kept = core["fct_order"].filter("is_kept").join(people, on="customer_id", how="semi")
    return kept.group_by("customer_id").len().sort("len", "customer_id")["customer_id"][-1]


def test_nobody_at_all(core: Tables) -> None:
    empty = {name: frame.clear() for name, frame in core.items()}
    frames = _marts(empty)
    assert digest(frames["mart_coverage"]) == digest(_marts(empty, buckets=7)["mart_coverage"])
    assert frames["mart_coverage"]["headline_basis"].to_list() == ["net_revenue"]
    for name in ("customer_360", "customer_rfm", "customer_lifecycle", "cohort_retention", "profit_waterfall"):
        assert frames[name].is_empty()
    cuts = frames["lifecycle_cut_points"].row(0, named=True)
    assert (cuts["segment"], cuts["median_gap_days"], cuts["why_not"]) == ("(all)", None, "no completed gaps")


def test_one_customer_scores_and_has_no_spread(core: Tables) -> None:
    who = _somebody(core)
    frames = _marts(_cut(core, [who]))
    row = frames["customer_rfm"].row(0, named=True)
    assert (row["r_score"], row["f_score"], row["m_score"]) == (5, 1, 1)
    assert frames["rfm_thresholds"]["used_score_n"].to_list() == [1] * 20
    assert frames["customer_360"].height == 1
    cells = frames["cohort_retention"].filter(pl.col("measure") == "customers")
    assert set(cells["n"]) <= {1}
    money = frames["cohort_retention"].filter(pl.col("est").is_not_null() & (pl.col("measure") != "customers"))
    assert money["lo"].is_null().all()
    assert money["why_not"].str.contains("no interval").all()


def test_no_kept_order_makes_prospects_only(core: Tables) -> None:
    cancelled = {"status": pl.lit("cancelled"), "is_kept": False, "kept_order_n": pl.lit(None, pl.Int64)}
    lost = {**core, "fct_order": core["fct_order"].with_columns(**cancelled)}
    frames = _marts(lost)
    assert set(frames["customer_lifecycle"]["state"]) == {"prospect"}
    assert set(frames["customer_rfm"]["segment"]) == {"prospects"}
    assert frames["customer_rfm"]["tier"].is_null().all()
    assert frames["customer_ltv_historical"].is_empty()
    assert frames["cohort_retention"].is_empty()
    assert frames["rfm_thresholds"]["customer_n"].sum() == 0
    assert frames["customer_360"]["order_n"].sum() > 0
    assert frames["customer_360"]["net_revenue"].sum() == frames["customer_channel"]["net_revenue"].sum()


def test_everything_refunded_leaves_costs_and_no_customers(core: Tables) -> None:
    whole = make_core(Shape(customers=60, seed=31, days=400, cost_known_share=1.0, refund_share=1.0))
    lines = whole["fct_order_line_economics"]
    assert lines["refunded_goods"].sum() > 0
    frames = _marts(whole)
    row = frames["profit_waterfall"].filter(
        (pl.col("dim") == "total") & (pl.col("dating") == "order") & (pl.col("line") == "refunded_goods")
    )
    assert row["amount"].sum() == -lines["refunded_goods_reporting"].sum()
    kept = whole["fct_order"].filter("is_kept")["customer_id"].n_unique()
    assert kept < core["fct_order"].filter("is_kept")["customer_id"].n_unique()
    assert frames["customer_360"].filter(pl.col("kept_order_n") > 0).height <= kept


def test_no_costs_leave_contribution_unknown_and_net_revenue_whole() -> None:
    bare = make_core(Shape(customers=80, seed=32, days=500, cost_known_share=0.0))
    frames = _marts(bare)
    total = frames["mart_coverage"].filter(pl.col("dim") == "total").row(0, named=True)
    assert (total["headline_basis"], total["costed_rate"]) == ("net_revenue", Decimal(0))
    lines = frames["profit_waterfall"].filter((pl.col("dim") == "channel") & (pl.col("order_line_n") > 0))
    unknown = lines.filter(pl.col("line").is_in(["cogs", "contribution", "contribution_after_period_costs"]))
    assert unknown["amount"].is_null().all()
    assert unknown.filter(pl.col("line") == "cogs")["known_order_line_n"].sum() == 0
    left = lines.filter(pl.col("line") == "uncosted_net_revenue")
    assert left["amount"].sum() == -left["net_revenue"].sum() < 0
    ltv = frames["customer_ltv_historical"].filter("is_reached")
    assert ltv.filter(pl.col("basis") == "contribution")["amount"].is_null().all()
    assert ltv.filter(pl.col("basis") == "net_revenue")["amount"].null_count() == 0
    assert frames["customer_360"].filter(pl.col("order_n") > 0)["contribution"].is_null().all()
    scored = frames["customer_rfm"].filter(pl.col("recency_days").is_not_null())
    assert set(scored["basis"]) == {"net_revenue"}
    assert scored["segment"].null_count() == 0
    money = frames["cohort_retention"].filter(pl.col("measure") == "contribution")
    assert money["est"].is_null().all()
    assert money["why_not"].null_count() == 0
    assert frames["cohort_retention"].filter(pl.col("measure") == "net_revenue")["est"].count() > 0


def test_one_month_of_data_has_no_mature_cell_and_every_mart() -> None:
    young = make_core(Shape(customers=40, seed=33, days=19, mean_gap_days=4))
    frames = _marts(young)
    assert frames["cohort_retention"].is_empty()
    assert frames["profit_waterfall"]["month"].n_unique() == 1
    assert frames["customer_lifecycle"]["churned_on"].is_null().all()
    assert "beyond dormant_days" in frames["lifecycle_cut_points"].row(0, named=True)["why_not"]
    reached = frames["customer_ltv_historical"].filter("is_reached")
    assert set(reached["age_days"]) == {0}


def test_an_order_of_tomorrow_counts_and_is_never_negative_days_old(core: Tables) -> None:
    who = _somebody(core)
    one = _cut(core, [who])
    last = one["fct_order"].filter("is_kept")["ordered_on"].max()
    assert isinstance(last, date)
    frames = _marts(one, as_of=last - timedelta(days=1))
    assert frames["customer_lifecycle"]["silence_days"].to_list() == [0]
    assert frames["customer_rfm"]["recency_days"].to_list() == [0]
    kept = one["fct_order"].filter(pl.col("is_kept") & (pl.col("ordered_on") > last - timedelta(days=366)))
    assert frames["customer_rfm"]["frequency_n"].to_list() == [kept.height]


def test_free_orders_are_kept_orders() -> None:
    core = make_core(Shape(customers=200, seed=34))
    free = core["fct_order"].filter(pl.col("is_kept") & (pl.col("gross_merchandise_reporting") == 0))
    assert free.height > 0
    rows = _marts(core)["customer_360"].join(free.select("customer_id").unique(), on="customer_id")
    counted = core["fct_order"].filter("is_kept").group_by("customer_id").len()
    both = rows.join(counted, on="customer_id")
    assert both.height > 0
    assert (both["kept_order_n"] == both["len"]).all()


def test_gaps_on_one_day_are_no_gaps(core: Tables) -> None:
    who = _somebody(core)
    one = _cut(core, [who])
    same_day = one["fct_order"].with_columns(pl.col("ordered_on").min())
    frames = _marts({**one, "fct_order": same_day})
    row = frames["customer_lifecycle"].row(0, named=True)
    assert (row["gap_n"], row["last_gap_days"], row["state"]) == (0, None, None)


def test_a_period_cost_without_rate_makes_the_month_unknown_everywhere(core: Tables) -> None:
    month = core["fct_period_cost"]["month"].max()
    costs = core["fct_period_cost"].with_columns(
        pl.when((pl.col("month") == month) & (pl.col("category") == "agency"))
        .then(None)
        .otherwise("amount_reporting")
        .alias("amount_reporting")
    )
    rows = _marts({**core, "fct_period_cost": costs})["profit_waterfall"]
    after = rows.filter(pl.col("line") == "contribution_after_period_costs")
    assert after.filter(pl.col("month") == month)["amount"].is_null().all()
    assert after.filter(pl.col("month") != month)["amount"].null_count() == 0
