"""Customer periods: the rows of the chain with names and days in place of numbers, and back.

Lives here: the two directions between arrays by customer number and the columns of `customer_asset`. Stays out: the
chain itself, and which months are carried.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.marts.asset import states
from pipelines.marts.asset.book import COUNTS
from pipelines.marts.asset.facts import Facts
from pipelines.marts.asset.positions import Money, Period, Position
from pipelines.marts.asset.states import Flags
from pipelines.marts.segments.value_tiers import TIERS
from pipelines.science.numerics import Index
from pipelines.science.transactions import day_number

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

    Names of kinds are of type Enum until the table is finished, except the customers'. Columns are taken out of the
    periods one by one: there are millions of rows, and they need not lie there twice.
    """
    kinds, order = sorted(bases), _order([period.who for period in periods], names)
    size = len(order)

    def laid(columns: Iterable[np.ndarray]) -> np.ndarray:
        """A column by customer and period."""
        return np.concatenate(list(columns)).take(order)

    def shared(name: str) -> np.ndarray:
        return np.repeat(laid(period.shared.pop(name) for period in periods), len(kinds))

    def money(name: str) -> np.ndarray:
        parts = [laid(period.money[basis].pop(name) for period in periods) for basis in kinds]
        return np.column_stack(parts).reshape(-1)

    behaviour = money("behaviour")
    purchase_n = shared("purchase_n")
    is_buyer = purchase_n > 0
    who = np.repeat(laid(period.who for period in periods), len(kinds))
    days = (np.full(len(period.who), day_number(period.on), dtype=np.int32) for period in periods)
    columns = {
        "customer_id": names.gather(who),
        "period_on": _day(np.repeat(laid(days), len(kinds))),
        "basis": _named(np.tile(np.arange(len(kinds)), size), kinds),
        "behaviour": _named(behaviour, states.BEHAVIOURS),
        "purchase_n": pl.Series(purchase_n),
    }
    for when in ("opening", "rescored", "closing"):
        columns[f"{when}_state"] = _named(shared(f"{when}_state"), states.NAMES)
        columns[f"{when}_tier"] = _named(shared(f"{when}_tier"), TIERS)
    for when in ("opening", "closing"):
        columns[f"{when}_channel"] = _named(shared(f"{when}_channel"), channels)
        month = shared(f"{when}_cohort")
        columns[f"{when}_cohort_on"] = _day(month, month >= 0)
    for name in ("first", "last"):
        columns[f"{name}_order_on"] = _day(shared(f"{name}_on"), is_buyer)
    columns |= {name: pl.Series(shared(name)) for name in list(periods[0].shared)}
    columns |= {name: pl.Series(money(name)) for name in list(periods[0].money[kinds[0]])}
    return pl.DataFrame(columns)


def _order(who: Sequence[Index], names: pl.Series) -> Index:
    """Which of the rows, period after period, are those by customer's name and period, in this order.

    Rows of a period lie in the order of names already, so that one only has to be put between the others.
    """
    rank = np.empty(len(names), dtype=np.int64)
    rank[names.arg_sort().to_numpy()] = np.arange(len(names))
    rows = np.bincount(rank[np.concatenate(who)], minlength=len(names))
    following, begin, order = np.cumsum(rows) - rows, 0, np.empty(int(rows.sum()), dtype=np.int64)
    for mine in who:
        at = rank[mine]
        order[following[at]] = np.arange(begin, begin + len(mine))
        following[at] += 1
        begin += len(mine)
    return order


def _named(places: np.ndarray, values: Sequence[str]) -> pl.Series:
    """Names that take a byte or two a row: there are millions of rows, and several columns of names; null for -1."""
    names = pl.Series([*values, None], dtype=pl.Enum(values))
    return names.gather(np.where(places < 0, len(values), places).astype(np.uint32))


def _day(numbers: np.ndarray, there: Flags | None = None) -> pl.Series:
    """Days of their numbers, null where there is none."""
    days = pl.Series(numbers.astype(np.int32)).cast(pl.Date)
    return days if there is None else days.to_frame("day").select(pl.when(pl.Series(there)).then("day")).to_series()
