"""Tokens: direct identifiers become keyed hashes at the door; the clear text goes to the vault.

Lives here: which type an identifier has, its key and status column by column, on distinct values, and the rows of the
vault. Normal forms come from `pipelines.channels.identifiers` and `person_names`, keys from `contracts.keys`.
Stays out: writing the vault (`store`), what a key is worth as evidence (identity).

Types: email, phone, member_no, name, address, what a mask still shows of two of them (phone_mask, name_mask: hints
that identify nobody), and `<source_system>:<scope>` for native ids. The native id of an order
(`<source_system>:order`) is no personal identifier: it stands for itself, as everywhere in raw.
"""

from __future__ import annotations

import re

import polars as pl

from pipelines.channels.base import KEYED, Field, RawTable
from pipelines.channels.identifier_types import load_rules
from pipelines.channels.identifiers import normalise, phone_mask
from pipelines.channels.person_names import normalise_names
from pipelines.contracts.keys import value_key, value_keys
from pipelines.ingest.cells import Cast
from pipelines.ingest.columns import constant, replaced
from pipelines.ingest.errors import RowReason
from pipelines.ingest.sources import Source

VAULT_SCHEMA = pl.Schema({"id_type": pl.String, "value_key": pl.String, "normalised": pl.String, "original": pl.String})
_TOKENS = pl.Schema({"original": pl.String, "normalised": pl.String, "status": pl.String, "key": pl.String})
_NATIVE = re.compile(r"[a-z][a-z0-9_]{0,62}:[a-z][a-z0-9_]{0,62}")
_RECORD = "record"
_MASKS = {"phone": "phone_mask", "name": "name_mask"}
"""Types under which what a mask still shows of an identifier is keyed."""


KnownTokens = dict[str, pl.DataFrame]
"""Tokens by type of what was seen already; files of one source share it, so that a value is hashed once a run."""


class Tokeniser:
    """Keys the identifiers of one file, chunk after chunk."""

    def __init__(self, pepper: bytes, source: Source, known: KnownTokens | None = None) -> None:
        self._pepper, self._source = pepper, source
        self._known: KnownTokens = {} if known is None else known
        self._seen: dict[str, list[pl.DataFrame]] = {}
        self._done: dict[str, tuple[pl.Series, pl.Series, pl.Series]] = {}

    def tokenise(self, cast: Cast, table: RawTable) -> dict[str, pl.Series]:
        """Replace the identifier columns of `cast` by keys and statuses.

        Returns, for the identifiers that are part of the record's key, a text that stands for the value in
        `record_key`: the key, or a hash that is no evidence where the value is masked or not usable.
        """
        stand_ins: dict[str, pl.Series] = {}
        self._done = {}
        for position, field in enumerate(table.fields):
            if field.identifier is None or field.id_kind == "birth_date":
                continue
            values = cast.columns.pop(field.name)
            types = self._types(cast, position, field, table, len(values))
            keys, statuses = self._column(values, types)
            cast.columns[f"{field.name}_key"] = keys.alias(f"{field.name}_key")
            if field.keeps_mask:
                cast.columns[f"{field.name}_mask_key"] = self._masks(values, statuses, _MASKS[field.id_kind or ""])
            if field.id_kind not in KEYED:
                cast.columns[f"{field.name}_status"] = statuses.alias(f"{field.name}_status")
            if field.name in table.key:
                stand_ins[field.name] = keys if table.key_any else self._stand_in(keys, statuses, values)
        return stand_ins

    def vault(self) -> pl.DataFrame:
        """Every keyed value of the file, sorted: type, key, normal form, and the spelling it came in."""
        frames = [
            pl.concat(seen)
            .filter(pl.col("key").is_not_null())
            .unique("original")
            .select(pl.lit(id_type).alias("id_type"), pl.col("key").alias("value_key"), "normalised", "original")
            for id_type, seen in self._seen.items()
            if not _is_order(id_type)
        ]
        everything = pl.concat(frames) if frames else pl.DataFrame(schema=VAULT_SCHEMA)
        return everything.cast(VAULT_SCHEMA).sort("value_key", "original")

    def _types(self, cast: Cast, position: int, field: Field, table: RawTable, height: int) -> pl.Series | str:
        """The type of every value: one for all, or one a row where a column says it."""
        if field.id_kind == "typed":
            stated = cast.columns[(field.identifier or "").split(":")[1]].str.to_lowercase()
            return self._known_types(cast, table, stated)
        if field.id_kind == "account_id":
            own = f"{self._source.name}:{field.scope}"
            if field.owner is None or field.owner not in cast.columns:
                return own
            owners = cast.columns[field.owner]
            return own if owners.null_count() == height else (owners + f":{field.scope}").fill_null(own)
        return field.id_kind or ""

    def _known_types(self, cast: Cast, table: RawTable, stated: pl.Series) -> pl.Series:
        allowed = set(load_rules().types) - {"account"}
        bad = [t for t in stated.drop_nulls().unique().to_list() if t not in allowed and not _NATIVE.fullmatch(t)]
        rows = stated.is_in(bad).fill_null(False).arg_true()
        for position, field in enumerate(table.fields):
            if field.name == stated.name:
                cast.blame(rows, position, field.name, RowReason.BAD_ENUM, stated.gather(rows))
        return pl.select(pl.when(~stated.is_in(bad)).then(stated)).to_series().alias(stated.name)

    def _column(self, values: pl.Series, types: pl.Series | str) -> tuple[pl.Series, pl.Series]:
        if isinstance(types, str):
            return self._of_type(values, types)
        keys = constant(None, len(values), pl.String)
        statuses = constant("missing", len(values), pl.String)
        for id_type in sorted(types.drop_nulls().unique().to_list()):
            rows = (types == id_type).fill_null(False).arg_true()
            some_keys, some_statuses = self._of_type(values.gather(rows), id_type)
            keys, statuses = replaced(keys, rows, some_keys), replaced(statuses, rows, some_statuses)
        return keys, statuses

    def _of_type(self, values: pl.Series, id_type: str) -> tuple[pl.Series, pl.Series]:
        """Keys and statuses of a column; cells equal to those of an earlier column of the chunk are not looked up."""
        height = len(values)
        if values.null_count() == height:
            nothing = constant(None, height, pl.String)
            return nothing, constant("missing", height, pl.String)
        before = self._done.get(id_type)
        if before is None or len(before[0]) != height:
            found = self._look_up(values, id_type)
            self._done[id_type] = (values, *found)
            return found
        others, keys, statuses = before
        rows = values.ne_missing(others).arg_true()
        if len(rows) > height // 2:
            return self._look_up(values, id_type)
        if len(rows):
            some_keys, some_statuses = self._look_up(values.gather(rows), id_type)
            keys, statuses = replaced(keys, rows, some_keys), replaced(statuses, rows, some_statuses)
        return keys, statuses

    def _masks(self, values: pl.Series, statuses: pl.Series, id_type: str) -> pl.Series:
        """Keys of what the masked values still show, under a type of their own, so that none is ever an identifier."""
        keys = constant(None, len(values), pl.String)
        rows = (statuses == "masked").arg_true()
        return replaced(keys, rows, self._look_up(values.gather(rows), id_type)[0]) if len(rows) else keys

    def _look_up(self, values: pl.Series, id_type: str) -> tuple[pl.Series, pl.Series]:
        distinct = pl.DataFrame({"original": values.drop_nulls().unique()})
        known = self._known.get(id_type)
        if known is None:
            seen = self._known[id_type] = self._make(distinct["original"], id_type)
        else:
            seen = distinct.join(known, on="original", how="left")
            is_new = seen["status"].is_null()
            if is_new.any():
                made = self._make(seen.filter(is_new)["original"], id_type)
                self._known[id_type] = pl.concat([known, made])
                seen = pl.concat([seen.filter(~is_new), made])
        self._seen.setdefault(id_type, []).append(seen)
        found = values.alias("original").to_frame().join(seen, on="original", how="left", maintain_order="left")
        return found["key"], found["status"].fill_null("missing")

    def _make(self, originals: pl.Series, id_type: str) -> pl.DataFrame:
        if id_type == "name":
            judged = normalise_names(originals)
        elif id_type in _MASKS.values():
            judged = _shown(originals, id_type)
        elif id_type == "address":
            judged = _addresses(originals)
        else:
            kind = id_type.split(":")[1] if ":" in id_type else id_type
            judged = normalise(kind, originals, self._source.phone_region or "ZZ")
        judged = judged.select("original", "normalised", "status")
        if _is_order(id_type):
            return judged.with_columns(key=pl.col("normalised")).cast(_TOKENS)
        given = judged["normalised"]
        forms = given.drop_nulls().unique()
        if len(forms) == len(given) - given.null_count():
            return judged.with_columns(key=value_keys(self._pepper, id_type, given)).cast(_TOKENS)
        keyed = pl.DataFrame({"normalised": forms, "key": value_keys(self._pepper, id_type, forms)})
        return judged.join(keyed, on="normalised", how="left", maintain_order="left").cast(_TOKENS)

    def _stand_in(self, keys: pl.Series, statuses: pl.Series, values: pl.Series) -> pl.Series:
        rows = (keys.is_null() & values.is_not_null() & (statuses != "missing")).arg_true()
        if not len(rows):
            return keys
        hashed = [value_key(self._pepper, _RECORD, value) for value in values.gather(rows).to_list()]
        return replaced(keys, rows, pl.Series(hashed, dtype=pl.String))


def _is_order(id_type: str) -> bool:
    return id_type.endswith(":order")


def _shown(originals: pl.Series, id_type: str) -> pl.DataFrame:
    """What masked telephones (`138*5678`) or names (the surname, or first letters) still show."""
    if id_type == "name_mask":
        judged = normalise_names(originals).select("original", normalised="surname")
    else:
        judged = originals.alias("original").to_frame().select("original", normalised=phone_mask(pl.col("original")))
    return judged.with_columns(status=pl.lit("masked"))


def _addresses(originals: pl.Series) -> pl.DataFrame:
    """Addresses in lower case with single spaces; one with hidden characters has no normal form."""
    text = originals.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"[\s,]+", " ").str.strip_chars(" '")
    frame = pl.DataFrame({"original": originals, "text": text})
    status = (
        pl.when(pl.col("text") == "")
        .then(pl.lit("missing"))
        .when(pl.col("text").str.contains(r"[*•●□]{2,}"))
        .then(pl.lit("masked"))
        .otherwise(pl.lit("valid"))
    )
    return frame.with_columns(status=status).with_columns(
        normalised=pl.when(pl.col("status") == "valid").then(pl.col("text"))
    )
