"""Histories: from the orders of a business to what every model of a customer is fitted on.

Lives here: the summary of each customer's kept order days and money as known on a day.
Stays out: models, and plain transaction logs, where a return is a negative amount (`transactions`).

Money is kept in whole ten-thousandths (Int64) until the last expression, and rows are summed in the order of customer
and day, so that nothing depends on the order of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

ORDER_COLUMNS = ("customer_id", "ordered_on", "is_kept", "amount")
"""Columns of an orders frame: String, Date, Boolean, Int64 (whole ten-thousandths, null where unknown)."""
_UNIT = 0.0001


def order_days(orders: pl.DataFrame | pl.LazyFrame, bases: Sequence[str] = ()) -> pl.DataFrame:
    """One row per customer and day, sorted: `customer_id, ordered_on, is_purchase, gain, loss, is_valued`.

    All kept orders of a customer on a day are one purchase. `gain` and `loss` (units, not null) are the sums of the
    positive and of the negative amounts, orders that were not kept included, since they may cost money; `is_valued`
    says that the amount of every kept order of the day is known. With `bases` the amount on each stands in a column of
    its name in place of `amount`, and the three columns once for each: `gain_contribution`, …
    """
    kept = pl.col("is_kept")
    made = [
        made
        for column, ending in _amounts(bases)
        for amount in [pl.col(column)]
        for made in (
            amount.clip(lower_bound=0).sum().alias(f"gain{ending}"),
            (-amount).clip(lower_bound=0).sum().alias(f"loss{ending}"),
            (kept.any() & (kept & amount.is_null()).any().not_()).alias(f"is_valued{ending}"),
        )
    ]
    return (
        orders.lazy()
        .select("customer_id", "ordered_on", "is_kept", *(column for column, _ in _amounts(bases)))
        .group_by("customer_id", "ordered_on")
        .agg(kept.any().alias("is_purchase"), *made)
        .sort("customer_id", "ordered_on")
        .collect()
    )


def _amounts(bases: Sequence[str]) -> list[tuple[str, str]]:
    """The columns of amounts, and how what is made of each is named after it."""
    return [(basis, f"_{basis}") for basis in bases] or [("amount", "")]


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


def summarise_days(days: pl.DataFrame, as_of: date, bases: Sequence[str] = ()) -> pl.DataFrame:
    """One row per customer with a kept order on or before `as_of`, sorted by customer_id; `days` from `order_days`.

    `customer_id, first_on, last_on, x, t_x, age` (repeat purchase days, and days to the last purchase and to `as_of`),
    `valued_n` (purchase days whose money is known), `spent, first_spent, spent_square` (float currency: gains of those
    days, of the first of them, and their sum of squares), `returned` (losses of all days). With `bases` these five
    stand once for each (`spent_contribution`, …; see `on_basis`). Nothing after `as_of` is used.
    """
    last = pl.lit(as_of, dtype=pl.Date)
    bought = pl.col("ordered_on").filter("is_purchase")
    endings = [ending for _, ending in _amounts(bases)]
    return (
        days.lazy()
        .filter(pl.col("ordered_on") <= last)
        .group_by("customer_id", maintain_order=True)
        .agg(
            bought.min().alias("first_on"),
            bought.max().alias("last_on"),
            pl.col("is_purchase").sum().cast(pl.Int64).alias("purchase_n"),
            *(money for ending in endings for money in _money_of(ending)),
        )
        .filter(pl.col("purchase_n") > 0)
        .select(
            "customer_id",
            "first_on",
            "last_on",
            (pl.col("purchase_n") - pl.lit(1, dtype=pl.Int64)).alias("x"),
            (pl.col("last_on") - pl.col("first_on")).dt.total_days().alias("t_x"),
            (last - pl.col("first_on")).dt.total_days().alias("age"),
            *(
                column
                for ending in endings
                for column in (
                    pl.col(f"valued_n{ending}"),
                    *(pl.col(f"{n}{ending}").cast(pl.Float64) * _UNIT for n in ("spent", "first_spent", "returned")),
                    pl.col(f"spent_square{ending}"),
                )
            ),
        )
        .collect()
    )


def _money_of(ending: str) -> list[pl.Expr]:
    """`MONEY` of the days of a customer; whole units but for the squares."""
    units, valued = pl.col(f"gain{ending}"), pl.col("is_purchase") & pl.col(f"is_valued{ending}")
    gain = units.cast(pl.Float64) * _UNIT
    return [
        valued.sum().cast(pl.Int64).alias(f"valued_n{ending}"),
        units.filter(valued | ~pl.col("is_purchase")).sum().alias(f"spent{ending}"),
        units.filter(valued).first().fill_null(0).alias(f"first_spent{ending}"),
        (gain * gain).filter(valued).sum().alias(f"spent_square{ending}"),
        pl.col(f"loss{ending}").sum().alias(f"returned{ending}"),
    ]


def on_basis(summary: pl.DataFrame, basis: str) -> pl.DataFrame:
    """A summary of several bases as that of one: its `MONEY` by the plain names, beside what has no basis."""
    others = [name for name in summary.columns if name.startswith(tuple(f"{money}_" for money in MONEY))]
    money = [pl.col(f"{name}_{basis}").alias(name) for name in MONEY]
    return summary.select(pl.exclude(*others), *money)
