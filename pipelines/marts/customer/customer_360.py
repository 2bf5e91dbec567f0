"""A2: one row per customer with everything a first look needs.

Lives here: the mart `customer_360`. Stays out: how state and segments are made (`customer_lifecycle`, `customer_rfm`)
and the split by channel (`customer_channel`).
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, flag, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.churn.customer_lifecycle import STATES
from pipelines.marts.common import (
    AS_OF,
    CURRENCY,
    CUSTOMER_ID,
    NO_COST,
    NO_RATE,
    days_since,
    of_people,
    people,
    rate_of,
    stamp,
    units,
    whole_sum,
)
from pipelines.marts.first_order import ORDER_COLUMNS, first_orders
from pipelines.marts.segments.rfm_rules import SEGMENTS, TYPES
from pipelines.marts.segments.value_tiers import TIERS

_NONE = "no kept order"

TABLE = Table(
    "customer_360",
    "An identified customer that is not a test account.",
    ("customer_id",),
    (
        CUSTOMER_ID,
        AS_OF,
        CURRENCY,
        integer("account_n", "Accounts that belong to the customer", required=True, unit="accounts"),
        flag("is_employee", "Any account belongs to staff", required=True),
        text("state", "State of the lifecycle", values=STATES, null_means="no gaps to take cut points from"),
        text(
            "tier",
            "Value tier by predicted value on the headline basis; money to date stands in a column for each basis",
            values=TIERS,
            null_means="no kept order, or nobody is worth anything",
        ),
        text("segment", "RFM segment", values=SEGMENTS, required=True),
        text("rfm_type", "RFM type, high or low", values=TYPES, null_means="no kept order, or money is not known"),
        text("acquisition_channel", "Traffic channel that brought the customer", null_means="no source says"),
        text("acquisition_campaign", "Campaign that brought the customer", null_means="no source says"),
        day("first_order_on", "Day of the first kept order", null_means=_NONE),
        day("last_order_on", "Day of the last kept order", null_means=_NONE),
        integer("tenure_days", "Days since the first kept order", unit="days", null_means=_NONE),
        integer("recency_days", "Days since the last kept order", unit="days", null_means=_NONE),
        text("first_channel", "Sales channel of the first kept order", null_means=_NONE),
        text(
            "first_sku", "Largest line of the first kept order", null_means="no kept order, or the export has no items"
        ),
        text("first_category", "Its category, first level", null_means="no product feed covers it"),
        rate(
            "first_discount_rate",
            "Discount depth of the first kept order: markdown and merchant discount of list value",
            null_means="no kept order, or its list value is not positive or has no rate",
        ),
        integer("order_n", "Orders in any state", required=True, unit="orders"),
        integer("kept_order_n", "Kept orders", required=True, unit="orders"),
        integer("channel_n", "Sales channels with a kept order", required=True, unit="channels"),
        money("net_revenue", "Net revenue to date", unit="reporting currency", null_means=NO_RATE),
        money(
            "contribution",
            "Contribution before marketing to date",
            unit="reporting currency",
            null_means=f"{NO_COST}, or {NO_RATE}",
        ),
        money(
            "costed_net_revenue", "Net revenue to date with every cost known", required=True, unit="reporting currency"
        ),
        money("refunded_goods", "Goods refunded to date", unit="reporting currency", null_means=NO_RATE),
        flag("is_email_reachable", "A usable e-mail address, and marketing by e-mail is granted", required=True),
        flag("is_sms_reachable", "A usable telephone number, and marketing by SMS is granted", required=True),
        flag("is_reachable", "Reachable by e-mail or SMS", required=True),
    ),
)
_MONEY = ("net_revenue", "contribution", "refunded_goods")
_PERSON = (
    "account_n",
    "is_employee",
    "acquisition_channel",
    "acquisition_campaign",
    "has_email",
    "has_phone",
    "is_email_consented",
    "is_sms_consented",
)


def _orders(inputs: Inputs, who: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Counts, days and money of a customer's orders."""
    kept_on = pl.when("is_kept").then("ordered_on")
    return (
        of_people(inputs["fct_order"], who)
        .select(
            "who",
            "is_kept",
            kept_on.alias("kept_on"),
            pl.when("is_kept").then("channel").alias("kept_channel"),
            units("costed_net_revenue_reporting").alias("costed_net_revenue"),
            *(units(f"{name}_reporting").alias(name) for name in _MONEY),
        )
        .group_by("who")
        .agg(
            pl.len().cast(pl.Int64).alias("order_n"),
            pl.col("is_kept").sum().cast(pl.Int64).alias("kept_order_n"),
            pl.col("kept_channel").drop_nulls().n_unique().cast(pl.Int64).alias("channel_n"),
            pl.col("kept_on").min().alias("first_order_on"),
            pl.col("kept_on").max().alias("last_order_on"),
            pl.col("costed_net_revenue").sum(),
            *(whole_sum(name) for name in _MONEY),
        )
        .with_columns(
            days_since("first_order_on", params).alias("tenure_days"),
            days_since("last_order_on", params).alias("recency_days"),
        )
    )


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """One row per customer; customers without orders have zero orders and zero money."""
    counts = ("order_n", "kept_order_n", "channel_n", "costed_net_revenue")
    no_orders = pl.col("order_n").is_null()
    zero = pl.lit(0, dtype=pl.Int64)
    email = pl.col("has_email") & pl.col("is_email_consented").fill_null(False)
    sms = pl.col("has_phone") & pl.col("is_sms_consented").fill_null(False)
    who = people(inputs, *_PERSON)
    made = (
        inputs["customer_lifecycle"].select("customer_id", "state"),
        inputs["customer_rfm"].select("customer_id", "tier", "segment", "rfm_type"),
    )
    return (
        who.join(_orders(inputs, who, params), on="who", how="left", maintain_order="left")
        .join(first_orders(inputs, who), on="who", how="left", maintain_order="left")
        .join(made[0], on="customer_id", how="left", maintain_order="left")
        .join(made[1], on="customer_id", how="left", maintain_order="left")
        .with_columns(
            *(pl.when(no_orders).then(zero).otherwise(pl.col(name)).alias(name) for name in (*counts, *_MONEY)),
            rate_of(pl.col("first_discount"), pl.col("first_list_value")).alias("first_discount_rate"),
            email.alias("is_email_reachable"),
            sms.alias("is_sms_reachable"),
            (email | sms).alias("is_reachable"),
            *stamp(params),
        )
    )


MART = Mart(
    code="A2",
    domain="customer",
    table=TABLE,
    questions=(
        "Who are our customers, what did they bring in to date, and in which state are they?",
        "Which high-value customers are at risk and can be reached?",
        "Do customers who began with a deep discount come back, and by which channel were they acquired?",
    ),
    example_sql=(
        "select state, tier, count(*) as customers, sum(net_revenue) as net_revenue, "
        "sum(case when is_reachable then 1 else 0 end) as reachable from marts.customer_360 "
        "group by state, tier order by net_revenue desc"
    ),
    inputs=("dim_customer", "dim_product", "fct_order", "customer_lifecycle", "customer_rfm"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test", *_PERSON),
        "dim_product": ("sku", "category_l1"),
        "fct_order": (
            *ORDER_COLUMNS,
            "ordered_on",
            "is_kept",
            "costed_net_revenue_reporting",
            *(f"{name}_reporting" for name in _MONEY),
        ),
        "customer_lifecycle": ("customer_id", "state"),
        "customer_rfm": ("customer_id", "tier", "segment", "rfm_type"),
    },
    local=local,
    relationships={"customer_id": "dim_customer.customer_id"},
)
