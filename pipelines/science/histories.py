"""Histories: from the orders of a business to what every model of a customer is fitted on.

Lives here: the summary of each customer's kept order days and money as known on a day.
Stays out: models, and plain transaction logs, where a return is a negative amount (`transactions`).

Money is kept in whole ten-thousandths (Int64) until the last expression, and rows are summed in the order of customer
and day, so that nothing depends on the order of rows. Customers are told apart by numbers, and runs of equal numbers
summed: over millions of orders that takes a fraction of the time of grouping.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from pipelines.science.numerics import Index, Mask

ORDER_COLUMNS = ("customer_id", "ordered_on", "is_kept", "amount")
"""Columns of an orders frame: String, Date, Boolean, Int64 (whole ten-thousandths, null where unknown)."""
_UNIT = 0.0001


def order_days(orders: pl.DataFrame | pl.LazyFrame, bases: Sequence[str] | None = ()) -> pl.DataFrame:
    """One row per customer and day, sorted: `customer_id, ordered_on, is_purchase, gain, loss, is_valued`.

    All kept orders of a customer on a day are one purchase. `gain` and `loss` (units, not null) are the sums of the
    positive and of the negative amounts, orders that were not kept included, since they may cost money; `is_valued`
    says that the amount of every kept order of the day is known. With `bases` the amount on each stands in a column of
    its name in place of `amount`, and the three columns once for each: `gain_contribution`, …; with None there is no
    money, and nothing of it.
    """
    amounts = _amounts(bases)
    rows = orders.lazy().select("customer_id", "ordered_on", "is_kept", *(column for column, _ in amounts)).collect()
    place = (_numbers(rows["customer_id"]) << 32) + rows["ordered_on"].to_physical().to_numpy()
    order = np.argsort(place)
    begins = _begins(place[order])
    kept = rows["is_kept"].fill_null(value=False).to_numpy()[order]
    is_purchase = np.logical_or.reduceat(kept, begins)
    made = {"is_purchase": is_purchase}
    for column, ending in amounts:
        amount, is_unknown = rows[column].fill_null(0).to_numpy()[order], rows[column].is_null().to_numpy()[order]
        made[f"gain{ending}"] = np.add.reduceat(np.maximum(amount, 0), begins)
        made[f"loss{ending}"] = np.add.reduceat(np.maximum(-amount, 0), begins)
        made[f"is_valued{ending}"] = is_purchase & ~np.logical_or.reduceat(kept & is_unknown, begins)
    first = rows.select("customer_id", "ordered_on")[order[begins]]
    return first.with_columns(pl.Series(name, values) for name, values in made.items())


def _numbers(keys: pl.Series) -> Index:
    """A whole number for every key, in the order of the keys: they sort and group far faster than text."""
    if keys.dtype.is_integer():
        return keys.cast(pl.Int64).to_numpy()
    if keys.is_sorted():
        return keys.rle_id().cast(pl.Int64).to_numpy()
    names = pl.DataFrame({"key": keys.unique().sort()}).with_row_index("number")
    found = keys.to_frame("key").join(names, on="key", how="left", nulls_equal=True, maintain_order="left")
    return found["number"].cast(pl.Int64).to_numpy()


def _begins(keys: Index) -> Index:
    """Where each run of equal keys begins."""
    return np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])


def _amounts(bases: Sequence[str] | None) -> list[tuple[str, str]]:
    """The columns of amounts, and how what is made of each is named after it."""
    return [] if bases is None else [(basis, f"_{basis}") for basis in bases] or [("amount", "")]


def as_log(days: pl.DataFrame) -> pl.DataFrame:
    """The same days as a `transactions.day_log` for the models of seasons: `customer, code, day, is_purchase`."""
    return days.select(
        pl.col("customer_id").alias("customer"),
        pl.col("customer_id").rle_id().cast(pl.Int64).alias("code"),
        pl.col("ordered_on").cast(pl.Int32).alias("day"),
        "is_purchase",
    )


MONEY = ("valued_n", "spent", "first_spent", "spent_square", "returned")
"""What a summary tells of a customer's money."""


def summarise_days(days: pl.DataFrame, as_of: date, bases: Sequence[str] | None = ()) -> pl.DataFrame:
    """One row per customer with a kept order on or before `as_of`, sorted by customer_id; `days` from `order_days`.

    `customer_id, first_on, last_on, x, t_x, age` (repeat purchase days, and days to the last purchase and to `as_of`),
    `valued_n` (purchase days whose money is known), `spent, first_spent, spent_square` (float currency: gains of those
    days, of the first of them, and their sum of squares), `returned` (losses of all days). With `bases` these five
    stand once for each (`spent_contribution`, …; see `on_basis`), with None not at all. Nothing after `as_of` is used.
    """
    today = pl.lit(as_of, dtype=pl.Date)
    rows = days.filter(pl.col("ordered_on") <= today)
    run = rows["customer_id"].rle_id().to_numpy()
    begins = _begins(run)
    bought = rows["is_purchase"].to_numpy()
    on = rows["ordered_on"].to_physical().to_numpy()
    made = {
        "first_on": np.minimum.reduceat(np.where(bought, on, np.iinfo(np.int32).max), begins),
        "last_on": np.maximum.reduceat(np.where(bought, on, np.iinfo(np.int32).min), begins),
        "x": np.add.reduceat(bought.astype(np.int64), begins) - 1,
    }
    for _, ending in _amounts(bases):
        made |= {f"{name}{ending}": values for name, values in _money_of(rows, bought, run, begins, ending).items()}
    is_buyer = made["x"] >= 0
    money = [name for name in made if name not in ("first_on", "last_on", "x")]
    return (
        rows["customer_id"].gather(begins[is_buyer]).to_frame()
        .with_columns(pl.Series(name, values[is_buyer]) for name, values in made.items())
        .with_columns(pl.col("first_on", "last_on").cast(pl.Date))
        .select(
            "customer_id",
            "first_on",
            "last_on",
            "x",
            (pl.col("last_on") - pl.col("first_on")).dt.total_days().alias("t_x"),
            (today - pl.col("first_on")).dt.total_days().alias("age"),
            *money,
        )
    )  # fmt: skip


def _money_of(rows: pl.DataFrame, bought: Mask, run: Index, begins: Index, ending: str) -> dict[str, Index]:
    """`MONEY` of the days of each customer, a run of rows each; summed in whole units but for the squares."""
    units, lost = (rows[f"{name}{ending}"].to_numpy() for name in ("gain", "loss"))
    valued = bought & rows[f"is_valued{ending}"].to_numpy()
    first = np.minimum.reduceat(np.where(valued, np.arange(len(rows)), len(rows)), begins)
    gain = units[valued] * _UNIT
    squares = np.bincount(run[valued], weights=gain * gain, minlength=len(begins))  # whole numbers without any
    return {
        "valued_n": np.add.reduceat(valued.astype(np.int64), begins),
        "spent": np.add.reduceat(np.where(valued | ~bought, units, 0), begins) * _UNIT,
        "first_spent": np.append(units, 0)[first] * _UNIT,
        "spent_square": squares.astype(np.float64),
        "returned": np.add.reduceat(lost, begins) * _UNIT,
    }


def on_basis(summary: pl.DataFrame, basis: str) -> pl.DataFrame:
    """A summary of several bases as that of one: its `MONEY` by the plain names, beside what has no basis."""
    others = [name for name in summary.columns if name.startswith(tuple(f"{money}_" for money in MONEY))]
    money = [pl.col(f"{name}_{basis}").alias(name) for name in MONEY]
    return summary.select(pl.exclude(*others), *money)
