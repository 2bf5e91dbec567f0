"""Why two accounts are one customer, and why not."""

from __future__ import annotations

import polars as pl
import pytest
from support.identity_records import records

from pipelines.identity.events import CAUSES
from pipelines.identity.explain import causes, why, why_not
from pipelines.identity.resolve import resolve

PHONE = "13812345678"
CHAIN = (
    {"id": "a", "phone_raw": PHONE},
    {"id": "b", "phone_raw": PHONE, "email_raw": "b@x.org"},
    {"id": "c", "email_raw": "b@x.org", "member_id": "M1"},
    {"id": "d", "member_id": "M1"},
)


def test_the_path_names_every_step() -> None:
    path = why(resolve(records(*CHAIN)), "a", "d")
    assert path.select("step", "from_account", "to_account", "rule_id").rows() == [
        (1, "a", "b", "phone/link"),
        (2, "b", "c", "email/link"),
        (3, "c", "d", "member_no/link"),
    ]


def test_the_shortest_path_is_told() -> None:
    path = why(resolve(records(*CHAIN, {"id": "e", "phone_raw": PHONE, "member_id": "M1"})), "a", "d")
    assert path["to_account"].to_list() == ["e", "d"]


def test_different_customers_have_no_path_but_a_reason() -> None:
    made = records(
        {"id": "a", "phone_raw": PHONE, "name_raw": "张伟"}, {"id": "b", "phone_raw": PHONE, "name_raw": "李娜"}
    )
    resolution = resolve(made)
    assert why(resolution, "a", "b").is_empty()
    assert why_not(resolution, "a", "b").select("id_type", "verdict", "reason").rows() == [
        ("phone", "split_by_name", "different names")
    ]


def test_unknown_accounts_are_named() -> None:
    with pytest.raises(KeyError, match="nobody"):
        why(resolve(records(*CHAIN)), "a", "nobody")


def test_causes_tell_rules_but_no_values() -> None:
    told = causes(resolve(records(*CHAIN)))
    joined = told.filter(pl.len().over("value_n", "part") > 1).sort("rank", "account_key")
    assert joined.select("account_key", "rule_id").rows() == [
        ("c", "member_no/link"), ("d", "member_no/link"), ("b", "email/link"), ("c", "email/link"),
        ("a", "phone/link"), ("b", "phone/link"),
    ]  # fmt: skip
    assert set(told.columns) == set(CAUSES.names())
