"""Cut points and states against plain loops over dictionaries and exact fractions, by the definitions of F1."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import polars as pl
import pytest
from support.marts_core import Shape, lazy, make_core

from pipelines.contracts.marts import MartParams
from pipelines.marts import MARTS, compute_all

SHAPES = (
    Shape(customers=700, seed=12, days=900, acquisition_channels=("ads", "ads", "ads", "rare", None)),
    Shape(customers=60, seed=13, days=300),
)


@pytest.fixture(scope="module", params=SHAPES, ids=["long", "short"])
def case(request: pytest.FixtureRequest) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame], date]:
    """Core, marts, as-of day."""
    core = make_core(request.param)
    marts = [mart for mart in MARTS if mart.name in ("lifecycle_cut_points", "customer_lifecycle")]
    return core, compute_all(marts, lazy(core), MartParams(as_of=request.param.as_of)), request.param.as_of


def _days(core: dict[str, pl.DataFrame]) -> dict[str, tuple[str | None, list[date]]]:
    """Each customer's acquisition channel and distinct kept order days."""
    kept: dict[str, set[date]] = defaultdict(set)
    for row in core["fct_order"].to_dicts():
        if row["is_kept"]:
            kept[row["customer_id"]].add(row["ordered_on"])
    return {
        row["customer_id"]: (row["acquisition_channel"], sorted(kept[row["customer_id"]]))
        for row in core["dim_customer"].to_dicts()
        if row["is_identified"] and not row["is_test"]
    }


def _gaps(people: list[list[date]], as_of: date) -> tuple[list[int], list[int]]:
    done = [(b - a).days for days in people for a, b in pairwise(days)]
    return done, [(as_of - days[-1]).days for days in people if days]


def _quantile(gaps: list[int], share: Fraction) -> int:
    counted = 0
    for gap, times in sorted(Counter(gaps).items()):
        counted += times
        if counted >= share * len(gaps):
            return gap
    raise AssertionError("no gaps")


def _survival(done: list[int], still: list[int]) -> dict[int, Fraction]:
    """Kaplan-Meier by exact fractions, at every day up to the longest gap."""
    curve, value = {}, Fraction(1)
    had, left, risk = Counter(done), Counter(still), len(done) + len(still)
    for day in range(max([*done, *still]) + 1):
        if had[day]:
            value *= Fraction(risk - had[day], risk)
        curve[day] = value
        risk -= had[day] + left[day]
    return curve


def _churned(done: list[int], still: list[int], dormant: int) -> int | None:
    curve = _survival(done, still)
    for silence in range(dormant, max(curve) + 1):
        if sum(gap > silence + 365 for gap in [*done, *still]) < 20:
            return None
        if 1 - curve[silence + 365] / curve[silence] < Fraction(1, 10):
            return silence
    return None


def test_cut_points_equal_plain_counting(case) -> None:
    core, marts, as_of = case
    people = _days(core)
    found = {row["segment"]: row for row in marts["lifecycle_cut_points"].to_dicts()}
    assert set(found) == {"(all)", *(channel for channel, days in people.values() if channel and days)}
    pooled = found["(all)"]
    for segment, row in found.items():
        own = [days for channel, days in people.values() if segment in ("(all)", channel)]
        done, still = _gaps(own, as_of)
        assert (row["gap_n"], row["open_gap_n"], row["customer_n"]) == (len(done), len(still), len(still))
        if row["is_pooled"]:
            shared = ("median_gap_days", "at_risk_days", "dormant_days", "churned_days", "return_rate", "why_not")
            assert [row[name] for name in shared] == [pooled[name] for name in shared]
            assert len(done) < 100 or pooled["churned_days"] is not None
            continue
        assert segment == "(all)" or len(done) >= 100
        quantiles = tuple(_quantile(done, Fraction(share, 100)) for share in (50, 75, 90))
        assert (row["median_gap_days"], row["at_risk_days"], row["dormant_days"]) == quantiles
        assert row["churned_days"] == _churned(done, still, quantiles[2])
        if row["churned_days"] is None:
            assert row["why_not"]
            assert row["return_rate"] is None
        else:
            curve = _survival(done, still)
            chance = 1 - curve[row["churned_days"] + 365] / curve[row["churned_days"]]
            assert row["return_rate"] == pytest.approx(float(chance), rel=1e-8)
            assert row["return_rate_lo"] <= row["return_rate"] <= row["return_rate_hi"]
            assert row["at_risk_gap_n"] == sum(gap > row["churned_days"] for gap in [*done, *still])


def test_states_equal_plain_rules(case) -> None:
    core, marts, as_of = case
    people = _days(core)
    cuts = {row["segment"]: row for row in marts["lifecycle_cut_points"].to_dicts()}
    rows = marts["customer_lifecycle"].to_dicts()
    assert {row["customer_id"] for row in rows} == set(people)
    for row in rows:
        channel, days = people[row["customer_id"]]
        cut = cuts.get(channel or "", cuts["(all)"])
        assert row["cut_segment"] == cut["segment"]
        assert row["state"] == _state(days, cut, as_of)
        if days:
            gaps = [(b - a).days for a, b in pairwise(days)]
            assert (row["gap_n"], row["last_gap_days"]) == (len(gaps), gaps[-1] if gaps else None)
            assert row["silence_days"] == (as_of - days[-1]).days
            assert row["at_risk_on"] == days[-1] + timedelta(days=cut["at_risk_days"] + 1)
    states = {row["state"] for row in rows}
    assert states >= {"prospect", "new", "active", "at_risk", "dormant"}


def _state(days: list[date], cut: dict, as_of: date) -> str:
    if not days:
        return "prospect"
    silence = (as_of - days[-1]).days
    churned = cut["churned_days"]
    if churned is not None and silence > churned:
        return "churned"
    if silence > cut["dormant_days"]:
        return "dormant"
    if silence > cut["at_risk_days"]:
        return "at_risk"
    if churned is not None and len(days) > 1 and (days[-1] - days[-2]).days > churned:
        return "reactivated"
    return "new" if (as_of - days[0]).days <= cut["median_gap_days"] else "active"


def test_the_long_company_has_every_state(case) -> None:
    core, marts, _ = case
    if core["dim_customer"].height < 500:
        pytest.skip("the short company tells no churn")
    assert set(marts["customer_lifecycle"]["state"]) == {
        "prospect",
        "new",
        "active",
        "at_risk",
        "dormant",
        "churned",
        "reactivated",
    }
    pooled = marts["lifecycle_cut_points"].filter("is_pooled")["segment"].to_list()
    assert pooled in (["rare"], [])
