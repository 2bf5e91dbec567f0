"""Digests: what shows that two tables, or two layers, hold the same.

Lives here: the canonical digest of a stored table and the content stamp of a layer of the build.
Stays out: the canonical form itself (`pipelines.marts.digest`) and checksums of files (`files`).

Two different things. `table_digest` is sha256 over ordered rows in a canonical text form: equal exactly when the
content is. `layer_digest` is an integrity stamp for a build of millions of rows in a second or two: it sums DuckDB's
64-bit row hashes, independent of order, to show that nothing changed after a gate looked. It is no identity key: the
engine's hash may change between its releases, and single values may collide.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from glob import glob

import duckdb

from pipelines.contracts.canonical import CANONICAL
from pipelines.contracts.columns import Table
from pipelines.marts import digest
from pipelines.warehouse.build import CATALOG
from pipelines.warehouse.tables import literal, stored_columns

LAYER_SCHEMAS = {"raw": "raw", "canonical": "intermediate", "core": "core", "marts": "marts"}
"""Gated layers in the order of the path, and the schema each lives in."""


def table_digest(con: duckdb.DuckDBPyConnection, schema: str, table: Table) -> str:
    """The canonical digest of a stored table, over its contract's columns."""
    names = ", ".join(f'"{name}"' for name in table.names)
    return digest(con.sql(f"select {names} from {schema}.{table.name}").pl())


def layer_digest(con: duckdb.DuckDBPyConnection, layer: str, catalog: str = CATALOG) -> str:
    """The content stamp of a layer: sha256 over the stamps of its tables.

    raw: every view's SQL, and name, size and time of the files it reads. Other layers: per table its columns, its row
    count, and sum and xor of its rows' hashes; a view counts by its SQL, as what lies beneath is stamped itself.
    """
    return combine(layer, table_stamps(con, layer, catalog))


def combine(layer: str, stamps: Mapping[str, str]) -> str:
    """The content stamp of a layer from those of its tables."""
    lines = [f"{name} {stamp}" for name, stamp in sorted(stamps.items())]
    return hashlib.sha256("\n".join([layer, *lines]).encode()).hexdigest()


def table_stamps(con: duckdb.DuckDBPyConnection, layer: str, catalog: str = CATALOG) -> dict[str, str]:
    """The stamp of every table and view of a layer, by name."""
    schema = LAYER_SCHEMAS[layer]
    views = dict(
        con.execute(
            "select view_name, sql from duckdb_views() where not internal "
            f"and database_name = {literal(catalog)} and schema_name = {literal(schema)}"
        ).fetchall()
    )
    if layer == "raw":
        return {name: _raw_stamp(sql) for name, sql in views.items()}
    columns = stored_columns(con, catalog, schema)
    if layer == "canonical":  # other tables of the schema are made later, from core's inputs
        declared = {table.name for table in CANONICAL.values()}
        columns = {name: types for name, types in columns.items() if name in declared}
    return {
        name: _sha(views[name]) if name in views else _row_stamp(con, f'{catalog}.{schema}."{name}"', types)
        for name, types in columns.items()
    }


def _raw_stamp(sql: str) -> str:
    texts = (text.replace("\0", "'") for text in sql.replace("''", "\0").split("'")[1::2])
    files = sorted(path for text in texts if text.endswith(".parquet") for path in glob(text))
    return _sha(repr((sql, [(path, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in files])))


def _row_stamp(con: duckdb.DuckDBPyConnection, name: str, types: dict[str, str]) -> str:
    values = ", ".join(f'"{column}"' for column in sorted(types))
    row = con.execute(f"select count(*), sum(hash({values})), bit_xor(hash({values})) from {name}").fetchone()
    return _sha(repr((sorted(types.items()), row)))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
