"""Formats described as data: what an export looks like and which raw columns it becomes.

Lives here: the frozen records `Field`, `RawTable` and `Adapter`, and the raw columns derived from them.
Stays out: any particular format (one module each beside this one), reading files (`pipelines.ingest`) and what the
columns mean (dbt staging).

A raw table has the format's own columns in snake_case English, typed, and the envelope below. What a `Field` becomes:

- an identifier never enters raw in clear: `email`, `phone`, `member_no`, `account_id`, `anonymous_id`, `device_id` and
  `typed:<column>` become `<name>_key` and `<name>_status`; `name` and `address` become `<name>_key`; `birth_date`
  becomes `birth_year`;
- a TIMESTAMP is UTC without zone; one called `x_at` gets its local day `x_on` in the source's zone beside it;
- a telephone or name with `keeps_mask` has `<name>_mask_key` beside it, for what a mask (138****5678, 刘**) shows;
- the time and zone columns that complete a date (`time_headers`, `zone_headers`) are folded into it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from pipelines.contracts.canonical import TOKEN_STATUSES, mask_column
from pipelines.contracts.columns import Column, DataType, Table, day, instant, integer, text

KEYED_WITH_STATUS = ("email", "phone", "member_no", "account_id", "anonymous_id", "device_id", "typed")
KEYED = ("name", "address")

KEY_MEANING = "not valid: the status says why"


@dataclass(frozen=True)
class Field:
    """One column of an export.

    `headers` are the spellings it goes by (compared after `normalise_header`). `fingerprint` fields must be in the
    header, `required` ones must have a value in every row (in the head row of a block when `head`). A missing value
    is taken from the source's declaration where `default` names one of its keys. `values` (lower case) is enforced
    with BAD_ENUM, `pattern` with BAD_VALUE. `utc` says that times without an offset are UTC already. `derive` names a
    rule that makes the value from the cell (`cn_province`, `cn_city`, `url_place`, `no_address`). `keeps_mask`: what a
    mask shows of the value is keyed, too. `scope` separates native ids of different kinds; `owner` is the column that
    names the source system whose native id it is, the row's own where that is blank.
    """

    name: str
    headers: tuple[str, ...]
    type: DataType = DataType.TEXT
    description: str = ""
    fingerprint: bool = False
    required: bool = False
    head: bool = False
    identifier: str | None = None
    keeps_mask: bool = False
    scope: str = "account"
    owner: str | None = None
    default: str | None = None
    values: tuple[str, ...] = ()
    pattern: str | None = None
    case: str | None = None
    utc: bool = False
    time_headers: tuple[str, ...] = ()
    zone_headers: tuple[str, ...] = ()
    derive: str | None = None

    @property
    def id_kind(self) -> str | None:
        """The identifier's kind without its argument: `typed` for `typed:id_type_a`."""
        return self.identifier.split(":")[0] if self.identifier else None

    @property
    def raw_columns(self) -> tuple[Column, ...]:
        """The columns this field becomes in raw."""
        kind, about = self.id_kind, self.description or self.headers[0]
        if kind == "birth_date":
            return (integer("birth_year", "Year of birth", unit="calendar year"),)
        masks = (mask_column(self.name, about),) if self.keeps_mask else ()
        if kind in KEYED:
            return (text(f"{self.name}_key", f"Keyed hash of: {about}", null_means="missing or masked"), *masks)
        if kind:
            return (
                text(f"{self.name}_key", f"Keyed hash of: {about}", null_means=KEY_MEANING),
                text(f"{self.name}_status", f"State of: {about}", required=True, values=TOKEN_STATUSES),
                *masks,
            )
        own = Column(self.name, self.type, about)
        if self.type is DataType.TIMESTAMP and self.name.endswith("_at"):
            return (own, day(self.name.removesuffix("_at") + "_on", f"Local day of: {about}"))
        return (own,)


ENVELOPE: tuple[Column, ...] = (
    text("source_system", "Folder below landing", required=True),
    text("channel", "Sales channel, as declared or defaulted by the format", required=True),
    text("source_file", "Path below landing", required=True),
    text("file_sha256", "Hash of the file's bytes", required=True),
    integer("source_row", "Physical line on which the row starts; the header is 1 (Parquet: ordinal)", required=True),
    text("record_key", "Natural key of the record within source and table", required=True),
    text("record_hash", "md5 over the sorted contents of the record's rows", required=True),
    instant("event_at", "Business time of the record", null_means="the format dates nothing (master data)"),
    day("event_on", "Local business day of the record", null_means="the format dates nothing (master data)"),
    instant("known_at", "When the company learnt it", required=True),
    text("op", "What the row asks for", required=True, values=("upsert", "delete")),
    text("source_currency", "Currency declared for the source", null_means="not declared"),
    text("source_store_id", "Store declared for the source", null_means="not declared"),
)
"""Columns that every raw table carries after its own. A column of the same name in the format takes its place."""


@dataclass(frozen=True)
class OrderWitness:
    """What a raw table says of orders, in SQL over its own columns: an independent witness of what staging makes of it.

    `order` tells one order from another, `goods` is what a row's goods are worth before discounts on the order as a
    whole (None: the table does not say), `where` holds for the rows that count. A table that `lists` orders names every
    one; a table of lines need not.
    """

    order: str
    goods: str | None = None
    where: str = "true"
    lists: bool = True


@dataclass(frozen=True)
class RawTable:
    """One raw table: the layouts of one export that share their meaning.

    `key` are the fields whose values make `record_key` (the first non-null one when `key_any`). `block` says that all
    rows of a file with one key are one record (an order over several lines); `head_fields` are then filled on its
    first line only, which is recognised by a value in any of `head_marks`. `event` is the field of the business time,
    `money` the additive amount of the account book, `currency` the field that names its currency. `layouts` are
    alternative sets of required headers (field names); without them the fields marked `fingerprint` are the one
    layout. `known_headers` are headers of the format that raw leaves out on purpose: free text and what nothing
    reads. `date_order` (mdy, dmy) is how the format writes days that do not start with the year; without it such days
    are refused. `zones` are names of time zones in the export. `dates_activity` is false for tables whose dates may
    lie ahead (plans, price lists). `witness` says how the table names orders, where it does. Raising `version` makes
    files be read again.
    """

    name: str
    adapter: str
    description: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    event: str | None = None
    money: str | None = None
    currency: str | None = None
    block: bool = False
    key_any: bool = False
    layouts: tuple[tuple[str, ...], ...] = ()
    known_headers: tuple[str, ...] = ()
    date_order: str | None = None
    head_marks: tuple[str, ...] = ()
    dates_activity: bool = True
    zones: dict[str, str] = field(default_factory=dict, hash=False)
    witness: OrderWitness | None = None
    version: int = 1

    @property
    def fingerprints(self) -> tuple[tuple[str, ...], ...]:
        """Alternative sets of fields whose headers must all be there."""
        return self.layouts or (tuple(f.name for f in self.fields if f.fingerprint),)

    @property
    def head_fields(self) -> tuple[str, ...]:
        """Fields that a block fills on its first line only."""
        return tuple(f.name for f in self.fields if f.head)

    def field(self, name: str) -> Field:
        """The field called `name`; KeyError names the table when there is none."""
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise KeyError(f"{self.name} has no field {name!r}")

    @property
    def own_columns(self) -> tuple[Column, ...]:
        """The format's own raw columns, in order, without the envelope."""
        skip = {"known_at", "known_on", "op"}
        return tuple(c for f in self.fields for c in f.raw_columns if c.name not in skip)

    @property
    def table(self) -> Table:
        """The raw table as a contract: own columns, then the envelope."""
        own = self.own_columns
        names = {column.name for column in own}
        return Table(
            self.name,
            self.description,
            ("source_system", "file_sha256", "source_row"),
            own + tuple(column for column in ENVELOPE if column.name not in names),
        )


@dataclass(frozen=True)
class Adapter:
    """A family of exports: its raw tables and what to assume where `_source.yml` says nothing."""

    name: str
    description: str
    tables: tuple[RawTable, ...]
    channel: str | None
    time_zone: str = "UTC"
    currency: str | None = None
    phone_region: str | None = None
    encodings: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def normalise_header(header: str) -> str:
    """A header as it is compared: NFKC, trimmed, case-folded, single spaces, no apostrophe or byte order mark."""
    plain = unicodedata.normalize("NFKC", header).replace("\ufeff", "").strip().lstrip("'")
    return re.sub(r"\s+", " ", plain).strip().casefold()
