"""What must hold for every mart on any company: buckets, order of rows, time, strangers, sums, monotony."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.as_known import as_known
from support.marts_core import Shape, lazy, make_core, shuffled

from pipelines.contracts.marts import MartParams
from pipelines.marts import MARTS, compute_all, digest
from pipelines.marts.asset.facts import Facts, order_rows, reversal_rows
from pipelines.marts.ltv import orders
from pipelines.marts.ltv.orders import known_by

CALM = settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
SHAPES = st.builds(
    Shape,
    customers=st.integers(1, 60),
    seed=st.integers(0, 10_000),
    as_of=st.dates(date(2024, 1, 1), date(2025, 12, 31)),
    days=st.sampled_from([5, 90, 400, 900]),
    mean_gap_days=st.sampled_from([5.0, 45.0, 200.0]),
    cost_known_share=st.sampled_from([0.0, 0.9, 0.99, 1.0]),
    no_rate_share=st.sampled_from([0.0, 0.02]),
    kept_share=st.sampled_from([0.0, 0.9]),
    period_costs=st.booleans(),
)
FACTS = ("fct_order", "fct_order_line_economics", "fct_refund", "fct_cancellation")
Tables = dict[str, pl.DataFrame]


def _marts(core: Tables, as_of: date, buckets: int = 1) -> Tables:
    return compute_all(MARTS, lazy(core), MartParams(as_of=as_of), buckets)


def _digests(frames: Tables) -> dict[str, str]:
    return {name: digest(frame) for name, frame in frames.items()}


@settings(CALM, max_examples=2)
@given(SHAPES, st.integers(0, 99))
def test_buckets_and_the_order_of_rows_change_nothing(shape: Shape, seed: int) -> None:
    core = make_core(shape)
    whole = _digests(_marts(core, shape.as_of))
    for buckets in (2, 7, 16):
        assert _digests(_marts(shuffled(core, seed), shape.as_of, buckets)) == whole


@CALM
@given(SHAPES)
def test_cells_stay_true_to_their_contract_on_any_company(shape: Shape) -> None:
    frames = _marts(make_core(shape), shape.as_of)
    for mart in MARTS:
        frame = frames[mart.name]
        assert frame.select(mart.table.grain).is_unique().all()
        for column in mart.columns:
            values = frame[column.name]
            assert not column.required or values.null_count() == 0, f"{mart.name}.{column.name}"
            assert not column.values or set(values.drop_nulls()) <= set(column.values), f"{mart.name}.{column.name}"
        if "why_not" in frame.columns and "est" in frame.columns:
            told = frame.filter(pl.col("est").is_not_null())
            assert (told["is_identified"]).all()
            assert told.filter(pl.col("lo").is_null() & pl.col("why_not").is_null()).is_empty()
            assert told.filter((pl.col("lo") > pl.col("est")) | (pl.col("hi") < pl.col("est"))).is_empty()
            untold = frame.filter(pl.col("est").is_null())
            assert untold["why_not"].null_count() == 0
            assert not untold["is_identified"].any()


def _known_by(core: Tables, day: date) -> Tables:
    """Core as of a day, of a company without refunds or dated cancellations: what was ordered later is not known."""
    out = dict(core)
    for name in FACTS:
        out[name] = core[name].filter(pl.col("ordered_on") <= day)
    out["fct_period_cost"] = core["fct_period_cost"].filter(pl.col("month") <= day)
    return out


@CALM
@given(SHAPES, st.integers(1, 200))
def test_later_rows_change_nothing_that_was_mature_on_an_earlier_day(shape: Shape, back: int) -> None:
    day = shape.as_of - timedelta(days=back)
    core = make_core(Shape(**{**shape.__dict__, "refund_share": -1.0, "longest_cancellation_days": 0}))
    assert core["fct_refund"].is_empty()
    assert core["fct_cancellation"].is_empty()
    earlier, later = _marts(_known_by(core, day), day), _marts(core, shape.as_of)

    def same(name: str, grain: list[str], values: list[str], rows: pl.Expr) -> None:
        before = earlier[name].filter(rows).select(*grain, *values)
        after = later[name].join(before.select(grain), on=grain, how="semi").select(*grain, *values)
        assert digest(before) == digest(after), name

    keys = ["customer_id", "age_days", "basis"]
    same("customer_ltv_historical", keys, ["amount", "kept_order_n", "why_not"], pl.col("is_reached"))
    keys = ["dim", "dim_value", "cohort", "retention_kind", "measure", "period_n"]
    mature = (pl.col("cohort") != "(all)") & pl.col("retention_kind").is_in(["exact", "within_n"])
    same("cohort_retention", keys, ["cohort_n", "n", "kept_n", "amount", "base_amount", "est", "lo", "hi"], mature)
    keys = ["dating", "dim", "dim_value", "month", "line"]
    closed = pl.col("month") < day.replace(day=1)
    same("profit_waterfall", keys, ["amount", "known_amount", "order_line_n", "known_net_revenue"], closed)
    assert earlier["customer_ltv_historical"]["as_of_on"].unique().to_list() in ([], [day])


@settings(CALM, max_examples=25)
@given(SHAPES, st.integers(1, 300), st.sampled_from([0, 5]), st.sampled_from([0, 20]))
def test_what_comes_later_changes_nothing_that_was_known_on_an_earlier_day(
    shape: Shape, back: int, late_days: int, late_payment_days: int
) -> None:
    """What the ledger and the origins of the backtests take from core, against a core that ends on that day."""
    day = (shape.as_of - timedelta(days=back)).replace(day=1) - timedelta(days=1)  # the ledger looks at month-ends
    core = make_core(Shape(**{**shape.__dict__, "late_days": late_days, "late_payment_days": late_payment_days}))
    then = as_known(core, day)
    # An export of which too few orders were told in time says nothing of the past: their own days count.
    assume(_is_told(core, day) and _is_told(then, day))
    assert then["fct_order"].height <= core["fct_order"].height
    origin, ledger = _seen_from(core, shape.as_of, day), _seen_from(then, day, day)
    assert digest(origin[0]) == digest(ledger[0])
    assert digest(origin[1]) == digest(ledger[1])


def _is_told(core: Tables, day: date) -> bool:
    """Whether nine in ten orders were known in their month, and of those placed by a day by its end."""
    on, known = pl.col("ordered_on"), pl.col("first_known_at").dt.date()
    customers = core["dim_customer"].filter(pl.col("is_identified") & ~pl.col("is_test"))
    orders = core["fct_order"].join(customers, on="customer_id", how="semi")
    placed = orders.filter(pl.max_horizontal(on, "paid_on") <= day)
    told = placed.filter(known <= day).height >= 0.9 * placed.height
    return told and orders.filter(known <= on.dt.month_end()).height >= 0.9 * orders.height


def _seen_from(core: Tables, as_of: date, day: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Orders as known at the end of a day, for the backtests and for the ledger, by a run as of another."""
    params = MartParams(as_of=as_of)
    inputs = {**lazy(core), "mart_coverage": pl.LazyFrame({"dim": ["total"], "headline_basis": ["contribution"]})}
    facts = Facts.of(order_rows(inputs, params).collect(), reversal_rows(inputs, params).collect())
    known = facts.known(day, day)
    named = known.with_columns(facts.names.gather(known["customer_id"]).alias("customer_id"))
    return known_by(orders.order_rows(inputs, params).collect(), day), named


@CALM
@given(SHAPES, st.integers(0, 10_000))
def test_unrelated_customers_leave_the_others_alone(shape: Shape, seed: int) -> None:
    mine = make_core(shape)
    strangers = make_core(Shape(**{**shape.__dict__, "customers": 20, "seed": seed + 20_000}))
    rename = pl.concat_str(pl.lit("s/"), pl.col("order_key")).alias("order_key")
    for name in FACTS:
        strangers[name] = strangers[name].with_columns(rename)
        if "order_line_key" in strangers[name].columns:
            strangers[name] = strangers[name].with_columns(
                pl.concat_str(pl.lit("s/"), pl.col("order_line_key")).alias("order_line_key")
            )
    both = dict(mine)
    for name in ("dim_customer", "dim_account", *FACTS):
        both[name] = pl.concat([mine[name], strangers[name]])
    alone, together = _marts(mine, shape.as_of), _marts(both, shape.as_of)
    people = mine["dim_customer"]["customer_id"].implode()
    for name in ("customer_ltv_historical", "customer_channel"):
        assert digest(together[name].filter(pl.col("customer_id").is_in(people))) == digest(alone[name])
    own = ["customer_id", "kept_order_n", "net_revenue", "contribution", "first_order_on", "recency_days", "channel_n"]
    assert digest(together["customer_360"].filter(pl.col("customer_id").is_in(people)).select(own)) == digest(
        alone["customer_360"].select(own)
    )


@CALM
@given(SHAPES)
def test_money_scales_and_segments_stay(shape: Shape) -> None:
    core = make_core(shape)
    tenfold = {
        name: frame.with_columns(
            (pl.col(column) * 10).cast(pl.Decimal(18, 4)) for column in frame.columns if column.endswith("_reporting")
        )
        for name, frame in core.items()
    }
    one, ten = _marts(core, shape.as_of), _marts(tenfold, shape.as_of)
    for name in ("customer_ltv_historical", "profit_waterfall"):
        sums = [frame[name]["amount"].sum() or 0 for frame in (one, ten)]
        if name == "customer_ltv_historical" or not shape.period_costs:
            assert sums[1] == 10 * sums[0]
    kept = ("customer_id", "r_score", "f_score", "m_score", "segment", "rfm_type", "tier", "previous_tier")
    assert one["customer_rfm"].select(kept).equals(ten["customer_rfm"].select(kept))
    assert one["customer_lifecycle"].equals(ten["customer_lifecycle"])


@CALM
@given(SHAPES)
def test_shifting_every_date_shifts_the_marts_and_nothing_else(shape: Shape) -> None:
    core, by = make_core(shape), 364
    moved = {
        name: frame.with_columns(
            (pl.col(column) + pl.duration(days=by)).alias(column)
            for column, kind in frame.schema.items()
            if kind in (pl.Date, pl.Datetime("us")) and column != "month"
        )
        for name, frame in core.items()
    }
    here, there = _marts(core, shape.as_of), _marts(moved, shape.as_of + timedelta(days=by))
    for name in ("lifecycle_cut_points", "rfm_thresholds"):
        assert digest(here[name].drop("as_of_on")) == digest(there[name].drop("as_of_on"))
    assert digest(here["customer_lifecycle"].select("customer_id", "state", "silence_days", "gap_n")) == digest(
        there["customer_lifecycle"].select("customer_id", "state", "silence_days", "gap_n")
    )
    money = ["customer_id", "age_days", "basis", "amount", "kept_order_n", "why_not"]
    assert digest(here["customer_ltv_historical"].select(money)) == digest(
        there["customer_ltv_historical"].select(money)
    )


@CALM
@given(SHAPES)
def test_retention_is_monotone_where_it_must_be(shape: Shape) -> None:
    cells = _marts(make_core(shape), shape.as_of)["cohort_retention"]
    cohorts = cells.filter((pl.col("cohort") != "(all)") & (pl.col("measure") == "customers"))
    for (_, kind), rows in cohorts.group_by("cohort", "retention_kind"):
        kept = rows.sort("period_n")["kept_n"].to_list()
        assert rows["n"].n_unique() == 1
        if kind == "within_n":
            assert all(a <= b for a, b in pairwise(kept))
        if kind in ("rolling", "survival") and None not in kept:
            assert all(a >= b for a, b in pairwise(kept))
    pooled = cells.filter((pl.col("retention_kind") == "survival") & (pl.col("cohort") == "(all)"))
    for _, rows in pooled.group_by("dim", "dim_value"):
        curve = rows.sort("period_n")["est"].drop_nulls().to_list()
        assert all(a >= b for a, b in pairwise(curve))
    wide = cohorts.pivot("retention_kind", index=["cohort", "period_n"], values="kept_n")
    if wide.height:
        assert (wide["exact"] <= wide["within_n"]).all()
        assert (wide["exact"] <= wide["rolling"]).all()


@CALM
@given(SHAPES)
def test_dimensions_and_datings_sum_to_the_total(shape: Shape) -> None:
    frames = _marts(make_core(shape), shape.as_of)
    rows = frames["profit_waterfall"]
    sums = rows.group_by("dating", "month", "line", "dim").agg(pl.col("amount", "known_amount").sum())
    spread = sums.group_by("dating", "month", "line").agg(pl.col("amount", "known_amount").n_unique())
    assert (spread["amount"] == 1).all()
    assert (spread["known_amount"] == 1).all()
    total = rows.filter(pl.col("dim") == "total").group_by("line", "dating").agg(pl.col("amount").sum())
    per_line = total.group_by("line").agg(pl.col("amount").n_unique())
    assert (per_line["amount"] == 1).all()


@CALM
@given(SHAPES)
def test_segments_states_and_ltv_tie_to_customers(shape: Shape) -> None:
    core = make_core(shape)
    frames = _marts(core, shape.as_of)
    people = set(frames["customer_360"]["customer_id"])
    for name in ("customer_rfm", "customer_lifecycle"):
        assert set(frames[name]["customer_id"]) == people
    buyers = frames["customer_360"].filter(pl.col("kept_order_n") > 0)
    ltv = frames["customer_ltv_historical"]
    assert ltv.height == buyers.height * 7 * 2
    assert (ltv.filter(pl.col("age_days") == 0)["is_reached"]).all()
    thresholds = frames["rfm_thresholds"].group_by("dimension", "basis").agg(pl.col("customer_n").sum())
    counts = {(dimension, basis): n for dimension, basis, n in thresholds.iter_rows()}
    in_window = frames["customer_rfm"].filter(pl.col("frequency_n") > 0).height
    assert counts[("recency", "none")] == counts[("frequency", "none")] == (buyers.height if in_window else 0)
    assert frames["customer_rfm"]["r_score"].count() == counts[("recency", "none")]


@pytest.mark.parametrize("known", [0.0, 1.0])
def test_headline_follows_the_exact_95_percent(known: float) -> None:
    from pipelines.marts import headline_basis

    core = make_core(Shape(customers=30, seed=2, cost_known_share=known))
    assert headline_basis(lazy(core)) == ("contribution" if known else "net_revenue")
    order = core["fct_order"].head(1)
    for costed, expected in (("95.0000", "contribution"), ("94.9999", "net_revenue")):
        edge = order.with_columns(
            pl.lit("100").cast(pl.Decimal(18, 4)).alias("net_revenue_reporting"),
            pl.lit(costed).cast(pl.Decimal(18, 4)).alias("costed_net_revenue_reporting"),
        )
        assert headline_basis({"fct_order": edge.lazy()}) == expected
