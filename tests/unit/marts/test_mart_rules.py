"""Rule tables and small exact functions of the marts."""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.marts.churn.gaps import quantile_disc_rank
from pipelines.marts.profit import lines
from pipelines.marts.profit.period_costs import share
from pipelines.marts.segments.rfm_rules import SEGMENT_CELLS, SEGMENTS, TYPE_RULES
from pipelines.marts.segments.rfm_thresholds import score, thresholds
from pipelines.marts.segments.value_tiers import threshold, tiers


def test_the_25_cells_belong_to_one_segment_each() -> None:
    cells = Counter((r, fm) for _, recencies, values in SEGMENT_CELLS for r in recencies for fm in values)
    assert set(cells) == {(r, fm) for r in range(1, 6) for fm in range(1, 6)}
    assert set(cells.values()) == {1}
    assert len(SEGMENTS) == 11
    assert len({tuple(rule[1:]) for rule in TYPE_RULES}) == 8


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60), st.sampled_from([1, 20, 40, 50, 60, 75, 80, 90, 100]))
def test_discrete_quantile_is_the_smallest_value_reaching_the_share(values: list[int], percent: int) -> None:
    found = sorted(values)[quantile_disc_rank(len(values), percent) - 1]
    expected = min(value for value in values if sum(other <= value for other in values) * 100 >= percent * len(values))
    assert found == expected


@pytest.mark.parametrize("n", [1, 2, 5, 9, 10, 333])
def test_discrete_quantile_is_duckdbs(n: int) -> None:
    values = [(i * 7919) % 101 for i in range(n)]
    con = duckdb.connect()
    con.register("v", pl.DataFrame({"x": values}).to_arrow())
    for percent in (20, 40, 50, 60, 75, 80, 90):
        expected = con.sql(f"select quantile_disc(x, 0.{percent}) from v").fetchone()
        assert expected == (sorted(values)[quantile_disc_rank(n, percent) - 1],)


def test_quantile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile_disc_rank(0, 50)


def _scores(values: list[int], is_less_better: bool = False) -> list[int]:
    limits = [pl.lit(limit, dtype=pl.Int64) for limit in thresholds(pl.Series(values))[:4]]
    return pl.DataFrame({"x": values}).select(score(pl.col("x"), limits, is_less_better).alias("s"))["s"].to_list()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=80), st.booleans())
def test_equal_values_share_a_score_and_better_ones_never_score_less(values: list[int], is_less_better: bool) -> None:
    scored = sorted(set(zip(values, _scores(values, is_less_better), strict=True)))
    assert len(scored) == len(set(values))
    points = [point for _, point in scored]
    assert points == sorted(points, reverse=is_less_better)
    assert set(points) <= {1, 2, 3, 4, 5}


def test_mostly_one_order_customers_fill_fewer_bins() -> None:
    scores = _scores([1] * 60 + [2] * 25 + [3] * 10 + [9] * 5)
    assert Counter(scores) == {1: 60, 4: 25, 5: 15}


def test_five_even_bins_where_values_differ() -> None:
    assert Counter(_scores(list(range(100)))) == dict.fromkeys(range(1, 6), 20)
    assert _scores(list(range(100)), is_less_better=True)[0] == 5


def test_pareto_threshold_and_its_ties() -> None:
    import numpy as np

    assert threshold(np.array([50, 30, 10, 5, 5, -40]), 80) == 30
    assert threshold(np.array([50, 30, 10, 5, 5, -40]), 81) == 10
    assert threshold(np.array([10, 10, 10]), 80) == 10
    assert threshold(np.array([0, -3]), 80) is None


def test_a_tier_falls_only_below_nine_tenths_of_its_bar_and_needs_somebody_of_worth() -> None:
    import numpy as np

    ranked, everybody = np.array([50, 30, 10, 5, 5, -40]), np.ones(4, dtype=bool)  # bars: 30 high, 5 mid
    value, high = np.array([30, 29, 27, 26]), np.full(4, 2)
    assert tiers(value, everybody, high, ranked).tolist() == [2, 2, 2, 1]
    assert tiers(value, everybody, high - 3, ranked).tolist() == [2, 1, 1, 1]
    assert tiers(value, ~everybody, high, ranked).tolist() == [-1] * 4
    assert tiers(value, everybody, high, np.array([0, -3])).tolist() == [-1] * 4


def test_lines_stand_in_order_and_signs_fit_the_core_formula() -> None:
    names = [line.name for line in lines.LINES]
    assert [lines.ORDER[name] for name in names] == list(range(1, len(names) + 1))
    assert len(set(names)) == len({line.code for line in lines.LINES}) == len(names)
    assert names.index("net_revenue") < names.index("uncosted_net_revenue") < names.index("contribution")


MONTH = date(2025, 3, 1)
WEIGHTS = [
    {"month": MONTH, "channel": "web", "net_revenue": 200, "kept_order_n": 1},
    {"month": MONTH, "channel": "pos", "net_revenue": 100, "kept_order_n": 2},
    {"month": MONTH, "channel": "bad", "net_revenue": -50, "kept_order_n": 0},
]


def _cost(rule: str | None, amount: int | None = 100, month: date = MONTH) -> dict:
    return {"month": month, "allocation_rule": rule, "period_cost": amount}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("net_revenue", {"web": 67, "pos": 33, "bad": 0}),
        ("orders", {"web": 33, "pos": 67, "bad": 0}),
        ("channel:pos", {"pos": 100}),
    ],
)
def test_period_costs_follow_their_rule_to_the_last_unit(rule: str, expected: dict[str, int]) -> None:
    shares = share([_cost(rule)], WEIGHTS, ("channel",))
    assert {value: part for (dim, value, _), part in shares.allocated.items() if dim == "channel"} == expected
    assert shares.allocated[("total", "total", MONTH)] == 100
    assert not shares.unallocated


@pytest.mark.parametrize("rule", ["none", None, "channel:moon", "channel:bad", "by feeling"])
def test_what_no_rule_allocates_stays_unallocated(rule: str | None) -> None:
    shares = share([_cost(rule)], WEIGHTS, ("channel",))
    assert not shares.allocated
    assert shares.unallocated == {("total", "total", MONTH): 100, ("channel", "(unallocated)", MONTH): 100}


def test_a_cost_without_rate_makes_its_month_unknown() -> None:
    shares = share([_cost("orders", None)], WEIGHTS, ("channel",))
    assert shares.unknown_months == {MONTH}
    assert not shares.allocated


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=3, max_size=3))
def test_shares_sum_to_the_cost(amount: int, weights: list[int]) -> None:
    rows = [{**row, "net_revenue": weight} for row, weight in zip(WEIGHTS, weights, strict=True)]
    shares = share([_cost("net_revenue", amount)], rows, ("channel",))
    placed = [*shares.allocated.items(), *shares.unallocated.items()]
    assert sum(part for (dim, _, _), part in placed if dim == "channel") == amount
    if sum(weights):
        for row, weight in zip(rows, weights, strict=True):
            exact = Fraction(amount * weight, sum(weights))
            assert abs(shares.allocated[("channel", row["channel"], MONTH)] - exact) < 1
