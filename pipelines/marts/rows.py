"""Rows: what a mart came to, held small until it is written.

Lives here: the rows of a mart in the order of its grain, as the formulas left them, and their turn into the types of
the table. Stays out: computing them (`runner`) and writing them (`pipelines.warehouse`).

A table of millions of rows takes several times the room in its published types (a decimal is sixteen bytes, and so is
every text), so these are made of a slice at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from pipelines.contracts.columns import Column, DataType, Table
from pipelines.contracts.money import from_units

SIGNIFICANT_DIGITS = 9


@dataclass(frozen=True)
class Rows:
    """The rows of `table`, sorted by its grain; in `held` money may be whole ten-thousandths and text an Enum."""

    table: Table
    held: pl.DataFrame

    @classmethod
    def of(cls, table: Table, found: pl.DataFrame) -> Rows:
        """Sort what was found; columns that the table has not are left out."""
        kinds = found.schema
        frame = found.select(_sortable(column, kinds[column.name], table) for column in table.columns)
        in_order = _is_sorted(frame, table.grain)
        return cls(table, frame if in_order else frame.sort(table.grain, nulls_last=True))

    def __len__(self) -> int:
        return len(self.held)

    def head(self, n: int) -> pl.DataFrame:
        """The first rows in the table's types."""
        return self._typed(self.held.head(n))

    def whole(self) -> pl.DataFrame:
        """All rows in the table's types."""
        return self._typed(self.held)

    def slices(self, most: int) -> Iterator[pl.DataFrame]:
        """The rows in the table's types, at most so many at a time."""
        return map(self._typed, self.held.iter_slices(most))

    def _typed(self, part: pl.DataFrame) -> pl.DataFrame:
        return part.select(_final(column.name, column.type, part.schema[column.name]) for column in self.table.columns)


def _sortable(column: Column, found: pl.DataType, table: Table) -> pl.Expr:
    """The column as it is, but a text to sort by that would sort otherwise."""
    is_odd = isinstance(found, pl.Enum) and column.name in table.grain and not found.categories.is_sorted()
    return pl.col(column.name).cast(pl.String()) if is_odd else pl.col(column.name)


def _is_sorted(frame: pl.DataFrame, keys: tuple[str, ...]) -> bool:
    """Every row is above the next by the keys, which have no nulls; far cheaper to see than to sort again."""
    in_order, tied = pl.lit(False), pl.lit(True)
    for key in keys:
        above, here = pl.col(key).shift(1), pl.col(key)
        in_order, tied = in_order | (tied & (above < here)), tied & (above == here)
    unknown = pl.any_horizontal(pl.col(key).null_count() > 0 for key in keys)
    return bool(frame.select(in_order.slice(1).all() & ~unknown).item()) if len(frame) else True


def _final(name: str, kind: DataType, found: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if kind is DataType.MONEY and found.is_integer():
        return from_units(name).alias(name)
    if kind is DataType.FLOAT:
        return value.cast(pl.Float64).round_sig_figs(SIGNIFICANT_DIGITS).alias(name)
    return value.cast(kind.polars)
