"""The plain assignment of accounts to people: no guards, no history.

Lives here: `assign`, which unifies accounts that share a normalised e-mail address, telephone or member number (or are
tied together by a statement of a source), without caps, and the minting of customer ids. It is the yardstick that the
guarded resolution (`unify`) is measured against.
Stays out: which values are evidence (`int_identity_evidence`), blocked and masked values (never keyed, so never
evidence), guards by names and limits, and the carrying over of ids between runs.

Evidence is a bipartite graph: an account or a source's statement on one side, a value on the other. A value shared by
n accounts costs n edges, never n squared.
"""

from __future__ import annotations

import hmac
from datetime import datetime

import polars as pl

from pipelines.identity.components import connected_components

VALUE_SEPARATOR = "\x1f"
"""Stands between the type and the key of a value, so that no value node can equal an account key."""


def assign(evidence: pl.LazyFrame, accounts: pl.LazyFrame, pepper: bytes, as_of: datetime) -> pl.LazyFrame:
    """Give every account of `accounts` its person; one row per account, sorted by account_key.

    `evidence` needs account_key, id_type, value_key and is_linking; rows that do not link are ignored, and statements
    (rows whose account_key is no account) tie values together without becoming accounts. `accounts` needs account_key
    and first_seen_at. A person is named after the anchor, the account seen first (ties: the smaller account_key), so
    the result depends on no order. `as_of` is the end of the as-of day, from which the assignment is recorded.
    Raises ValueError for an account without a key or a first sign.
    """
    known = accounts.select("account_key", "first_seen_at").collect()
    if known.null_count().sum_horizontal().item():
        raise ValueError("an account needs a key and a first sign")
    edges = evidence.filter(pl.col("is_linking")).select(
        a=pl.col("account_key"), b=pl.concat_str("id_type", "value_key", separator=VALUE_SEPARATOR)
    )
    loops = known.lazy().select(a="account_key", b="account_key")
    parts = connected_components(pl.concat([edges, loops])).rename({"node": "account_key"})
    members = known.join(parts, on="account_key", how="left").sort("first_seen_at", "account_key")
    anchors = members.group_by("component", maintain_order=True).agg(anchor=pl.col("account_key").first())
    ids = anchors.with_columns(
        customer_id=pl.Series([customer_id(pepper, key) for key in anchors["anchor"]], dtype=pl.String)
    )
    return (
        members.join(ids, on="component", how="left")
        .select(
            "account_key",
            "customer_id",
            valid_from=pl.col("first_seen_at").cast(pl.Datetime("us")),
            valid_to=pl.lit(None, pl.Datetime("us")),
            recorded_from=pl.lit(as_of, pl.Datetime("us")),
            recorded_to=pl.lit(None, pl.Datetime("us")),
        )
        .sort("account_key")
        .lazy()
    )


def customer_id(pepper: bytes, anchor: str) -> str:
    """The one-ID of the person whose first account is `anchor`: `c_` and 16 hex digits of its keyed hash."""
    return "c_" + hmac.digest(pepper, anchor.encode(), "sha256").hex()[:16]
