"""Dagster's event log in SQLite, with connections that stay open.

Lives here: `PooledSqliteEventLogStorage`, named in the house's dagster.yaml. Stays out: what the events say.

Dagster's own storage opens and closes a connection for every statement, and each close writes the log back and waits
for the disk: a run of the whole path spent more time on that than on its marts. The files and their layout are
Dagster's, so either class reads what the other wrote.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from dagster import StringSource
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData

KEPT_OPEN = 8
"""Databases that stay open: the index, the run of the moment, and a few that the UI looks at."""


class PooledSqliteEventLogStorage(SqliteEventLogStorage):
    """`SqliteEventLogStorage` over a pool of one connection a database.

    A commit does not wait for the disk (`synchronous = normal`): after a power cut the last events may be missing, and
    the log is whole.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, sqlalchemy.Engine] = OrderedDict()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> PooledSqliteEventLogStorage:
        """Make the storage from its part of dagster.yaml."""
        return cls(str(Path(config_value["dagster_home"]) / "history" / "runs"), inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """What dagster.yaml says: the home, below which the files lie where Dagster itself would put them."""
        return {"dagster_home": StringSource}

    def has_table(self, table_name: str) -> bool:
        """Whether the index holds the table; a table once seen is not looked for again, Dagster never drops one."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _engine(self, shard: str) -> sqlalchemy.Engine:
        if shard not in self._engines:
            self._engines[shard] = _open(self.conn_string_for_shard(shard))
        self._engines.move_to_end(shard)
        while len(self._engines) > KEPT_OPEN:
            self._engines.popitem(last=False)[1].dispose()
        return self._engines[shard]

    def wipe(self) -> None:
        """Delete every event, after closing the files."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close the files and stop watching them."""
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


def _open(url: str) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(
        url,
        poolclass=sqlalchemy.QueuePool,
        pool_size=1,
        max_overflow=2,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )

    @sqlalchemy.event.listens_for(engine, "connect")
    def settle(connection: Any, _: Any) -> None:
        connection.execute("pragma synchronous = normal")

    return engine
