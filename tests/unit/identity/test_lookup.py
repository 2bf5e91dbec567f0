"""Lookup: the ways to name an account."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from pipelines.contracts.keys import value_key
from pipelines.identity.lookup import NoAccountError, Register, find_account

PEPPER = b"a pepper for tests, fixed so that digests compare"
DAY = datetime(2025, 6, 30)  # noqa: DTZ001


@pytest.fixture
def register() -> Register:
    accounts = pl.DataFrame(
        {
            "account_key": ["crm/aaaabbbbcccc", "web/aaaabbbbcccc", "web/ddddeeee"],
            "customer_id": ["c_1", "c_1", "c_2"],
            "first_seen_at": [DAY.replace(day=2), DAY.replace(day=1), DAY],
        }
    )
    phone, email = (value_key(PEPPER, "phone", "+8613812345678"), value_key(PEPPER, "email", "anna@b.com"))
    evidence = pl.DataFrame(
        {
            "account_key": ["crm/aaaabbbbcccc", "web/aaaabbbbcccc", "web/ddddeeee", "web/ddddeeee"],
            "id_type": ["phone", "email", "phone", "member_no"],
            "value_key": [phone, email, phone, "x"],
        }
    )
    orders = pl.DataFrame({"order_key": ["web/1001"], "account_key": ["web/ddddeeee"]})
    return Register(accounts, evidence, orders, pl.DataFrame({"old_id": ["c_0"], "current_id": ["c_2"]}))


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("web/ddddeeee", "web/ddddeeee"),
        ("crm/aaaabb", "crm/aaaabbbbcccc"),
        ("c_1", "web/aaaabbbbcccc"),
        ("c_0", "web/ddddeeee"),
        ("web/1001", "web/ddddeeee"),
        (" ANNA@B.com ", "web/aaaabbbbcccc"),
    ],
)
def test_an_account_is_found(register: Register, text: str, account: str) -> None:
    assert find_account(register, text, PEPPER, "CN") == account


def test_a_value_of_two_customers_is_not_guessed_about(register: Register) -> None:
    with pytest.raises(NoAccountError, match="2 customers fit") as told:
        find_account(register, "138 1234 5678", PEPPER, "CN")
    assert "138" not in str(told.value)


@pytest.mark.parametrize("text", ["nobody", "web/", "c_9", "x@y.org"])
def test_what_names_nobody_is_refused_without_repeating_it(register: Register, text: str) -> None:
    with pytest.raises(NoAccountError) as told:
        find_account(register, text, PEPPER, "CN")
    assert "No account" in told.value.message
