"""Columns: the one vocabulary in which entities, core tables and marts are described.

Lives here: logical types with their DuckDB and Polars forms, and the `Column` and `Table` records that
everything else (casts, dbt contracts, comments, the data dictionary, schema checks) is made from.
Stays out: any particular table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import polars as pl


class DataType(Enum):
    """Logical type of a column, with one physical form per engine."""

    TEXT = "varchar"
    INTEGER = "bigint"
    MONEY = "decimal(18,4)"
    QUANTITY = "decimal(18,6)"
    RATE = "decimal(10,6)"
    FLOAT = "double"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"  # always UTC, without zone

    @property
    def duckdb(self) -> str:
        """The type's name in DuckDB and Spark SQL."""
        return self.value

    @property
    def polars(self) -> pl.DataType:
        """The type's form in a Polars frame (money and quantities stay decimals)."""
        return _POLARS[self]


_POLARS: dict[DataType, pl.DataType] = {
    DataType.TEXT: pl.String(),
    DataType.INTEGER: pl.Int64(),
    DataType.MONEY: pl.Decimal(18, 4),
    DataType.QUANTITY: pl.Decimal(18, 6),
    DataType.RATE: pl.Decimal(10, 6),
    DataType.FLOAT: pl.Float64(),
    DataType.BOOLEAN: pl.Boolean(),
    DataType.DATE: pl.Date(),
    DataType.TIMESTAMP: pl.Datetime("us"),
}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    `required` means never null. `unit` is stated for everything measured ("days", "orders", "order currency").
    `null_means` is stated for every nullable column whose null carries information.
    `identifier` names the kind of direct identifier the column carries on input (email, phone, name, address,
    member_no, account_id, anonymous_id, device_id, birth_date); such a column is tokenised at the door and never
    reaches dbt in clear.
    `keeps_mask`: sources may show only a part of the identifier, and that part is keyed in a column of its own.
    `values` lists the accepted values of an enumeration.
    """

    name: str
    type: DataType
    description: str
    required: bool = False
    unit: str | None = None
    null_means: str | None = None
    identifier: str | None = None
    keeps_mask: bool = False
    values: tuple[str, ...] = ()

    @property
    def comment(self) -> str:
        """The text stored as the column's comment in the published file."""
        parts = [self.description.rstrip(".") + "."]
        if self.unit:
            parts.append(f"Unit: {self.unit}.")
        if self.values:
            parts.append(f"One of: {', '.join(self.values)}.")
        if self.null_means:
            parts.append(f"Null: {self.null_means.rstrip('.')}.")
        return " ".join(parts)


@dataclass(frozen=True)
class Table:
    """A table: what one row is, the columns, and the columns that identify a row."""

    name: str
    description: str
    grain: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Return the column called `name`; KeyError names the table when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in table order."""
        return tuple(column.name for column in self.columns)

    @property
    def polars_schema(self) -> pl.Schema:
        """Names and Polars types in table order."""
        return pl.Schema({column.name: column.type.polars for column in self.columns})


def text(name: str, description: str, **more: object) -> Column:
    """A TEXT column."""
    return Column(name, DataType.TEXT, description, **more)  # type: ignore[arg-type]


def integer(name: str, description: str, **more: object) -> Column:
    """An INTEGER column."""
    return Column(name, DataType.INTEGER, description, **more)  # type: ignore[arg-type]


def money(name: str, description: str, **more: object) -> Column:
    """A MONEY column, DECIMAL(18,4), in the currency named by the row."""
    return Column(name, DataType.MONEY, description, **more)  # type: ignore[arg-type]


def quantity(name: str, description: str, **more: object) -> Column:
    """A QUANTITY column, DECIMAL(18,6)."""
    return Column(name, DataType.QUANTITY, description, **more)  # type: ignore[arg-type]


def rate(name: str, description: str, **more: object) -> Column:
    """A RATE column, DECIMAL(10,6)."""
    return Column(name, DataType.RATE, description, **more)  # type: ignore[arg-type]


def number(name: str, description: str, **more: object) -> Column:
    """A FLOAT column: an estimate, rounded to nine significant digits before it is stored; never money paid."""
    return Column(name, DataType.FLOAT, description, **more)  # type: ignore[arg-type]


def flag(name: str, description: str, **more: object) -> Column:
    """A BOOLEAN column."""
    return Column(name, DataType.BOOLEAN, description, **more)  # type: ignore[arg-type]


def day(name: str, description: str, **more: object) -> Column:
    """A DATE column: a business day in the time zone of its source."""
    return Column(name, DataType.DATE, description, **more)  # type: ignore[arg-type]


def instant(name: str, description: str, **more: object) -> Column:
    """A TIMESTAMP column, UTC."""
    return Column(name, DataType.TIMESTAMP, description, **more)  # type: ignore[arg-type]
