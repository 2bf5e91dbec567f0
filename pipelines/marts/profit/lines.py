"""The lines of the profit waterfall: one plain table of code, name, kind and sign.

Lives here: what the lines are and in which order they stand. Stays out: how they are summed (`profit_waterfall`).
"""

from __future__ import annotations

from dataclasses import dataclass

STEP, SUBTOTAL, MEMO = "step", "subtotal", "memo"


@dataclass(frozen=True)
class Line:
    """One line: `sign` turns the positive amount of core into the signed step; memo lines are not summed."""

    code: str
    name: str
    label: str
    kind: str
    sign: int = 1


REVENUE_LINES: tuple[Line, ...] = (
    Line("W1", "list_value", "List value", STEP),
    Line("W2", "markdown", "Markdown", STEP, -1),
    Line("W3", "merchant_discount", "Merchant discount", STEP, -1),
    Line("W4", "platform_subsidy", "of which paid by the platform", MEMO),
    Line("W4s", "gross_merchandise", "Gross merchandise", SUBTOTAL),
    Line("W5", "cancelled", "Cancelled or never paid", STEP, -1),
    Line("W6", "refunded_goods", "Refunded goods", STEP, -1),
    Line("W6b", "refunded_shipping", "Refunded shipping", STEP, -1),
    Line("W7", "shipping_charged", "Shipping charged", STEP),
    Line("W7b", "tax", "Tax", STEP, -1),
    Line("W7s", "net_revenue", "Net revenue", SUBTOTAL),
)
UNCOSTED = Line("W7u", "uncosted_net_revenue", "Net revenue with a cost not known", STEP, -1)
COST_LINES: tuple[Line, ...] = (
    Line("W8", "cogs", "Cost of goods sold", STEP, -1),
    Line("W9", "platform_fee", "Platform fees", STEP, -1),
    Line("W9b", "payment_fee", "Payment fees", STEP, -1),
    Line("W10", "commission", "Commissions", STEP, -1),
    Line("W11", "fulfilment", "Fulfilment", STEP, -1),
    Line("W11b", "incentives", "Incentives", STEP, -1),
)
CONTRIBUTION = Line("W12", "contribution", "Contribution of costed order lines", SUBTOTAL)
PERIOD_COST = Line("P1", "period_cost", "Period costs, allocated", STEP, -1)
UNALLOCATED = Line("P2", "unallocated", "Period costs that no rule allocates", STEP, -1)
AFTER_PERIOD = Line("P3", "contribution_after_period_costs", "Contribution after period costs", SUBTOTAL)

LINES: tuple[Line, ...] = (
    *REVENUE_LINES,
    UNCOSTED,
    *COST_LINES,
    CONTRIBUTION,
    PERIOD_COST,
    UNALLOCATED,
    AFTER_PERIOD,
)
"""Every line in order. Within a cell the steps down to a subtotal sum to it exactly."""

ORDER = {line.name: position for position, line in enumerate(LINES, start=1)}
REVENUE = tuple(line.name for line in REVENUE_LINES)
COSTS = tuple(line.name for line in COST_LINES)
