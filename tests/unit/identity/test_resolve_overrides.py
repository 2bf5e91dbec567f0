"""Manual decisions: they always win, and the next run obeys."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest
from support.identity_records import groups, records

from pipelines.identity.overrides import no_overrides, override
from pipelines.identity.resolve import resolve

PHONE = "13812345678"
DAY = datetime(2025, 1, 1)  # noqa: DTZ001


def decided(*decisions: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([no_overrides(), *decisions])


def test_must_link_joins_what_nothing_else_joins() -> None:
    made = records({"id": "a"}, {"id": "b"}, {"id": "c"})
    manual = decided(override("must_link", "a", "c", "kim", "called us", DAY))
    resolution = resolve(made, overrides=manual)
    assert groups(resolution) == [["a", "c"], ["b"]]
    assert resolution.edges.filter(pl.col("id_type") == "override")["account_key"].to_list() == ["a", "c"]


def test_must_link_wins_over_exclusive_ids_but_no_third_joins() -> None:
    rows = [
        {"id": "a", "member_id": "M1"},
        {"id": "b", "member_id": "M2"},
        {"id": "c", "member_id": "M3", "phone_raw": PHONE},
        {"id": "d", "phone_raw": PHONE, "member_id": "M1"},
    ]
    manual = decided(override("must_link", "a", "b", "kim", "card replaced", DAY))
    assert groups(resolve(records(*rows), overrides=manual)) == [["a", "b", "d"], ["c"]]


@pytest.mark.parametrize(
    "link", [{"phone_raw": PHONE}, {"member_id": "M1"}, {"device_id": "d"}, {"email_raw": "kim@b.de"}]
)
def test_cannot_link_keeps_apart_whatever_joins_them(link: dict[str, str]) -> None:
    made = records({"id": "a", **link}, {"id": "b", **link}, {"id": "c"})
    assert groups(resolve(made)) == [["a", "b"], ["c"]]
    manual = decided(override("cannot_link", "b", "a", "kim", "brothers", DAY))
    resolution = resolve(made, overrides=manual)
    assert groups(resolution) == [["a"], ["b"], ["c"]]
    assert resolution.refused["reason"].to_list() == ["manual decision: cannot_link"]


def test_cannot_link_holds_over_a_chain() -> None:
    chain = records(
        {"id": "a", "phone_raw": PHONE},
        {"id": "b", "phone_raw": PHONE, "email_raw": "b@x.org"},
        {"id": "c", "email_raw": "b@x.org"},
    )
    assert groups(resolve(chain)) == [["a", "b", "c"]]
    manual = decided(override("cannot_link", "a", "c", "kim", "complaint", DAY))
    assert groups(resolve(chain, overrides=manual)) == [["a"], ["b", "c"]]


def test_exclude_takes_a_value_or_all_evidence_of_an_account() -> None:
    made = records(*({"id": key, "phone_raw": PHONE} for key in "abc"))
    value = decided(override("exclude", "+8613812345678", None, "kim", "the shop's own", DAY, id_type="phone"))
    assert groups(resolve(made, overrides=value)) == [["a"], ["b"], ["c"]]
    account = decided(override("exclude", "b", None, "kim", "test account", DAY))
    assert groups(resolve(made, overrides=account)) == [["a", "c"], ["b"]]


def test_the_later_decision_on_a_pair_counts() -> None:
    made = records({"id": "a", "phone_raw": PHONE}, {"id": "b", "phone_raw": PHONE})
    apart = override("cannot_link", "a", "b", "kim", "first thought", DAY)
    together = override("must_link", "b", "a", "kim", "second thought", datetime(2025, 2, 1))  # noqa: DTZ001
    assert groups(resolve(made, overrides=decided(together, apart))) == [["a", "b"]]


def test_contradictory_or_incomplete_decisions_are_refused() -> None:
    made = records({"id": "a"}, {"id": "b"}, {"id": "c"})
    manual = decided(
        override("must_link", "a", "b", "kim", "x", DAY),
        override("must_link", "b", "c", "kim", "x", DAY),
        override("cannot_link", "a", "c", "lee", "y", DAY),
    )
    with pytest.raises(ValueError, match="cannot_link keeps apart"):
        resolve(made, overrides=manual)
    with pytest.raises(ValueError, match="author and a reason"):
        override("must_link", "a", "b", "", "x", DAY)
    with pytest.raises(ValueError, match="two accounts"):
        override("must_link", "a", None, "kim", "x", DAY)


def test_decisions_about_unknown_accounts_are_kept_aside() -> None:
    manual = decided(override("must_link", "a", "gone", "kim", "x", DAY))
    resolution = resolve(records({"id": "a"}), overrides=manual)
    assert resolution.decisions.unknown["b"].to_list() == ["gone"]
