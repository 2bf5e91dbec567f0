"""Tables: how a frame becomes a table that is exactly what its contract says.

Lives here: writing a frame by contract, comments, and the comparison of a stored table with its contract.
Stays out: which tables there are (`contracts`, the mart registry, `meta_tables`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import duckdb
import polars as pl

from pipelines.contracts.columns import Table
from pipelines.warehouse.errors import BuildMissingError, ContractError

ROWS_AT_ONCE = 1_000_000
"""Rows handed to DuckDB at a time: handing them over copies every text."""


def write_table(
    con: duckdb.DuckDBPyConnection, schema: str, table: Table, rows: pl.DataFrame | Iterable[pl.DataFrame]
) -> int:
    """Replace `schema.table` by `rows`: the contract's columns in its order, types and comments; returns how many.

    Rows may come in several frames, each let go of before the next. Raises ContractError when a column is missing,
    does not fit its type, or is null where the contract says never.
    """
    parts = conform(table, rows).iter_slices(ROWS_AT_ONCE) if isinstance(rows, pl.DataFrame) else rows
    written = 0
    columns = ", ".join(f'"{column.name}" {column.type.duckdb}' for column in table.columns)
    names = ", ".join(f'"{name}"' for name in table.names)
    con.execute(f"create schema if not exists {schema}")
    con.execute(f"create or replace table {schema}.{table.name} ({columns})")
    for part in parts:
        con.register("_incoming", conform(table, part).to_arrow())
        try:
            con.execute(f"insert into {schema}.{table.name} select {names} from _incoming")
        finally:
            con.unregister("_incoming")
        written += len(part)
    comment(con, f"{schema}.{table.name}", table)
    return written


def conform(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with the contract's columns, order and types; ContractError where that cannot be."""
    missing = [name for name in table.names if name not in frame.columns]
    if missing:
        raise ContractError(f"{table.name} lacks the columns {', '.join(missing)}.")
    try:
        typed = frame.select(pl.col(name).cast(dtype) for name, dtype in table.polars_schema.items())
    except pl.exceptions.PolarsError as error:
        raise ContractError(f"{table.name} does not fit its types: {error}") from error
    nulls = [c.name for c in table.columns if c.required and typed[c.name].null_count()]
    if nulls:
        raise ContractError(f"{table.name} is null in {', '.join(nulls)}, which its contract rules out.")
    return typed


def comment(con: duckdb.DuckDBPyConnection, name: str, table: Table) -> None:
    """Store the contract's descriptions as comments of the table called `name` (catalog and schema included)."""
    con.execute(f"comment on table {name} is {literal(describe(table))}")
    for column in table.columns:
        con.execute(f'comment on column {name}."{column.name}" is {literal(column.comment)}')


def describe(table: Table) -> str:
    """The table's comment: what a row is, and which columns identify it."""
    grain = ", ".join(table.grain)
    return table.description.rstrip(".") + (f". One row per {grain}." if grain else ".")


def literal(value: str) -> str:
    """`value` as an SQL string. (Bound parameters would make DuckDB import pandas.)"""
    return "'" + value.replace("'", "''") + "'"


def stored_columns(con: duckdb.DuckDBPyConnection, catalog: str, schema: str) -> dict[str, dict[str, str]]:
    """Tables and views of a schema: name -> column -> type as DuckDB writes it, lower case, in column order."""
    rows = con.execute(
        "select table_name, column_name, lower(data_type) from duckdb_columns() "
        f"where database_name = {literal(catalog)} and schema_name = {literal(schema)} and not internal "
        "order by table_name, column_index"
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, {})[column] = kind
    return tables


def check_stored(stored: Mapping[str, str] | None, schema: str, table: Table) -> None:
    """Raise unless a table with the columns `stored` (name -> type; None for no such table) is what its contract says.

    BuildMissingError: there is no such table. ContractError: names every column that is missing, differs or is extra.
    """
    if stored is None:
        raise BuildMissingError(f"The build has no table {schema}.{table.name}.", "Run the whole path: caw run.")
    wrong = [
        f"{column.name} is {stored.get(column.name, 'missing')}, not {column.type.duckdb}"
        for column in table.columns
        if stored.get(column.name) != column.type.duckdb
    ]
    wrong += [f"{name} is not in the contract" for name in stored if name not in table.names]
    if wrong:
        raise ContractError(f"{schema}.{table.name} is not what its contract says: {'; '.join(wrong)}.")
