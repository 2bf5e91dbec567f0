"""Orders for valuation: the kept orders and the money of every customer, as known on any day.

Lives here: reading core once, and undoing what became known later. Stays out: summaries of customers
(`pipelines.science.histories`) and models.

Money is on the headline basis. An order of a day is known on that day or later; a refund that came later, or became
known later, is undone: the order was kept then, and worth more.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from pipelines.contracts.marts import Inputs, MartParams
from pipelines.marts.common import as_of, customers, units
from pipelines.marts.profit.mart_coverage import TOTAL

ORDER_INPUTS = ("dim_customer", "fct_order", "fct_refund", "mart_coverage")
ORDER_READS: dict[str, tuple[str, ...]] = {
    "dim_customer": ("customer_id", "is_identified", "is_test", "acquisition_channel"),
    "fct_order": (
        "order_key",
        "customer_id",
        "ordered_on",
        "status",
        "is_kept",
        "known_at",
        "gross_merchandise",
        "refunded_goods",
        "net_revenue_reporting",
        "contribution_reporting",
    ),
    "fct_refund": (
        "order_key",
        "customer_id",
        "refunded_on",
        "known_at",
        "refunded_goods",
        "refunded_goods_reporting",
        "refunded_shipping_reporting",
        "tax_returned_reporting",
        "cogs_returned_reporting",
    ),
    "mart_coverage": ("dim", "headline_basis"),
}
LEAST_KNOWN = 0.9
"""Share of the orders of a time that were known by its end; below it the export does not say, and their day counts."""


def order_rows(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """One row per order, and per day its refunds became known: what `known_by` needs, money in units.

    `order_key, customer_id, segment, basis, ordered_on, known_on, is_kept, is_wholly_refunded, gross, refunded`
    (order currency), `amount` (on the headline basis, null where unknown), `net`, `undone_on` (day a refund became
    known, null without), `undone_goods` (order currency), `undone_amount`, `undone_net`. Orders dated tomorrow count as
    of the as-of day.
    """
    who = customers(inputs).select("customer_id", pl.col("acquisition_channel").alias("segment"))
    headline = inputs["mart_coverage"].filter(pl.col("dim") == TOTAL).select(pl.col("headline_basis").alias("basis"))
    is_contribution = pl.col("basis") == "contribution"
    back = pl.col("undone_net") - pl.when(is_contribution).then("cogs_returned").otherwise(pl.lit(0, dtype=pl.Int64))
    return (
        inputs["fct_order"]
        .join(who, on="customer_id", how="inner")
        .join(headline, how="cross")
        .join(_refunds(inputs, params), on="order_key", how="left")
        .select(
            "order_key",
            "customer_id",
            "segment",
            "basis",
            pl.min_horizontal("ordered_on", as_of(params)).alias("ordered_on"),
            pl.min_horizontal(pl.col("known_at").dt.date(), as_of(params)).alias("known_on"),
            "is_kept",
            (pl.col("status") == "refunded").alias("is_wholly_refunded"),
            units("gross_merchandise").alias("gross"),
            units("refunded_goods").alias("refunded"),
            pl.when(is_contribution)
            .then(units("contribution_reporting"))
            .otherwise(units("net_revenue_reporting"))
            .alias("amount"),
            units("net_revenue_reporting").alias("net"),
            "undone_on",
            "undone_goods",
            back.alias("undone_amount"),
            "undone_net",
        )
    )


def _refunds(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Refunds by order and the day they were known; core holds none that the as-of day does not know."""
    known = pl.min_horizontal(pl.max_horizontal("refunded_on", pl.col("known_at").dt.date()), as_of(params))
    goods, shipping, tax = (
        units(f"{name}_reporting") for name in ("refunded_goods", "refunded_shipping", "tax_returned")
    )
    return (
        inputs["fct_refund"]
        .group_by("order_key", known.alias("undone_on"))
        .agg(
            units("refunded_goods").sum().alias("undone_goods"),
            (goods + shipping - tax).sum().alias("undone_net"),
            pl.when(pl.col("cogs_returned_reporting").null_count() == 0)
            .then(units("cogs_returned_reporting").sum())
            .alias("cogs_returned"),
        )
    )


def known_by(rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """Orders as known at the end of `day`: `customer_id, segment, ordered_on, is_kept, amount, filled`.

    `filled` is the amount, and where a cost is not known the net revenue at the margin of all other orders.
    """
    placed = rows.filter(pl.col("ordered_on") <= pl.lit(day, dtype=pl.Date))
    is_told = pl.col("known_on") <= pl.lit(day, dtype=pl.Date)
    known_n, placed_n = placed.filter(is_told).height, placed.height
    if known_n >= LEAST_KNOWN * placed_n:
        placed = placed.filter(is_told)
    later = pl.col("undone_on") > pl.lit(day, dtype=pl.Date)

    def undone(name: str) -> pl.Expr:
        unknown = later & pl.col(f"undone_{name}").is_null()
        return pl.when(unknown.any()).then(None).otherwise(pl.col(f"undone_{name}").filter(later).sum())

    orders = (
        placed.lazy()
        .group_by("order_key")
        .agg(
            pl.col(
                "customer_id", "segment", "ordered_on", "is_kept", "is_wholly_refunded", "gross", "refunded"
            ).first(),
            (pl.col("amount").first() + undone("amount")).alias("amount"),
            (pl.col("net").first() + undone("net")).alias("net"),
            undone("goods").alias("undone_goods"),
        )
        .with_columns(
            pl.col("is_kept")
            | (
                pl.col("is_wholly_refunded")
                & (pl.col("refunded") - pl.col("undone_goods") < pl.col("gross")).fill_null(False)
            )
        )
        .collect()
    )
    return _filled(orders).select("customer_id", "segment", "ordered_on", "is_kept", "amount", "filled")


def _filled(orders: pl.DataFrame) -> pl.DataFrame:
    """Amounts that are not known, at the margin of the known ones; nothing known counts as nothing earned."""
    known = orders.filter(pl.col("amount").is_not_null() & pl.col("net").is_not_null())
    earned, net = int(known["amount"].sum()), int(known["net"].sum())
    margin = min(max(earned / net, -1.0), 1.0) if net > 0 else 0.0
    guess = (pl.col("net").cast(pl.Float64) * margin).round().cast(pl.Int64)
    return orders.with_columns(pl.coalesce("amount", guess, pl.lit(0, dtype=pl.Int64)).alias("filled"))
