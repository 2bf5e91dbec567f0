"""A2: one row per customer with everything a first look needs.

Lives here: the mart `customer_360`. Stays out: how state and segments are made (`customer_lifecycle`, `customer_rfm`)
and the split by channel (`customer_channel`).
"""

from __future__ import annotations

from pipelines.contracts.columns import Table, day, flag, integer, money, rate, text
from pipelines.marts.churn.customer_lifecycle import STATES
from pipelines.marts.common import AS_OF, CURRENCY, CUSTOMER_ID, NO_COST, NO_RATE
from pipelines.marts.segments.rfm_rules import SEGMENTS, TIERS, TYPES

_NONE = "no kept order"

TABLE = Table(
    "customer_360",
    "An identified customer that is not a test account.",
    ("customer_id",),
    (
        CUSTOMER_ID,
        AS_OF,
        CURRENCY,
        integer("account_n", "Accounts that belong to the customer", required=True, unit="accounts"),
        flag("is_employee", "Any account belongs to staff", required=True),
        text("state", "State of the lifecycle", values=STATES, null_means="no gaps to take cut points from"),
        text("tier", "Value tier", values=TIERS, null_means="no kept order, or money is not known"),
        text("segment", "RFM segment", values=SEGMENTS, null_means="money is not known"),
        text("rfm_type", "RFM type, high or low", values=TYPES, null_means="no kept order, or money is not known"),
        text("acquisition_channel", "Traffic channel that brought the customer", null_means="no source says"),
        text("acquisition_campaign", "Campaign that brought the customer", null_means="no source says"),
        day("first_order_on", "Day of the first kept order", null_means=_NONE),
        day("last_order_on", "Day of the last kept order", null_means=_NONE),
        integer("tenure_days", "Days since the first kept order", unit="days", null_means=_NONE),
        integer("recency_days", "Days since the last kept order", unit="days", null_means=_NONE),
        text("first_channel", "Sales channel of the first kept order", null_means=_NONE),
        text(
            "first_sku", "Largest line of the first kept order", null_means="no kept order, or the export has no items"
        ),
        text("first_category", "Its category, first level", null_means="no product feed covers it"),
        rate(
            "first_discount_rate",
            "Discount depth of the first kept order: markdown and merchant discount of list value",
            null_means="no kept order, or its list value is not positive or has no rate",
        ),
        integer("order_n", "Orders in any state", required=True, unit="orders"),
        integer("kept_order_n", "Kept orders", required=True, unit="orders"),
        integer("channel_n", "Sales channels with a kept order", required=True, unit="channels"),
        money("net_revenue", "Net revenue to date", unit="reporting currency", null_means=NO_RATE),
        money(
            "contribution",
            "Contribution before marketing to date",
            unit="reporting currency",
            null_means=f"{NO_COST}, or {NO_RATE}",
        ),
        money(
            "costed_net_revenue", "Net revenue to date with every cost known", required=True, unit="reporting currency"
        ),
        money("refunded_goods", "Goods refunded to date", unit="reporting currency", null_means=NO_RATE),
        flag("is_email_reachable", "A usable e-mail address, and marketing by e-mail is granted", required=True),
        flag("is_sms_reachable", "A usable telephone number, and marketing by SMS is granted", required=True),
        flag("is_reachable", "Reachable by e-mail or SMS", required=True),
    ),
)
QUESTIONS = (
    "Who are our customers, what did they bring in to date, and in which state are they?",
    "Which high-value customers are at risk and can be reached?",
    "Do customers who began with a deep discount come back, and by which channel were they acquired?",
)
EXAMPLE_SQL = (
    "select state, tier, count(*) as customers, sum(net_revenue) as net_revenue, "
    "sum(case when is_reachable then 1 else 0 end) as reachable from marts.customer_360 "
    "group by state, tier order by net_revenue desc"
)
