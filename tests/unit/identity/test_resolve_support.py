"""Support: what is learnt from named accounts and applied to nameless ones."""

from __future__ import annotations

from datetime import date
from math import inf
from typing import Any

import polars as pl

from pipelines.identity.agreement import NameJudge
from pipelines.identity.core import DAY_US, Block, Core
from pipelines.identity.partition import Partitioner
from pipelines.identity.policy import default_policy
from pipelines.identity.resolve import resolve
from pipelines.identity.support import Weights, least_score
from tests.support.identity_records import records, resolved


def pairs_on_numbers(same_n: int, other_n: int) -> list[dict[str, Any]]:
    """Numbers with two named accounts: of one person, and of two."""
    rows = []
    for number in range(same_n + other_n):
        phone = f"139{20_304_051 + 17 * number:08d}"
        name = f"person{number} one"
        rows.append({"id": f"a{number}", "phone_raw": phone, "name_raw": name, "source": "crm"})
        other = name if number < same_n else f"somebody{number} else"
        rows.append({"id": f"b{number}", "phone_raw": phone, "name_raw": other, "source": "web"})
    return rows


def prior_rows(rows: list[dict[str, Any]]) -> dict[str, tuple[int, int, float, bool]]:
    calibration = resolve(records(*rows)).calibration
    columns = ("attribute", "same_n", "other_n", "agree_bits", "is_measured")
    found = {row[0]: row[1:] for row in calibration.select(columns).iter_rows()}
    return {name: row for name, row in found.items() if name.startswith("prior")}


def test_prior_is_the_share_of_held_out_names_that_agree_with_the_others() -> None:
    found = prior_rows(pairs_on_numbers(320, 40))
    assert found["prior_1"] == (640, 80, 3.0, True)  # every name of a pair is held out once: 8 to 1
    assert found["prior_2"] == (0, 0, 3.0, False)  # nobody has three: what is known of two stands


def test_prior_without_enough_pairs_is_the_policys() -> None:
    found = prior_rows(pairs_on_numbers(30, 3))
    assert found["prior_1"][2:] == (default_policy().prior_bits, False)


def test_a_third_name_among_two_equal_ones_is_held_out_against_both() -> None:
    rows = [
        {
            "id": f"{letter}{number}",
            "phone_raw": f"138{20_304_051 + 17 * number:08d}",
            "name_raw": name,
            "source": source,
        }
        for number in range(60)
        for letter, name, source in (
            ("a", f"person{number} one", "crm"),
            ("b", f"person{number} one", "web"),
            ("c", f"somebody{number} else", "app"),
        )
    ]
    found = prior_rows(rows)
    assert found["prior_2"][:2] == (0, 60)  # holding out one of the equal names leaves two that disagree: not asked


def test_odds_that_reach_the_posterior_are_enough() -> None:
    right = [(1.0, True)] * 95 + [(1.0, False)] * 5 + [(0.0, True)] * 50 + [(0.0, False)] * 50
    assert 0.0 < least_score(right, 0.9, 3.0, 50) <= 1.0


def test_odds_that_never_reach_it_are_not() -> None:
    assert least_score([(4.0, True)] * 80 + [(4.0, False)] * 20, 0.9, 3.0, 50) == inf


def test_a_dip_is_pooled_with_what_lies_below() -> None:
    tests = [(0.0, True)] * 100 + [(1.0, True)] * 60 + [(1.0, False)] * 40 + [(2.0, True)] * 99 + [(2.0, False)]
    assert 1.0 < least_score(tests, 0.9, 3.0, 50) <= 2.0  # 0.0 looks right only because 1.0 is not


def test_few_tests_leave_the_default() -> None:
    assert least_score([(1.0, True)] * 49, 0.9, 3.0, 50) == 3.0


def test_odds_exactly_at_the_posterior_link() -> None:
    """Four to one is a probability of 0.8, whatever binary fractions make of it."""
    policy = default_policy(prior_bits=2.0, link_posterior=0.8)
    rows = ({"id": "a", "phone_raw": "13912345678", "name_raw": "Anna Weber"}, {"id": "b", "phone_raw": "13912345678"})
    assert resolved(*rows, policy=policy) == [["a", "b"]]


def test_blank_account_belongs_to_the_nameless_member_of_its_period() -> None:
    rows = (
        {"id": "a", "phone_raw": "13912345678", "name_raw": "Anna Weber", "day": 0, "city": "Berlin"},
        {
            "id": "b",
            "phone_raw": "13912345678",
            "member_id": "m1",
            "birth_date": date(1980, 2, 3),
            "day": 500,
            "city": "Paris",
        },
        {"id": "c", "phone_raw": "13912345678", "day": 510, "city": "Paris"},
        {"id": "d", "phone_raw": "13912345678", "member_id": "m2", "name_raw": "Anna Weber", "day": 5},
    )
    fixed = tuple(row | {"source": source} for row, source in zip(rows, ("web", "crm", "app", "pos"), strict=True))
    found = resolved(*fixed, policy=default_policy(epoch_posterior=0.6))
    assert ["a", "d"] in found
    assert ["b", "c"] in found


def test_a_name_is_held_out_only_where_two_persons_remain() -> None:
    """Of two persons with one account each, holding one out leaves no disagreement, so it shows nothing."""
    names = ("Anna Weber", "Boris Klein", "Clara Stein")

    def on_one_number(*given: str) -> int:
        blocks = [Block((n,), n * DAY_US, n * DAY_US, Core(frozenset({name}))) for n, name in enumerate(given)]
        judge = NameJudge(pl.Series(names).str.to_lowercase(), 0.2)
        partitioner = Partitioner(default_policy(), judge, Weights(2.0, {}, (0.0, 0.0), (2.0,) * 3))
        return len(partitioner.held_out(blocks, False, True, partitioner.groups(blocks)))

    anna, boris, clara = (name.lower() for name in names)
    assert on_one_number(anna, boris) == 0
    assert on_one_number(anna, anna, boris) == 2
    assert on_one_number(anna, boris, clara) == 3
