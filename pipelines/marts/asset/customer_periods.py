"""Customer periods: the rows of the chain with names and days in place of numbers, and back.

Lives here: the two directions between arrays by customer number and the columns of `customer_asset`. Stays out: the
chain itself, and which months are carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.marts.asset import states
from pipelines.marts.asset.chain import COUNTS, Money, Period, Position
from pipelines.marts.asset.facts import Facts
from pipelines.marts.segments.value_tiers import TIERS
from pipelines.science.numerics import Index

_DAYS = ("first_order_on", "last_order_on")
_SHARED = (
    "customer_id", "closing_head_n", "closing_state", "closing_tier", "closing_channel", "closing_cohort_on",
    "purchase_n", *_DAYS,
)  # fmt: skip
"""What has no basis: rows of a customer agree in it."""


@dataclass(frozen=True)
class Opening:
    """The base as published at the last closed month, by customer number (`who`)."""

    position: Position
    numbers: pl.DataFrame

    @classmethod
    def of(
        cls, last: pl.DataFrame, closed: date, facts: Facts, channels: Sequence[str], bases: Sequence[str]
    ) -> Opening:
        """From the rows of the month; a basis is told only where it agrees with the first about the customers."""
        who = pl.col("who").cast(pl.Int64)
        numbers = pl.DataFrame({"customer_id": facts.names}).with_row_index("who").with_columns(who)
        by_basis = {basis: last.filter(pl.col("basis") == basis).sort("customer_id") for basis in bases}
        first = by_basis[bases[0]]
        alike = {basis: rows for basis, rows in by_basis.items() if rows.select(_SHARED).equals(first.select(_SHARED))}
        rows = first.join(numbers, on="customer_id", how="left", maintain_order="left")
        dense = _Dense(rows["who"].to_numpy(), len(facts.names))
        money = {
            basis: Money(*(dense.of(part[f"{name}_amount"]) for name in ("closing", "gained", "lost")))
            for basis, part in alike.items()
        }
        purchase_n, days = dense.of(rows["purchase_n"]), [dense.of(_number(rows[name])) for name in _DAYS]
        position = Position(
            closed,
            money,
            dense.of(rows["closing_head_n"]),
            dense.of(pl.Series(states.codes(rows["closing_state"]))),
            dense.of(_place(rows["closing_tier"], TIERS), -1),
            dense.of(_place(rows["closing_channel"], channels), -1),
            dense.of(_number(rows["closing_cohort_on"], -1), -1),
            dict(zip(COUNTS, (purchase_n, *days), strict=True)),
        )
        return cls(position, numbers)

    def owners(self, accounts: pl.DataFrame) -> pl.DataFrame:
        """The persons, by number, that accounts belonged to then."""
        named = accounts.join(self.numbers, on="customer_id", maintain_order="none")
        return named.select("account_key", pl.col("who").alias("customer_id"))


@dataclass(frozen=True)
class _Dense:
    """Puts values of the customers `who` into an array with a place for every customer."""

    who: Index
    size: int

    def of(self, values: pl.Series, default: int = 0) -> Index:
        dense = np.full(self.size, default, dtype=np.int64)
        dense[self.who] = values.to_numpy()
        return dense


def _number(days: pl.Series, default: int = 0) -> pl.Series:
    return days.cast(pl.Int32).cast(pl.Int64).fill_null(default)


def _place(names: pl.Series, values: Sequence[str]) -> pl.Series:
    places = {name: place for place, name in enumerate(values)}
    return names.replace_strict(places, default=-1, return_dtype=pl.Int64).fill_null(-1)


def named(periods: Sequence[Period], bases: Sequence[str], channels: Sequence[str], names: pl.Series) -> pl.DataFrame:
    """The rows of all periods on `bases`, by customer, period and basis; money in whole ten-thousandths.

    Names of kinds are of type Enum until the table is finished, except the customers'.
    """
    shared = pl.concat([period.shared for period in periods])
    order = shared.select(pl.arg_sort_by("customer_id", "period_on")).to_series()
    kinds = sorted(bases)
    parts = {basis: pl.concat([period.money[basis] for period in periods]) for basis in kinds}
    columns = parts[kinds[0]].columns
    money = pl.DataFrame(
        {name: np.column_stack([parts[basis][name].gather(order) for basis in kinds]).reshape(-1) for name in columns}
    )
    rows = pl.Series(np.repeat(np.arange(len(order), dtype=np.uint32), len(kinds)))
    place = pl.Series(np.tile(np.arange(len(kinds), dtype=np.uint32), len(order)))
    behaviour = _codes(states.BEHAVIOURS).gather(money["behaviour"])
    return (
        _named(shared.select(pl.all().gather(order)), channels, names)
        .select(pl.all().gather(rows))
        .with_columns(
            *(money[name] for name in columns if name != "behaviour"),
            behaviour.alias("behaviour"),
            _codes(kinds).gather(place).alias("basis"),
        )
    )


def _codes(values: Sequence[str]) -> pl.Series:
    """Names that take a byte or two a row: there are millions of rows, and several columns of names."""
    return pl.Series(values, dtype=pl.Enum(values))


def _named(shared: pl.DataFrame, channels: Sequence[str], names: pl.Series) -> pl.DataFrame:
    """What has no basis, with names and days."""

    def told(column: str, values: Sequence[str]) -> pl.Expr:
        names = _codes(values)
        places = list(range(len(names)))
        return pl.col(column).replace_strict(places, names, default=None, return_dtype=names.dtype).alias(column)

    def days(column: str, name: str, there: pl.Expr) -> pl.Expr:
        return pl.when(there).then(pl.col(column).cast(pl.Int32).cast(pl.Date)).alias(name)

    is_buyer = pl.col("purchase_n") > 0
    return shared.with_columns(
        names.gather(shared["customer_id"]).alias("customer_id"),
        *(told(f"{when}_state", states.NAMES) for when in ("opening", "rescored", "closing")),
        *(told(f"{when}_tier", TIERS) for when in ("opening", "rescored", "closing")),
        *(told(f"{when}_channel", channels) for when in ("opening", "closing")),
        *(days(f"{w}_cohort", f"{w}_cohort_on", pl.col(f"{w}_cohort") >= 0) for w in ("opening", "closing")),
        days("first_on", "first_order_on", is_buyer),
        days("last_on", "last_order_on", is_buyer),
    )
