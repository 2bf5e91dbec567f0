"""E2: recency, frequency and money of each customer, scored; segment, type and value tier.

Lives here: the mart `customer_rfm`. Stays out: the thresholds (`rfm_thresholds`, `value_tier_thresholds`) and the rule
tables (`rfm_rules`).
"""

from __future__ import annotations

from pipelines.contracts.columns import Table, day, integer, money, text
from pipelines.marts.common import AS_OF, BASES, CURRENCY, CUSTOMER_ID
from pipelines.marts.segments.rfm_rules import SEGMENTS, TIERS, TYPES

TABLE = Table(
    "customer_rfm",
    "Recency, frequency and money of a customer, their scores, and the segments made of them.",
    ("customer_id",),
    (
        CUSTOMER_ID,
        AS_OF,
        CURRENCY,
        text(
            "basis",
            "Basis that money is scored on: the headline basis, or net revenue where a cost of the customer's orders "
            "is not known (then scored among the net revenues of all customers)",
            required=True,
            values=BASES,
        ),
        integer("recency_days", "R: days since the last kept order", unit="days", null_means="no kept order"),
        integer("frequency_n", "F: kept orders in the last 365 days", required=True, unit="orders"),
        money(
            "net_revenue", "Net revenue of the last 365 days", unit="reporting currency", null_means="no rate for a day"
        ),
        money(
            "contribution",
            "Contribution of the last 365 days",
            unit="reporting currency",
            null_means="a cost or a rate is not known",
        ),
        money("monetary", "M: the money that is scored", unit="reporting currency", null_means="a rate is not known"),
        integer(
            "r_score", "Recency from 1 to 5, 5 most recent; equal values score equally", null_means="no kept order"
        ),
        integer("f_score", "Frequency from 1 to 5, 5 most often; likewise", null_means="no kept order"),
        integer("m_score", "Money from 1 to 5, 5 most; likewise", null_means="no kept order, or money is not known"),
        integer("fm_score", "Mean of frequency and money scores, a half counts up", null_means="likewise"),
        text(
            "segment",
            "One of eleven segments from recency and fm_score, named and cut as in Shopify's RFM analysis; 'prospects' have "
            "no kept order",
            values=SEGMENTS,
            null_means="money is not known",
        ),
        text(
            "rfm_type",
            "One of eight types: recency, frequency and money above or below the median customer",
            values=TYPES,
            null_means="no kept order, or money is not known",
        ),
        text(
            "tier",
            "Value tier by the money of the last 365 days: moves up at the threshold, down only below 90 % of it",
            values=TIERS,
            null_means="no kept order, or money is not known",
        ),
        text("unsmoothed_tier", "The tier by the thresholds alone", values=TIERS, null_means="likewise"),
        text("previous_tier", "Tier at the month-end before", values=TIERS, null_means="no kept order by then"),
        day("previous_tier_on", "That month-end", required=True),
    ),
)
QUESTIONS = (
    "Who are the champions, and who was loyal and has gone quiet?",
    "How much of the last year's money comes from each segment?",
    "Which customers moved between value tiers since the last month-end?",
)
EXAMPLE_SQL = (
    "select segment, count(*) as customers, sum(monetary) as money, avg(recency_days) as mean_recency_days "
    "from marts.customer_rfm group by segment order by money desc"
)
