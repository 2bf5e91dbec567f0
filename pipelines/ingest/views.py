"""Views of raw: what dbt reads, one view per raw table over all files of all sources.

Lives here: schema `raw` of the build file. Stays out: everything that computes.

A table that no file feeds is an empty view with the same columns. Columns that a file of an earlier version of the
format lacks are null.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipelines.channels.base import RawTable
from pipelines.channels.registry import RAW_TABLES
from pipelines.contracts.settings import Settings


def create_raw_views(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """(Re)create schema `raw` with one view per raw table; only files with a book entry are in it."""
    con.execute("create schema if not exists raw")
    for table in RAW_TABLES:
        con.execute(f"create or replace view raw.{_quoted(table.name)} as {view_query(settings, table)}")


def view_query(settings: Settings, table: RawTable) -> str:
    """The SQL of a table's view."""
    columns = table.table.columns
    typed = ", ".join(f"cast(null as {column.type.duckdb}) as {_quoted(column.name)}" for column in columns)
    paths = raw_files(settings, table)
    if not paths:
        return f"select {typed} where false"
    names = ", ".join(
        f"cast({_quoted(column.name)} as {column.type.duckdb}) as {_quoted(column.name)}" for column in columns
    )
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    # The empty first branch names every column, so that files which lack one are filled up by name.
    files = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
    return f"select {names} from (select {typed} where false union all by name select * from {files})"


def raw_files(settings: Settings, table: RawTable) -> list[Path]:
    """Files of a raw table that are booked as accepted, in order of source and hash."""
    found = settings.raw_dir.resolve().glob(f"*/{table.name}/*.parquet")
    return [path for path in sorted(found) if not path.name.startswith(".") and path.with_suffix(".json").exists()]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
