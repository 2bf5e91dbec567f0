"""E1: how many customers, and how much money, a cohort keeps.

Lives here: the mart `cohort_retention`. Stays out: the arithmetic of intervals (`pipelines.science`).

Period k of a customer is days 30(k-1)+1 to 30k after the first kept order. A cell is shown once every customer of it
was observed for k full periods: a cohort's cells all have the whole cohort as denominator; rows that pool cohorts
count the customers observed so long.
"""

from __future__ import annotations

from pipelines.contracts.columns import Table, day, integer, money, text
from pipelines.marts.common import AS_OF, BASES, CURRENCY, ESTIMATE

PERIOD_DAYS = 30
MAX_PERIODS = 36
POOLED = "(all)"
KINDS = ("exact", "within_n", "rolling", "survival")
MEASURES = ("customers", *BASES)
DIMS = ("total", "first_channel", "acquisition_channel", "first_category", "first_discount_band")
DISCOUNT_BANDS = ("none", "up_to_10", "up_to_20", "up_to_30", "above_30")

TABLE = Table(
    "cohort_retention",
    "Retention of a cohort in or by a period, of a kind, in customers or money.",
    ("dim", "dim_value", "cohort", "retention_kind", "measure", "period_n"),
    (
        text("dim", "Dimension of the customers; cohorts by month stand under 'total'", required=True, values=DIMS),
        text("dim_value", "Value of the dimension; 'total' for all customers", required=True),
        text("cohort", "Month of the first kept order (YYYY-MM), or '(all)' for every month pooled", required=True),
        text(
            "retention_kind",
            "exact: a kept order in period n; within_n: one by the end of period n after the first day; rolling: one in "
            "period n or later, as far as seen; survival: no silence as long as the cut point for churn so far. "
            "Money, as a multiple of the first day's: exact in period n, within_n up to its end",
            required=True,
            values=KINDS,
        ),
        text("measure", "What is kept: customers, contribution or net revenue", required=True, values=MEASURES),
        integer("period_n", f"Period of {PERIOD_DAYS} days since the first kept order, from 1", required=True),
        integer("age_days", "Age at the end of the period", required=True, unit="days"),
        day("cohort_on", "First day of the cohort's month", null_means="months pooled"),
        AS_OF,
        CURRENCY,
        integer("cohort_n", "Customers acquired", required=True, unit="customers"),
        integer("n", "Customers observed for n full periods: the denominator", required=True, unit="customers"),
        integer("kept_n", "Of those, customers retained", unit="customers", null_means="a measure of money"),
        money("amount", "Money of the period or up to it", null_means="a measure of customers, or not identified"),
        money("base_amount", "Money of the same customers up to the first day", null_means="likewise"),
        *ESTIMATE,
    ),
)
QUESTIONS = (
    "What share of the customers acquired in a month buys again within 90 days?",
    "Is retention of newer cohorts better at equal age?",
    "Which first channel, category or discount brings customers that stay?",
    "How much net revenue does a cohort bring back for each unit of its first day?",
)
EXAMPLE_SQL = (
    "select cohort, period_n, n, est, lo, hi from marts.cohort_retention "
    "where dim = 'total' and cohort <> '(all)' and retention_kind = 'within_n' and measure = 'customers' "
    "order by cohort, period_n"
)
