"""The first kept order of a customer: where, what, and how deep the discount.

Lives here: one frame that customer_360 and cohort_retention share. Stays out: the marts themselves.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.marts import Inputs
from pipelines.marts.common import of_people, units

ORDER_COLUMNS = (
    "customer_id",
    "channel",
    "kept_order_n",
    "first_sku",
    "list_value_reporting",
    "markdown_reporting",
    "merchant_discount_reporting",
)
"""Columns of `fct_order` that are read here."""


def first_orders(inputs: Inputs, who: pl.LazyFrame) -> pl.LazyFrame:
    """One row per customer in `who` (see `common.people`) with a kept order.

    `first_channel`, `first_sku`, `first_category`, and in whole ten-thousandths `first_discount` and
    `first_list_value` (null without a rate).
    """
    products = inputs["dim_product"].select(
        pl.col("sku").alias("first_sku"), pl.col("category_l1").alias("first_category")
    )
    return (
        of_people(inputs["fct_order"].filter(pl.col("kept_order_n") == 1), who)
        .select(
            "who",
            pl.col("channel").alias("first_channel"),
            "first_sku",
            (units("markdown_reporting") + units("merchant_discount_reporting")).alias("first_discount"),
            units("list_value_reporting").alias("first_list_value"),
        )
        .join(products, on="first_sku", how="left", maintain_order="none")
    )
