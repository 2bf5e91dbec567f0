"""RFM scores, segments and tiers against plain loops over dictionaries, by the definitions of E2."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from support.marts_core import Shape, lazy, make_core

from pipelines.contracts.marts import MartParams
from pipelines.marts import MARTS, compute_all

SHAPES = (
    Shape(customers=300, seed=5, days=800, cost_known_share=0.995),
    Shape(customers=200, seed=6, days=300, mean_gap_days=25, cost_known_share=0.7, no_rate_share=0.01),
)
# Shopify's grid: rows are FM 5 down to 1, columns recency 1 to 5.
GRID = (
    ("previously_loyal", "previously_loyal", "loyal", "loyal", "champions"),
    ("at_risk", "at_risk", "loyal", "loyal", "champions"),
    ("at_risk", "at_risk", "needs_attention", "active", "active"),
    ("dormant", "dormant", "almost_lost", "active", "active"),
    ("dormant", "dormant", "almost_lost", "promising", "new"),
)
WANTED = {
    "mart_coverage", "ltv_backtest", "asset_assumptions", "customer_asset",
    "rfm_thresholds", "value_tier_thresholds", "customer_rfm",
}  # fmt: skip


@pytest.fixture(scope="module", params=SHAPES, ids=["costed", "costs missing"])
def case(request: pytest.FixtureRequest) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame], date]:
    """Core, marts, as-of day."""
    core = make_core(request.param)
    params = MartParams(as_of=request.param.as_of)
    marts = compute_all([mart for mart in MARTS if mart.name in WANTED], lazy(core), params)
    return core, marts, request.param.as_of


def _orders(core: dict[str, pl.DataFrame]) -> dict[str, list[dict]]:
    orders: dict[str, list[dict]] = {
        row["customer_id"]: [] for row in core["dim_customer"].to_dicts() if row["is_identified"] and not row["is_test"]
    }
    for row in core["fct_order"].to_dicts():
        if row["customer_id"] in orders:
            orders[row["customer_id"]].append(row)
    return orders


def _headline(core: dict[str, pl.DataFrame]) -> str:
    net = sum(row["net_revenue_reporting"] or 0 for row in core["fct_order"].to_dicts())
    costed = sum(row["costed_net_revenue_reporting"] for row in core["fct_order"].to_dicts())
    return "contribution" if net > 0 and costed / net >= Decimal("0.95") else "net_revenue"


def _window(rows: list[dict], end: date, basis: str) -> Decimal | None:
    amounts = [row[f"{basis}_reporting"] for row in rows if end - timedelta(days=365) < row["ordered_on"] <= end]
    return None if None in amounts else sum(amounts, Decimal(0))


def _smallest_reaching(values: list, share: str) -> object:
    """The smallest value that at least the share of the values does not exceed, by counting."""
    counted = 0
    for value, times in sorted(Counter(values).items()):
        counted += times
        if counted >= Decimal(share) * len(values):
            return value
    raise AssertionError("no values")


def _limits(values: list) -> list:
    return [_smallest_reaching(values, share) for share in ("0.2", "0.4", "0.6", "0.8")]


def _score(value: object, limits: list, is_less_better: bool = False) -> int:
    above = sum(value > limit for limit in limits)
    return 5 - above if is_less_better else 1 + above


def _known(rows: list[dict], end: date, basis: str) -> Decimal | None:
    """Money of the orders whose amount is known; nothing when there are orders and none is known."""
    window = [row[f"{basis}_reporting"] for row in rows if end - timedelta(days=365) < row["ordered_on"] <= end]
    amounts = [amount for amount in window if amount is not None]
    return None if window and not amounts else sum(amounts, Decimal(0))


def _plain(core: dict[str, pl.DataFrame], as_of: date) -> dict[str, dict]:
    people = {}
    for who, rows in _orders(core).items():
        kept = [row for row in rows if row["is_kept"]]
        if not kept:
            continue
        people[who] = {
            "recency": (as_of - max(row["ordered_on"] for row in kept)).days,
            "frequency": sum(row["ordered_on"] > as_of - timedelta(days=365) for row in kept),
            **{basis: _known(rows, as_of, basis) for basis in ("contribution", "net_revenue")},
        }
    return people


def _covered(rows: list[dict], end: date, basis: str) -> Decimal | None:
    window = [row for row in rows if end - timedelta(days=365) < row["ordered_on"] <= end]
    net = sum((row["net_revenue_reporting"] or Decimal(0) for row in window), Decimal(0))
    if net <= 0:
        return None
    known = (row for row in window if row[f"{basis}_reporting"] is not None)
    part = sum((row["net_revenue_reporting"] for row in known), Decimal(0))
    return (part / net).quantize(Decimal("0.000001"), "ROUND_HALF_UP")


def test_scores_segments_and_types_equal_plain_counting(case) -> None:
    core, marts, as_of = case
    people, orders, basis = _plain(core, as_of), _orders(core), _headline(core)
    window = [person for person in people.values() if person["frequency"] > 0]
    values = {
        name: [person[name] for person in window if person[name] is not None]
        for name in ("recency", "frequency", "contribution", "net_revenue")
    }
    median = {name: _smallest_reaching(known, "0.5") for name, known in values.items()}
    limits = {name: _limits(known) for name, known in values.items()}
    seen: dict[str, int] = defaultdict(int)
    for row in marts["customer_rfm"].to_dicts():
        person = people.get(row["customer_id"])
        if person is None:
            assert (row["segment"], row["r_score"], row["tier"]) == ("prospects", None, None)
            continue
        money, own = person[basis], orders[row["customer_id"]]
        assert (row["basis"], row["recency_days"], row["frequency_n"], row["monetary"]) == (
            basis,
            person["recency"],
            person["frequency"],
            money,
        )
        strict = tuple(_window(own, as_of, name) for name in ("contribution", "net_revenue"))
        assert (row["contribution"], row["net_revenue"]) == strict
        assert row["covered_rate"] == _covered(own, as_of, basis)
        r = _score(person["recency"], limits["recency"], is_less_better=True)
        f = _score(person["frequency"], limits["frequency"])
        assert (row["r_score"], row["f_score"]) == (r, f)
        m = None if money is None else _score(money, limits[basis])
        fm = f if m is None else (f + m + 1) // 2
        assert (row["m_score"], row["fm_score"], row["segment"]) == (m, fm, GRID[5 - fm][r - 1])
        seen[row["segment"]] += 1
        if money is None:
            assert row["rfm_type"] is None
            continue
        high = (
            person["recency"] <= median["recency"],
            person["frequency"] > median["frequency"],
            money > median[basis],
        )
        worth, rest = ("important" if high[2] else "general"), high[:2]
        kind = {(True, True): "value", (True, False): "develop", (False, True): "keep", (False, False): "win_back"}
        assert row["rfm_type"] == f"{worth}_{kind[rest]}"
    assert len(seen) >= 7


def test_threshold_table_tells_limits_and_sizes(case) -> None:
    core, marts, as_of = case
    people = list(_plain(core, as_of).values())
    window = [person for person in people if person["frequency"] > 0]
    for row in marts["rfm_thresholds"].to_dicts():
        name = row["basis"] if row["dimension"] == "monetary" else row["dimension"]
        suffix = "amount" if row["dimension"] == "monetary" else "n"
        low, high = row[f"above_{suffix}"], row[f"up_to_{suffix}"]

        def inside(person: dict, low=low, high=high, name=name) -> bool:
            value = person[name]
            return value is not None and (low is None or value > low) and (high is None or value <= high)

        assert row["customer_n"] == sum(map(inside, people))
        assert row["window_customer_n"] == sum(map(inside, window))
        known = [person[name] for person in window if person[name] is not None]
        assert row[f"median_{suffix}"] == _smallest_reaching(known, "0.5")
        assert row["window_customer_rate"] == (Decimal(row["window_customer_n"]) / len(known)).quantize(
            Decimal("0.000001"), "ROUND_HALF_UP"
        )


def test_tiers_follow_predicted_value_with_hysteresis_over_month_ends(case) -> None:
    core, marts, as_of = case
    firsts = {who: min(row["ordered_on"] for row in rows if row["is_kept"]) for who, rows in _orders(core).items()
              if any(row["is_kept"] for row in rows)}  # fmt: skip
    values: dict[date, dict[str, Decimal]] = defaultdict(dict)
    headline = marts["customer_asset"].filter(pl.col("purchase_n") > 0, pl.col("basis") == _headline(core))
    for row in headline.to_dicts():
        values[row["period_on"]][row["customer_id"]] = row["closing_amount"]
    assert max(values) == as_of
    assert values[as_of].keys() == firsts.keys()
    published = {row["tier_on"]: row for row in marts["value_tier_thresholds"].to_dicts()}
    assert published.keys() == values.keys()
    tiers: dict[str, tuple[str, str] | tuple[None, None]] = {}
    before: dict[str, str | None] = {}
    held = 0
    for day in sorted(values):
        bars = tuple(_pareto(list(values[day].values()), Decimal(share)) for share in ("0.80", "0.95"))
        row = published[day]
        assert (row["high_from_amount"], row["mid_from_amount"], row["customer_n"]) == (*bars, len(values[day]))
        assert row["positive_amount"] == sum((value for value in values[day].values() if value > 0), Decimal(0))
        assert row["negative_amount"] == sum((value for value in values[day].values() if value < 0), Decimal(0))
        before = {who: tier for who, (tier, _) in tiers.items()}
        tiers = {
            who: (None, None) if bars[0] is None else _tier(value, *bars, before.get(who))
            for who, value in values[day].items()
        }
        held += sum(tier != alone for tier, alone in tiers.values())
    for row in marts["customer_rfm"].to_dicts():
        who = row["customer_id"]
        assert (row["tier"], row["unsmoothed_tier"]) == tiers.get(who, (None, None))
        assert row["previous_tier"] == (before.get(who) if who in tiers else None)
        assert row["predicted_value"] == values[as_of].get(who)
    assert row["previous_tier_on"] == as_of.replace(day=1) - timedelta(days=1)
    assert held > 0


def test_there_is_one_tier_of_a_customer(case) -> None:
    _, marts, as_of = case
    last = marts["customer_asset"].filter(pl.col("period_on") == as_of).select("customer_id", "closing_tier")
    both = marts["customer_rfm"].join(last, on="customer_id", how="full", coalesce=True)
    assert both["tier"].equals(both["closing_tier"], check_names=False)


def _pareto(values: list[Decimal], share: Decimal) -> Decimal | None:
    """The value at which the largest values together first make the share of all positive money."""
    total, running = sum((value for value in values if value > 0), Decimal(0)), Decimal(0)
    for value in sorted(values, reverse=True):
        running += value
        if value > 0 and running >= share * total:
            return value
    return None


def _tier(money: Decimal, high: Decimal, mid: Decimal, before: str | None) -> tuple[str, str]:
    alone = "high" if money >= high else "mid" if money >= mid else "low"
    order = ("low", "mid", "high")
    lenient = "high" if money >= high * 9 / 10 else "mid" if money >= mid * 9 / 10 else "low"
    if before is None or order.index(alone) >= order.index(before):
        return alone, alone
    return order[max(order.index(alone), min(order.index(before), order.index(lenient)))], alone
