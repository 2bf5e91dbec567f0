"""Meta: filling the tables in which the warehouse tells about itself.

Lives here: the frames of schema `meta`, from the contracts, the account book, the gates' verdicts and the state.
Stays out: their columns (`meta_tables`) and when they are written (`publish`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from pipelines.contracts.columns import Table
from pipelines.marts import MARTS
from pipelines.warehouse import meta_tables as tables
from pipelines.warehouse.catalogue import published_tables, relationships
from pipelines.warehouse.gates import GateRecord
from pipelines.warehouse.tables import describe, write_table

_HEADLINE_SQL = """
select
    c.as_of_on,
    c.reporting_currency,
    m.headline_basis,
    m.costed_rate,
    o.net_revenue::decimal(18, 4) as net_revenue,
    o.costed_contribution::decimal(18, 4) as costed_contribution,
    (select count(*) from {core}.dim_customer where is_identified and not is_test) as customer_n,
    o.order_n,
    o.kept_order_n,
    o.first_order_on,
    o.last_order_on
from {meta}.run_context as c
cross join (
    select
        sum(net_revenue_reporting) as net_revenue,
        (select sum(contribution_reporting) from {core}.fct_order_line_economics) as costed_contribution,
        count(*) as order_n,
        count(*) filter (where is_kept) as kept_order_n,
        min(ordered_on) as first_order_on,
        max(ordered_on) as last_order_on
    from {core}.fct_order
) as o
cross join (select headline_basis, costed_rate from {marts}.mart_coverage where dim = 'total') as m
"""


@dataclass(frozen=True)
class MetaInputs:
    """What `meta` is filled from, beside the contracts: logs up to and including the version being written."""

    version_id: str
    book: pl.DataFrame
    gates: Mapping[str, GateRecord]
    runs: Sequence[Mapping[str, Any]]
    versions: Sequence[Mapping[str, Any]]
    files: Sequence[Mapping[str, Any]]
    row_counts: Mapping[str, int]


def write_meta(con: duckdb.DuckDBPyConnection, catalog: str, inputs: MetaInputs) -> None:
    """Write schema `meta` of `catalog`, where core and marts are; `meta.run_context` must be there already."""
    headline = con.sql(headline_sql(catalog)).pl()
    for table, frame in (
        (tables.HEADLINE, headline),
        (tables.RUNS, run_rows(inputs)),
        (tables.VERSIONS, version_rows(inputs)),
        (tables.FILES, file_rows(inputs)),
        (tables.CHECK_RESULTS, check_rows(inputs.gates.values())),
        *definition_frames(),
    ):
        write_table(con, f"{catalog}.meta", table, frame)
    all_rows = {**inputs.row_counts, **_meta_counts(con, catalog)}
    write_table(con, f"{catalog}.meta", tables.TABLES, table_rows(all_rows))


def headline_sql(catalog: str) -> str:
    """The query of `meta.headline` over the schemas of `catalog`."""
    return _HEADLINE_SQL.format(core=f"{catalog}.core", marts=f"{catalog}.marts", meta=f"{catalog}.meta")


def definition_frames() -> tuple[tuple[Table, pl.DataFrame], ...]:
    """The frames that follow from the contracts alone."""
    return (
        (tables.RELATIONSHIPS, _frame(tables.RELATIONSHIPS, _unique(relationships()))),
        (tables.MARTS_TABLE, mart_rows()),
        (tables.DATA_DICTIONARY, dictionary_rows()),
    )


def definition_digest() -> str:
    """sha256 over the definitions of all published tables: it changes when a meaning or a column does."""
    rows = [(table.name, frame.rows()) for table, frame in definition_frames()]
    return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()


def book_rows(book: pl.DataFrame) -> pl.DataFrame:
    """The account book in the contract's columns and order; columns it does not have are null, lists become text."""
    columns = []
    for column in tables.BOOK:
        if column.name not in book.columns:
            columns.append(pl.lit(None).cast(column.type.polars).alias(column.name))
        elif isinstance(book.schema[column.name], pl.List):
            joined = pl.col(column.name).list.join("; ")
            columns.append(pl.when(joined != "").then(joined).alias(column.name))
        else:
            columns.append(pl.col(column.name).cast(column.type.polars))
    return book.select(columns).sort("source_system", "source_file", "file_sha256", nulls_last=True)


def run_rows(inputs: MetaInputs) -> pl.DataFrame:
    """Runs, the latest record of each."""
    latest = {run["run_id"]: run for run in inputs.runs}
    return _records(tables.RUNS, latest.values())


def version_rows(inputs: MetaInputs) -> pl.DataFrame:
    """Versions, the one being written marked."""
    return _records(
        tables.VERSIONS, ({**row, "is_this": row["version_id"] == inputs.version_id} for row in inputs.versions)
    )


def file_rows(inputs: MetaInputs) -> pl.DataFrame:
    """The account book, with the first version that held each file."""
    first = {row["file_sha256"]: row["version_id"] for row in reversed(inputs.files)}
    rows = book_rows(inputs.book)
    return rows.with_columns(
        pl.Series("first_version_id", [first.get(sha, inputs.version_id) for sha in rows["file_sha256"]], pl.String)
    )


def check_rows(gates: Iterable[GateRecord]) -> pl.DataFrame:
    """The outcome of every check of the gates."""
    return _frame(
        tables.CHECK_RESULTS,
        (
            (
                check.layer, check.check, check.table, check.column or None, check.expectation, check.outcome.value,
                check.severity.value, check.message, check.observed or None, check.limit or None, check.evaluated_n,
                check.unexpected_n, ", ".join(check.endangered) or None, check.owner or None, check.reason or None,
            )
            for gate in gates
            for check in gate.outcomes
        ),
    )  # fmt: skip


def table_rows(counts: Mapping[str, int]) -> pl.DataFrame:
    """Every published table with its rows; this table counts itself."""
    listed = [(schema, table) for schema, group in published_tables().items() for table in group]
    return _frame(
        tables.TABLES,
        (
            (
                schema,
                table.name,
                describe(table),
                ", ".join(table.grain) or None,
                len(listed) if table is tables.TABLES else counts[f"{schema}.{table.name}"],
            )
            for schema, table in listed
        ),
    )


def mart_rows() -> pl.DataFrame:
    """Every mart with its questions."""
    return _frame(
        tables.MARTS_TABLE,
        (
            (
                mart.name,
                mart.code,
                mart.domain,
                "\n".join(mart.questions),
                ", ".join(mart.inputs),
                mart.example_sql or None,
            )
            for mart in MARTS
        ),
    )


def dictionary_rows() -> pl.DataFrame:
    """Every column of every published table."""
    return _frame(
        tables.DATA_DICTIONARY,
        (
            (
                schema, table.name, column.name, position, column.type.duckdb, column.name in table.grain,
                column.required, column.unit, column.description, column.null_means, ", ".join(column.values) or None,
            )
            for schema, group in published_tables().items()
            for table in group
            for position, column in enumerate(table.columns, start=1)
        ),
    )  # fmt: skip


def _meta_counts(con: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, int]:
    written = [table.name for table in tables.META if table is not tables.TABLES]
    return {
        f"meta.{name}": con.execute(f"select count(*) from {catalog}.meta.{name}").fetchall()[0][0] for name in written
    }


def _records(table: Table, records: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Records of a log as rows of `table`; times come back from their text."""
    return _frame(
        table,
        (tuple(_parsed(record.get(column.name), column.type.polars) for column in table.columns) for record in records),
    )


def _parsed(value: Any, kind: pl.DataType) -> Any:
    if isinstance(value, str) and kind == pl.Datetime("us"):
        return datetime.fromisoformat(value).replace(tzinfo=None)
    if isinstance(value, str) and kind == pl.Date():
        return datetime.fromisoformat(value).date()
    return value


def _frame(table: Table, rows: Iterable[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=table.polars_schema, orient="row")


def _unique(rows: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(rows))
