"""Retention and value by age: cells of the cohort marts that may be compared.

Lives here: reading `marts.cohort_retention` and averaging `marts.customer_ltv_historical` at equal ages.
Stays out: which cells are mature (the marts decide; here only whole cohorts are averaged).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from pipelines.report.published import Published
from pipelines.report.queries.customers import MIN_CELL_N
from pipelines.report.queries.run import MONTHS, months_back

Z95 = 1.959963984540054
"""Normal quantile of a two-sided 95 % interval."""
RETENTION = "marts.cohort_retention"
TOO_YOUNG = "No cohort has been observed for a full period of 30 days yet, so retention cannot be shown."
GRAINS = (("month", 1), ("quarter", 3), ("half", 6), ("year", 12))


def cells(published: Published, kind: str) -> pl.DataFrame:
    """Mature cells by month of the first order: cohort_on, period_n, age_days, cohort_n, n, kept_n, est, lo, hi."""
    return published.frame(
        "select cohort_on, cohort, period_n, age_days, cohort_n, n, kept_n, est, lo, hi "
        f"from {RETENTION} where dim = 'total' and measure = 'customers' and retention_kind = '{kind}' "
        f"and cohort <> '(all)' and n >= {MIN_CELL_N} and est is not null order by cohort_on, period_n",
        RETENTION,
        empty=TOO_YOUNG,
    )


def small_cohorts(published: Published) -> int:
    """Cohorts left out because they hold fewer customers than may be shown."""
    return published.frame(
        f"select count(distinct cohort) from {RETENTION} where dim = 'total' and cohort <> '(all)' "
        f"and cohort_n < {MIN_CELL_N}",
        RETENTION,
    ).item()


def pooled(published: Published, measure: str = "customers") -> pl.DataFrame:
    """All cohorts pooled, by kind and period: retention_kind, period_n, age_days, n, est, lo, hi."""
    return published.frame(
        f"select retention_kind, period_n, age_days, n, kept_n, est, lo, hi, method from {RETENTION} "
        f"where dim = 'total' and measure = '{measure}' and cohort = '(all)' and n >= {MIN_CELL_N} "
        "and est is not null "
        "order by array_position(['exact', 'within_n', 'rolling', 'survival'], retention_kind), period_n",
        RETENTION,
        empty=TOO_YOUNG,
    )


def by_dimension(published: Published, dim: str, periods: tuple[int, ...]) -> pl.DataFrame:
    """Share that bought again within some periods, by a dimension, months pooled; the largest value first."""
    wanted = ", ".join(str(period) for period in periods)
    return published.frame(
        "select dim_value, period_n, age_days, cohort_n, n, est, lo, hi "
        f"from {RETENTION} where dim = '{dim}' and measure = 'customers' and retention_kind = 'within_n' "
        f"and cohort = '(all)' and period_n in ({wanted}) and n >= {MIN_CELL_N} and est is not null "
        "order by max(cohort_n) over (partition by dim_value) desc, dim_value, period_n",
        RETENTION,
        empty=TOO_YOUNG,
    )


def known_share(published: Published, basis: str) -> float:
    """The least share of customers, over the ages that all of them have lived through, whose money is known."""
    rows = published.frame(
        "select count(amount) / count(*) as share from marts.customer_ltv_historical "
        f"where basis = '{basis}' and is_reached group by age_days",
        "marts.customer_ltv_historical",
    )
    return min(rows["share"].to_list(), default=1.0)


def value_by_age(published: Published, basis: str, most: int) -> tuple[str, pl.DataFrame]:
    """Mean money per acquired customer by cohort and age, in the finest grain with at most `most` cohorts.

    Only ages that every customer of the cohort has reached. Returns the grain and cohort_on, age_days, customer_n,
    known_n (customers whose money is known), amount (their sum).
    """
    source = "marts.customer_ltv_historical"
    for grain, months in GRAINS:
        at = f"(year(first_order_on) * 12 + month(first_order_on) - 1) // {months} * {months}"
        frame = published.frame(
            f"with rows as (select {at} as place, age_days, is_reached, amount from {source} where basis = '{basis}'), "
            "cohorts as (select place, age_days, count(*) as customer_n, count(amount) as known_n, "
            "sum(amount) as amount, bool_and(is_reached) as is_mature from rows group by place, age_days) "
            "select make_date((place // 12)::bigint, (place % 12 + 1)::bigint, 1) as cohort_on, age_days, customer_n, "
            f"known_n, amount from cohorts where is_mature and known_n >= {MIN_CELL_N} order by place, age_days",
            source,
            empty="No customer has a kept order whose money is known, so value by age cannot be shown.",
        )
        if frame["cohort_on"].n_unique() <= most or grain == GRAINS[-1][0]:
            break
    return grain, frame


@dataclass(frozen=True)
class Trend:
    """Two groups of cohorts at equal age: rates, their difference, and its 95 % interval (Newcombe's method 10)."""

    age_days: int
    now: float
    before: float
    lo: float
    hi: float
    cohorts: int
    is_year_apart: bool

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the difference leaves out zero."""
        return self.lo > 0 or self.hi < 0


def trend(published: Published, period: int = 3, most: int = 6) -> Trend | None:
    """The latest mature cohorts against the same months a year before, or against the ones just before them."""
    rows = [
        (row["cohort_on"], row["kept_n"], row["n"], row["age_days"])
        for row in cells(published, "within_n").filter(pl.col("period_n") == period).iter_rows(named=True)
    ]
    by_month = {month: (kept, n) for month, kept, n, _ in rows}
    months = sorted(by_month)
    recent = months[-min(most, len(months) // 2) :] if len(months) > 1 else []
    if not recent:
        return None
    year_before = [months_back(month, MONTHS) for month in recent]
    apart = all(month in by_month for month in year_before)
    earlier = year_before if apart else months[-2 * len(recent) : -len(recent)]
    kept_now, n_now = (sum(by_month[month][at] for month in recent) for at in (0, 1))
    kept_before, n_before = (sum(by_month[month][at] for month in earlier) for at in (0, 1))
    lo, hi = _difference(kept_now, n_now, kept_before, n_before)
    return Trend(rows[0][3], kept_now / n_now, kept_before / n_before, lo, hi, len(recent), apart)


def _wilson(kept: int, n: int) -> tuple[float, float]:
    rate, size = kept / n, Z95 * Z95 / n
    half = Z95 * math.sqrt(rate * (1 - rate) / n + size / (4 * n))
    return (rate + size / 2 - half) / (1 + size), (rate + size / 2 + half) / (1 + size)


def _difference(kept: int, n: int, kept_before: int, n_before: int) -> tuple[float, float]:
    """95 % interval of the difference of two independent rates."""
    (lo, hi), (lo_before, hi_before) = _wilson(kept, n), _wilson(kept_before, n_before)
    rate, before = kept / n, kept_before / n_before
    return (
        rate - before - math.hypot(rate - lo, hi_before - before),
        rate - before + math.hypot(hi - rate, before - lo_before),
    )
