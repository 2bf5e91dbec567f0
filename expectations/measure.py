"""Measure: the frames of metrics by name, and the scan that stands in for judging a large table where it lies.

Lives here: running a metrics file or function on the build. Stays out: what the metrics mean (`metrics`) and judging.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from expectations.judge import Asked
from expectations.metrics import contracts, raw
from expectations.suite import FOLDER
from pipelines.contracts.settings import Settings
from pipelines.warehouse.tables import literal

SCAN_FROM_ROWS = 1_000_000
"""Tables with more rows are judged by one scan of metrics; below, where they lie."""

SCAN_FROM_CHECKS = 5
"""Tables with more checks than this are judged by one scan too: it costs as much as one of them."""


@dataclass(frozen=True)
class Scene:
    """What can be measured: the build's connection, the layer, the house, and, for raw, the account book."""

    con: duckdb.DuckDBPyConnection
    layer: str
    settings: Settings
    book: pl.DataFrame | None = field(default=None, repr=False)
    folder: Path = FOLDER


FRAMES: dict[str, Callable[[Scene], pl.DataFrame]] = {
    "contract": lambda scene: contracts.contract_frame(scene.con, scene.layer),
    "raw_tables": lambda scene: raw.table_frame(scene.con, _book(scene)),
    "raw_versus_canonical": lambda scene: raw.canonical_frame(scene.con),
    "fed_entities": lambda scene: raw.entity_frame(scene.con),
}
"""Frames made in Python, by name."""


def _book(scene: Scene) -> pl.DataFrame:
    if scene.book is None:
        raise ValueError("the account book is not at hand")
    return scene.book


def measure(scene: Scene, name: str) -> pl.DataFrame:
    """The frame called `name`, made in Python or by an SQL file, decimals as floats. Raises what the query raises."""
    frame = FRAMES[name](scene) if name in FRAMES else _query(scene, name)
    return frame.with_columns(pl.col(pl.Decimal).cast(pl.Float64))


def _query(scene: Scene, name: str) -> pl.DataFrame:
    return scene.con.sql((scene.folder / "metrics" / scene.layer / f"{name}.sql").read_text(encoding="utf-8")).pl()


def applies(scene: Scene, query: str) -> bool:
    """Whether the yes-or-no query says yes."""
    return bool(scene.con.execute(query).fetchall()[0][0])


def rows_of(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """About how many rows a table of the build has, without counting them."""
    schema, name = table.split(".")
    found = con.execute(
        "select estimated_size from duckdb_tables() where database_name = current_database() "
        f"and schema_name = {literal(schema)} and table_name = {literal(name)}"
    ).fetchone()
    return int(found[0]) if found else 0


SCAN_ONLY = ("expect_column_values_to_match_regex",)
"""Expectations that Great Expectations has no DuckDB form of."""


def is_scannable(asked: Sequence[Asked]) -> bool:
    """Whether every expectation has a form in SQL here."""
    return all(one.type in _UNEXPECTED or one.type == _ROW_COUNT for one in asked)


def scan(con: duckdb.DuckDBPyConnection, table: str, asked: Sequence[Asked]) -> tuple[pl.DataFrame, list[Asked]]:
    """One scan of `table` for all of `asked`: a frame of one row, and the expectations about its columns.

    A share of unexpected values stands for the column's check; the row count for the table's.
    """
    parts, judged = [], []
    for one in asked:
        if one.type == _ROW_COUNT:
            parts.append(f'count(*)::double as "{one.check}"')
            bounds = {key: one.kwargs[key] for key in ("min_value", "max_value") if key in one.kwargs}
        else:
            condition = _UNEXPECTED[one.type](one.kwargs)
            column = f'"{one.kwargs["column"]}"'
            looked_at = "count(*)" if one.type == _NOT_NULL else f"count({column})"
            parts.append(f'(count(*) filter (where {condition}))::double / nullif({looked_at}, 0) as "{one.check}"')
            bounds = {"max_value": 1 - float(one.kwargs.get("mostly", 1))}
        judged.append(Asked(one.check, "expect_column_values_to_be_between", {"column": one.check, **bounds}))
    return con.sql(f"select {', '.join(parts)} from {table}").pl(), judged


_ROW_COUNT = "expect_table_row_count_to_be_between"
_NOT_NULL = "expect_column_values_to_not_be_null"


def _outside(kwargs: Mapping[str, Any]) -> str:
    column = f'"{kwargs["column"]}"'
    bounds = [f"{column} < {_value(kwargs['min_value'])}"] if "min_value" in kwargs else []
    bounds += [f"{column} > {_value(kwargs['max_value'])}"] if "max_value" in kwargs else []
    return " or ".join(bounds)


def _not_among(kwargs: Mapping[str, Any]) -> str:
    return f'"{kwargs["column"]}" not in ({", ".join(_value(value) for value in kwargs["value_set"])})'


def _value(value: Any) -> str:
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


_UNEXPECTED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    _NOT_NULL: lambda kwargs: f'"{kwargs["column"]}" is null',
    "expect_column_values_to_be_between": _outside,
    "expect_column_values_to_be_in_set": _not_among,
    "expect_column_value_lengths_to_equal": lambda kwargs: f'length("{kwargs["column"]}") <> {int(kwargs["value"])}',
    "expect_column_values_to_match_regex": lambda kwargs: (
        f'not regexp_matches("{kwargs["column"]}", {_value(kwargs["regex"])})'
    ),
}
"""Per expectation, the condition under which a value is unexpected."""
