"""Transactions to sufficient statistics: purchase days, x, t_x, T, spend and returns per customer.

Lives here: the day log of a transaction table, the summary of customers as of a day, and what they did afterwards.
Stays out: models, and reading files (`backtest_input`).

Days are whole numbers since 1970-01-01. Amounts are kept in whole ten-thousandths (Int64), so that sums do not depend
on the order of rows; they become floats in the last expression.
"""

from __future__ import annotations

from datetime import date

import polars as pl

UNITS = 10_000
_UNIT = 0.0001
_EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def day_log(frame: pl.DataFrame, customer: str = "customer", day: str = "day", amount: str = "amount") -> pl.DataFrame:
    """One row per customer and day: `customer, code, day, is_purchase, spent, returned` (units Int64), sorted.

    `code` numbers the customers in the order of their keys. All purchases of a customer on one day are one purchase
    (`is_purchase`, amounts >= 0, zero included); negative amounts are returns and make no purchase. `day` is a Date
    column or day numbers. Rows with a null in any of the three columns must be taken out (and counted) before.
    """
    number = pl.col(day)
    if frame.schema[day] == pl.Date:
        number = number.cast(pl.Int32)
    units = (pl.col(amount).cast(pl.Float64) * UNITS).round().cast(pl.Int64)
    return (
        frame.lazy()
        .select(customer=pl.col(customer), day=number.cast(pl.Int32), units=units)
        .group_by("customer", "day")
        .agg(
            is_purchase=(pl.col("units") >= 0).any(),
            spent=pl.col("units").clip(lower_bound=0).sum(),
            returned=(-pl.col("units")).clip(lower_bound=0).sum(),
        )
        .sort("customer", "day")
        .select("customer", pl.col("customer").rle_id().cast(pl.Int64).alias("code"), pl.exclude("customer"))
        .collect()
    )


def summarise(log: pl.DataFrame, end: int) -> pl.DataFrame:
    """Customers known at the end of day `end`, sorted by customer: one row for each with a purchase by then.

    Columns: `customer, code, first_day, last_day, x, t_x, age` (repeat purchase days, age at the last one, age at
    `end`; days), `spent, first_spent, spent_square, returned` (float currency: all purchases, the first day's, the
    sum of squared days, all returns). Uses nothing that happened after `end`.
    """
    seen = log.lazy().filter(pl.col("day") <= end)
    bought = seen.filter(pl.col("is_purchase"))
    spent = pl.col("spent").cast(pl.Float64) * _UNIT
    purchases = bought.group_by("customer").agg(
        code=pl.col("code").first(),
        first_day=pl.col("day").min(),
        last_day=pl.col("day").max(),
        x=pl.len().cast(pl.Int64) - pl.lit(1, dtype=pl.Int64),
        spent=pl.col("spent").sum(),
        first_spent=pl.col("spent").sort_by("day").first(),
        spent_square=(spent * spent).sum(),
    )
    returns = seen.group_by("customer").agg(returned=pl.col("returned").sum())
    return (
        purchases.join(returns, on="customer", how="left")
        .select(
            "customer",
            "code",
            "first_day",
            "last_day",
            "x",
            "spent_square",
            t_x=(pl.col("last_day") - pl.col("first_day")).cast(pl.Int64),
            age=(pl.lit(end, dtype=pl.Int32) - pl.col("first_day")).cast(pl.Int64),
            spent=pl.col("spent").cast(pl.Float64) * _UNIT,
            first_spent=pl.col("first_spent").cast(pl.Float64) * _UNIT,
            returned=pl.col("returned").cast(pl.Float64) * _UNIT,
        )
        .sort("customer")
        .collect()
    )


def afterwards(log: pl.DataFrame, customers: pl.DataFrame, end: int, horizon: int) -> pl.DataFrame:
    """What `customers` (a frame with column `customer`) did in days (end, end + horizon], in the same order.

    Columns: `customer, orders` (purchase days), `gross` (their amounts), `returned`, `net` (gross - returned).
    """
    window = log.lazy().filter((pl.col("day") > end) & (pl.col("day") <= end + horizon))
    sums = window.group_by("customer").agg(
        orders=pl.col("is_purchase").sum().cast(pl.Int64),
        gross=pl.col("spent").sum(),
        returned=pl.col("returned").sum(),
    )
    return (
        customers.lazy()
        .select("customer")
        .join(sums, on="customer", how="left", maintain_order="left")
        .select(
            "customer",
            orders=pl.col("orders").fill_null(0),
            gross=pl.col("gross").fill_null(0).cast(pl.Float64) * _UNIT,
            returned=pl.col("returned").fill_null(0).cast(pl.Float64) * _UNIT,
            net=(pl.col("gross") - pl.col("returned")).fill_null(0).cast(pl.Float64) * _UNIT,
        )
        .collect()
    )


def purchases_by_day(log: pl.DataFrame, end: int) -> pl.DataFrame:
    """Per day up to `end`: `day, born_n` (first purchases), `repeat_n` (repeat purchase days)."""
    bought = log.lazy().filter(pl.col("is_purchase") & (pl.col("day") <= end))
    first = pl.col("day") == pl.col("day").min().over("customer")
    return (
        bought.select("day", is_first=first)
        .group_by("day")
        .agg(born_n=pl.col("is_first").sum().cast(pl.Int64), repeat_n=(~pl.col("is_first")).sum().cast(pl.Int64))
        .sort("day")
        .collect()
    )


def every_kth(log: pl.LazyFrame, most: int) -> pl.LazyFrame:
    """Rows of every k-th customer by `code`, k the smallest that leaves at most about `most` customers."""
    size = log.select(pl.col("code").n_unique()).collect().item()
    step = max(1, -(-size // max(most, 1)))
    return log if step == 1 else log.filter(pl.col("code") % step == 0)
