"""E2 companion: the thresholds behind the RFM scores, and how many customers each score really holds.

Lives here: the mart `rfm_thresholds`. Stays out: the scores of each customer (`customer_rfm`).
"""

from __future__ import annotations

from pipelines.contracts.columns import Table, integer, money, rate, text
from pipelines.marts.common import AS_OF, BASES, CURRENCY

DIMENSIONS = ("recency", "frequency", "monetary")

TABLE = Table(
    "rfm_thresholds",
    "A score from 1 to 5 of recency, frequency or money: its limits and its customers.",
    ("dimension", "basis", "score"),
    (
        text("dimension", "What is scored", required=True, values=DIMENSIONS),
        text(
            "basis",
            "Basis of the money; 'none' for recency and frequency",
            required=True,
            values=("none", *BASES),
        ),
        integer("score", "Score, 5 is best", required=True),
        AS_OF,
        CURRENCY,
        integer(
            "above_n",
            "Lower limit, exclusive: days for recency, kept orders for frequency",
            null_means="no limit below, or money",
        ),
        integer(
            "up_to_n",
            "Upper limit, inclusive: days for recency, kept orders for frequency",
            null_means="no limit above, or money",
        ),
        money("above_amount", "Lower limit of money, exclusive", null_means="no limit below, or not money"),
        money("up_to_amount", "Upper limit of money, inclusive", null_means="no limit above, or not money"),
        integer("customer_n", "Customers with this score", required=True, unit="customers"),
        integer("scored_customer_n", "Customers scored in this dimension", required=True, unit="customers"),
        rate("customer_rate", "Share of the scored customers", null_means="nobody is scored"),
        integer(
            "used_score_n",
            "Scores that hold anybody: fewer than five when equal values fill more than a fifth",
            required=True,
        ),
    ),
)
QUESTIONS = (
    "From how many orders, or how much contribution, does a customer score 5?",
    "Do the five scores really hold a fifth of the customers each?",
    "How many frequency scores exist when most customers bought once?",
)
EXAMPLE_SQL = (
    "select dimension, basis, score, above_n, up_to_n, above_amount, up_to_amount, customer_n, customer_rate "
    "from marts.rfm_thresholds order by dimension, basis, score"
)
