"""Months: the money of the base and of newcomers by month, and by the month in which customers were acquired.

Lives here: what forecasts rest on, from `asset_variance` and from sums over `customer_asset`. Stays out: forecasts
(`new_business`, `run_off`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.marts.asset.periods import month_end
from pipelines.marts.common import units
from pipelines.marts.profit.mart_coverage import TOTAL
from pipelines.science.numerics import Array, Index

MONTHS = 12
"""Months ahead that are forecast."""


@dataclass(frozen=True)
class Months:
    """Money by period in order: ends, expected and actual of the base, acquired customers and their money (units)."""

    ends: list[date]
    expected: Array
    actual: Array
    new_n: Array
    new_money: Array

    def before(self, place: int, whole: int) -> Months:
        """The months before a place, of the first `whole` (those that are not cut)."""
        upto = slice(0, min(place, whole))
        return Months(self.ends[upto], self.expected[upto], self.actual[upto], self.new_n[upto], self.new_money[upto])

    @property
    def whole(self) -> int:
        """How many of the months are whole: the last one may be cut by the as-of day."""
        return len(self.ends) - (self.ends[-1] != month_end(self.ends[-1]))


def months_told(variance: pl.LazyFrame) -> pl.LazyFrame:
    """The money of each period from `asset_variance`: basis, period_on, expected, base, new_n, new (units)."""
    return variance.filter(pl.col("dim") == TOTAL).select(
        "basis",
        "period_on",
        units("expected_money_amount").alias("expected"),
        units("actual_money_amount").alias("base"),
        pl.col("new_customer_n").alias("new_n"),
        units("new_money_amount").alias("new"),
    )


def sums_of(asset: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
    """Sums over some customers, which add up with those of others, by period of acquisition.

    `asset`: customer_id, basis, period_on, is_new, actual (units), where it is not 0 or the customer new. Frames:
    `cells` (basis, since_on, period_on, actual; of customers that were acquired) and `acquired` (basis, since_on, n).
    """
    rows = asset.collect().lazy()
    who = ["basis", "customer_id"]
    since = rows.filter("is_new").group_by(who).agg(pl.col("period_on").min().alias("since_on")).collect().lazy()
    found = rows.join(since, on=who, maintain_order="none").group_by("basis", "since_on", "period_on")
    acquired = since.group_by("basis", "since_on").agg(pl.len().cast(pl.Int64).alias("n"))
    return {"cells": found.agg(pl.col("actual").sum()), "acquired": acquired}


def months_of(sums: pl.DataFrame) -> Months:
    """From `months_told`, on one basis."""
    sums = sums.sort("period_on")
    columns = (sums[name].cast(pl.Float64).to_numpy() for name in ("expected", "base", "new_n", "new"))
    return Months(sums["period_on"].to_list(), *columns)


@dataclass(frozen=True)
class Cells:
    """`money[a, p]`: money in period p of the customers first acquired in period a; `size[a]`: how many they are."""

    money: Index
    size: Index

    @classmethod
    def of(cls, cells: pl.DataFrame, acquired: pl.DataFrame, ends: list[date]) -> Cells:
        """From `cells` and `acquired` of `sums_of` all customers, on one basis."""
        places = {end: place for place, end in enumerate(ends)}
        money, size = np.zeros((len(ends), len(ends)), dtype=np.int64), np.zeros(len(ends), dtype=np.int64)
        for since, period, amount in cells.select("since_on", "period_on", "actual").iter_rows():
            money[places[since], places[period]] += amount
        for since, n in acquired.select("since_on", "n").iter_rows():
            size[places[since]] += n
        return cls(money, size)

    def of_base(self, origin: int, place: int) -> int:
        """Money in a period of the customers acquired by the origin."""
        return int(self.money[: origin + 1, place].sum())

    def of_newcomers(self, origin: int, place: int) -> int:
        """Money in a period of the customers acquired after the origin."""
        return int(self.money[origin + 1 :, place].sum())

    def by_age(self, whole: int) -> Array:
        """Mean money of a customer by age in months, over those observed at that age in the first `whole` periods.

        Every acquired customer counts, silent ones too; the period of acquisition is age 0.
        """
        found = np.zeros(MONTHS)
        for age in range(min(MONTHS, whole)):
            cohorts = np.arange(whole - age)
            if n := int(self.size[cohorts].sum()):
                found[age] = int(self.money[cohorts, cohorts + age].sum()) / n
        return found
