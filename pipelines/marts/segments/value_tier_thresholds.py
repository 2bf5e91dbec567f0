"""E2 companion: from how much money on a customer is of high or mid value, month-end by month-end.

Lives here: the mart `value_tier_thresholds`. Stays out: the tier of each customer (`customer_rfm`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, BASES, CURRENCY, people, rate_of, stamp
from pipelines.marts.segments.rfm_base import measures, tier_days

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
        integer("customer_n", "Customers with a kept order by that day", required=True, unit="customers"),
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


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """The known money of each customer in the year up to each tier day, null before the first kept order."""
    return measures(inputs, people(inputs), params).select(
        f"{basis}_{place}" for basis in BASES for place in range(len(tier_days(params)))
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The values themselves: the thresholds are exact only over all of them."""
    return rows


def threshold(descending: np.ndarray, percent: int) -> int | None:
    """The least of the largest values that together make `percent` % of all positive money; None without any."""
    positive = descending[descending > 0]
    if not len(positive):
        return None
    running = np.cumsum(positive, dtype=np.int64)
    target = -(-int(running[-1]) * percent // 100)
    return int(positive[np.searchsorted(running, target)])


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Thresholds of each tier day and basis."""
    values = parts.collect()
    rows = []
    for place, on in enumerate(tier_days(params)):
        for basis in BASES:
            money_of = -np.sort(-values[f"{basis}_{place}"].drop_nulls().to_numpy())
            high = threshold(money_of, HIGH_PERCENT)
            rows.append(
                {
                    "tier_on": on,
                    "basis": basis,
                    "customer_n": len(money_of),
                    "high_from_amount": high,
                    "mid_from_amount": threshold(money_of, MID_PERCENT),
                    "positive_amount": int(money_of[money_of > 0].sum()),
                    "negative_amount": int(money_of[money_of < 0].sum()),
                    "high_customer_n": 0 if high is None else int((money_of >= high).sum()),
                }
            )
    made = ("as_of_on", "currency", "high_customer_rate")
    schema = {
        name: pl.Int64() if kind == pl.Decimal(18, 4) else kind
        for name, kind in TABLE.polars_schema.items()
        if name not in made
    }
    return (
        pl.DataFrame(rows, schema=schema)
        .lazy()
        .with_columns(
            rate_of(pl.col("high_customer_n"), pl.col("customer_n")).alias("high_customer_rate"), *stamp(params)
        )
    )


MART = Mart(
    code="E2c",
    domain="segments",
    table=TABLE,
    questions=(
        "How much must a customer contribute in a year to be of high value, and is the bar rising?",
        "How few customers bring 80 % of the contribution?",
        "How much money do loss-making customers cost?",
    ),
    example_sql=(
        "select tier_on, high_from_amount, mid_from_amount, high_customer_rate, negative_amount "
        "from marts.value_tier_thresholds where basis = 'net_revenue' order by tier_on"
    ),
    inputs=("dim_customer", "fct_order"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test"),
        "fct_order": ("customer_id", "ordered_on", "is_kept", "net_revenue_reporting", "contribution_reporting"),
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
