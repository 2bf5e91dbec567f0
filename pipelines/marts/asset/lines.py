"""Lines: the ledger of the asset, line by line, in order.

Lives here: names, order and meaning of the lines, and the steps they come from. Stays out: any figure.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.marts.asset.states import BEHAVIOURS


@dataclass(frozen=True)
class Line:
    """A line: its name, the step of `customer_asset` it is a sum of, and what it says."""

    name: str
    step: str
    says: str


OPENING, CLOSING, RECLASSIFIED = "opening", "closing", "reclassified"
REVISIONS = (
    Line("late_data_restatement", "late_data", "facts dated before the period that became known in it"),
    Line("identity_revision", "identity", "accounts that now belong to another person"),
    Line("model_revision", "model", "models and cut points fitted anew, valued on the data of the opening"),
    Line("erased", "erased", "customers erased; 0 until erasure exists"),
)
_SAYS = (
    "first value of customers new in the period",
    "silent or churned customers who ordered again",
    "customers who stayed active and are worth more",
    "customers who stayed active and are worth less",
    "customers gone silent: at risk or dormant",
    "customers gone for good, or left without a kept order",
    "silent and churned customers who stayed silent",
)
MOVEMENTS = (*REVISIONS, *(Line(name, "behaviour", says) for name, says in zip(BEHAVIOURS, _SAYS, strict=True)))
"""The lines between opening and closing, in order."""
ORDER = (OPENING, *(line.name for line in MOVEMENTS), RECLASSIFIED, CLOSING)
"""Every line of the ledger. `reclassified` moves customers between members of a dimension and is 0 in total."""
PERIOD_SAYS = (
    "End of the period: a month-end, or the as-of day for the last one. Months that no earlier version published are "
    "told from what was known at their end: orders learnt or paid later are left out, refunds and cancellations made "
    "or learnt later undone. A cancellation is behaviour of the month it was made in, as a refund is, and late data "
    "where it was learnt in a later one; so is an order paid in a later month than it was placed in. What is not dated "
    "(fct_order.cancellation_precision, payments) counts from the day of the order; persons are those of the first "
    "version: no earlier belief is recorded"
)
