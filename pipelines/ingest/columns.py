"""Columns: the operations on Polars series that ingest needs everywhere.

Lives here: a constant column, a column with some rows replaced that leaves the given one alone (`Series.scatter`
changes it in place), and the rows that a cast has not read. Stays out: everything with a meaning.
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


def unread(given: pl.Series, read: pl.Series) -> pl.Series:
    """The rows of `given` that say something and are null in `read`, which is null wherever `given` is."""
    if read.null_count() == given.null_count():  # the usual case, known without looking at a row
        return pl.Series(dtype=pl.UInt32)
    return (given.is_not_null() & read.is_null()).arg_true()
