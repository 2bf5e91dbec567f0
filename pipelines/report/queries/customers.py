"""Customers: how many, in which state, segment and tier, and the money that goes with them.

Lives here: counts and sums over the customer marts and the customer facts of core; never a row of a person.
Stays out: how states and segments are made (`pipelines.marts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from pipelines.report.published import Published
from pipelines.report.queries.run import MONTHS, RunFacts, Window, months_back

MIN_CELL_N = 5
"""Groups of fewer customers are not shown: the page travels further than the warehouse."""
RECENT_DAYS = 365
LINES = "core.fct_order_line_economics"
NO_CUSTOMERS = "No identified customer has a kept order yet, so there is nothing to group."


@dataclass(frozen=True)
class CustomerBase:
    """Identified customers that are not test accounts, those with a kept order, and kept orders of anybody.

    `orders` and `orders_before` count kept orders of the window and of the twelve months before it; `orders_before`
    is null where the data do not reach back that far. `identified_orders` are kept orders of identified customers.
    """

    customers: int
    buyers: int
    kept_orders: int
    identified_orders: int
    orders: int
    orders_before: int | None


def base(published: Published, months: Window) -> CustomerBase:
    """The size of the customer base at the as-of day."""
    people = published.frame(
        "select count(*) as customers from core.dim_customer where is_identified and not is_test", "core.dim_customer"
    ).item()
    before = months.before_first or months.first
    until = months_back(months.after, MONTHS)
    row = published.frame(
        "select count(*) filter (where is_identified), count(*), "
        f"count(*) filter (where ordered_on >= date '{months.first}' and ordered_on < date '{months.after}'), "
        f"count(*) filter (where ordered_on >= date '{before}' and ordered_on < date '{until}'), "
        "count(distinct customer_id) filter (where is_identified and not is_test) "
        "from core.fct_order join core.dim_customer using (customer_id) where is_kept",
        "core.fct_order",
        "core.dim_customer",
    ).row(0)
    identified, kept, orders, orders_before, buyers = row
    return CustomerBase(
        customers=people,
        buyers=buyers,
        kept_orders=kept,
        identified_orders=identified,
        orders=orders,
        orders_before=orders_before if months.before_first is not None else None,
    )


def _money(facts: RunFacts) -> str:
    """A CTE `money`: what each customer brought in to date and in the last 365 days, over lines where it is known.

    Summed from order lines, so that it adds up to the waterfall: the customer marts hold no contribution at all for
    a customer with a single order whose cost is not known.
    """
    amount = f"{facts.basis}_reporting"
    return (
        f"money as (select customer_id, sum({amount}) as amount, "
        f"sum({amount}) filter (where ordered_on > date '{facts.as_of}' - {RECENT_DAYS}) as recent_amount "
        f"from {LINES} group by customer_id)"
    )


def segments(published: Published, facts: RunFacts) -> pl.DataFrame:
    """RFM segments, the largest first: customers, money of 365 days, median recency, orders."""
    return published.frame(
        f"with {_money(facts)} select segment, count(*) as customer_n, sum(coalesce(recent_amount, 0)) as amount, "
        "quantile_disc(recency_days, 0.5) as median_recency_days, sum(frequency_n)::bigint as order_n "
        "from marts.customer_rfm left join money using (customer_id) where segment is not null group by segment "
        "order by customer_n desc, segment",
        "marts.customer_rfm",
        LINES,
        empty=NO_CUSTOMERS,
    )


def score_grid(published: Published, facts: RunFacts) -> pl.DataFrame:
    """Customers and money of 365 days by recency and frequency score."""
    return published.frame(
        f"with {_money(facts)} select r_score, f_score, count(*) as customer_n, "
        "sum(coalesce(recent_amount, 0)) as amount from marts.customer_rfm left join money using (customer_id) "
        "where r_score is not null and f_score is not null group by r_score, f_score order by r_score, f_score",
        "marts.customer_rfm",
        LINES,
        empty=NO_CUSTOMERS,
    )


def score_limits(published: Published) -> pl.DataFrame:
    """Limits of the recency and frequency scores: dimension, score, above_n, up_to_n, used_score_n."""
    return published.frame(
        "select dimension, score, above_n, up_to_n, customer_n, used_score_n from marts.rfm_thresholds "
        "where dimension in ('recency', 'frequency') order by dimension desc, score desc",
        "marts.rfm_thresholds",
    )


def tiers(published: Published, facts: RunFacts) -> pl.DataFrame:
    """Value tiers: customers, their predicted value, and their money of 365 days, high first."""
    return published.frame(
        f"with {_money(facts)} select tier, count(*) as customer_n, sum(predicted_value) as value, "
        "sum(coalesce(recent_amount, 0)) as amount from marts.customer_rfm left join money using (customer_id) "
        "where tier is not null group by tier order by array_position(['high', 'mid', 'low'], tier)",
        "marts.customer_rfm",
        LINES,
        empty=NO_CUSTOMERS,
    )


@dataclass(frozen=True)
class Concentration:
    """From which predicted value a customer is of high value, how few hold 80 %, and what others may lose."""

    customers: int
    high_customers: int
    high_rate: Decimal | None
    high_from: Decimal | None
    negative: Decimal


def concentration(published: Published) -> Concentration | None:
    """The thresholds of the value tiers at the as-of day, or None when nobody has bought."""
    rows = published.frame(
        "select customer_n, high_customer_n, high_customer_rate, high_from_amount, negative_amount "
        "from marts.value_tier_thresholds where tier_on = as_of_on",
        "marts.value_tier_thresholds",
    )
    return None if rows.is_empty() else Concentration(*rows.row(0))


def states(published: Published, facts: RunFacts) -> pl.DataFrame:
    """Lifecycle states: customers, those that can be reached, money to date and of the last 365 days."""
    return published.frame(
        f"with {_money(facts)} select coalesce(state, 'not known') as state, count(*) as customer_n, "
        "count(*) filter (where is_reachable) as reachable_n, sum(coalesce(money.amount, 0)) as amount, "
        "sum(coalesce(money.recent_amount, 0)) as recent_amount "
        "from marts.customer_360 left join money using (customer_id) "
        "group by 1 order by array_position(['prospect', 'new', 'active', 'reactivated', 'at_risk', 'dormant', "
        "'churned', 'not known'], coalesce(state, 'not known'))",
        "marts.customer_360",
        LINES,
        empty="No identified customer is in the warehouse yet, so there are no states to show.",
    )


def cut_points(published: Published) -> pl.DataFrame:
    """Cut points of every segment, the pooled row first, then by number of gaps."""
    return published.frame(
        "select segment, customer_n, gap_n, is_pooled, median_gap_days, at_risk_days, dormant_days, churned_days, "
        "horizon_days, return_rate, return_rate_lo, return_rate_hi, why_not from marts.lifecycle_cut_points "
        "order by segment <> '(all)', gap_n desc, segment",
        "marts.lifecycle_cut_points",
        empty="No customer has come back yet, so there are no gaps to read cut points from.",
    )
