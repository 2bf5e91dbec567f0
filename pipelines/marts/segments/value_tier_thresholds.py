"""E2 companion: from how much money on a customer is of high or mid value, month-end by month-end.

Lives here: the mart `value_tier_thresholds`. Stays out: the tier of each customer (`customer_rfm`).
"""

from __future__ import annotations

from pipelines.contracts.columns import Table, day, integer, money, rate, text
from pipelines.marts.common import AS_OF, BASES, CURRENCY

HIGH_PERCENT, MID_PERCENT = 80, 95

TABLE = Table(
    "value_tier_thresholds",
    "The money from which a customer was of high or mid value at a month-end.",
    ("tier_on", "basis"),
    (
        day("tier_on", "Day of the tiers: the as-of day, and month-ends before it", required=True),
        text("basis", "Basis of the money", required=True, values=BASES),
        AS_OF,
        CURRENCY,
        integer("customer_n", "Customers with a kept order whose money is known", required=True, unit="customers"),
        money(
            "high_from_amount",
            f"Least money of the customers who together bring {HIGH_PERCENT} % of all that is earned",
            null_means="no customer brings money in",
        ),
        money("mid_from_amount", f"The same for {MID_PERCENT} %", null_means="no customer brings money in"),
        money("positive_amount", "Money of the customers who bring any in", required=True),
        money("negative_amount", "Money that the other customers lose", required=True),
        integer("high_customer_n", "Customers at or above high_from_amount", required=True, unit="customers"),
        rate("high_customer_rate", "Their share of the customers", null_means="no customers"),
    ),
)
QUESTIONS = (
    "How much must a customer contribute in a year to be of high value, and is the bar rising?",
    "How few customers bring 80 % of the contribution?",
    "How much money do loss-making customers cost?",
)
EXAMPLE_SQL = (
    "select tier_on, high_from_amount, mid_from_amount, high_customer_rate, negative_amount "
    "from marts.value_tier_thresholds where basis = 'net_revenue' order by tier_on"
)
