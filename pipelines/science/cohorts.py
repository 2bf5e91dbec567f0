"""Cohorts: the money of a cohort by age, completed by how older cohorts went on, and what it will bring next.

Lives here: triangles of cohorts by month of the first order, their chain ladder, and the read-out of the coming
horizon. Stays out: the chain ladder itself (`chain_ladder`) and models of single customers (`valuation`).

Ages are counted in periods of a twelfth of the horizon since a customer's first order; period 0 is that day. A cell is
observed once the youngest customer of the cohort has lived through it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.science.chain_ladder import ChainLadder
from pipelines.science.numerics import Array, Index

PERIODS = 12
TAIL_STEPS = 6
"""Steps of the oldest cohorts whose mean increment stands for ages that nobody has reached."""
_UNIT = 0.0001


@dataclass(frozen=True)
class Triangle:
    """Cohorts of one group, oldest first: `month`, customers, periods observed, mean age in periods, money by period.

    `amount` holds the cumulative money (float currency) of every period up to the last one observed by any cohort;
    NaN where a cohort is too young.
    """

    months: list[date]
    size: Array
    observed: Index
    mean_age: Array
    amount: Array

    @property
    def last(self) -> int:
        """The last period that any cohort was observed through."""
        return self.amount.shape[1] - 1


def triangle_sums(customers: pl.DataFrame, orders: pl.DataFrame, as_of: date, horizon: int) -> pl.DataFrame:
    """Money (`filled`, units) by `group, cohort, period_n`, and with `period_n` -1 the cohort itself.

    `customers`: `customer_id, group, first_on`; `orders`: `customer_id, ordered_on, filled`. Orders before the first
    kept one count in period 0. The cohort's rows carry `customer_n`, `observed_n` (periods the youngest has lived
    through) and `age_days` (sum over customers). Whole numbers only, so tables of parts of the customers add up,
    but for `observed_n`, whose least counts.
    """
    today = pl.lit(as_of, dtype=pl.Date)
    scale, size = pl.lit(PERIODS, dtype=pl.Int64), pl.lit(horizon, dtype=pl.Int64)
    cohort = pl.col("first_on").dt.truncate("1mo").alias("cohort")
    age = (pl.col("ordered_on") - pl.col("first_on")).dt.total_days().clip(lower_bound=0)
    old = (today - pl.col("first_on")).dt.total_days()
    money = (
        orders.lazy()
        .filter(pl.col("ordered_on") <= today)
        .join(customers.lazy(), on="customer_id", how="inner")
        .group_by("group", cohort, ((age * scale + size - 1) // size).alias("period_n"))
        .agg(pl.col("filled").sum().alias("amount"))
    )
    sizes = (
        customers.lazy()
        .group_by("group", cohort)
        .agg(
            pl.len().cast(pl.Int64).alias("customer_n"),
            (old.min() * scale // size).alias("observed_n"),
            old.sum().alias("age_days"),
        )
        .with_columns(pl.lit(-1, dtype=pl.Int64).alias("period_n"))
    )
    return pl.concat([money, sizes], how="diagonal").sort("group", "cohort", "period_n", nulls_last=True).collect()


def triangle(sums: pl.DataFrame, horizon: int) -> Triangle:
    """The triangle of one group of `triangle_sums`."""
    sizes = sums.filter(pl.col("period_n") == -1).sort("cohort")
    months = sizes["cohort"].to_list()
    observed = sizes["observed_n"].to_numpy().astype(np.int64)
    customers = sizes["customer_n"].to_numpy().astype(np.float64)
    last = int(observed.max()) if len(observed) else 0
    place = {month: at for at, month in enumerate(months)}
    amount = np.zeros((len(months), last + 1))
    for cohort, period, money in sums.filter(pl.col("period_n") >= 0).select("cohort", "period_n", "amount").rows():
        if period <= last:
            amount[place[cohort], period] += money * _UNIT
    amount = np.cumsum(amount, axis=1)
    amount[np.arange(last + 1)[None, :] > observed[:, None]] = np.nan
    mean_age = sizes["age_days"].to_numpy() / np.maximum(customers, 1.0) * PERIODS / horizon
    return Triangle(months, customers, observed, mean_age, amount)


@dataclass(frozen=True)
class Development:
    """A completed triangle and what each cohort brings over the coming horizon (float currency).

    `coming` and `coming_discounted` by cohort, `coming_se` its standard error, `status` that of the chain ladder;
    `is_known` is False where no cohort has been seen for a single period, and everything is 0.
    """

    projected: Array
    se: Array
    coming: Array
    coming_discounted: Array
    coming_se: Array
    method: str
    status: str
    is_known: bool


def develop(cells: Triangle, horizon: int, yearly_discount: float = 0.0) -> Development:
    """Complete a triangle, and read each cohort's coming horizon off its curve at the cohort's mean age.

    Ages that nobody has reached bring on what the oldest cohorts brought last, per customer. The error of the coming
    horizon is that of the curve at its end; errors of the cohorts of a group come from the same factors, so they add.
    """
    ladder = ChainLadder().fit(cells.amount, cells.size)
    nothing = np.zeros(len(cells.size))
    if cells.last == 0 or not len(cells.size):
        return Development(
            ladder.projected_, ladder.se_, nothing, nothing, nothing, ladder.method_, "too_young", is_known=False
        )
    curve, error = _with_tail(cells, ladder)
    until = cells.mean_age[:, None] + np.arange(PERIODS + 1)[None, :]
    level = np.array([_at(row, ages) for row, ages in zip(curve, until, strict=True)])
    steps = np.diff(level, axis=1)
    delta = np.log1p(max(yearly_discount, 0.0)) / 365.0
    discount = np.exp(-delta * (np.arange(PERIODS) + 0.5) * horizon / PERIODS)
    se = np.array([_at(row, ages[-1:])[0] for row, ages in zip(error, until, strict=True)])
    return Development(
        ladder.projected_, ladder.se_, steps.sum(axis=1), (steps * discount).sum(axis=1), se,
        ladder.method_, ladder.fit_status_, is_known=True,
    )  # fmt: skip


def _with_tail(cells: Triangle, ladder: ChainLadder) -> tuple[Array, Array]:
    """The projected curves and their errors, run on beyond the last age by the mean of the last increments."""
    seen = np.isfinite(cells.amount)
    rates = []
    for age in range(max(cells.last - TAIL_STEPS, 0), cells.last):
        both = seen[:, age + 1]
        if cells.size[both].sum() > 0:
            rates.append(float((cells.amount[both, age + 1] - cells.amount[both, age]).sum() / cells.size[both].sum()))
    step = float(np.mean(rates)) if rates else 0.0
    spread = float(np.std(rates)) if len(rates) > 1 else abs(step)
    ahead = np.arange(1, int(np.ceil(cells.mean_age.max())) + PERIODS + 2)
    curve = ladder.projected_[:, -1:] + cells.size[:, None] * step * ahead[None, :]
    error = ladder.se_[:, -1:] + cells.size[:, None] * spread * np.sqrt(ahead)[None, :]
    return np.hstack([ladder.projected_, curve]), np.hstack([ladder.se_, error])


def _at(curve: Array, ages: Array) -> Array:
    return np.interp(ages, np.arange(len(curve)), curve)
