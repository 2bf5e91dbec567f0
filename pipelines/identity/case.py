"""Case: what is known of accounts, in the long form that resolution reads, whatever the source.

Lives here: the `Case` record (accounts, attributes, evidence, unusable values) and its checks.
Stays out: how a case is made (`records` for a table of records; the warehouse's evidence for the full path) and what is
concluded from it (`resolve`).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

INSTANT = pl.Datetime("us")

ACCOUNTS = pl.Schema(
    {"account_key": pl.String(), "source": pl.String(), "first_seen_at": INSTANT, "last_seen_at": INSTANT}
)
ATTRIBUTES = pl.Schema({"account_key": pl.String(), "attribute": pl.String(), "value": pl.String()})
EVIDENCE = pl.Schema(
    {
        "account_key": pl.String(),
        "id_type": pl.String(),
        "scope_key": pl.String(),
        "value": pl.String(),
        "first_seen_at": INSTANT,
        "last_seen_at": INSTANT,
    }
)
UNUSABLE = pl.Schema({"account_key": pl.String(), "id_type": pl.String(), "value": pl.String(), "status": pl.String()})

NAME, HINT, BIRTH = "name", "hint", "birth"
"""Attributes with a meaning of their own; every other attribute may support a link."""


@dataclass(frozen=True)
class Case:
    """What is known of accounts.

    accounts: one row per account (`account_key` unique, not null); null times are unknown.
    attributes: each row once: normalised names, hints (`刘*`: what a mask shows), births (ISO date or year), supporting
    attributes.
    evidence: usable identifier values of accounts; `scope_key` names the shop, app or source within which the value
    means the same ('' for global types); the value is a normal form or a keyed hash, only ever compared.
    unusable: values that are no evidence, with the status that says why (masked, virtual, blocked, invalid).
    """

    accounts: pl.DataFrame
    attributes: pl.DataFrame
    evidence: pl.DataFrame
    unusable: pl.DataFrame

    def __post_init__(self) -> None:
        for frame, schema in (
            (self.accounts, ACCOUNTS),
            (self.attributes, ATTRIBUTES),
            (self.evidence, EVIDENCE),
            (self.unusable, UNUSABLE),
        ):
            if frame.schema != schema:
                raise ValueError(f"a case needs {dict(schema)}, found {dict(frame.schema)}")
        keys = self.accounts["account_key"]
        if keys.null_count() or keys.n_unique() != len(keys):
            raise ValueError("account keys must be unique and not null")
