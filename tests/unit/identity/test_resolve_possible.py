"""Possible links: candidates with a probability, accepted only when asked, never against exclusive ids."""

from __future__ import annotations

from typing import Any

import pytest
from support.identity_records import groups, records

from pipelines.identity.possible import accept_links, masked_links
from pipelines.identity.resolve import Resolution, resolve

KNOWN = {"id": "k", "phone_raw": "13812345678", "name_raw": "刘洋", "city": "上海"}
MASKED = {"id": "m", "phone_raw": "138****5678", "name_raw": "刘*", "city": "上海", "source": "tmall"}


def resolution(*rows: dict[str, Any]) -> Resolution:
    strangers = [
        {"id": f"s{n}", "phone_raw": f"139{n:08}", "name_raw": name, "city": "北京"}
        for n, name in enumerate(["张伟", "李娜", "王芳", "赵敏"], start=17)
    ]
    return resolve(records(*rows, *strangers))


def test_a_mask_is_a_candidate_and_never_a_link() -> None:
    found = resolution(KNOWN, MASKED)
    assert ["m"] in groups(found)
    links = masked_links(found)
    assert links.select("account_key", "candidate_cluster", "kind").rows() == [("m", "k", "masked_phone")]
    assert 0.99 < links["posterior"][0] < 1


@pytest.mark.parametrize(
    "other", [{"name_raw": "王*"}, {"city": "北京"}, {"phone_raw": "138****5679"}, {"name_raw": None}]
)
def test_surname_city_and_digits_must_fit(other: dict[str, str | None]) -> None:
    assert masked_links(resolution(KNOWN, {**MASKED, **other})).is_empty()


def test_several_candidates_share_the_probability() -> None:
    second = {**KNOWN, "id": "k2", "phone_raw": "13899995678"}
    links = masked_links(resolution(KNOWN, second, MASKED))
    assert links["candidate_cluster"].to_list() == ["k", "k2"]
    assert all(0.45 < p < 0.5 for p in links["posterior"])


def test_links_are_accepted_above_the_threshold_only() -> None:
    found = resolution(KNOWN, MASKED)
    links = masked_links(found)
    same, told = accept_links(found, links, 1.0)
    assert groups(same) == groups(found)
    assert told.select("is_accepted", "reason").rows() == [(False, "posterior below the threshold")]
    joined, told = accept_links(found, links, 0.99)
    assert ["k", "m"] in groups(joined)
    assert told["is_accepted"].to_list() == [True]
    assert joined.edges.filter(joined.edges["id_type"] == "possible")["account_key"].to_list() == ["k", "m"]


def test_no_link_joins_two_members() -> None:
    found = resolution({**KNOWN, "member_id": "M1"}, {**MASKED, "member_id": "M2"})
    joined, told = accept_links(found, masked_links(found), 0.5)
    assert groups(joined) == groups(found)
    assert told["reason"].to_list() == ["limit: 2 member_no where 1 may be"]
