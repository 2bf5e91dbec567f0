"""Definitions: what the words of the page mean here.

Lives here: the footnotes. Stays out: the definitions of columns, which stand in `meta.data_dictionary`.
"""

from __future__ import annotations

from pipelines.report.blocks import Block, Definitions
from pipelines.report.published import Published

TERMS: tuple[tuple[str, str], ...] = (
    (
        "Customer identified",
        "A person known by at least one account with a real or hashed key, over all channels, test accounts aside. "
        "Buyers whose key is masked or missing count in money, never in customer figures.",
    ),
    ("Kept order", "Paid, not cancelled and not wholly refunded, as known at the as-of day."),
    (
        "List value",
        "Quantity times list price; the price before discounts where no list price is known.",
    ),
    (
        "Net revenue",
        "Goods at the price the merchant receives, plus shipping charged, less cancelled orders, refunds and tax.",
    ),
    (
        "Contribution",
        "Net revenue less cost of goods, fees, commissions, fulfilment and incentives, before marketing. A missing "
        "cost makes it unknown, never larger.",
    ),
    (
        "Headline basis",
        "Contribution when every cost is known for at least 95% of net revenue, else net revenue. Value, segments and "
        "tiers follow it.",
    ),
    (
        "Last twelve months",
        "The twelve calendar months that are over at the as-of day, by the day of the order; refunds stand on the "
        "order they belong to.",
    ),
    (
        "Retention",
        "Age counts in periods of 30 days from the first kept order. A cell is shown once the whole cohort has lived "
        "through it; intervals are Wilson's at 95%.",
    ),
    (
        "Value by age",
        "Money of all orders up to an age, averaged over every customer of the cohort, those who never came back "
        "included; ages not reached by all are left out.",
    ),
    (
        "Segments",
        "Recency, frequency and money of the last 365 days scored from 1 to 5; equal values score equally, so scores "
        "may be empty. Eleven segments from recency and the mean of the other two.",
    ),
    (
        "States",
        "From silence since the last kept order against cut points read from the gaps between orders of the "
        "customer's own segment.",
    ),
    (
        "Account book",
        "For every file, rows read = accepted + quarantined + duplicate, and the same in money.",
    ),
    (
        "Gates",
        "Checks on every layer. One blocking check that fails, or cannot be evaluated, and nothing is published.",
    ),
    (
        "Small groups",
        "Money and rates of fewer than 5 customers are not shown. The page holds no name, address or key of a person.",
    ),
)


def definitions(published: Published) -> list[Block]:
    """The terms of the page."""
    return [Definitions(TERMS)]
