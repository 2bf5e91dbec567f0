"""Reversals: refunds and cancellations as one list of what orders lost, and when.

Lives here: reading `fct_refund` and `fct_cancellation` alike, and the goods that an order lost by them.
Stays out: winding a history back to a day (`asset.facts`, `ltv.orders`).

Core has every order as it stands at the as-of day: what was refunded is taken off, and of a cancelled order only its
costs are left. Undoing the reversals of later days gives what an order was worth on an earlier one, and undoing its
cancellation that it stood. A cancellation without a day is undone on none: the order never counts.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.marts import Inputs
from pipelines.marts.common import BASES, units

_KEYS = ("order_key", "customer_id", "ordered_on")
_REFUND_MONEY = ("refunded_goods", "refunded_shipping", "tax_returned", "cogs_returned")
_CANCELLED_MONEY = tuple(f"cancelled_{basis}" for basis in BASES)
REVERSAL_INPUTS = ("fct_refund", "fct_cancellation")
REVERSAL_READS: dict[str, tuple[str, ...]] = {
    "fct_refund": (
        *_KEYS, "refunded_on", "known_at", "refunded_goods", *(f"{name}_reporting" for name in _REFUND_MONEY),
    ),
    "fct_cancellation": (
        *_KEYS, "cancelled_on", "known_at", "kind", "cancelled_goods",
        *(f"{name}_reporting" for name in _CANCELLED_MONEY),
    ),
}  # fmt: skip


def reversals(inputs: Inputs) -> pl.LazyFrame:
    """What lines of orders lost: `order_key`, `ordered_on`, `reversed_on`, `known_on`, `is_cancellation`, the `goods`
    in the order's currency, and the money on each of `BASES` (units; null where a cost is not known)."""
    goods, shipping, tax, cogs = (units(f"{name}_reporting") for name in _REFUND_MONEY)
    revenue = goods + shipping - tax
    refunds = inputs["fct_refund"].select(
        "order_key",
        "ordered_on",
        pl.col("refunded_on").alias("reversed_on"),
        pl.col("known_at").dt.date().alias("known_on"),
        pl.lit(False).alias("is_cancellation"),
        units("refunded_goods").alias("goods"),
        (revenue - cogs).alias("contribution"),
        revenue.alias("net_revenue"),
    )
    cancellations = inputs["fct_cancellation"].select(
        "order_key",
        "ordered_on",
        pl.col("cancelled_on").alias("reversed_on"),
        pl.col("known_at").dt.date().alias("known_on"),
        (pl.col("kind") == "cancelled").alias("is_cancellation"),
        units("cancelled_goods").alias("goods"),
        *(units(f"cancelled_{basis}_reporting").alias(basis) for basis in BASES),
    )
    return pl.concat([refunds, cancellations])


def reversed_goods() -> pl.Expr:
    """Goods that its reversals took of an order of `fct_order`: all of one that was cancelled on a known day."""
    is_dated = pl.col("cancellation_precision") == "dated"
    return pl.when(is_dated).then(units("gross_merchandise")).otherwise(units("refunded_goods"))
