"""The asset: the ledger of the last periods, the months, migration, and what is realised.

Lives here: reading the marts of the asset, on one basis. Stays out: what a line means
(`pipelines.marts.asset.lines`), and which basis is the headline one (`run`).
"""

from __future__ import annotations

import polars as pl

from pipelines.report.published import Published
from pipelines.report.queries.run import MONTHS

LEDGER, VARIANCE = "marts.asset_ledger", "marts.asset_variance"
FORECAST = "marts.asset_forecast"
MIGRATION, REALISED = "marts.segment_migration", "marts.realised_asset"
NO_VALUE = "No customer has been valued yet, so the asset cannot be shown."
_LAST = f"(select distinct period_on from {LEDGER} order by period_on desc limit {MONTHS})"


def ledger(published: Published, basis: str) -> pl.DataFrame:
    """The last periods as one: line, position, amount, head_n, with the first opening and the last closing."""
    return published.frame(
        "select line, position, sum(amount)::decimal(18, 4) as amount, sum(head_n)::bigint as head_n, "
        "min(period_on) as first_on, max(period_on) as last_on "
        f"from {LEDGER} where dim = 'total' and basis = '{basis}' and period_on in {_LAST} "
        f"and (line <> 'opening' or period_on = (select min(period_on) from {_LAST})) "
        f"and (line <> 'closing' or period_on = (select max(period_on) from {_LAST})) "
        "group by line, position order by position",
        LEDGER,
        empty=NO_VALUE,
    )


def months(published: Published, basis: str) -> pl.DataFrame:
    """Lines of the last periods: period_on, line, position, amount, customer_n, head_n."""
    return published.frame(
        f"select period_on, line, position, amount, customer_n, head_n from {LEDGER} "
        f"where dim = 'total' and basis = '{basis}' and period_on in {_LAST} order by period_on, position",
        LEDGER,
        empty=NO_VALUE,
    )


def variances(published: Published, basis: str) -> pl.DataFrame:
    """The last periods: period_on, money expected and actual, new_money, experience, new_business."""
    return published.frame(
        "select period_on, expected_money_amount as expected, actual_money_amount as actual, "
        "new_money_amount as new_money, experience_amount as experience, new_business_amount as new_business "
        f"from {VARIANCE} where dim = 'total' and basis = '{basis}' and period_on in {_LAST} order by period_on",
        VARIANCE,
        LEDGER,
        empty=NO_VALUE,
    )


def migration(published: Published, basis: str) -> pl.DataFrame:
    """Ways between states in the last period, by behaviour: segments, customer_n, moved_rate, amounts."""
    return published.frame(
        "select period_on, from_segment, to_segment, customer_n, from_customer_n, moved_rate, opening_amount, "
        f"closing_amount from {MIGRATION} where scheme = 'state' and leg = 'behaviour' and basis = '{basis}' "
        f"and period_on = (select max(period_on) from {MIGRATION}) order by from_segment, to_segment",
        MIGRATION,
        empty="No customer has a kept order yet, so nobody can have moved.",
    )


def realised(published: Published, basis: str) -> pl.DataFrame:
    """From value to what is realised: line, amount, value_rate, fix_rank, customer_n."""
    return published.frame(
        f"select line, amount, value_rate, fix_rank, customer_n from {REALISED} "
        f"where basis = '{basis}' "
        f"and exists (select line from {REALISED} where line = 'value' and customer_n > 0) order by position",
        REALISED,
        empty=NO_VALUE,
    )


def forecast(published: Published, basis: str) -> pl.DataFrame:
    """The coming months: period_on, money expected of today's customers, of those to come, of both, with limits."""
    return published.frame(
        "select period_on, max(est) filter (where part = 'run_off') as run_off, "
        "max(est) filter (where part = 'new_business') as newcomers, max(est) filter (where part = 'total') as total, "
        "max(lo) filter (where part = 'total') as lo, max(hi) filter (where part = 'total') as hi "
        f"from {FORECAST} where forecast_on = as_of_on and basis = '{basis}' group by period_on order by period_on",
        FORECAST,
        empty=NO_VALUE,
    )


def forecast_record(published: Published, basis: str) -> pl.DataFrame:
    """How earlier forecasts of a month's total came out, by months ahead: ahead_n, forecast_n, inside_n, error_rate.

    Forecasts with an interval only; the error is the mean of the absolute ones over the mean of what came.
    """
    return published.frame(
        "select ahead_n, count(*) as forecast_n, count(*) filter (where came between lo and hi) as inside_n, "
        "avg(abs(est - came)) / nullif(avg(abs(came)), 0) as error_rate from ("
        "select datediff('month', forecast_on, period_on) as ahead_n, est, lo, hi, actual_amount::double as came "
        f"from {FORECAST} where part = 'total' and basis = '{basis}' and actual_amount is not null and lo is not null"
        ") group by ahead_n having count(*) >= 3 order by ahead_n",
        FORECAST,
    )
