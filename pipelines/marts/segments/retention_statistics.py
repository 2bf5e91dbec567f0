"""Mergeable statistics of retention, and their sums over customers observed long enough.

Lives here: the long table of whole numbers that buckets merge into, and the counter that reads it.
Stays out: how customers and periods are told from orders (`cohort_retention`), and estimates (`retention_cells`).

A statistic is a whole number by group, full periods observed and place (a period, or a day for lapse and censor).
A cell of period k sums it over customers observed for at least k full periods, all in whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.contracts.marts import MartParams
from pipelines.marts.common import BASES

PERIOD_DAYS = 30
MAX_PERIODS = 36
TOTAL = "total"
DIMS = (TOTAL, "first_channel", "acquisition_channel", "first_category", "first_discount_band")
PRODUCTS = ("yy", "xy", "grown")
SUMS = ("active", "no_rate", "costed", *BASES, *(f"{basis}:{name}" for basis in BASES for name in PRODUCTS))
_COUNTED = {
    "customers": pl.lit(0, dtype=pl.Int64),
    "first_return": pl.col("first_return_n"),
    "last": pl.col("last_n"),
    "lapse_period": (pl.col("lapse_day") + (PERIOD_DAYS - 1)) // PERIOD_DAYS,
}
_BY_DAY = {"lapse": pl.col("lapse_day"), "censor": pl.col("censor_day"), "cut": pl.col("churned_days")}
_KEYS = ["dim", "dim_value", "cohort_on", "observed_n", "stat", "at_n"]
_SPLIT = 2**62
Numbers = NDArray[np.object_]


def statistics(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Long table: dim, dim_value, cohort_on (under 'total' only), observed_n, stat, at_n, value (whole, 128 bits)."""
    people, periods = rows.filter(pl.col("period_n").is_null()), rows.filter(pl.col("period_n").is_not_null())
    nobody = pl.lit(None, dtype=pl.Date).alias("cohort_on")
    frames = []
    for dim in DIMS:
        group = [pl.lit(dim).alias("dim"), (pl.lit(TOTAL) if dim == TOTAL else pl.col(dim)).alias("dim_value")]
        cohort = pl.col("cohort_on") if dim == TOTAL else nobody
        observed = pl.col("observed_n").clip(upper_bound=MAX_PERIODS)
        for stat, place in _COUNTED.items():
            near = place.clip(upper_bound=MAX_PERIODS + 1)
            frames.append(_counts(people.select(*group, cohort, observed, near.alias("at_n")), stat))
        for stat, place in _BY_DAY.items():
            whole = pl.lit(0, dtype=pl.Int64).alias("observed_n")
            frames.append(_counts(people.select(*group, nobody, whole, place.alias("at_n")), stat))
        keys = [key for key in _KEYS if key != "stat"]
        frames.append(
            periods.select(*group, cohort, observed, pl.col("period_n").alias("at_n"), pl.col(SUMS).cast(pl.Int128))
            .group_by(keys)
            .agg(pl.all().sum())
            .unpivot(index=keys, variable_name="stat", value_name="value")
            .select(*_KEYS, "value")
        )
    return pl.concat(frames)


def _counts(places: pl.LazyFrame, stat: str) -> pl.LazyFrame:
    named = places.filter(pl.col("at_n").is_not_null()).with_columns(pl.lit(stat).alias("stat"))
    return named.group_by(_KEYS).agg(pl.len().cast(pl.Int128).alias("value")).select(*_KEYS, "value")


class Counter:
    """Whole-number statistics of one group, summed over customers observed for at least k full periods, k = 0, 1, …"""

    def __init__(self, rows: pl.DataFrame) -> None:
        """Take rows of stat, observed_n, at_n, high, low (value = high * 2**62 + low)."""
        self._rows = {str(stat): part for (stat,), part in rows.partition_by("stat", as_dict=True).items()}
        self._summed: dict[str, Numbers] = {}

    def _long_enough(self, stat: str) -> Numbers:
        if stat not in self._summed:
            self._summed[stat] = self._sum(stat)
        return self._summed[stat]

    def _sum(self, stat: str) -> Numbers:
        cells = np.zeros((MAX_PERIODS + 1, MAX_PERIODS + 2), dtype=object)
        if stat in self._rows:
            part = self._rows[stat]
            values = part["high"].to_numpy().astype(object) * _SPLIT + part["low"].to_numpy().astype(object)
            np.add.at(cells, (part["observed_n"].to_numpy(), part["at_n"].to_numpy()), values)
        return cells[::-1].cumsum(axis=0)[::-1]

    def at(self, stat: str) -> Numbers:
        """Sums at place k."""
        return np.diagonal(self._long_enough(stat)).copy()

    def up_to(self, stat: str) -> Numbers:
        """Sums at places 1 to k."""
        cells = self._long_enough(stat).copy()
        cells[:, 0] = 0
        return np.diagonal(cells.cumsum(axis=1)).copy()

    def since(self, stat: str) -> Numbers:
        """Sums at place k and later."""
        return np.diagonal(self._long_enough(stat)[:, ::-1].cumsum(axis=1)[:, ::-1]).copy()

    def base(self, stat: str) -> Numbers:
        """Sums at place 0."""
        return self._long_enough(stat)[:, 0].copy()

    def by_day(self, stat: str) -> dict[int, int]:
        """Counts by day, over all customers whatever their age."""
        part = self._rows.get(stat)
        return {} if part is None else dict(part.group_by("at_n").agg(pl.col("low").sum()).iter_rows())


@dataclass(frozen=True)
class Group:
    """Customers of a value of a dimension, of one cohort month or (cohort_on None) of all of them."""

    dim: str
    dim_value: str
    cohort_on: date | None
    mature_n: int
    counter: Counter


def groups(parts: pl.LazyFrame, params: MartParams) -> Iterator[Group]:
    """The groups with the last period that all their customers were observed for (pooled ones: the last there is)."""
    split = pl.lit(_SPLIT, dtype=pl.Int128)
    rows = (
        parts.group_by(_KEYS)
        .agg(pl.col("value").sum())
        .with_columns((pl.col("value") // split).cast(pl.Int64).alias("high"))
        .with_columns((pl.col("value") - pl.col("high").cast(pl.Int128) * split).cast(pl.Int64).alias("low"))
        .drop("value")
        .collect()
    )
    for (dim, value), group in sorted(rows.partition_by("dim", "dim_value", as_dict=True).items()):
        yield Group(str(dim), str(value), None, MAX_PERIODS, Counter(group))
        for (cohort,), own in group.partition_by("cohort_on", as_dict=True).items():
            if isinstance(cohort, date):
                next_month = (cohort.replace(day=28) + timedelta(days=4)).replace(day=1)
                mature = (params.as_of - next_month + timedelta(days=1)).days // PERIOD_DAYS
                yield Group(str(dim), str(value), cohort, max(0, min(mature, MAX_PERIODS)), Counter(own))
