"""A2 companion: what a customer bought on each sales channel.

Lives here: the mart `customer_channel`. Stays out: the customer as a whole (`customer_360`).
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import (
    AS_OF,
    CURRENCY,
    CUSTOMER_ID,
    NO_COST,
    NO_RATE,
    of_people,
    people,
    stamp,
    units,
    whole_sum,
)

TABLE = Table(
    "customer_channel",
    "A customer on a sales channel: orders and money to date.",
    ("customer_id", "channel"),
    (
        CUSTOMER_ID,
        text("channel", "Sales channel", required=True),
        AS_OF,
        CURRENCY,
        integer("order_n", "Orders in any state", required=True, unit="orders"),
        integer("kept_order_n", "Kept orders: paid, not cancelled, not wholly refunded", required=True, unit="orders"),
        day("first_order_on", "Day of the first kept order on the channel", null_means="no kept order on the channel"),
        day("last_order_on", "Day of the last kept order on the channel", null_means="no kept order on the channel"),
        money("net_revenue", "Net revenue to date", unit="reporting currency", null_means=NO_RATE),
        money(
            "contribution",
            "Contribution before marketing to date",
            unit="reporting currency",
            null_means=f"{NO_COST}, or {NO_RATE}",
        ),
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Sums of a customer's orders by channel."""
    kept_on = pl.when("is_kept").then("ordered_on")
    who = people(inputs)
    return (
        of_people(inputs["fct_order"], who)
        .select(
            "who",
            "channel",
            "is_kept",
            kept_on.alias("kept_on"),
            units("net_revenue_reporting").alias("net_revenue"),
            units("contribution_reporting").alias("contribution"),
        )
        .group_by("who", "channel")
        .agg(
            pl.len().cast(pl.Int64).alias("order_n"),
            pl.col("is_kept").sum().cast(pl.Int64).alias("kept_order_n"),
            pl.col("kept_on").min().alias("first_order_on"),
            pl.col("kept_on").max().alias("last_order_on"),
            whole_sum("net_revenue"),
            whole_sum("contribution"),
        )
        .join(who, on="who", maintain_order="none")
        .with_columns(*stamp(params))
    )


MART = Mart(
    code="A2b",
    domain="customer",
    table=TABLE,
    questions=(
        "How many customers buy on more than one channel, and what are they worth?",
        "Which channel brings customers who later buy elsewhere?",
        "What does a customer of the web store contribute there and in the shops?",
    ),
    example_sql=(
        "select channel, count(*) as customers, sum(kept_order_n) as kept_orders, sum(net_revenue) as net_revenue "
        "from marts.customer_channel where kept_order_n > 0 group by channel order by net_revenue desc"
    ),
    inputs=("dim_customer", "fct_order"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test"),
        "fct_order": (
            "customer_id",
            "channel",
            "ordered_on",
            "is_kept",
            "net_revenue_reporting",
            "contribution_reporting",
        ),
    },
    local=local,
    relationships={"customer_id": "customer_360.customer_id"},
)
