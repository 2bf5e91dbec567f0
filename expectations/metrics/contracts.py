"""What the contracts promise of every table, measured: one row a table.

Lives here: the frame `contract` of the canonical, core and marts layers, made from the contracts so that no promise is
typed twice. Stays out: what no contract says.
"""

from __future__ import annotations

import duckdb
import polars as pl

from pipelines.contracts.canonical import CANONICAL
from pipelines.contracts.columns import Column, DataType, Table
from pipelines.contracts.core import CORE
from pipelines.marts import MARTS
from pipelines.warehouse.build import CATALOG
from pipelines.warehouse.digest import LAYER_SCHEMAS
from pipelines.warehouse.tables import stored_columns

METRICS = (
    "column_missing_n", "column_mistyped_n", "row_n", "empty_too_long_n", "required_null_n", "not_accepted_n",
    "duplicate_n", "rate_outside_n", "interval_disordered_n", "other_as_of_n", "other_currency_n",
    "clear_identifier_n",
)  # fmt: skip

PUBLISHED = ("core", "marts")
"""Layers that readers see: there keys and clear identifiers are looked for. Keys below are dbt's tests, once."""

_AGE = f"""
    select date_diff('day', min(o.ordered_on), (select as_of_on from {CATALOG}.meta.run_context))
    from {CATALOG}.core.fct_order as o inner join {CATALOG}.core.dim_customer as c on o.customer_id = c.customer_id
    where o.is_kept and c.is_identified and not c.is_test
"""
"""Age of the shop in days; null before its first order."""

_ROWS_AFTER_DAYS = {mart.name: mart.rows_after_days for mart in MARTS}

_EMAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}"


def declared(layer: str) -> tuple[Table, ...]:
    """The tables that the contracts promise of a layer. Raises KeyError for raw, whose tables come with the formats."""
    return {
        "canonical": tuple(CANONICAL.values()),
        "core": tuple(CORE.values()),
        "marts": tuple(mart.table for mart in MARTS),
    }[layer]


def contract_frame(con: duckdb.DuckDBPyConnection, layer: str) -> pl.DataFrame:
    """Per declared table how often each promise is broken; all but the missing columns null where there is no table."""
    schema = LAYER_SCHEMAS[layer]
    stored = stored_columns(con, CATALOG, schema)
    age_days = con.execute(_AGE).fetchall()[0][0] if layer == "marts" else None
    rows = []
    for table in declared(layer):
        types = stored.get(table.name, {})
        missing = [column.name for column in table.columns if column.name not in types]
        mistyped = [c.name for c in table.columns if c.name in types and types[c.name] != c.type.duckdb]
        row: dict[str, object] = dict.fromkeys(METRICS)
        row |= {"table_name": f"{schema}.{table.name}", "column_missing_n": float(len(missing))}
        if types:
            row["column_mistyped_n"] = float(len(mistyped))
            row |= _measured(con, table, types, layer)
            if layer == "marts":
                row["empty_too_long_n"] = _empty_too_long(row["row_n"], age_days, _ROWS_AFTER_DAYS[table.name])
        rows.append(row)
    return pl.DataFrame(rows, schema={"table_name": pl.String, **dict.fromkeys(METRICS, pl.Float64)})


def _empty_too_long(row_n: object, age_days: int | None, rows_after_days: int) -> float | None:
    """1 when a mart has no rows though the shop is old enough, else 0; null for an empty one of a shop without age."""
    if row_n:
        return 0.0
    return None if age_days is None else float(age_days >= rows_after_days)


def _measured(
    con: duckdb.DuckDBPyConnection, table: Table, types: dict[str, str], layer: str
) -> dict[str, float | None]:
    name = f'{LAYER_SCHEMAS[layer]}."{table.name}"'
    there = [column for column in table.columns if types.get(column.name) == column.type.duckdb]
    broken = {
        "required_null_n": [f'"{c.name}" is null' for c in there if c.required],
        "not_accepted_n": [_not_accepted(c) for c in there if c.values],
        **(_of_published(there) if layer in PUBLISHED else {}),
        **(_of_marts(there) if layer == "marts" else {}),
    }
    asked = {"row_n": f"select count(*) from {name}"}
    for measure, conditions in broken.items():
        if conditions:  # as a filter of the aggregate, every condition would be worked out for every row
            asked[measure] = f"select count(*) from {name} where {' or '.join(conditions)}"
    if layer in PUBLISHED and {*table.grain} <= {column.name for column in there}:
        asked["duplicate_n"] = _duplicates(name, table.grain)
    columns = ", ".join(f"({sql})::double as {measure}" for measure, sql in asked.items())
    values = con.execute(f"select {columns}").fetchall()[0]
    return dict(zip(asked, values, strict=True))


def _of_published(columns: list[Column]) -> dict[str, list[str]]:
    texts = [column for column in columns if column.type is DataType.TEXT and not column.values]
    return {"clear_identifier_n": [_clear(column) for column in texts]}


def _of_marts(columns: list[Column]) -> dict[str, list[str]]:
    names = {column.name for column in columns}
    rates = [column.name for column in columns if column.type is DataType.RATE and column.name.endswith("_rate")]
    context = f"(select {{}} from {CATALOG}.meta.run_context)"
    conditions = {
        "rate_outside_n": [f'"{name}" < 0 or "{name}" > 1' for name in rates],
        "interval_disordered_n": ["lo > hi or est < lo or est > hi"] if {"est", "lo", "hi"} <= names else [],
    }
    for measure, column, value in (
        ("other_as_of_n", "as_of_on", "as_of_on"),
        ("other_currency_n", "currency", "reporting_currency"),
    ):
        conditions[measure] = [f"{column} is distinct from {context.format(value)}"] if column in names else []
    return conditions


def _not_accepted(column: Column) -> str:
    values = ", ".join("'" + value.replace("'", "''") + "'" for value in column.values)
    return f'"{column.name}" not in ({values})'


def _clear(column: Column) -> str:
    return f"contains(\"{column.name}\", '@') and regexp_matches(\"{column.name}\", '{_EMAIL}')"


def _duplicates(name: str, grain: tuple[str, ...]) -> str:
    """Rows beyond one per grain; nulls in a grain (a price list's store) are values of their own."""
    if not grain:
        return f"select greatest(count(*) - 1, 0) from {name}"
    columns = ", ".join(f'"{column}"' for column in grain)
    return f"select coalesce(sum(row_n - 1), 0) from (select count(*) as row_n from {name} group by {columns})"
