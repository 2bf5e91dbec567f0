"""New business: the money of customers who are still to come.

Lives here: the trend of newcomers, their money by age, and what such forecasts were off by. Stays out: the customers
there are (`run_off`), and the table (`asset_forecast`).
"""

from __future__ import annotations

import numpy as np

from pipelines.marts.asset.months import MONTHS, Months
from pipelines.science.numerics import Array

TREND_MONTHS, LEAST_MONTHS = 12, 4


def trend(months: Months, ahead: int) -> tuple[Array, Array]:
    """Acquired customers of the next months by the linear trend of the last year, at least 0, and their deviation."""
    counts = months.new_n[-TREND_MONTHS:]
    n = len(counts)
    if n < LEAST_MONTHS:
        mean = float(counts.mean()) if n else 0.0
        return np.full(ahead, mean), np.full(ahead, np.nan)
    at = np.arange(n, dtype=np.float64)
    spread = float(((at - at.mean()) ** 2).sum())
    slope = float(((at - at.mean()) * (counts - counts.mean())).sum()) / spread
    fitted = counts.mean() + slope * (at - at.mean())
    variance = float(((counts - fitted) ** 2).sum()) / (n - 2)
    later = np.arange(n, n + ahead, dtype=np.float64)
    deviation = np.sqrt(variance * (1.0 + 1.0 / n + (later - at.mean()) ** 2 / spread))
    return np.maximum(counts.mean() + slope * (later - at.mean()), 0.0), deviation


def new_business(months: Months, by_age: Array, ahead: int) -> tuple[Array, Array]:
    """Money of customers to come, month by month: every month's newcomers at every age since; and its deviation."""
    newcomers, deviation = trend(months, ahead)
    ages = np.zeros(ahead)
    ages[: min(ahead, MONTHS)] = by_age[:ahead]
    money = np.array([float(newcomers[: k + 1][::-1] @ ages[: k + 1]) for k in range(ahead)])
    sd = np.array([float(np.sqrt((deviation[: k + 1][::-1] ** 2) @ (ages[: k + 1] ** 2))) for k in range(ahead)])
    return money, sd


def next_month(months: Months) -> tuple[Array, Array]:
    """Money of next month's newcomers in that month, at the mean of all newcomers so far; and its deviation."""
    newcomers, deviation = trend(months, 1)
    each = float(months.new_money.sum() / max(months.new_n.sum(), 1.0))
    return newcomers * each, deviation * abs(each)


def month_errors(months: Months) -> Array:
    """Logs of actual over expected money of newcomers, for every whole month but the first; NaN where not told."""
    errors = []
    for place in range(1, months.whole):
        expected, actual = float(next_month(months.before(place, place))[0][0]), float(months.new_money[place])
        errors.append(np.log(actual / expected) if expected > 0 and actual > 0 else np.nan)
    return np.array(errors)
