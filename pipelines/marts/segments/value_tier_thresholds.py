"""E2 companion: from how much predicted value on a customer is of high or mid value, period end by period end.

Lives here: the mart `value_tier_thresholds`. Stays out: the rule (`value_tiers`) and the tier of each customer
(`customer_asset`; as of today also `customer_rfm`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, BASES, CURRENCY, rate_of, stamp, units
from pipelines.marts.profit.mart_coverage import on_headline
from pipelines.marts.segments.value_tiers import HIGH_PERCENT, MID_PERCENT, limits

TABLE = Table(
    "value_tier_thresholds",
    "The predicted value from which a customer was of high or mid value at a period end.",
    ("tier_on",),
    (
        day("tier_on", "Day of the tiers: a month-end, or the as-of day", required=True),
        text(
            "basis",
            "Basis of the value: the headline basis, the only one that tiers go by",
            required=True,
            values=BASES,
        ),
        AS_OF,
        CURRENCY,
        integer("customer_n", "Customers with a kept order by that day", required=True, unit="customers"),
        money(
            "high_from_amount",
            f"Least value of the customers who together hold {HIGH_PERCENT} % of all that is expected",
            null_means="nobody is expected to bring money in",
        ),
        money("mid_from_amount", f"The same for {MID_PERCENT} %", null_means="nobody is expected to bring money in"),
        money("positive_amount", "Value of the customers who are expected to bring money in", required=True),
        money("negative_amount", "Value of those who are expected to lose money", required=True),
        integer("high_customer_n", "Customers at or above high_from_amount", required=True, unit="customers"),
        rate("high_customer_rate", "Their share of the customers", null_means="no customers"),
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """The value of every customer with a kept order, at every period end."""
    return (
        on_headline(inputs["customer_asset"], inputs)
        .filter(pl.col("purchase_n") > 0)
        .select("period_on", "basis", units("closing_amount").alias("value"))
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The values themselves: the thresholds are exact only over all of them."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Thresholds of each period end."""
    found = parts.collect().partition_by("period_on", "basis", as_dict=True)
    rows = [
        {"tier_on": on, "basis": basis, **_measured(part["value"].to_numpy())} for (on, basis), part in found.items()
    ]
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


def _measured(value: np.ndarray) -> dict[str, int | None]:
    mid, high = limits(value)
    return {
        "customer_n": len(value),
        "high_from_amount": high,
        "mid_from_amount": mid,
        "positive_amount": int(value[value > 0].sum()),
        "negative_amount": int(value[value < 0].sum()),
        "high_customer_n": 0 if high is None else int((value >= high).sum()),
    }


MART = Mart(
    code="E2c",
    domain="segments",
    table=TABLE,
    questions=(
        "How much must a customer be expected to bring in a year to be of high value, and is the bar rising?",
        "How few customers hold 80 % of the expected money?",
        "How much are loss-making customers expected to cost?",
    ),
    example_sql=(
        "select tier_on, high_from_amount, mid_from_amount, high_customer_rate, negative_amount "
        "from marts.value_tier_thresholds order by tier_on"
    ),
    inputs=("mart_coverage", "customer_asset"),
    reads={
        "mart_coverage": ("dim", "headline_basis"),
        "customer_asset": ("customer_id", "period_on", "basis", "purchase_n", "closing_amount"),
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
