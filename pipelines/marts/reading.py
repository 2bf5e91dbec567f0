"""Reading: a mart's inputs from the build, and what it reads of the version served.

Lives here: the columns that marts read, and tables by customers a part at a time. Stays out: computing (`runner`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pipelines.contracts.columns import Column
from pipelines.contracts.core import CORE
from pipelines.contracts.marts import Inputs, Mart
from pipelines.marts.runner import KEY, PREVIOUS
from pipelines.marts.sums import SUMMED, finished, query

if TYPE_CHECKING:
    import duckdb

ROWS_AT_ONCE = 1_000_000
"""Rows of an earlier mart that are read at a time where a mart adds up over customers."""


def required_columns(marts: Iterable[Mart]) -> dict[str, tuple[str, ...]]:
    """For each input, the columns that the marts together read, in alphabetical order."""
    needed: dict[str, set[str]] = {}
    for mart in marts:
        for name, columns in mart.reads.items():
            needed.setdefault(name, set()).update(columns)
    return {name: tuple(sorted(columns)) for name, columns in needed.items()}


class PartsOfBuild:
    """The inputs of a mart from the build, once for each part of the customers: core from `core`, marts from `marts`.

    Only the columns that it reads, at the moment they are asked for, added up here where it needs but sums. There are
    several parts where it reads the rows of an earlier mart of many by customer: such a table lies in the order of
    customers, so that a part is a stretch of it.
    What belongs to nobody is in the first part. Inputs without customers are the same in all parts, or empty after the
    first where the mart counts them once. May be gone through again, and in another thread.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, mart: Mart, previous: Inputs | None = None, most: int = ROWS_AT_ONCE
    ) -> None:
        """`previous` are the mart's inputs of the version served (`read_previous`), `most` the rows of a part."""
        self._con, self._mart, self._previous = con, mart, previous or {}
        catalog = con.execute("select current_database()").fetchall()[0][0]
        self._tables = {name: f'"{catalog}".{"core" if name in CORE else "marts"}."{name}"' for name in mart.inputs}
        by_customer = (name for name in mart.inputs if name not in CORE and KEY in mart.reads[name])
        counts = [self._count(name) for name in by_customer if name not in mart.sums]
        self._parts = 1 if mart.previous else -(-max(counts, default=0) // most) or 1

    def __iter__(self) -> Iterator[Inputs]:
        """Read part after part, by a connection of its own."""
        with self._con.cursor() as con:
            for part in range(self._parts):
                yield {**dict(self._read(con, name, part) for name in self._mart.inputs), **self._previous}

    def _count(self, name: str) -> int:
        rows = f"{self._tables[name]} where {self._mart.only.get(name, 'true')}"
        found: int = self._con.execute(f"select count(*) from {rows}").fetchall()[0][0]
        return found

    def _read(self, con: duckdb.DuckDBPyConnection, name: str, part: int) -> tuple[str, pl.LazyFrame]:
        reads, sums = self._mart.reads[name], self._mart.sums.get(name)
        where = f"({self._within(name, part)}) and ({self._mart.only.get(name, 'true')})"
        if sums is not None:
            found = con.sql(query(sums, self._tables[name], where)).pl()
            return SUMMED + name, finished(sums, found).lazy()
        columns = ", ".join(f'"{column}"' for column in reads)
        rows = con.sql(f"select {columns} from {self._tables[name]} where {where}").pl()
        return name, rows.lazy()

    def _within(self, name: str, part: int) -> str:
        """The condition for the rows of a part: a stretch of ids, which are spread evenly over two hex digits."""
        if KEY not in self._mart.reads[name]:
            return "false" if part and name in self._mart.once else "true"
        begin, end = (f"'c_{place * 256 // self._parts:02x}'" for place in (part, part + 1))
        is_last = part == self._parts - 1
        if part == 0:
            return "true" if is_last else f"({KEY} < {end} or {KEY} is null)"
        return f"{KEY} >= {begin}" if is_last else f"{KEY} >= {begin} and {KEY} < {end}"


def read_previous(con: duckdb.DuckDBPyConnection, mart: Mart, path: Path | None) -> dict[str, pl.LazyFrame]:
    """What the mart reads of the warehouse file at `path`; nothing of tables that it has not, or has otherwise.

    A column that may be null is read as null where the version was made before there was one.
    """
    if path is None or not mart.previous:
        return {}
    frames = {}
    con.execute(f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as published (read_only)")
    try:
        found: dict[str, dict[str, str]] = {}
        for schema, name, column, kind in con.execute(
            "select schema_name, table_name, column_name, lower(data_type) from duckdb_columns() "
            "where database_name = 'published'"
        ).fetchall():
            found.setdefault(name, {"": schema})[column] = kind
        for table in mart.previous:
            there = found.get(table.name, {})
            if there and all(_can_be_read(column, there.get(column.name)) for column in table.columns):
                names = ", ".join(_as_it_is(column, column.name in there) for column in table.columns)
                rows = con.sql(f'select {names} from published."{there[""]}"."{table.name}"').pl()
                frames[PREVIOUS + table.name] = rows.lazy()
    finally:
        con.execute("detach published")
    return frames


def _can_be_read(column: Column, kind: str | None) -> bool:
    return kind == column.type.duckdb or (kind is None and not column.required)


def _as_it_is(column: Column, is_there: bool) -> str:
    return f'"{column.name}"' if is_there else f'null::{column.type.duckdb} as "{column.name}"'
