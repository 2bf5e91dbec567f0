"""Book: a case in small integers, the form in which stages count and join.

Lives here: codes of accounts, values and attributes, ordered by their text so that no result depends on row order.
Stays out: any judgement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.channels.identifier_types import IdentifierType
from pipelines.identity.case import BIRTH, HINT, NAME, Case
from pipelines.identity.policy import Policy

UNKNOWN_FIRST, UNKNOWN_LAST = -(2**62), 2**62
"""Times of evidence that is not dated: it overlaps everything, so it never makes an epoch."""


@dataclass(frozen=True)
class Slot:
    """One kind of fact about an account: name, hint, birth, a supporting attribute, or a limited identifier type."""

    kind: str
    name: str
    limit: int | None = None
    window_days: int | None = None


@dataclass(frozen=True)
class Book:
    """A case in codes.

    keys: account keys in order, the code being the position. evidence: acc, type, val, first, last, one row per
    account and value; values of one account only join nobody and are left out unless their type is limited or
    supports. values: val, type, id_type, scope_key, value. facts: acc, slot, item; the item of an identifier type is a
    val, any other a position in `texts`. slots: meaning of each slot code.
    """

    keys: pl.Series
    first_seen: np.ndarray
    types: tuple[IdentifierType, ...]
    evidence: pl.DataFrame
    values: pl.DataFrame
    facts: pl.DataFrame
    slots: tuple[Slot, ...]
    texts: list[str]

    @property
    def account_n(self) -> int:
        """Number of accounts."""
        return len(self.keys)

    def slots_of(self, kind: str) -> list[int]:
        """Codes of the slots of a kind."""
        return [code for code, slot in enumerate(self.slots) if slot.kind == kind]


def open_book(case: Case, policy: Policy) -> Book:
    """Code a case: accounts by key, values by (type, scope, value), texts by text."""
    ordered = case.accounts.sort("account_key").with_columns(acc=pl.int_range(pl.len(), dtype=pl.Int32))
    codes = ordered.select("account_key", "acc")
    first_seen = ordered["first_seen_at"].cast(pl.Int64).fill_null(UNKNOWN_LAST).to_numpy()
    types = tuple(sorted(policy.rules.types.values(), key=lambda t: (t.priority, t.name)))
    evidence, values = _code_evidence(case.evidence, codes, types, [attribute.name for attribute in policy.support])
    known = case.attributes.join(codes, on="account_key").select("acc", "attribute", "value")
    sources = ordered.filter(pl.col("source") != "").select("acc", attribute=pl.lit("source"), value="source")
    slots, facts, texts = _code_facts(pl.concat([known, sources]), evidence, values, types, policy)
    return Book(ordered["account_key"], first_seen, types, evidence, values, facts, slots, texts)


def _code_evidence(
    evidence: pl.DataFrame, codes: pl.DataFrame, types: tuple[IdentifierType, ...], support: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    type_codes = pl.DataFrame(
        {"id_type": [t.name for t in types], "type": np.arange(len(types), dtype=np.int8)},
        schema_overrides={"id_type": pl.String},
    )
    kept = [*support, *(t.name for t in types if t.limit is not None)]
    value_key = ["id_type", "scope_key", "value"]
    counted = evidence.group_by(value_key).len().filter((pl.col("len") > 1) | pl.col("id_type").is_in(kept))
    values = (
        counted.join(type_codes, on="id_type")
        .select("type", *value_key)
        .sort("type", "scope_key", "value")
        .with_columns(val=pl.int_range(pl.len(), dtype=pl.Int32))
    )
    coded = (
        evidence.join(values, on=value_key)
        .join(codes, on="account_key")
        .select(
            "acc",
            "type",
            "val",
            first=pl.col("first_seen_at").cast(pl.Int64).fill_null(UNKNOWN_FIRST),
            last=pl.col("last_seen_at").cast(pl.Int64).fill_null(UNKNOWN_LAST),
        )
    )
    coded = coded.sort("val", "acc")
    repeats = (pl.col("val") == pl.col("val").shift()) & (pl.col("acc") == pl.col("acc").shift())
    if coded.select(repeats.any()).item():
        merged = coded.group_by("acc", "type", "val").agg(pl.col("first").min(), pl.col("last").max())
        coded = merged.sort("val", "acc")
    return coded, values


def _code_facts(
    attributes: pl.DataFrame,
    evidence: pl.DataFrame,
    values: pl.DataFrame,
    types: tuple[IdentifierType, ...],
    policy: Policy,
) -> tuple[tuple[Slot, ...], pl.DataFrame, list[str]]:
    slots = [Slot("name", NAME), Slot("hint", HINT), Slot("birth", BIRTH)]
    slots += [Slot("support", attribute.name) for attribute in policy.support]
    slot_codes = pl.DataFrame({"attribute": [s.name for s in slots], "slot": np.arange(len(slots), dtype=np.int16)})
    supporting = {slot.name: code for code, slot in enumerate(slots) if slot.kind == "support"}
    known = attributes.join(slot_codes, on="attribute")
    texts = known.select(text=pl.col("value").unique().sort()).with_columns(item=pl.int_range(pl.len(), dtype=pl.Int32))
    facts = [known.join(texts, left_on="value", right_on="text").select("acc", "slot", "item")]
    for code, rule in enumerate(types):
        if rule.name in supporting:
            own = evidence.filter(pl.col("type") == code)
            facts.append(own.select("acc", pl.lit(supporting[rule.name], pl.Int16).alias("slot"), item=pl.col("val")))
    limits = {t.name: t for t in types if t.limit is not None}
    scopes = values.filter(pl.col("id_type").is_in(list(limits))).select("id_type", "scope_key").unique()
    for id_type, scope_key in scopes.sort("id_type", "scope_key").iter_rows():
        rule = limits[id_type]
        kind = "exclusive" if rule.limit == 1 and rule.window_days is None else "limited"
        code = len(slots)
        slots.append(Slot(kind, f"{id_type}/{scope_key}" if scope_key else id_type, rule.limit, rule.window_days))
        own = values.filter((pl.col("id_type") == id_type) & (pl.col("scope_key") == scope_key)).select("val")
        rows = evidence.join(own, on="val", how="semi")
        facts.append(rows.select("acc", pl.lit(code, pl.Int16).alias("slot"), item=pl.col("val")))
    return tuple(slots), pl.concat(facts).unique(), texts["text"].to_list()
