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

_AGE = f"""(
    select date_diff('day', min(o.ordered_on), (select as_of_on from {CATALOG}.meta.run_context))
    from {CATALOG}.core.fct_order as o inner join {CATALOG}.core.dim_customer as c on o.customer_id = c.customer_id
    where o.is_kept and c.is_identified and not c.is_test
)"""
"""Age of the shop in days."""

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
    rows = []
    for table in declared(layer):
        types = stored.get(table.name, {})
        missing = [column.name for column in table.columns if column.name not in types]
        mistyped = [c.name for c in table.columns if c.name in types and types[c.name] != c.type.duckdb]
        row: dict[str, object] = dict.fromkeys(METRICS)
        row |= {"table_name": f"{schema}.{table.name}", "column_missing_n": float(len(missing))}
        if types:
            row["column_mistyped_n"] = float(len(mistyped))
            row |= _measured(con, schema, table, types, layer)
        rows.append(row)
    return pl.DataFrame(rows, schema={"table_name": pl.String, **dict.fromkeys(METRICS, pl.Float64)})


def _measured(
    con: duckdb.DuckDBPyConnection, schema: str, table: Table, types: dict[str, str], layer: str
) -> dict[str, float | None]:
    there = [column for column in table.columns if types.get(column.name) == column.type.duckdb]
    names = {column.name for column in there}
    context = f"(select {{}} from {CATALOG}.meta.run_context)"
    measures = {
        "row_n": "count(*)",
        "empty_too_long_n": None,
        "required_null_n": _count([f'"{c.name}" is null' for c in there if c.required]),
        "not_accepted_n": _count([_not_accepted(c) for c in there if c.values]),
        "duplicate_n": None,
        "clear_identifier_n": None,
        "rate_outside_n": None,
        "interval_disordered_n": None,
        "other_as_of_n": None,
        "other_currency_n": None,
    }
    if layer in PUBLISHED:
        measures["duplicate_n"] = _duplicates(table, names)
        texts = [c for c in there if c.type is DataType.TEXT and not c.values]
        measures["clear_identifier_n"] = _count([_clear(c) for c in texts])
    if layer == "marts":
        measures["empty_too_long_n"] = f"(count(*) = 0 and {_AGE} >= {_ROWS_AFTER_DAYS[table.name]})::int"
        rates = [c.name for c in there if c.type is DataType.RATE and c.name.endswith("_rate")]
        measures["rate_outside_n"] = _count([f'"{name}" < 0 or "{name}" > 1' for name in rates])
        if {"est", "lo", "hi"} <= names:
            measures["interval_disordered_n"] = _count(["lo > hi or est < lo or est > hi"])
        if "as_of_on" in names:
            measures["other_as_of_n"] = _count([f"as_of_on is distinct from {context.format('as_of_on')}"])
        if "currency" in names:
            measures["other_currency_n"] = _count([f"currency is distinct from {context.format('reporting_currency')}"])
    asked = {name: sql for name, sql in measures.items() if sql is not None}
    columns = ", ".join(f"({sql})::double as {name}" for name, sql in asked.items())
    values = con.execute(f"select {columns} from {schema}.{table.name}").fetchall()[0]
    return dict(zip(asked, values, strict=True))


def _count(conditions: list[str]) -> str | None:
    """Rows that break one of the conditions; None where nothing is promised."""
    return f"count(*) filter (where {' or '.join(conditions)})" if conditions else None


def _not_accepted(column: Column) -> str:
    values = ", ".join("'" + value.replace("'", "''") + "'" for value in column.values)
    return f'"{column.name}" not in ({values})'


def _clear(column: Column) -> str:
    return f"contains(\"{column.name}\", '@') and regexp_matches(\"{column.name}\", '{_EMAIL}')"


def _duplicates(table: Table, names: set[str]) -> str | None:
    """Rows beyond one per grain; nulls in a grain (a price list's store) are values of their own."""
    if not table.grain:
        return "greatest(count(*) - 1, 0)"
    if not set(table.grain) <= names:
        return None
    (*_, last) = table.grain
    whole = f'"{last}"' if len(table.grain) == 1 else "(" + ", ".join(f'"{name}"' for name in table.grain) + ")"
    absent = f' + (count(*) filter (where "{last}" is null))' if len(table.grain) == 1 else ""
    return f"count(*) - count(distinct {whole}){absent and ' - (count(*) filter (where ' + whole + ' is null))'}"
