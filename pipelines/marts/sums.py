"""Sums: an input added up as a mart needs it, by DuckDB where it lies in a build, by Polars where it is a frame.

Lives here: the two ways, which give the same rows. Stays out: which columns are summed (`contracts.marts.Sums`).

A mart of millions of rows by customer that others only add up costs more to hand over than to add up where it lies.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.marts import Sums
from pipelines.marts.common import units

SUMMED = "sums."
"""How the inputs begin that were added up where they lay."""
ROWS = "row_n"


def query(sums: Sums, table: str, where: str) -> str:
    """The SQL that adds up the rows of a table where a condition holds; its result is `finished`."""
    keys = ", ".join(f'"{name}"' for name in sums.by)
    figures = [
        *(f'sum("{name}") as "{name}"' for name in sums.of),
        *(f'count(*) filter (where "{name}" <> 0) as "{name}_n"' for name in sums.counted),
        f"count(*) as {ROWS}",
    ]
    return f"select {keys}, {', '.join(figures)} from {table} where {where} group by {keys}"


def finished(sums: Sums, found: pl.DataFrame) -> pl.DataFrame:
    """What `query` found: sums as Int64, money among them as whole ten-thousandths."""
    return found.with_columns(_whole(name, found.schema[name]).alias(name) for name in sums.of)


def summed(sums: Sums, rows: pl.LazyFrame) -> pl.LazyFrame:
    """The same of a frame."""
    kinds = rows.collect_schema()
    found = rows.group_by(sums.by).agg(
        *(_whole(name, kinds[name]).sum().alias(name) for name in sums.of),
        *((pl.col(name) != 0).sum().cast(pl.Int64).alias(f"{name}_n") for name in sums.counted),
        pl.len().cast(pl.Int64).alias(ROWS),
    )
    return found.collect().lazy()


def _whole(name: str, kind: pl.DataType) -> pl.Expr:
    return units(name) if isinstance(kind, pl.Decimal) and kind.scale else pl.col(name).cast(pl.Int64)
