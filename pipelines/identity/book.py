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
from pipelines.identity.codes import runs
from pipelines.identity.policy import Policy

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
    columns = ("acc", "first", "last")
    by_account = evidence.join(codes, on="account_key").select(
        "id_type", "scope_key", "value", "acc",
        first=pl.col("first_seen_at").cast(pl.Int64).fill_null(UNKNOWN_FIRST),
        last=pl.col("last_seen_at").cast(pl.Int64).fill_null(UNKNOWN_LAST),
    )  # fmt: skip
    by_type = by_account.partition_by("id_type", as_dict=True, include_key=False)
    values, offset = [pl.DataFrame(schema=VALUES)], 0
    rows = [[np.empty(0, dtype=kind) for kind in (np.int32, np.int32, np.int64, np.int64)]]
    for code, rule in enumerate(types):
        own = by_type.get((rule.name,))
        if own is None:
            continue
        found, val = _code_values(own, 1 if rule.name in kept else 2, offset)
        offset += len(found)
        kind = {"type": pl.lit(code, pl.Int8), "id_type": pl.lit(rule.name)}
        values.append(found.select("val", "value", scope_key="scope_key", **kind).select(*VALUES))
        is_coded = val >= 0
        rows.append([val[is_coded], *(own[name].to_numpy()[is_coded] for name in columns)])
    val, acc, first, last = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    keys = (val.astype(np.int64) << 32) | acc
    order = np.argsort(keys, kind="stable")
    starts, _ = runs(keys[order])  # an account may state a value twice
    one = order[starts]
    _, sizes = runs(val[one])
    known = pl.concat(values)
    coded = {
        "acc": acc[one],
        "type": known["type"].to_numpy()[val[one]],
        "val": val[one],
        "first": np.minimum.reduceat(first[order], starts),
        "last": np.maximum.reduceat(last[order], starts),
        "n": np.repeat(sizes, sizes).astype(np.int32),
    }
    return pl.DataFrame(coded), known.with_columns(n=pl.Series(sizes, dtype=pl.Int32))


def _code_values(own: pl.DataFrame, least_n: int, offset: int) -> tuple[pl.DataFrame, np.ndarray]:
    """The values of one type that stand in so many rows, in order, and the code of each row's value (-1: left out)."""
    key = ["value"] if own["scope_key"].n_unique() < 2 else ["scope_key", "value"]
    first_row = _first_rows(own, key)
    chosen = np.flatnonzero(np.bincount(first_row, minlength=len(own)) >= least_n)
    found = own[chosen].select("scope_key", "value", row=pl.Series(chosen)).sort(key)
    codes = np.full(len(own), -1, dtype=np.int32)
    codes[found["row"].to_numpy()] = np.arange(offset, offset + len(found), dtype=np.int32)
    return found.with_columns(val=pl.Series(np.arange(offset, offset + len(found), dtype=np.int32))), codes[first_row]


def _first_rows(frame: pl.DataFrame, key: list[str]) -> np.ndarray:
    """For each row the first row with the same key: texts are looked up once and compared no more."""
    return frame.with_row_index("row").select(pl.col("row").min().over(key)).to_series().to_numpy()


def _code_facts(
    attributes: pl.DataFrame,
    evidence: pl.DataFrame,
    values: pl.DataFrame,
    types: tuple[IdentifierType, ...],
    policy: Policy,
) -> tuple[tuple[Slot, ...], pl.DataFrame, list[str]]:
    slots = [Slot("name", NAME), Slot("hint", HINT), Slot("birth", BIRTH)]
    slots += [Slot("support", attribute.name) for attribute in policy.support]
    slot_codes = {slot.name: code for code, slot in enumerate(slots)}
    supporting = {slot.name: code for code, slot in enumerate(slots) if slot.kind == "support"}
    known = attributes.filter(pl.col("attribute").is_in(list(slot_codes)))
    texts, item = _code_values(known.select("value", scope_key=pl.lit("")), 1, 0)
    stated = known.select("acc", slot=pl.col("attribute").replace_strict(slot_codes, return_dtype=pl.Int16))
    facts = [stated.with_columns(item=pl.Series(item))]
    for code, rule in enumerate(types):
        if rule.name in supporting:
            own = evidence.filter(pl.col("type") == code)
            facts.append(own.select("acc", pl.lit(supporting[rule.name], pl.Int16).alias("slot"), item=pl.col("val")))
    limits = {t.name: t for t in types if t.limit is not None}
    scoped = ["id_type", "scope_key"]
    scopes = values.filter(pl.col("id_type").is_in(list(limits))).select(scoped).unique().sort(scoped)
    limited = values.join(
        scopes.with_columns(slot=pl.int_range(len(slots), len(slots) + len(scopes), dtype=pl.Int16)),
        on=scoped, how="left", maintain_order="left",
    )  # fmt: skip
    for id_type, scope_key in scopes.iter_rows():
        rule = limits[id_type]
        kind = "exclusive" if rule.limit == 1 and rule.window_days is None else "limited"
        slots.append(Slot(kind, f"{id_type}/{scope_key}" if scope_key else id_type, rule.limit, rule.window_days))
    facts.append(evidence.select("acc", slot=limited["slot"].gather(evidence["val"]), item="val").drop_nulls("slot"))
    return tuple(slots), pl.concat(facts), texts["value"].to_list()
