"""Readers beside a publish: an open connection keeps its version, a new one sees the new, nobody meets an error."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import duckdb

from pipelines.contracts.settings import Settings
from pipelines.warehouse import query_published

QUESTION = "select min(title), max(title), count(*) from core.dim_product"

POLLING = """
import sys
path, kind = sys.argv[1], sys.argv[2]
question = "select min(title), max(title), count(*) from core.dim_product"
if kind == "sqlalchemy":
    import sqlalchemy
    def connect():
        engine = sqlalchemy.create_engine(
            f"duckdb:///{path}", connect_args={"read_only": True}, poolclass=sqlalchemy.pool.NullPool
        )
        return engine.connect()
    def ask(con):
        return tuple(con.execute(sqlalchemy.text(question)).fetchone())
else:
    import duckdb
    def connect():
        return duckdb.connect(path, read_only=True)
    def ask(con):
        return con.execute(question).fetchone()
import threading
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
held = connect()
first = ask(held)
print("ready", flush=True)
seen, polls = set(), 0
while not stop.is_set() or polls < 3:
    assert ask(held) == first, "an open connection changed"
    new = connect()
    low, high, count = ask(new)
    assert low == high and count == first[2], "a torn read"
    seen.add(low)
    new.close()
    polls += 1
fresh = connect()
print(ask(held)[0], ask(fresh)[0], polls, len(seen), sep="|", flush=True)
"""


def test_readers_in_this_process_and_in_others_are_never_disturbed(
    publish_n: Callable[[int], list[str]], house: Settings
) -> None:
    publish_n(1)
    link = str(house.warehouse_dir / "warehouse.duckdb")
    readers = {
        kind: subprocess.Popen(
            [sys.executable, "-c", POLLING, link, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for kind in ("duckdb", "sqlalchemy")
    }
    for reader in readers.values():
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    held = duckdb.connect(link, read_only=True)
    failures: list[BaseException] = []
    stop = threading.Event()

    def poll() -> None:
        while not stop.is_set():
            try:
                with duckdb.connect(link, read_only=True) as con:
                    low, high, _ = con.execute(QUESTION).fetchall()[0]
                    assert low == high
            except BaseException as error:
                failures.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    publish_n(3)
    stop.set()
    thread.join()
    assert not failures
    assert held.execute(QUESTION).fetchall()[0][0] == "version 0"
    with duckdb.connect(link, read_only=True) as new:
        assert new.execute(QUESTION).fetchall()[0][0] == "version 2"
    assert query_published(house, QUESTION).row(0)[0] == "version 2"
    held.close()
    for reader in readers.values():
        output, _ = reader.communicate("stop\n")
        assert reader.returncode == 0
        old, new_title, polls, _ = output.strip().split("|")
        assert (old, new_title) == ("version 0", "version 2")
        assert int(polls) >= 3
