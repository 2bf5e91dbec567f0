"""Histories: from the orders of a business to what every model of a customer is fitted on.

Lives here: the summary of each customer's kept order days and money as known on a day.
Stays out: models, and plain transaction logs, where a return is a negative amount (`transactions`).

Money is kept in whole ten-thousandths (Int64) until the last expression, and rows are summed in the order of customer
and day, so that nothing depends on the order of rows.
"""

from __future__ import annotations

from datetime import date

import polars as pl

ORDER_COLUMNS = ("customer_id", "ordered_on", "is_kept", "amount")
"""Columns of an orders frame: String, Date, Boolean, Int64 (whole ten-thousandths, null where unknown)."""
_UNIT = 0.0001


def order_days(orders: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """One row per customer and day, sorted: `customer_id, ordered_on, is_purchase, gain, loss, is_valued`.

    All kept orders of a customer on a day are one purchase. `gain` and `loss` (units, not null) are the sums of the
    positive and of the negative amounts, orders that were not kept included, since they may cost money; `is_valued`
    says that the amount of every kept order of the day is known.
    """
    amount, kept = pl.col("amount"), pl.col("is_kept")
    return (
        orders.lazy()
        .select("customer_id", "ordered_on", "is_kept", "amount")
        .group_by("customer_id", "ordered_on")
        .agg(
            kept.any().alias("is_purchase"),
            amount.clip(lower_bound=0).sum().alias("gain"),
            (-amount).clip(lower_bound=0).sum().alias("loss"),
            (kept.any() & (kept & amount.is_null()).any().not_()).alias("is_valued"),
        )
        .sort("customer_id", "ordered_on")
        .collect()
    )


def as_log(days: pl.DataFrame) -> pl.DataFrame:
    """The same days as a `transactions.day_log` for the models of seasons: `customer, code, day, is_purchase`."""
    return days.select(
        pl.col("customer_id").alias("customer"),
        pl.col("customer_id").rle_id().cast(pl.Int64).alias("code"),
        pl.col("ordered_on").cast(pl.Int32).alias("day"),
        "is_purchase",
    )


def summarise_days(days: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """One row per customer with a kept order on or before `as_of`, sorted by customer_id; `days` from `order_days`.

    `customer_id, first_on, last_on, x, t_x, age` (repeat purchase days, and days to the last purchase and to `as_of`),
    `valued_n` (purchase days whose money is known), `spent, first_spent, spent_square` (float currency: gains of those
    days, of the first of them, and their sum of squares), `returned` (losses of all days). Nothing after `as_of` is
    used.
    """
    gain = pl.col("gain").cast(pl.Float64) * _UNIT
    valued = pl.col("is_purchase") & pl.col("is_valued")
    last = pl.lit(as_of, dtype=pl.Date)
    bought = pl.col("ordered_on").filter("is_purchase")
    return (
        days.lazy()
        .filter(pl.col("ordered_on") <= last)
        .group_by("customer_id", maintain_order=True)
        .agg(
            bought.min().alias("first_on"),
            bought.max().alias("last_on"),
            pl.col("is_purchase").sum().cast(pl.Int64).alias("purchase_n"),
            valued.sum().cast(pl.Int64).alias("valued_n"),
            pl.col("gain").filter(valued | ~pl.col("is_purchase")).sum().alias("spent"),
            pl.col("gain").filter(valued).first().fill_null(0).alias("first_spent"),
            (gain * gain).filter(valued).sum().alias("spent_square"),
            pl.col("loss").sum().alias("returned"),
        )
        .filter(pl.col("purchase_n") > 0)
        .select(
            "customer_id",
            "first_on",
            "last_on",
            (pl.col("purchase_n") - pl.lit(1, dtype=pl.Int64)).alias("x"),
            (pl.col("last_on") - pl.col("first_on")).dt.total_days().alias("t_x"),
            (last - pl.col("first_on")).dt.total_days().alias("age"),
            "valued_n",
            *(pl.col(name).cast(pl.Float64) * _UNIT for name in ("spent", "first_spent", "returned")),
            "spent_square",
        )
        .collect()
    )
