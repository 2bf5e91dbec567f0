"""The facts of the synthetic company: what its lines, refunds and cancellations come to, in the types of core.

Lives here: economics of lines, orders with their sums, refunds, cancellations, and when each was known and paid.
Stays out: who ordered what (`marts_core`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from pipelines.contracts.core import WATERFALL
from pipelines.contracts.money import from_units

if TYPE_CHECKING:
    from support.marts_core import Shape

COSTS = ("cogs", "platform_fee", "payment_fee", "commission", "fulfilment")
LINES = tuple(name for name, _, _ in WATERFALL)
CANCELLED_PARTS = tuple(
    f"cancelled_{name}" for name in ("goods", "shipping", "tax", "cogs", "net_revenue", "contribution")
)
REFUND_PARTS = ("refunded_goods", "refunded_shipping", "tax_returned", "cogs_returned")


def cancellations(shape: Shape, lines: pl.DataFrame) -> pl.DataFrame:
    """What every second cancelled order was worth while it stood; of every third of them 30 % went back half-way."""
    number = pl.col("order_key").str.extract(r"(\d+)$").cast(pl.Int64)
    wait = number * 7919 % max(shape.longest_cancellation_days, 1)
    dated = (pl.col("status") == "cancelled") & (number % 2 == 0) & (shape.longest_cancellation_days > 0)
    costs = pl.all_horizontal(f"{name}_known" for name in COSTS)
    goods = pl.col("gross_merchandise")
    whole = lines.filter(dated).with_columns(
        wait.alias("wait"),
        (number % 3 == 0).alias("in_two"),
        goods.alias("cancelled_goods"),
        pl.col("shipping_charged").alias("cancelled_shipping"),
        (goods * 7 // 107).alias("cancelled_tax"),
        (goods * 38 // 100).alias("cancelled_cogs"),
    )
    parts = CANCELLED_PARTS[:4]
    first = pl.col(parts) * 30 // 100 * pl.col("in_two")
    early = whole.filter("in_two").with_columns(
        pl.lit("refunded").alias("kind"), pl.col("wait") // 2, first,
        pl.concat_str(pl.lit("r/"), "order_line_key").alias("cancellation_key"),
    )  # fmt: skip
    rest = whole.with_columns(
        pl.lit("cancelled").alias("kind"), pl.col(parts) - first, pl.col("order_key").alias("cancellation_key")
    )
    net = pl.col("cancelled_goods") + pl.col("cancelled_shipping") - pl.col("cancelled_tax")
    return (
        pl.concat([early, rest])
        .with_columns(
            (pl.col("ordered_on") + pl.duration(days="wait")).alias("cancelled_on"),
            net.alias("cancelled_net_revenue"),
            pl.when(costs).then(net - pl.col("cancelled_cogs")).alias("cancelled_contribution"),
            pl.when("cogs_known").then("cancelled_cogs").alias("cancelled_cogs"),
        )
        .filter((pl.col("ordered_on") + pl.duration(days=wait)) <= shape.as_of)
        .with_columns(known_at(shape, "order_key", pl.col("cancelled_on")).alias("known_at"))
    )


def known_at(shape: Shape, key: str, day: pl.Expr) -> pl.Expr:
    """Up to `late_days` after the day, the same for equal keys."""
    wait = pl.col(key).str.extract_all(r"\d").list.join("").cast(pl.Int64) * 7919 % (shape.late_days + 1)
    return pl.min_horizontal(day + pl.duration(days=wait), pl.lit(shape.as_of)).cast(pl.Datetime("us"))


def paid_on(shape: Shape) -> pl.Expr:
    """The day of the payment; of cancelled orders that had been paid the day of the order."""
    number = pl.col("order_key").str.extract_all(r"\d").list.join("").cast(pl.Int64)
    wait = pl.when((number % 5 == 0) & (pl.col("status") == "paid")).then(number * 7919 % (shape.late_payment_days + 1))
    paid = pl.col("ordered_on") + pl.duration(days=wait.otherwise(0))
    return pl.when(pl.col("status") != "pending").then(pl.min_horizontal(paid, pl.lit(shape.as_of)))


def economics(lines: pl.DataFrame, refunds: pl.DataFrame) -> pl.DataFrame:
    returned = refunds.group_by("order_line_key").agg(pl.col(REFUND_PARTS).sum())
    known = pl.all_horizontal(f"{name}_known" for name in COSTS)
    return (
        lines.join(returned, on="order_line_key", how="left", maintain_order="left")
        .with_columns(pl.col(REFUND_PARTS).fill_null(0))
        .with_columns(
            pl.col("tax") - pl.col("tax_returned"),
            pl.col("cogs") - pl.col("cogs_returned"),
            (pl.col("status") == "paid").alias("is_kept"),
        )
        .with_columns(
            (
                pl.col("gross_merchandise")
                + pl.col("shipping_charged")
                - pl.col("cancelled")
                - pl.col("refunded_goods")
                - pl.col("refunded_shipping")
                - pl.col("tax")
            ).alias("net_revenue")
        )
        .with_columns(pl.when(f"{name}_known").then(name).alias(name) for name in COSTS)
        .with_columns(
            pl.when(known).then(pl.col("net_revenue") - pl.sum_horizontal(*COSTS, "incentives")).alias("contribution"),
            known.alias("is_costed"),
            pl.col("cogs_known").alias("is_cogs_known"),
            pl.all_horizontal("platform_fee_known", "payment_fee_known", "commission_known").alias("is_fees_known"),
            pl.col("fulfilment_known").alias("is_fulfilment_known"),
        )
    )


def money(names: tuple[str, ...]) -> list[pl.Expr]:
    """Amounts in both currencies; the reporting one is null where the order has no rate."""
    return [
        expression
        for name in names
        for expression in (
            from_units(name).alias(name),
            from_units(pl.when(~pl.col("no_rate")).then(pl.col(name))).alias(f"{name}_reporting"),
        )
    ]


HAS_TWO = pl.col("customer_id").str.contains("[0-7]$")
KEYS = [
    pl.when(HAS_TWO & (pl.col("channel") == "pos"))
    .then(pl.concat_str(pl.lit("pos/"), "customer_id"))
    .otherwise(pl.concat_str(pl.lit("web/"), "customer_id"))
    .alias("account_key"),
    pl.lit("USD").alias("currency"),
    pl.lit("USD").alias("reporting_currency"),
]


def order_facts(
    shape: Shape, orders: pl.DataFrame, economics: pl.DataFrame, refunds: pl.DataFrame, cancellations: pl.DataFrame
) -> pl.DataFrame:
    names = (
        "list_value",
        "markdown",
        "merchant_discount",
        "gross_merchandise",
        "refunded_goods",
        "net_revenue",
    )
    sums = economics.group_by("order_key").agg(
        pl.col(names).sum(),
        pl.when(pl.col("contribution").null_count() == 0).then(pl.col("contribution").sum()).alias("contribution"),
        pl.when(~pl.col("no_rate")).then(pl.when("is_costed").then("net_revenue")).sum().alias("costed"),
        pl.struct(-pl.col("gross_merchandise"), "sku").sort().first().struct.field("sku").alias("first_sku"),
    )
    wholly = (pl.col("gross_merchandise") > 0) & (pl.col("refunded_goods") >= pl.col("gross_merchandise"))
    precise = refunds.group_by("order_key").agg((pl.col("refund_precision") == "dated").any().alias("dated"))
    facts = (
        orders.join(sums, on="order_key")
        .join(precise, on="order_key", how="left")
        .with_columns(((pl.col("status") == "paid") & ~wholly).alias("is_kept"))
    )
    ordinal = (
        facts.filter("is_kept")
        .sort("ordered_at", "order_key")
        .select("order_key", pl.int_range(1, pl.len() + 1).over("customer_id").alias("kept_order_n"))
    )
    return facts.join(ordinal, on="order_key", how="left").with_columns(
        *KEYS,
        known_at(shape, "order_key", pl.col("ordered_on")).alias("known_at"),
        known_at(shape, "order_key", pl.col("ordered_on")).alias("first_known_at"),
        paid_on(shape).alias("paid_on"),
        pl.when(pl.col("order_key").is_in(cancellations["order_key"].implode()))
        .then(pl.lit("dated"))
        .when(pl.col("status") == "cancelled")
        .then(pl.lit("order"))
        .otherwise(pl.lit("none"))
        .alias("cancellation_precision"),
        pl.lit(None, dtype=pl.String).alias("store_id"),
        pl.lit(None, dtype=pl.String).alias("attributed_campaign_id"),
        pl.when("dated")
        .then(pl.lit("dated"))
        .when(pl.col("dated").is_null())
        .then(pl.lit("none"))
        .otherwise(pl.lit("order"))
        .alias("refund_precision"),
        pl.when((pl.col("status") == "paid") & wholly).then(pl.lit("refunded")).otherwise("status").alias("status"),
        from_units(pl.col("costed").fill_null(0)).alias("costed_net_revenue_reporting"),
        *money((*names, "contribution")),
    )


def line_facts(economics: pl.DataFrame) -> pl.DataFrame:
    return economics.with_columns(
        *KEYS, pl.lit(True).alias("is_list_price_known"), pl.col("qty").cast(pl.Decimal(18, 6)), *money(LINES)
    )


def refund_facts(refunds: pl.DataFrame) -> pl.DataFrame:
    return refunds.with_columns(*KEYS, *money(REFUND_PARTS))
