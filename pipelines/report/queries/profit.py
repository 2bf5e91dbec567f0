"""Profit: the waterfall of the window, whole and by channel, and the months.

Lives here: sums over `marts.profit_waterfall`, refunds booked on the order's month.
Stays out: the lines' signs and allocation (`pipelines.marts.profit`).
"""

from __future__ import annotations

from datetime import date

import polars as pl

from pipelines.report.published import Published
from pipelines.report.queries.run import MONTHS, Window, months_back

WATERFALL = "marts.profit_waterfall"
NO_MONEY = "No order line has reached the warehouse, so there is no money to show."


def waterfall(published: Published, months: Window) -> pl.DataFrame:
    """Lines of the window in order: line, line_kind, amount (null: of no order line known), coverage sums."""
    return _lines(published, months.first, months.last)


def waterfall_before(published: Published, months: Window) -> pl.DataFrame | None:
    """The same twelve months earlier, or None where the data do not reach back that far."""
    if months.before_first is None:
        return None
    return _lines(published, months.before_first, months_back(months.last, MONTHS))


def _lines(published: Published, first: date, last: date) -> pl.DataFrame:
    return published.frame(
        "select line, any_value(line_kind) as line_kind, min(position) as position, sum(amount) as amount, "
        "sum(known_net_revenue) as known_net_revenue, sum(net_revenue) as net_revenue, "
        "sum(order_line_n)::bigint as order_line_n "
        f"from {WATERFALL} where dating = 'order' and dim = 'total' "
        f"and month between date '{first}' and date '{last}' group by line order by min(position)",
        WATERFALL,
        empty=NO_MONEY,
    )


def by_channel(published: Published, months: Window) -> pl.DataFrame:
    """Channel, line, amount and coverage sums of the window; channels by net revenue, the largest first."""
    return published.frame(
        "with lines as (select dim_value as channel, line, min(position) as position, sum(amount) as amount, "
        "sum(known_net_revenue) as known_net_revenue, sum(net_revenue) as net_revenue "
        f"from {WATERFALL} where dating = 'order' and dim = 'channel' and {months.sql} group by dim_value, line), "
        "sizes as (select channel, amount as size from lines where line = 'net_revenue') "
        "select lines.* from lines join sizes using (channel) order by size desc nulls last, channel, position",
        WATERFALL,
        empty=NO_MONEY,
    )


def by_month(published: Published) -> pl.DataFrame:
    """Month, net revenue, contribution of costed order lines (null: none is costed), and costed net revenue."""
    return published.frame(
        "select month, sum(amount) filter (where line = 'net_revenue') as net_revenue, "
        "sum(amount) filter (where line = 'contribution') as contribution, "
        "sum(known_net_revenue) filter (where line = 'contribution') as costed_net_revenue "
        f"from {WATERFALL} where dating = 'order' and dim = 'total' "
        "and line in ('net_revenue', 'contribution') group by month "
        "having sum(amount) filter (where line = 'net_revenue') is not null order by month",
        WATERFALL,
        empty=NO_MONEY,
    )
