"""The build file: the one private DuckDB file that a run works on.

Lives here: how a run begins with a sound file, how the file is opened with its limits set, and what becomes the last
good build. Stays out: what is written into it (`tables`, dbt) and what is published from it (`publish`).

The rule: when a build is published, `mark_good` notes the file's size and time and gives the file a second name, under
which it stays as it is: whoever is to write first takes a copy of it. A run begins with the build file as it lies there
when it is that good build, untouched since; otherwise with a copy of the good one; otherwise with nothing. A half-built
file is never reused.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from pipelines.contracts.settings import Settings
from pipelines.warehouse.errors import BuildMissingError
from pipelines.warehouse.files import read_json, sync, to_json, write_atomic

CATALOG = "current"
"""Name of the build inside its connection: the stem of the file, which is also what dbt calls it."""

STORAGE_VERSION = "v1.4.0"
"""Storage format of the build, which no other program reads: its tables cost a sixth less to write than in the format
of 1.0, in which versions are published."""


def begin_build(settings: Settings, fresh: bool = False) -> Path:
    """Make sure that the build file is the last good build, or absent, and return its path.

    `fresh` leaves the last good build out of it: for a run that recomputes everything and wants the smallest file.
    """
    path = settings.build_path
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    good = _read_good(settings)
    if good is not None and not fresh and _stamp(path) == good["stamp"]:
        _own(path)
        return path
    path.unlink(missing_ok=True)
    copy = path.parent / good["file"] if good is not None else None
    if copy is not None and copy.exists() and not fresh:
        _copy(copy, path)
    return path


def mark_good(settings: Settings, version_id: str) -> None:
    """Note that the build as it lies there is the last good one, published as `version_id`, and keep it."""
    path = settings.build_path
    before = _read_good(settings)
    stamp = _stamp(path)
    if before is not None and before["stamp"] == stamp and (path.parent / before["file"]).exists():
        return
    copy = path.with_name(f"good-{version_id}-{os.getpid()}.duckdb")
    _share(path, copy)
    sync(copy)
    write_atomic(_good_path(settings), to_json({"file": copy.name, "stamp": stamp, "version": version_id}))
    for other in path.parent.glob("good-*.duckdb"):
        if other != copy:
            other.unlink()


@contextmanager
def open_build(settings: Settings, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the build file for the length of the block, with the house's limits set; it is closed afterwards.

    Writing goes without a write-ahead log: the file is checkpointed when the block ends, and a run that dies leaves a
    build that is thrown away. Raises BuildMissingError when there is nothing to read.
    """
    path = settings.build_path
    if read_only and not path.exists():
        raise BuildMissingError(f"There is no build at {path}.", "Run the path first: caw run.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not read_only:
        _own(path)
    con = connect(settings)
    try:
        option = "READ_ONLY" if read_only else f"RECOVERY_MODE no_wal_writes, STORAGE_VERSION '{STORAGE_VERSION}'"
        con.execute(f"attach {quoted(path)} as {CATALOG} ({option})")
        con.execute(f"use {CATALOG}")
        yield con
    finally:
        con.close()
    assert_no_wal(path)


def connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A connection in memory with the house's limits: memory, threads, and where and how much it may spill."""
    spill = settings.build_path.parent / "tmp"
    spill.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {
        "memory_limit": settings.memory_limit,
        "threads": settings.threads,
        "temp_directory": str(spill),
        "max_temp_directory_size": settings.max_temp_size,
        "preserve_insertion_order": True,  # marts lie in the order in which they are written: that of their grain
    }
    con = duckdb.connect(":memory:", config=config)
    con.execute("set TimeZone = 'UTC'")
    return con


def quoted(path: Path) -> str:
    """`path` as an SQL string."""
    return "'" + str(path).replace("'", "''") + "'"


def assert_no_wal(path: Path) -> None:
    """Raise RuntimeError when a write-ahead log lies beside `path`: its rows are not in the file."""
    wal = path.with_name(path.name + ".wal")
    if wal.exists():
        raise RuntimeError(f"{wal} was left behind: the database was not closed")


def _good_path(settings: Settings) -> Path:
    return settings.build_path.parent / "good.json"


def _read_good(settings: Settings) -> dict[str, Any] | None:
    try:
        return read_json(_good_path(settings))
    except ValueError:
        return None


def _stamp(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if path.with_name(path.name + ".wal").exists():
        return None
    return [status.st_size, status.st_mtime_ns]


def _share(path: Path, other: Path) -> None:
    """Give a closed database file a second name, or a copy where the disk has no links."""
    try:
        other.hardlink_to(path)
    except OSError:
        _copy(path, other)


def _own(path: Path) -> None:
    """Make sure that the file, if there is one, has no second name under which it must stay as it is."""
    if path.exists() and path.stat().st_nlink > 1:
        shared = path.with_name(f".{path.name}.shared.partial")
        path.rename(shared)
        _copy(shared, path)
        shared.unlink()


def _copy(source: Path, target: Path) -> None:
    """Copy a closed database file to a name that does not exist, keeping its time so that its stamp stays equal."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.copyfile(source, partial)
    shutil.copystat(source, partial)
    partial.rename(target)


def _sweep(path: Path) -> None:
    """Remove what a dead run left: a log whose file is not trusted, spill, and copies that were not finished."""
    wal = path.with_name(path.name + ".wal")
    if wal.exists():
        path.unlink(missing_ok=True)
        wal.unlink()
    shutil.rmtree(path.parent / "tmp", ignore_errors=True)
    for partial in path.parent.glob(".*.partial"):
        partial.unlink()
