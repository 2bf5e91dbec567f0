"""F1: the state each customer is in.

Lives here: the mart `customer_lifecycle`. Stays out: where the cut points come from (`lifecycle_cut_points`).
"""

from __future__ import annotations

from pipelines.contracts.columns import Table, day, integer, text
from pipelines.marts.common import AS_OF, CUSTOMER_ID

STATES = ("prospect", "new", "active", "at_risk", "dormant", "churned", "reactivated")

TABLE = Table(
    "customer_lifecycle",
    "The state of a customer by silence since the last kept order and the cut points of the segment.",
    ("customer_id",),
    (
        CUSTOMER_ID,
        AS_OF,
        text(
            "state",
            "prospect: no kept order; new: first kept order at most one median gap ago; reactivated: the last order "
            "ended a silence longer than churned_days; at_risk, dormant, churned: silent for longer than the cut point; "
            "active: all others",
            values=STATES,
            null_means="there are no gaps between orders to take cut points from",
        ),
        text("segment", "Acquisition channel of the customer", null_means="no source says"),
        text("cut_segment", "Row of lifecycle_cut_points that was used", required=True),
        day("first_order_on", "Day of the first kept order", null_means="no kept order"),
        day("last_order_on", "Day of the last kept order", null_means="no kept order"),
        integer("silence_days", "Days since the last kept order", unit="days", null_means="no kept order"),
        integer(
            "last_gap_days",
            "Days between the last two kept order days",
            unit="days",
            null_means="kept orders on one day only",
        ),
        integer("gap_n", "Completed gaps", required=True, unit="gaps"),
        day("at_risk_on", "Day the silence passes the cut for at risk, if no order ends it", null_means="no cut point"),
        day("dormant_on", "Day the silence passes the cut for dormant", null_means="no cut point"),
        day("churned_on", "Day the silence passes the cut for churned", null_means="no cut point"),
    ),
)
QUESTIONS = (
    "How many customers are active, at risk, dormant and churned today?",
    "Who becomes at risk within the next seven days if nothing happens?",
    "Which acquisition channels bring customers that are lost soonest?",
)
EXAMPLE_SQL = (
    "select state, count(*) as customers, avg(silence_days) as mean_silence_days "
    "from marts.customer_lifecycle group by state order by customers desc"
)
