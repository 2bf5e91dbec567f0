"""Formats: the descriptions hold together, and say only what the rest of the house can rely on."""

from __future__ import annotations

import re

import pytest

from pipelines.channels.base import ENVELOPE, RawTable, normalise_header
from pipelines.channels.registry import ADAPTERS, RAW_TABLES, raw_table
from pipelines.contracts.canonical import TOKEN_STATUSES
from pipelines.contracts.columns import DataType
from pipelines.contracts.entities import ENTITIES

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
CLEAR = {"email", "phone", "name", "member_no", "birth_date", "address"}
tables = pytest.mark.parametrize("table", RAW_TABLES, ids=lambda table: table.name)


def test_names_are_unique_and_plain() -> None:
    names = [table.name for table in RAW_TABLES]
    assert len(set(names)) == len(names)
    for adapter in ADAPTERS.values():
        for table in adapter.tables:
            assert table.adapter == adapter.name
            assert table.name.startswith(f"{adapter.name}__")
            assert raw_table(table.name) is table
    with pytest.raises(KeyError):
        raw_table("sap__orders")


@tables
def test_columns_are_unique_plain_and_end_with_the_envelope(table: RawTable) -> None:
    names = table.table.names
    assert len(set(names)) == len(names)
    assert all(NAME.fullmatch(name) for name in names)
    own = set(table.own_columns)
    assert all(column.name in names for column in ENVELOPE)
    assert [column for column in table.table.columns if column not in own] == [
        column for column in ENVELOPE if column.name not in {c.name for c in own}
    ]
    assert {"known_at", "record_key", "record_hash", "source_system"} <= {
        c.name for c in table.table.columns if c.required
    }


@tables
def test_what_the_table_refers_to_exists(table: RawTable) -> None:
    fields = {field.name: field for field in table.fields}
    assert len(fields) == len(table.fields)
    for name in (*table.key, *table.head_marks, *(n for layout in table.fingerprints for n in layout)):
        assert name in fields
    assert all(table.fingerprints)
    if table.event is not None:
        assert fields[table.event].type in (DataType.TIMESTAMP, DataType.DATE)
    if table.money is not None:
        assert fields[table.money].type is DataType.MONEY
    for field in table.fields:
        if field.owner is not None:
            assert field.owner in fields
        if field.id_kind == "typed":
            assert (field.identifier or "").split(":")[1] in fields
    assert not table.head_marks or set(table.head_marks) <= set(table.head_fields)


@tables
def test_no_header_means_two_columns(table: RawTable) -> None:
    owners: dict[str, str] = {}
    for field in table.fields:
        for header in map(normalise_header, field.headers):
            other = owners.setdefault(header, field.name)
            derived = field.derive or raw_table(table.name).field(other).derive
            assert other == field.name or derived, f"{header!r}: {other} and {field.name}"
    assert not owners.keys() & {normalise_header(header) for header in table.known_headers}


@tables
def test_identifiers_never_reach_raw_in_clear(table: RawTable) -> None:
    for field in table.fields:
        if field.identifier is None:
            continue
        columns = {column.name: column for column in field.raw_columns}
        assert field.name not in columns
        assert not field.required or f"{field.name}_status" in columns
        if f"{field.name}_status" in columns:
            assert columns[f"{field.name}_status"].values == TOKEN_STATUSES
    texts = {column.name for column in table.own_columns if column.type is DataType.TEXT}
    if table.adapter != "canonical":
        assert not texts & CLEAR


def test_canonical_tables_follow_the_entities() -> None:
    for name, entity in ENTITIES.items():
        table = raw_table(f"canonical__{name}")
        fields = {field.name: field for field in table.fields}
        assert set(fields) == {*entity.names, "op"}
        assert table.key == entity.grain
        for column in entity.columns:
            field = fields[column.name]
            assert (field.type, field.required, field.identifier) == (column.type, column.required, column.identifier)
            assert field.values == column.values
            assert not field.fingerprint or column.required


def test_headers_compare_by_what_a_reader_sees() -> None:
    assert normalise_header("\ufeff Lineitem  PRICE ") == "lineitem price"
    assert normalise_header("收入（＋元）") == normalise_header("收入(+元)")
    assert normalise_header("'Name") == "name"
