"""Migration between segments, half-lives and the realised asset, against plain counts and planted cases."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from support.marts_core import Shape, lazy, make_core

from pipelines.contracts.core import CORE
from pipelines.contracts.marts import MartParams
from pipelines.marts import MARTS, compute, compute_all
from pipelines.marts.asset import segment_half_life, segment_migration
from pipelines.marts.asset.segment_half_life import median_stay
from pipelines.marts.common import BASES

Tables = dict[str, pl.DataFrame]
AS_OF = date(2025, 6, 30)
PARAMS = MartParams(as_of=AS_OF)
NAMES = (
    "mart_coverage", "ltv_backtest", "asset_assumptions", "customer_asset", "segment_migration", "segment_half_life",
    "customer_realised_asset", "realised_asset",
)  # fmt: skip


@pytest.fixture(scope="module")
def frames() -> Tables:
    core = make_core(Shape(customers=80, seed=8, as_of=AS_OF, days=420, mean_gap_days=25.0, cost_known_share=1.0))
    wanted = [mart for mart in MARTS if mart.name in NAMES]
    return {**core, **compute_all(wanted, lazy(core), PARAMS)}


def _ways(frames: Tables, scheme: str, legs: tuple[str, str]) -> Counter:
    """Ways by basis and period: customers, not money, so they are the same on both."""
    found: Counter = Counter()
    for row in frames["customer_asset"].iter_rows(named=True):
        names = [row[f"{when}_{scheme}"] or "none" for when in legs]
        start, end = ("none" if name == "prospect" else name for name in names)
        if (start, end) != ("none", "none"):
            found[row["basis"], row["period_on"], start, end] += 1
    return found


@pytest.mark.parametrize("scheme", ["state", "tier"])
@pytest.mark.parametrize(
    ("leg", "ends"),
    [
        ("threshold_drift", ("opening", "rescored")),
        ("behaviour", ("rescored", "closing")),
        ("both", ("opening", "closing")),
    ],
)
def test_every_way_is_counted_and_nobody_is_left_out(
    frames: Tables, scheme: str, leg: str, ends: tuple[str, str]
) -> None:
    rows = frames["segment_migration"].filter((pl.col("scheme") == scheme) & (pl.col("leg") == leg))
    named = rows.select("basis", "period_on", "from_segment", "to_segment", "customer_n")
    found = {tuple(way): n for *way, n in named.iter_rows()}
    assert found == _ways(frames, scheme, ends)
    shares = rows.group_by("basis", "period_on", "from_segment").agg(pl.col("moved_rate").sum(), pl.len())
    assert shares.filter(
        (pl.col("moved_rate") - 1).abs() > pl.col("len").cast(pl.Decimal(10, 6)) * Decimal("0.000001")
    ).is_empty()


def test_the_churned_stay_in_the_table_so_that_survivors_do_not_flatter(frames: Tables) -> None:
    """Survivorship: everyone who ever had a kept order is in the last matrix, gone or not."""
    last = frames["segment_migration"].filter(
        (pl.col("period_on") == AS_OF) & (pl.col("scheme") == "state") & (pl.col("leg") == "both")
    )
    known = frames["customer_asset"].filter((pl.col("period_on") == AS_OF) & (pl.col("purchase_n") > 0))
    assert last.filter(pl.col("to_segment") != "none")["customer_n"].sum() == known.height
    silent = pl.col("to_segment").is_in(["at_risk", "dormant", "churned"])
    assert last.filter(silent)["customer_n"].sum() > 0


def test_values_of_a_leg_lead_on_to_the_next(frames: Tables) -> None:
    sums = (
        frames["segment_migration"]
        .group_by("basis", "period_on", "scheme", "leg")
        .agg(pl.col("opening_amount", "closing_amount").sum())
    )
    assert sums["basis"].n_unique() == 2
    wide = {(basis, on, scheme, leg): (a, b) for basis, on, scheme, leg, a, b in sums.iter_rows()}
    for basis, on, scheme, leg in wide:
        if leg == "both":
            drift, acted = (
                wide.get((basis, on, scheme, "threshold_drift"), (Decimal(0), Decimal(0))),
                wide[basis, on, scheme, "behaviour"],
            )
            assert drift[1] == acted[0]
            assert (drift[0], acted[1]) == wide[basis, on, scheme, "both"]


def test_thresholds_that_move_are_drift_and_not_behaviour() -> None:
    """Two customers of equal value; the bar rises above one who did nothing, and one really lost value."""
    schema = segment_migration.MART.reads["customer_asset"]
    money = {name: [Decimal(5), Decimal(5)] for name in schema if name.endswith("_amount")}
    base = {
        "customer_id": ["c_1", "c_2"], "period_on": [AS_OF] * 2, "basis": ["contribution"] * 2,
        "opening_state": ["active"] * 2, "rescored_state": ["active"] * 2, "closing_state": ["active", "at_risk"],
        "opening_tier": ["high"] * 2, "rescored_tier": ["mid", "high"], "closing_tier": ["mid", "mid"],
    }  # fmt: skip
    rows = pl.DataFrame(base | money, schema_overrides=dict.fromkeys(money, pl.Decimal(18, 4)))
    found = compute(segment_migration.MART, {"customer_asset": rows.lazy()}, PARAMS)
    moved = found.filter(pl.col("from_segment") != pl.col("to_segment"))
    said = {(s, leg, a, b): n for s, leg, a, b, n in
            moved.select("scheme", "leg", "from_segment", "to_segment", "customer_n").iter_rows()}  # fmt: skip
    assert said == {
        ("tier", "threshold_drift", "high", "mid"): 1,
        ("tier", "behaviour", "high", "mid"): 1,
        ("tier", "both", "high", "mid"): 2,
        ("state", "behaviour", "active", "at_risk"): 1,
        ("state", "both", "active", "at_risk"): 1,
    }


def test_equal_values_are_of_equal_tier(frames: Tables) -> None:
    """Ties: nobody is above another of the same headline value who was of the same tier before."""
    rows = frames["customer_asset"].filter(pl.col("purchase_n") > 0, pl.col("basis") == "contribution")
    tiers = rows.group_by("period_on", "closing_amount", "opening_tier").agg(pl.col("closing_tier").n_unique())
    assert tiers["closing_tier"].max() == 1


def test_the_half_life_counts_stays_that_go_on() -> None:
    """Censoring: three stays ended after one month, five go on for six; the ended ones alone would say one month."""
    assert median_stay(np.array([1, 6]), np.array([3, 0]), np.array([0, 5]), 0.95)[0] is None
    assert median_stay(np.array([1, 6]), np.array([3, 0]), np.array([0, 0]), 0.95)[0] == 1.0
    est, lo, hi = median_stay(np.arange(1, 41), np.full(40, 5), np.zeros(40, int), 0.95)
    assert est == 20.0
    assert lo is not None
    assert hi is not None
    assert 16 <= lo < 20 < hi <= 24


def test_stays_are_cut_by_hand(frames: Tables) -> None:
    """The stays of every customer, walked through month by month."""
    stays: Counter = Counter()
    asset = frames["customer_asset"].filter(basis="contribution").sort("customer_id", "period_on")
    for _, rows in asset.group_by("customer_id", maintain_order=True):
        before, length = None, 0
        for state in [*rows["closing_state"], None]:
            if state == before:
                length += 1
                continue
            if before not in (None, "prospect"):
                stays[before, "open" if state is None and rows["period_on"][-1] == AS_OF else "ended"] += 1
            before, length = state, 1
    half = frames["segment_half_life"].filter(pl.col("scheme") == "state")
    for segment, ended, ongoing in half.select("segment", "ended_n", "open_n").iter_rows():
        assert (ended, ongoing) == (stays[segment, "ended"], stays[segment, "open"])
    assert half["n"].sum() == sum(stays.values())


def test_the_last_part_of_a_month_ends_no_stay() -> None:
    """As of the middle of a month the last whole month is where stays are censored."""
    rows = pl.DataFrame(
        {
            "customer_id": ["c_1"] * 3,
            "period_on": [date(2025, 4, 30), date(2025, 5, 31), date(2025, 6, 10)],
            "basis": ["net_revenue"] * 3,
            "closing_state": ["active", "active", "at_risk"],
            "closing_tier": ["low"] * 3,
        }
    )
    coverage = pl.DataFrame({"dim": ["total"], "headline_basis": ["net_revenue"]})
    inputs = {"customer_asset": rows.lazy(), "mart_coverage": coverage.lazy()}
    found = compute(segment_half_life.MART, inputs, MartParams(as_of=date(2025, 6, 10)))
    state = found.filter(pl.col("scheme") == "state")
    assert state.select("segment", "ended_n", "open_n").rows() == [("active", 0, 1)]


def test_the_realised_asset_is_value_times_both_factors(frames: Tables) -> None:
    rows = frames["customer_realised_asset"]
    assert rows.height > 40
    fields = frames["dim_customer"]
    for row in rows.join(fields, on="customer_id").iter_rows(named=True):
        told = (
            row["has_email"], row["has_phone"],
            row["is_email_consented"] is not None or row["is_sms_consented"] is not None,
            row["region"] is not None, row["birth_year"] is not None, row["acquisition_channel"] is not None,
        )  # fmt: skip
        reach = bool((row["has_email"] and row["is_email_consented"]) or (row["has_phone"] and row["is_sms_consented"]))
        factor = reach * sum(told) / 6 * 0.5
        assert row["operations"] == "assumed"
        assert float(row["realised_amount"]) == pytest.approx(float(row["value_amount"]) * factor, abs=3e-4)
        lost = sum(row[f"{name}_amount"] for name in ("unreachable", "thin_data", "untreated", "unmeasured"))
        assert row["value_amount"] - lost == row["realised_amount"]
    for basis in BASES:
        waterfall = frames["realised_asset"].filter(basis=basis)
        lines = dict(waterfall.select("line", "amount").iter_rows())
        assert sum(amount for line, amount in lines.items() if line != "realised") == lines["realised"]
        named = frames["customer_asset"].filter(period_on=AS_OF, basis=basis)["closing_amount"].sum()
        assert lines["value"] == named - lines["anonymous"]
        ranked = waterfall.filter(pl.col("fix_rank").is_not_null()).sort("fix_rank")["amount"].to_list()
        assert ranked == sorted(ranked)


def test_treatment_is_read_from_orders_where_the_data_tell_of_campaigns(frames: Tables) -> None:
    """Two customers' kept orders of the last year, and one's of before, carry a campaign: who has none is untreated."""
    orders = frames["fct_order"].sort("ordered_on", "order_key")
    recent = orders.filter("is_kept", (AS_OF - pl.col("ordered_on")).dt.total_days() < 365)
    treated = recent["customer_id"].unique(maintain_order=True).head(2).to_list()
    old = orders.filter("is_kept", (AS_OF - pl.col("ordered_on")).dt.total_days() >= 365)["customer_id"].to_list()
    lapsed = [who for who in old if who not in treated][:1]
    told = orders.with_columns(
        attributed_campaign_id=pl.when(
            pl.col("customer_id").is_in(treated)
            | (pl.col("customer_id").is_in(lapsed) & ((AS_OF - pl.col("ordered_on")).dt.total_days() >= 365))
        ).then(pl.lit("spring"))
    )
    marts = {mart.name: mart for mart in MARTS}
    inputs = {name: frame.lazy() for name, frame in {**frames, "fct_order": told}.items()}
    rows = compute(marts["customer_realised_asset"], inputs, PARAMS)
    assert lapsed
    assert set(rows.filter(pl.col("operations") == "untested")["customer_id"]) == set(treated) & set(
        rows["customer_id"]
    )
    assert set(rows["operations"]) == {"untested", "none"}
    asset = frames["customer_realised_asset"].select("customer_id", "basis", "realised_amount")
    before = {(who, basis): amount for who, basis, amount in asset.iter_rows()}
    for row in rows.iter_rows(named=True):
        is_treated = row["customer_id"] in treated
        assert row["operations_factor_rate"] == (Decimal("0.5") if is_treated else 0)
        assert row["realised_amount"] == (before[row["customer_id"], row["basis"]] if is_treated else 0)
        lost = sum(row[f"{name}_amount"] for name in ("unreachable", "thin_data", "untreated", "unmeasured"))
        assert row["value_amount"] - lost == row["realised_amount"]
    assert rows.equals(compute(marts["customer_realised_asset"], inputs, PARAMS, buckets=5))


def _campaigns(**tested: tuple[int, int, int]) -> pl.DataFrame:
    """Campaigns with customers in the untreated and the treated arm, and days since the last was drawn."""
    return pl.DataFrame(
        {
            "campaign_id": list(tested),
            "control_n": [control for control, _, _ in tested.values()],
            "treated_n": [treated for _, treated, _ in tested.values()],
            "last_assigned_at": [
                datetime.combine(AS_OF, time(9)) - timedelta(days=days) for *_, days in tested.values()
            ],
        },
        schema_overrides={"last_assigned_at": CORE["dim_campaign"].polars_schema["last_assigned_at"]},
    )


def test_a_treatment_counts_whole_where_a_control_arm_measures_it(frames: Tables) -> None:
    """One customer a touch: of a measured campaign, of four others, and touches that failed or are long ago."""
    who = frames["customer_realised_asset"]["customer_id"].unique(maintain_order=True).sort().to_list()
    sent = datetime.combine(AS_OF, time(8)) - timedelta(days=40)
    long_ago = sent - timedelta(days=365)
    touches = [
        ("tested", sent, None, None), ("tested", sent, True, False), ("thin control", sent, True, False),
        ("thin treated", sent, True, False), ("too soon", sent, True, False), ("untested", sent, True, False),
        ("tested", sent, None, True), ("tested", sent, False, None), ("tested", long_ago, True, False),
    ]  # fmt: skip
    expected = ["measured", "measured", *["untested"] * 4, *["none"] * 3]
    rows = [(person, *touch) for person, touch in zip(who, touches, strict=False)]
    rows += [(who[0], "untested", sent, True, False), (None, "tested", sent, True, False)]
    names = ("customer_id", "campaign_id", "sent_at", "is_delivered", "is_bounced")
    types = {name: CORE["fct_touch"].polars_schema[name] for name in names}
    told = {
        "fct_touch": pl.DataFrame(rows, schema=types, orient="row"),
        "dim_campaign": _campaigns(
            tested=(30, 30, 30),
            **{"thin control": (29, 500, 90), "thin treated": (500, 29, 90), "too soon": (99, 99, 29)},
        ),
    }
    mart = next(mart for mart in MARTS if mart.name == "customer_realised_asset")
    inputs = {name: frame.lazy() for name, frame in {**frames, **told}.items()}
    found = compute(mart, inputs, PARAMS)
    operations = dict(found.select("customer_id", "operations").iter_rows())
    assert [operations[person] for person in who[: len(expected)]] == expected
    assert {operations[person] for person in who[len(expected) :]} == {"none"}
    factor = {"measured": Decimal(1), "untested": Decimal("0.5"), "none": Decimal(0)}
    for row in found.iter_rows(named=True):
        assert row["operations_factor_rate"] == factor[row["operations"]]
        if row["operations"] == "measured":
            assert row["unmeasured_amount"] == row["untreated_amount"] == 0
        lost = sum(row[f"{name}_amount"] for name in ("unreachable", "thin_data", "untreated", "unmeasured"))
        assert row["value_amount"] - lost == row["realised_amount"]
    assert found.equals(compute(mart, inputs, PARAMS, buckets=7))
