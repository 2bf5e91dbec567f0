"""Months: the money of the base and of newcomers by month, and by the month in which customers were acquired.

Lives here: sums over `customer_asset` that forecasts rest on. Stays out: forecasts (`new_business`, `run_off`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.marts.asset.periods import month_end
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


def months_of(asset: pl.DataFrame) -> Months:
    """Sums over customers by period; `asset`: customer_id, period_on, is_new, expected, actual (units)."""
    is_new = pl.col("is_new")
    zero = pl.lit(0, dtype=pl.Int64)
    sums = (
        asset.group_by("period_on")
        .agg(
            pl.col("expected").sum(),
            pl.when(is_new).then(zero).otherwise(pl.col("actual")).sum().alias("base"),
            is_new.sum().cast(pl.Int64).alias("new_n"),
            pl.when(is_new).then(pl.col("actual")).otherwise(zero).sum().alias("new"),
        )
        .sort("period_on")
    )
    columns = (sums[name].cast(pl.Float64).to_numpy() for name in ("expected", "base", "new_n", "new"))
    return Months(sums["period_on"].to_list(), *columns)


@dataclass(frozen=True)
class Cells:
    """`money[a, p]`: money in period p of the customers first acquired in period a; `size[a]`: how many they are."""

    money: Index
    size: Index

    @classmethod
    def of(cls, asset: pl.DataFrame, ends: list[date]) -> Cells:
        """From the frame of `months_of`."""
        places = pl.DataFrame({"period_on": ends}).with_row_index("place")
        rows = asset.join(places, on="period_on", maintain_order="none")
        acquired = rows.filter("is_new").group_by("customer_id").agg(pl.col("place").min().alias("since"))
        sums = (
            rows.join(acquired, on="customer_id", maintain_order="none")
            .group_by("since", "place")
            .agg(pl.col("actual").sum())
        )
        money, size = np.zeros((len(ends), len(ends)), dtype=np.int64), np.zeros(len(ends), dtype=np.int64)
        money[sums["since"].to_numpy(), sums["place"].to_numpy()] = sums["actual"].to_numpy()
        found = acquired.group_by("since").len("n")
        size[found["since"].to_numpy()] = found["n"].to_numpy()
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
