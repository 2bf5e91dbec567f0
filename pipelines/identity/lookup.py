"""Lookup: which account a person means who types a key, a customer id, an order, an address or a number.

Lives here: the ways to name an account, tried in order. Stays out: where the tables come from, and what is asked of the
account then. A clear identifier is hashed as at the door and compared; it is stored and printed nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipelines.channels.identifiers import normalise
from pipelines.contracts.errors import CawError
from pipelines.contracts.keys import value_key

CLEAR = ("email", "phone", "member_no")
SHORTEST_PREFIX = 8
SHOWN_N = 4


class NoAccountError(CawError):
    """A text that names no account, or more than one customer's."""


@dataclass(frozen=True)
class Register:
    """accounts: account_key, customer_id, first_seen_at. evidence: account_key, id_type, value_key. orders: order_key,
    account_key. redirects: old_id, current_id."""

    accounts: pl.DataFrame
    evidence: pl.DataFrame
    orders: pl.DataFrame
    redirects: pl.DataFrame


def find_account(register: Register, text: str, pepper: bytes, region: str) -> str:
    """The account that `text` names: an account_key (or its beginning), a customer_id (its first account), an order
    key, or an e-mail address, telephone or member number. NoAccountError when none, or several customers', fit."""
    accounts = register.accounts
    for found in (
        accounts.filter(pl.col("account_key") == text),
        _of_customer(register, text),
        accounts.join(register.orders.filter(pl.col("order_key") == text), on="account_key", how="semi"),
        accounts.filter(pl.col("account_key").str.starts_with(text)) if len(text) >= SHORTEST_PREFIX else None,
        _of_value(register, text, pepper, region),
    ):
        if found is not None and found.height:
            return _one(found, text)
    raise NoAccountError(
        "No account is known by that key, customer id, order, address or number.",
        'Look accounts up with: caw sql "select account_key, customer_id from core.dim_account".',
    )


def _of_customer(register: Register, text: str) -> pl.DataFrame | None:
    if not text.startswith("c_"):
        return None
    moved = register.redirects.filter(pl.col("old_id") == text)["current_id"]
    current = moved[0] if len(moved) else text
    own = register.accounts.filter(pl.col("customer_id") == current)
    return own.sort("first_seen_at", "account_key").head(1)


def _of_value(register: Register, text: str, pepper: bytes, region: str) -> pl.DataFrame:
    keys = []
    for id_type in CLEAR:
        normal = normalise(id_type, pl.Series([text]), region)["normalised"][0]
        if normal is not None:
            keys.append((id_type, value_key(pepper, id_type, normal)))
    wanted = pl.DataFrame(keys, schema={"id_type": pl.String, "value_key": pl.String}, orient="row")
    carriers = register.evidence.join(wanted, on=["id_type", "value_key"], how="semi")
    return register.accounts.join(carriers, on="account_key", how="semi")


def _one(found: pl.DataFrame, text: str) -> str:
    ordered = found.sort("first_seen_at", "account_key")
    if found["customer_id"].n_unique() > 1:
        keys = ", ".join(ordered["account_key"].head(SHOWN_N).to_list())
        raise NoAccountError(
            f"{found['customer_id'].n_unique()} customers fit, among them {keys}.",
            "Name one of their accounts by its key.",
        )
    return str(ordered["account_key"][0])
