"""Columns: the two operations on Polars series that ingest needs everywhere.

Lives here: a constant column, and a column with some rows replaced that leaves the given one alone
(`Series.scatter` changes it in place). Stays out: everything with a meaning.
"""

from __future__ import annotations

from typing import Any

import polars as pl


def constant(value: Any, height: int, dtype: Any) -> pl.Series:
    """`height` times the same value."""
    return pl.Series([value], dtype=dtype).new_from_index(0, height)


def replaced(column: pl.Series, rows: pl.Series, values: pl.Series) -> pl.Series:
    """`column` with `values` in the given rows."""
    return column.clone().scatter(rows, values) if len(rows) else column
