"""Query: one statement on the published warehouse, from a connection that can do nothing else.

Lives here: the locked-down reader and its friendly errors. Stays out: showing the result.

Two walls. Only statements that read are let through; and the connection itself is read-only, reaches no file, no
extension and no variable of this process, and its settings are locked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

from pipelines.contracts.settings import Settings
from pipelines.warehouse.build import connect, quoted
from pipelines.warehouse.errors import QueryError
from pipelines.warehouse.versions import current_version

CATALOG = "warehouse"

_LOCKS = (
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set allow_community_extensions = false",
    "set python_enable_replacements = false",
    "set enable_external_access = false",
    "set lock_configuration = true",
)
_READS = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


@dataclass(frozen=True)
class Headline:
    """The one row of `meta.headline` that a run's summary shows. `costed_rate` is 0 where there is no net revenue."""

    basis: str
    costed_rate: Decimal
    reporting_currency: str


def query_published(settings: Settings, sql: str) -> pl.DataFrame:
    """The result of one reading statement on the version that is served.

    Raises NothingPublishedError, or QueryError with DuckDB's own sentence for a statement that is wrong, does more
    than read, or is not alone.
    """
    with published_connection(settings, current_version(settings).path) as con:
        return run_query(con, sql)


def run_query(con: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    """The result of one reading statement; QueryError for any other."""
    try:
        statements = con.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(_sentence(error)) from error
    if not statements:
        raise QueryError("There is no statement.", 'Try: caw sql "select * from meta.headline"')
    if len(statements) > 1:
        raise QueryError("One statement at a time (a pivot needs its values named: pivot … on … in (…)).")
    if statements[0].type not in _READS:
        raise QueryError("Only statements that read are answered: the published warehouse does not change.")
    try:
        return con.sql(sql).pl()
    except duckdb.PermissionException as error:
        raise QueryError("That reaches outside the published warehouse.", _sentence(error)) from error
    except duckdb.Error as error:
        raise QueryError(_sentence(error)) from error


def headline(settings: Settings) -> Headline:
    """Basis and coverage of the version that is served."""
    row = query_published(settings, "select headline_basis, costed_rate, reporting_currency from meta.headline").row(0)
    return Headline(row[0], row[1] if row[1] is not None else Decimal(0), row[2])


@contextmanager
def published_connection(settings: Settings, path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads the warehouse file at `path` and nothing else, for the length of the block."""
    con = connect(settings)
    try:
        con.execute(f"attach {quoted(path.resolve())} as {CATALOG} (READ_ONLY)")
        con.execute(f"use {CATALOG}")
        for lock in _LOCKS:
            con.execute(lock)
        yield con
    finally:
        con.close()


def _sentence(error: duckdb.Error) -> str:
    """DuckDB's message without its class and its drawing of the statement."""
    message = str(error).split("\n\nLINE")[0].strip()
    return message.split(": ", 1)[1] if ": " in message.split("\n")[0] else message
