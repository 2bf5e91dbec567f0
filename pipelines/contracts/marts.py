"""The contract of a mart: its schema, the questions it answers, and the shape of its function.

Lives here: `Mart`, `MartParams` and the names of the inputs a mart may read.
Stays out: any mart (one module each in `pipelines.marts`) and the runner that computes them in buckets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from pipelines.contracts.columns import Column, Table

Inputs = Mapping[str, pl.LazyFrame]
"""Core tables (and marts) by name, money as DECIMAL(18,4), filtered to the customers of one bucket."""


@dataclass(frozen=True)
class MartParams:
    """Frozen parameters of a run; equal parameters and equal inputs give equal marts."""

    as_of: date
    reporting_currency: str = "USD"
    horizon_days: int = 365
    discount_rate: float = 0.10
    confidence: float = 0.95
    min_cell_n: int = 5


@dataclass(frozen=True)
class Sums:
    """An input that a mart reads as sums over rows that agree in the columns `by`, not as rows.

    `of` are columns of money or whole numbers, which are never null; money comes as whole ten-thousandths. Beside each
    of them that is `counted` stands `<name>_n`: the rows where it is not 0. `row_n` counts all rows.
    """

    by: tuple[str, ...]
    of: tuple[str, ...]
    counted: tuple[str, ...] = ()


Local = Callable[[Inputs, MartParams], pl.LazyFrame]
Partial = Callable[[pl.LazyFrame, MartParams], pl.LazyFrame]
Finalize = Callable[[pl.LazyFrame, MartParams], pl.LazyFrame]
Apply = Callable[[pl.LazyFrame, pl.LazyFrame, MartParams], pl.LazyFrame]


@dataclass(frozen=True)
class Mart:
    """One mart: what a row is, what it answers, and how it is computed.

    `local` sees all rows of a customer together. A mart that aggregates over customers adds `partial` (a small
    table that merges by concatenation), `finalize` (partials of all buckets -> global table) and, when rows of
    customers need the global table, `apply` (local rows, global table -> rows). Without `apply` the result is the
    finalised table; without `partial` it is the local rows of all buckets.

    `reads` says which columns of each input are used, so that a caller loads no others; an input may be an earlier
    mart. Inputs with a `customer_id` are split over the buckets, the others go whole to each of them, except those
    named in `once`, which belong to no customer and must be counted once: whole in the first bucket, empty in the rest.

    `only` says of an input which of its rows are needed, in the SQL that DuckDB and Polars share, by columns that are
    read; the others are never handed over.

    `sums` are the inputs that it needs only as sums, which the engine that holds them adds up.

    `previous` are tables of the version that is served, with the columns that are read, which come as the inputs
    `previous.<name>`: what was published is carried, not computed again. They are empty where nothing was published, or
    nothing of the kind; only a mart whose past is a record may read them.

    `rows_after_days` is the age of a shop, in days since the first kept order of an identified customer, from which the
    mart has rows; a gate holds it to that.
    """

    code: str
    domain: str
    table: Table
    questions: tuple[str, ...]
    inputs: tuple[str, ...]
    local: Local
    partial: Partial | None = None
    finalize: Finalize | None = None
    apply: Apply | None = None
    example_sql: str = ""
    relationships: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    only: Mapping[str, str] = field(default_factory=dict)
    sums: Mapping[str, Sums] = field(default_factory=dict)
    once: tuple[str, ...] = ()
    previous: tuple[Table, ...] = ()
    rows_after_days: int = 0

    @property
    def name(self) -> str:
        """The table's name in schema `marts`."""
        return self.table.name

    @property
    def columns(self) -> tuple[Column, ...]:
        """The table's columns, in order."""
        return self.table.columns
