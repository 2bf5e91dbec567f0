"""F1 companion: after how much silence a customer is at risk, dormant, churned; read from the data's own gaps.

Lives here: the mart `lifecycle_cut_points`. Stays out: the state of each customer (`customer_lifecycle`).

A gap is the days between a customer's consecutive kept order days. Quantiles are of completed gaps, discrete
(the smallest gap that at least the stated share of gaps does not exceed). The chance to return comes from the
Kaplan-Meier curve of all gaps, the open last one censored at the as-of day.
"""

from __future__ import annotations

from pipelines.contracts.columns import Table, flag, integer, number, text
from pipelines.marts.common import AS_OF

MIN_GAPS = 100
"""A segment with fewer completed gaps uses the cut points of all customers."""
POOLED = "(all)"
RETURN_PERCENT = 10

TABLE = Table(
    "lifecycle_cut_points",
    "The silence after which customers of a segment count as at risk, dormant and churned.",
    ("segment",),
    (
        text("segment", "Acquisition channel of the customers; '(all)' pools every customer", required=True),
        AS_OF,
        integer("customer_n", "Customers with a kept order", required=True, unit="customers"),
        integer("gap_n", "Completed gaps between consecutive kept order days", required=True, unit="gaps"),
        integer("open_gap_n", "Gaps still open at the as-of day", required=True, unit="gaps"),
        flag("is_pooled", f"Fewer than {MIN_GAPS} completed gaps: the cut points are those of '(all)'", required=True),
        integer("median_gap_days", "Median gap; a customer is new for so long", unit="days", null_means="no gaps"),
        integer(
            "at_risk_days", "At risk after more silence: 75th percentile of gaps", unit="days", null_means="no gaps"
        ),
        integer(
            "dormant_days", "Dormant after more silence: 90th percentile of gaps", unit="days", null_means="no gaps"
        ),
        integer(
            "churned_days",
            "Churned after more silence: the smallest silence, not below dormant_days, after which fewer than "
            f"{RETURN_PERCENT} % return within the horizon",
            unit="days",
            null_means="see why_not",
        ),
        integer("horizon_days", "Horizon of the return", required=True, unit="days"),
        integer(
            "at_risk_gap_n",
            "Gaps, completed or open, longer than churned_days: what the chance to return rests on",
            unit="gaps",
            null_means="see why_not",
        ),
        number(
            "return_rate",
            "Chance to return within the horizon after a silence of churned_days",
            null_means="see why_not",
        ),
        number("return_rate_lo", "Lower limit of the interval (log-log, Greenwood)", null_means="see why_not"),
        number("return_rate_hi", "Upper limit of the interval (log-log, Greenwood)", null_means="see why_not"),
        text("why_not", "Why there is no cut point for churned", null_means="there is one"),
    ),
)
QUESTIONS = (
    "After how many days of silence is a customer of this channel unlikely to come back?",
    "How often do customers of each acquisition channel buy, by the median gap?",
    "Which segments have too few gaps for cut points of their own?",
)
EXAMPLE_SQL = (
    "select segment, gap_n, median_gap_days, at_risk_days, dormant_days, churned_days, is_pooled "
    "from marts.lifecycle_cut_points order by gap_n desc"
)
