"""A company of fifty whose asset is computed twice: by the marts, and customer by customer in plain Python.

Lives here: its core, the marts of it, and the second computation. Stays out: what is asked of them (`tests/reference`).
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import polars as pl
from support.marts_core import Shape, lazy

from pipelines.contracts.marts import MartParams
from pipelines.marts import MARTS, compute_all
from pipelines.marts.asset.assumptions import Assumptions, reviews_of
from pipelines.marts.common import BASES
from pipelines.science.valuation import value_customers

Tables = dict[str, pl.DataFrame]
AS_OF = date(2025, 6, 20)
PARAMS = MartParams(as_of=AS_OF)
SHAPE = Shape(
    customers=50, seed=5, as_of=AS_OF, days=420, late_days=5, mean_gap_days=25.0, cost_known_share=1.0, kept_share=0.8,
    late_payment_days=40, cancelled_share=0.18,
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


def compute_asset(core: Tables, params: MartParams = PARAMS, before: Tables | None = None) -> Tables:
    inputs = lazy(core) | {f"previous.{name}": frame.lazy() for name, frame in (before or {}).items()}
    return compute_all(WANTED, inputs, params)


def published_as(frames: Tables, core: Tables, params: MartParams) -> Tables:
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
            if order["ordered_on"] > dated or max(order["known_at"].date(), order["paid_on"] or date.min) > learnt:
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


def line_of(before: str | None, after: str | None, bought: bool, change: int) -> str:
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


def month_ends(first: date, as_of: date) -> list[date]:
    ends, day = [], first
    while (day := (day.replace(day=1) + timedelta(days=32)).replace(day=1)) <= as_of:
        ends.append(day - timedelta(days=1))
    return ends if ends and ends[-1] == as_of else [*ends, as_of]


def movements(oracle: Oracle, basis: str) -> dict[tuple[str, date, str], int]:
    """Every line of every customer and month on a basis, in whole ten-thousandths."""
    ends = month_ends(min(order["ordered_on"] for order in oracle.orders), AS_OF)
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
            found[who, end, line_of(before.get(who), after.get(who), who in recent, change)] = change
    return {key: amount for key, amount in found.items() if amount}


def told_movements(frames: Tables, basis: str) -> dict[tuple[str, date, str], int]:
    moved = frames["asset_movement"].filter((pl.col("amount") != 0) & (pl.col("basis") == basis))
    rows = moved.select("customer_id", "period_on", "line", "amount")
    return {(who, on, line): int(amount * 10_000) for who, on, line, amount in rows.iter_rows()}


def assert_it_leads_on(frames: Tables) -> None:
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


def assert_its_analysis_leads_on(frames: Tables) -> None:
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
