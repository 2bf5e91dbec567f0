"""The DuckDB dialect with which Great Expectations gives right answers.

Lives here: a dialect that buffers results. Stays out: what is asked.

Great Expectations reads a cursor after its connection went back to the pool, where the driver's results are gone; and
it wraps reads in transactions, which a read-only file does not need.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb_engine
from sqlalchemy.dialects import registry
from sqlalchemy.engine import URL
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.engine.default import DefaultExecutionContext

DRIVER = "buffered"


class _BufferedContext(DefaultExecutionContext):
    """Fetches every row before the cursor is handed on."""

    def post_exec(self) -> None:
        if self.cursor.description is not None:
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                self.cursor, alternate_description=self.cursor.description, initial_buffer=self.cursor.fetchall()
            )
        super().post_exec()


class BufferedDialect(duckdb_engine.Dialect):
    """DuckDB with buffered results and no transactions."""

    driver = DRIVER
    supports_statement_cache = False
    execution_ctx_cls = _BufferedContext  # type: ignore[assignment]

    def do_begin(self, dbapi_connection: Any) -> None:
        """Nothing: reads of a read-only file need no transaction."""

    def do_commit(self, dbapi_connection: Any) -> None:
        """Nothing."""

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Nothing."""


def register() -> None:
    """Make the dialect known to SQLAlchemy as `duckdb+buffered`."""
    registry.register(f"duckdb.{DRIVER}", __name__, BufferedDialect.__name__)


def url(path: Path) -> str:
    """The address of a DuckDB file for this dialect."""
    return URL.create(f"duckdb+{DRIVER}", database=str(path.resolve())).render_as_string(hide_password=False)
