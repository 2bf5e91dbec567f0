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

TIMES = ("first_seen_at", "last_seen_at")
CODE = pl.lit(0, pl.Int32)
VALUES = {"val": pl.Int32, "value": pl.String, "type": pl.Int8, "id_type": pl.String, "scope_key": pl.String}
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

    keys: account keys in order, the code being the position. evidence: acc, type, val, first, last, n (accounts on the
    value), one row per account and value; values of one account only join nobody and are left out unless their type
    is limited or supports. values: val, type, id_type, scope_key, value, n. facts: acc, slot, item; the item of an
    identifier type is a val, any other a position in `texts`. slots: meaning of each slot code.
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
    kept = {*support, *(t.name for t in types if t.limit is not None)}
    by_account = evidence.join(codes, on="account_key").drop("account_key")
    by_type = by_account.partition_by("id_type", as_dict=True, include_key=False)
    values, coded, offset = [], [by_account.clear().select("acc", *TIMES, type=CODE, val=CODE)], 0
    for code, rule in enumerate(types):
        own = by_type.get((rule.name,))
        if own is None or (rule.name not in kept and own["value"].n_unique() == own.height):
            continue
        key = ["value"] if own["scope_key"].n_unique() < 2 else ["scope_key", "value"]
        found = own.group_by(key).agg(pl.col("scope_key").first().alias("scope"), n=pl.len())
        if rule.name not in kept:
            found = found.filter(pl.col("n") > 1)
        found = found.sort(key).with_columns(val=pl.int_range(offset, offset + pl.len(), dtype=pl.Int32))
        offset += found.height
        values.append(
            found.select("val", "value", type=pl.lit(code, pl.Int8), id_type=pl.lit(rule.name), scope_key="scope")
        )
        rows = own.join(found.select(*key, "val"), on=key)
        coded.append(rows.select("acc", *TIMES, type=pl.lit(code, pl.Int32), val="val"))
    ordered = (
        pl.concat(coded)
        .select(
            "acc",
            pl.col("type").cast(pl.Int8),
            "val",
            first=pl.col("first_seen_at").cast(pl.Int64).fill_null(UNKNOWN_FIRST),
            last=pl.col("last_seen_at").cast(pl.Int64).fill_null(UNKNOWN_LAST),
        )
        .sort(pl.col("val").cast(pl.Int64) * 2**32 + pl.col("acc"))  # both at once: one key sorts faster than two
    )
    repeats = (pl.col("val") == pl.col("val").shift()) & (pl.col("acc") == pl.col("acc").shift())
    if ordered.select(repeats.any()).item():
        merged = ordered.group_by("acc", "type", "val").agg(pl.col("first").min(), pl.col("last").max())
        ordered = merged.sort("val", "acc")
    sizes = ordered["val"].rle().struct.field("len").cast(pl.Int32)
    n = np.repeat(sizes.to_numpy(), sizes.to_numpy())
    empty = pl.DataFrame(schema=VALUES)
    return ordered.with_columns(n=n), pl.concat([empty, *values]).with_columns(n=sizes)


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
    return tuple(slots), pl.concat(facts), texts["text"].to_list()
