"""Published: the one door through which a report reads the warehouse file.

Lives here: the read-only connection, what tables and columns the file has, and frames from it.
Stays out: the questions asked of it (`queries/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb
import polars as pl

Fact = TypeVar("Fact")


class AbsentError(Exception):
    """Something a block needs is not in the file; the message is the sentence the reader sees instead."""


class Published:
    """A published warehouse file, open read-only.

    Frames come back as Polars, money as decimals. Nothing is written, and no path leaves this object.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        rows = connection.execute(
            "select table_schema || '.' || table_name, column_name from information_schema.columns "
            "where table_catalog = current_database()"
        ).fetchall()
        self._facts: dict[str, object] = {}
        self._columns: dict[str, set[str]] = {}
        for table, column in rows:
            self._columns.setdefault(table, set()).add(column)

    def has(self, table: str, columns: Sequence[str] = ()) -> bool:
        """Whether the file has `table` (schema.name) with all of `columns`."""
        return table in self._columns and self._columns[table] >= set(columns)

    def require(self, table: str, columns: Sequence[str] = ()) -> None:
        """Raise AbsentError, in words, when the file lacks `table` or one of `columns`."""
        if table not in self._columns:
            raise AbsentError(f"This file has no table {table} yet, so this part cannot be shown.")
        missing = sorted(set(columns) - self._columns[table])
        if missing:
            raise AbsentError(
                f"The table {table} of this file lacks {', '.join(missing)}, so this part cannot be shown."
            )

    def frame(self, sql: str, *tables: str, empty: str | None = None) -> pl.DataFrame:
        """Rows of `sql`, which reads `tables`.

        AbsentError when one of them is missing, or, with the sentence `empty`, when there are no rows.
        """
        for table in tables:
            self.require(table)
        try:
            rows = self._connection.execute(sql).pl()
        except duckdb.BinderException as error:
            first = str(error).splitlines()[0]
            raise AbsentError(f"The tables of this file do not fit this part of the report ({first}).") from error
        if empty is not None and rows.is_empty():
            raise AbsentError(empty)
        return rows

    def once(self, name: str, find: Callable[[Published], Fact]) -> Fact:
        """The fact called `name`, found by `find` the first time it is asked for."""
        if name not in self._facts:
            self._facts[name] = find(self)
        return self._facts[name]  # type: ignore[return-value]


@contextmanager
def open_published(db_path: Path) -> Iterator[Published]:
    """Open the file at `db_path` read-only for the length of the block; FileNotFoundError when there is none."""
    if not db_path.is_file():
        raise FileNotFoundError(f"no warehouse file at {db_path}")
    connection = duckdb.connect(str(db_path), read_only=True)
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield Published(connection)
    finally:
        connection.close()
