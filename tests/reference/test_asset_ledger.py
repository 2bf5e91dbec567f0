"""The asset ledger of a company of fifty, against a second computation customer by customer in plain Python."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import polars as pl
import pytest
from support.as_known import as_known
from support.marts_core import Shape, lazy, make_core

from pipelines.contracts.marts import MartParams
from pipelines.marts import MARTS, compute_all, digest
from pipelines.marts.asset.assumptions import Assumptions, reviews_of
from pipelines.marts.asset.states import BEHAVIOURS
from pipelines.marts.common import BASES
from pipelines.science.valuation import value_customers

Tables = dict[str, pl.DataFrame]
AS_OF = date(2025, 6, 20)
PARAMS = MartParams(as_of=AS_OF)
SHAPE = Shape(
    customers=50, seed=5, as_of=AS_OF, days=420, late_days=5, mean_gap_days=25.0, cost_known_share=1.0, kept_share=0.8,
    cancelled_share=0.18,
)  # fmt: skip
NAMES = (
    "mart_coverage",
    "asset_assumptions",
    "customer_asset",
    "asset_movement",
    "asset_ledger",
    "asset_variance",
    "ltv_backtest",
)
WANTED = [mart for mart in MARTS if mart.name in NAMES]
REVISIONS = ("late_data_restatement", "identity_revision", "model_revision", "erased")


def _compute(core: Tables, params: MartParams = PARAMS, before: Tables | None = None) -> Tables:
    inputs = lazy(core) | {f"previous.{name}": frame.lazy() for name, frame in (before or {}).items()}
    return compute_all(WANTED, inputs, params)


def _published(frames: Tables, core: Tables, params: MartParams) -> Tables:
    """What a version holds of the record."""
    context = pl.DataFrame(
        {
            "as_of_on": [params.as_of],
            "reporting_currency": [params.reporting_currency],
            "horizon_days": [params.horizon_days],
            "discount_rate": [Decimal(str(params.discount_rate))],
        },
        schema_overrides={"discount_rate": pl.Decimal(10, 6)},
    )
    return {**frames, "run_context": context, "dim_account": core["dim_account"]}


@pytest.fixture(scope="module")
def core() -> Tables:
    """Fifty customers; orders and refunds are learnt of up to five days late."""
    return make_core(SHAPE)


@pytest.fixture(scope="module")
def frames(core: Tables) -> Tables:
    """The marts of the asset, with nothing published before."""
    return _compute(core)


class Oracle:
    """Facts, states and values of one company, computed one customer at a time."""

    def __init__(self, core: Tables, assumptions: pl.DataFrame) -> None:
        people = core["dim_customer"].filter(pl.col("is_identified") & ~pl.col("is_test"))
        self.segment = dict(people.select("customer_id", "acquisition_channel").iter_rows())
        self.orders = [row for row in core["fct_order"].iter_rows(named=True) if row["customer_id"] in self.segment]
        self.refunds: dict[str, list[dict]] = {}
        for row in core["fct_refund"].iter_rows(named=True):
            self.refunds.setdefault(row["order_key"], []).append(row)
        self.cancellations: dict[str, list[dict]] = {}
        for row in core["fct_cancellation"].iter_rows(named=True):
            self.cancellations.setdefault(row["order_key"], []).append(row)
        self.reviews = reviews_of(assumptions)

    def review(self, day: date) -> Assumptions:
        return [review for review in self.reviews if review.fitted_on <= day][-1]

    def known(self, dated: date, learnt: date) -> list[dict]:
        """Orders dated up to a day as known at the end of another, later refunds and cancellations undone."""
        found = []
        for order in self.orders:
            if order["ordered_on"] > dated or order["known_at"].date() > learnt:
                continue
            cost, refunded = order["contribution_reporting"], order["refunded_goods"]
            money = {"contribution": cost, "net_revenue": order["net_revenue_reporting"]}
            for refund in self.refunds.get(order["order_key"], []):
                if refund["refunded_on"] > dated or refund["known_at"].date() > learnt:
                    refunded -= refund["refunded_goods"]
                    back = refund["refunded_goods_reporting"] + refund["refunded_shipping_reporting"]
                    back -= refund["tax_returned_reporting"]
                    money["net_revenue"] += back
                    cogs = refund["cogs_returned_reporting"]
                    known = money["contribution"] is not None and cogs is not None
                    money["contribution"] = money["contribution"] + back - cogs if known else None
            stands = False
            for lost in self.cancellations.get(order["order_key"], []):
                if lost["cancelled_on"] > dated or lost["known_at"].date() > learnt:
                    stands = stands or lost["kind"] == "cancelled"
                    for basis in BASES:
                        known = money[basis] is not None and lost[f"cancelled_{basis}_reporting"] is not None
                        money[basis] = money[basis] + lost[f"cancelled_{basis}_reporting"] if known else None
                else:
                    refunded += lost["cancelled_goods"]
            whole = order["gross_merchandise"] > 0 and refunded >= order["gross_merchandise"]
            paid = order["status"] in ("paid", "refunded") or stands
            whole_units = {basis: None if amount is None else int(amount * 10_000) for basis, amount in money.items()}
            found.append({**order, "kept": paid and not whole, **whole_units})
        return found

    def values(self, orders: list[dict], day: date, review: Assumptions, basis: str) -> dict[str, int]:
        """V by customer on a basis, asked of the valuation itself."""
        rows = [
            (o["customer_id"], o["ordered_on"], o["kept"], o[basis], self.segment[o["customer_id"]]) for o in orders
        ]
        schema = {
            "customer_id": pl.String, "ordered_on": pl.Date, "is_kept": pl.Boolean, "amount": pl.Int64,
            "segment": pl.String,
        }  # fmt: skip
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        found = value_customers(frame, day, PARAMS, review.models[basis], with_interval=False)
        return dict(found.select("customer_id", "value").iter_rows())

    def states(self, orders: list[dict], day: date, review: Assumptions) -> dict[str, str]:
        """F1 states by the review's cut points."""
        cuts = {row["segment"]: row for row in review.cuts.iter_rows(named=True)}
        days: dict[str, set[date]] = {}
        for order in orders:
            if order["kept"]:
                days.setdefault(order["customer_id"], set()).add(order["ordered_on"])
        found = {}
        for who, bought in days.items():
            dates = sorted(bought)
            cut = cuts.get(self.segment[who]) or cuts.get("(all)")
            if cut is None:
                found[who] = "active"  # nothing tells them apart
                continue
            silence = (day - dates[-1]).days
            churned = cut["churned_days"] if cut["churned_days"] is not None else 10**9
            marks = [cut["at_risk_days"], cut["dormant_days"], churned]
            state = ["", "at_risk", "dormant", "churned"][bisect_left(marks, silence)]
            if not state:
                gap = (dates[-1] - dates[-2]).days if len(dates) > 1 else 0
                is_new = (day - dates[0]).days <= cut["median_gap_days"]
                state = "reactivated" if gap > churned else "new" if is_new else "active"
            found[who] = state
        return found


def _line(before: str | None, after: str | None, bought: bool, change: int) -> str:
    """The line of a customer, by cases."""
    if before is None:
        return "acquired"
    if before in ("at_risk", "dormant", "churned") and bought:
        return "reactivated"
    if before != "churned" and after in (None, "churned"):
        return "churned"
    if before in ("new", "active", "reactivated"):
        if after in ("at_risk", "dormant"):
            return "lapsed"
        return "deepened" if change >= 0 else "depreciated"
    return "lapsed" if (before, after) == ("at_risk", "dormant") else "dormant_revaluation"


def _month_ends(first: date, as_of: date) -> list[date]:
    ends, day = [], first
    while (day := (day.replace(day=1) + timedelta(days=32)).replace(day=1)) <= as_of:
        ends.append(day - timedelta(days=1))
    return ends if ends and ends[-1] == as_of else [*ends, as_of]


def _movements(oracle: Oracle, basis: str) -> dict[tuple[str, date, str], int]:
    """Every line of every customer and month on a basis, in whole ten-thousandths."""
    ends = _month_ends(min(order["ordered_on"] for order in oracle.orders), AS_OF)
    found: dict[tuple[str, date, str], int] = {}
    steps = [(None, ends[0]), *pairwise(ends)]
    for start, end in steps:
        new, opened = oracle.review(end), []
        opening, late, revised = {}, {}, {}
        if start is not None:
            old, opened = oracle.review(start), oracle.known(start, end)
            opening = oracle.values(oracle.known(start, start), start, old, basis)
            late = oracle.values(opened, start, old, basis)
            revised = oracle.values(opened, start, new, basis)
        facts = oracle.known(end, end)
        closing = oracle.values(facts, end, new, basis)
        before = oracle.states(opened, start, new) if start else {}
        after = oracle.states(facts, end, new)
        recent = {o["customer_id"] for o in facts if o["kept"] and (start is None or o["ordered_on"] > start)}
        for who in oracle.segment:
            chain = [values.get(who, 0) for values in (opening, late, late, revised, revised)]
            for name, a, b in zip(REVISIONS, chain, chain[1:], strict=False):
                found[who, end, name] = b - a
            change = closing.get(who, 0) - chain[-1]
            found[who, end, _line(before.get(who), after.get(who), who in recent, change)] = change
    return {key: amount for key, amount in found.items() if amount}


def _told(frames: Tables, basis: str) -> dict[tuple[str, date, str], int]:
    moved = frames["asset_movement"].filter((pl.col("amount") != 0) & (pl.col("basis") == basis))
    rows = moved.select("customer_id", "period_on", "line", "amount")
    return {(who, on, line): int(amount * 10_000) for who, on, line, amount in rows.iter_rows()}


@pytest.mark.parametrize("basis", BASES)
def test_every_line_of_every_customer_equals_a_second_computation(core: Tables, frames: Tables, basis: str) -> None:
    found = _told(frames, basis)
    assert found == _movements(Oracle(core, frames["asset_assumptions"]), basis)
    lines = {line for _, _, line in found}
    assert {"late_data_restatement", "model_revision", "acquired", "reactivated", "deepened", "lapsed"} <= lines


def test_what_a_cost_does_not_tell_is_left_out_and_said() -> None:
    """Half of the orders have no known cost: contribution is valued from the others, and the ledger says how many."""
    core = make_core(replace(SHAPE, cost_known_share=0.5))
    frames = _compute(core)
    oracle = Oracle(core, frames["asset_assumptions"])
    for basis in BASES:
        assert _told(frames, basis) == _movements(oracle, basis)
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
    frames = _compute(core)
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
    ledger = frames["asset_ledger"]
    for figure in ("amount", "head_n"):
        wide = ledger.pivot("line", index=["dim", "dim_value", "basis", "period_on"], values=figure).fill_null(0)
        lines = [name for name in wide.columns[4:] if name not in ("opening", "closing")]
        assert wide.filter(pl.col("opening") + pl.sum_horizontal(lines) != pl.col("closing")).is_empty()
        for _, rows in wide.group_by("dim", "dim_value", "basis"):
            member = rows.sort("period_on")
            assert member["opening"].to_list()[1:] == member["closing"].to_list()[:-1]
    sums = ledger.group_by("basis", "period_on", "line", "dim").agg(pl.col("amount").sum())
    each = sums.group_by("basis", "period_on", "line").agg(pl.col("amount").n_unique())
    assert each["amount"].max() == 1
    moved = ledger.filter((pl.col("line") == "reclassified") & (pl.col("dim") == "tier") & (pl.col("amount") != 0))
    assert moved.height > 0
    assert ledger.filter((pl.col("line") == "reclassified") & (pl.col("dim") == "total"))["amount"].sum() == 0


def test_the_analysis_of_change_leads_from_opening_to_closing(frames: Tables) -> None:
    variance = frames["asset_variance"]
    v = {name: pl.col(f"{name}_amount") for name in (
        "opening", "revision", "released", "unwind", "extension", "expected_closing", "experience", "new_business",
        "closing", "expected_money", "actual_money", "money_variance",
    )}  # fmt: skip
    expected = v["opening"] + v["revision"] - v["released"] + v["unwind"] + v["extension"]
    assert variance.filter(expected != v["expected_closing"]).is_empty()
    assert variance.filter(v["expected_closing"] + v["experience"] + v["new_business"] != v["closing"]).is_empty()
    assert variance.filter(v["actual_money"] - v["expected_money"] != v["money_variance"]).is_empty()
    assert (variance["released_amount"] <= variance["expected_money_amount"]).all()
    assert variance.filter(pl.col("dim") == "total")["released_amount"].sum() > 0


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
    again = _compute(core, PARAMS, _published(frames, core, PARAMS))
    assert {name: digest(frame) for name, frame in again.items()} == {
        name: digest(frame) for name, frame in frames.items()
    }


def test_later_cancellations_and_refunds_change_no_month_end_of_the_past(core: Tables, frames: Tables) -> None:
    """A first run of today tells the months that a first run of the end of November told. The last month of that run
    had a review of its own, at its as-of day; all before it have the same reviews."""
    then, last = date(2024, 11, 30), date(2024, 10, 31)
    later = core["fct_cancellation"].filter((pl.col("cancelled_on") > then) & (pl.col("ordered_on") <= last))
    assert later.filter(pl.col("kind") == "cancelled").height > 0
    before = _compute(as_known(core, then), MartParams(as_of=then))
    for name in ("customer_asset", "asset_movement"):
        told, wanted = (
            tables[name].filter(pl.col("period_on") <= last).drop("as_of_on") for tables in (frames, before)
        )
        assert digest(told) == digest(wanted), name
    assert before["customer_asset"].filter(pl.col("period_on") <= last).height > 50


def _late(core: Tables, since: date, until: date) -> set[str]:
    """Customers of whom facts up to a day were learnt after it."""
    found = [
        core[name].filter((pl.col(on) <= since) & pl.col(known).dt.date().is_between(since, until, closed="right"))
        for name, on, known in (
            ("fct_order", "ordered_on", "first_known_at"), ("fct_refund", "refunded_on", "known_at"),
            ("fct_cancellation", "cancelled_on", "known_at"),
        )
    ]  # fmt: skip
    return set(pl.concat([rows.select("customer_id") for rows in found])["customer_id"])


def test_a_cancellation_is_behaviour_of_its_month_unless_it_was_learnt_later(core: Tables, frames: Tables) -> None:
    """Where nothing came to light about months before, nothing is restated: the customer moves by behaviour alone."""
    moved, restated = frames["asset_movement"].filter(pl.col("amount") != 0), 0
    ended = core["fct_cancellation"].filter(pl.col("kind") == "cancelled")
    for who, on, cancelled, known in ended.select("customer_id", "ordered_on", "cancelled_on", "known_at").iter_rows():
        since = cancelled.replace(day=1) - timedelta(days=1)
        until = _month_ends(cancelled, AS_OF)[0]
        mine = moved.filter(customer_id=who, period_on=until)
        if on > since or known.date() > until or who in _late(core, since, until) or mine.is_empty():
            continue
        assert "late_data_restatement" not in set(mine["line"])
        assert set(mine["line"]) & set(BEHAVIOURS)
        restated += 1
    assert restated > 2


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
    before = _compute(past, params)
    record = _published(before, past, params)
    now, (first, second, third) = _with_news(core)
    after = _compute(now, PARAMS, record)
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
    test_the_ledger_leads_from_opening_to_closing_and_on(after)


def test_a_record_of_another_measure_is_not_carried(core: Tables, frames: Tables) -> None:
    before = _published(frames, core, PARAMS)
    later = MartParams(as_of=AS_OF, horizon_days=180)
    fresh, beside = _compute(core, later), _compute(core, later, before)
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
    before = _compute(past, params)
    now, (first, second, _) = _with_news(core)
    after = _compute(now, PARAMS, _of_one_basis(_published(before, past, params), "contribution"))
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
    test_the_ledger_leads_from_opening_to_closing_and_on(after)
    test_the_analysis_of_change_leads_from_opening_to_closing(after)

    later = MartParams(as_of=date(2025, 7, 31))
    both = _compute(now, later, _published(after, now, PARAMS))
    for name in ("customer_asset", "asset_ledger"):
        closed = pl.col("period_on") <= date(2025, 5, 31)
        assert both[name].filter(closed).drop("as_of_on").equals(after[name].filter(closed).drop("as_of_on")), name
    _agree_from(both, then)
    test_the_ledger_leads_from_opening_to_closing_and_on(both)


def _agree_from(frames: Tables, day: date) -> None:
    """From a close on, who customers are does not depend on the basis."""
    shared = ["customer_id", "period_on", "closing_head_n", "closing_state", "closing_tier", "closing_channel"]
    rows = frames["customer_asset"].filter(pl.col("period_on") >= day).sort("customer_id", "period_on")
    first, second = (rows.filter(basis=basis).select(shared) for basis in BASES)
    assert first.equals(second)


def test_a_record_of_another_headline_begins_anew(core: Tables, frames: Tables) -> None:
    """What was published on one basis alone says nothing on the headline of today."""
    old = _of_one_basis(_published(frames, core, PARAMS), "net_revenue")
    old["mart_coverage"] = old["mart_coverage"].with_columns(headline_basis=pl.lit("net_revenue"))
    later = MartParams(as_of=date(2025, 7, 31))
    beside, fresh = _compute(core, later, old), _compute(core, later)
    assert digest(beside["asset_ledger"]) == digest(fresh["asset_ledger"])


def test_both_records_outlive_a_headline_that_changes(core: Tables) -> None:
    """Costs of half of the orders turn out to be unknown: tiers go by net revenue now, what was closed stands."""
    then = date(2025, 4, 30)
    params = MartParams(as_of=then)
    past = as_known(core, then)
    before = _compute(past, params)
    now = make_core(replace(SHAPE, cost_known_share=0.5))
    after = _compute(now, PARAMS, _published(before, past, params))
    assert after["mart_coverage"]["headline_basis"].unique().to_list() == ["net_revenue"]
    assert before["mart_coverage"]["headline_basis"].unique().to_list() == ["contribution"]
    for name in ("customer_asset", "asset_movement", "asset_ledger"):
        closed = after[name].filter(pl.col("period_on") <= then).drop("as_of_on")
        assert closed.equals(before[name].drop("as_of_on")), name
    _agree_from(after, then)
    test_the_ledger_leads_from_opening_to_closing_and_on(after)
