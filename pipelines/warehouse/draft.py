"""A draft: a version's folder while it is being written, where no reader looks.

Lives here: copying the published schemas into a fresh file, the Parquet copy of the marts, the manifest.
Stays out: whether anything may be published and the moment it becomes visible (`publish`).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from pipelines.contracts.columns import Table
from pipelines.contracts.settings import Settings
from pipelines.warehouse.build import CATALOG, assert_no_wal, quoted
from pipelines.warehouse.catalogue import published_tables
from pipelines.warehouse.context import RUN_CONTEXT
from pipelines.warehouse.digest import table_stamps
from pipelines.warehouse.errors import DiskFullError, VersionDamagedError
from pipelines.warehouse.files import sha256_file, sync, to_json
from pipelines.warehouse.meta import MetaInputs, write_meta
from pipelines.warehouse.tables import check_stored, comment, stored_columns
from pipelines.warehouse.versions import DATABASE, MANIFEST

VERSION = "version"
"""Name of the new file inside the connection that writes it."""

COPIED = ("core", "marts")
"""Schemas that are copied as they are in the build; `meta` is written for the version."""

ROOM_FACTOR = 0.75
"""Free space asked for before a version is written, as a multiple of the build's size."""


def check_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Raise unless every published table of the build is as its contract says: BuildMissingError, ContractError."""
    for schema in COPIED:
        stored = stored_columns(con, CATALOG, schema)
        for table in published_tables()[schema]:
            check_stored(stored.get(table.name), schema, table)
    check_stored(stored_columns(con, CATALOG, "meta").get(RUN_CONTEXT.name), "meta", RUN_CONTEXT)


def check_room(settings: Settings) -> None:
    """Raise DiskFullError when the disk has not enough room for another version."""
    needed = int(settings.build_path.stat().st_size * ROOM_FACTOR)
    free = shutil.disk_usage(settings.warehouse_dir).free
    if free < needed:
        raise DiskFullError(
            f"A version needs {needed:,} free bytes in {settings.warehouse_dir}, there are {free:,}.",
            "Free some space and run again: caw run. What was served stays served.",
        )


def copy_tables(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, int]:
    """Copy the published tables from the build into a fresh file at `path`; returns row counts by schema.table.

    Columns come by contract, so nothing that no contract names is published. Facts lie in order of their day, so that a
    filter on it reads little; all else lies as in the build, since sorting costs more than copying.
    """
    con.execute(f"attach {quoted(path)} as {VERSION} (RECOVERY_MODE no_wal_writes)")
    con.execute("set disabled_compression_methods = 'fsst'")  # a fifth of the time of copying, for a fifth more of size
    counts = {}
    for schema in COPIED:
        con.execute(f"create schema {VERSION}.{schema}")
        for table in published_tables()[schema]:
            counts[f"{schema}.{table.name}"] = _copy_table(con, schema, table)
    con.execute(f"create schema {VERSION}.meta")
    _copy_table(con, "meta", RUN_CONTEXT)
    return counts


def finish_database(
    con: duckdb.DuckDBPyConnection, path: Path, meta: MetaInputs, stamps: Mapping[str, Mapping[str, str]]
) -> None:
    """Write `meta`, show that the copy has the build's `stamps` by schema, close the file and make it read-only."""
    write_meta(con, VERSION, meta)
    for schema in COPIED:
        copied = table_stamps(con, schema, VERSION)
        wrong = [name for name, stamp in copied.items() if stamp != stamps[schema][name]]
        if wrong:
            raise VersionDamagedError(f"The copy of {', '.join(wrong)} differs from the build.", "Run again: caw run.")
    con.execute(f"checkpoint {VERSION}")
    con.execute(f"detach {VERSION}")
    assert_no_wal(path)
    path.chmod(0o444)
    sync(path)


def write_parquet(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write every mart of the build as Parquet below `folder`, rows in the order of their grain.

    Reads by a connection of its own, so that `con` may be at work in another thread.
    """
    folder.mkdir()
    with con.cursor() as reader:
        for table in published_tables()["marts"]:
            path = folder / f"{table.name}.parquet"
            name = f"{CATALOG}.marts.{table.name}"
            order = "" if _is_sorted(reader, name, table.grain) else f" order by {_order(table)}"
            rows = f"select {_names(table)} from {name}{order}"
            reader.execute(f"copy ({rows}) to {quoted(path)} (format parquet, compression zstd, compression_level 1)")
            path.chmod(0o444)
            sync(path)


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest, with size and checksum of every file in the folder, and force all of it to the disk."""
    files = {
        str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    path = folder / MANIFEST
    path.write_text(to_json({**manifest, "files": files}), encoding="utf-8")
    for written in (path, folder / DATABASE, folder / "marts", folder):
        sync(written)


def _copy_table(con: duckdb.DuckDBPyConnection, schema: str, table: Table) -> int:
    name = f"{VERSION}.{schema}.{table.name}"
    order = " order by ordered_on" if "ordered_on" in table.names else ""
    con.execute(f"create table {name} as select {_names(table)} from {CATALOG}.{schema}.{table.name}{order}")
    comment(con, name, table)
    rows: int = con.execute(f"select count(*) from {name}").fetchall()[0][0]
    return rows


def _names(table: Table) -> str:
    return ", ".join(f'"{name}"' for name in table.names)


def _order(table: Table) -> str:
    return ", ".join(f'"{name}" nulls last' for name in table.grain)


def _is_sorted(con: duckdb.DuckDBPyConnection, name: str, grain: tuple[str, ...]) -> bool:
    """Whether the rows lie in the order of `_order`, in which marts are written: far cheaper to see than to sort."""
    key = "row(" + ", ".join(f'"{column}"' for column in grain) + ")"  # in a row, null is above all values
    unsorted = f"select {key} < lag({key}) over () as is_below from {name}"
    return not con.execute(f"select 1 from ({unsorted}) where is_below limit 1").fetchall()
