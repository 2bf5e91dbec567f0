"""Orders for valuation: the kept orders and the money of every customer, as known on any day.

Lives here: reading core once, and undoing what became known later. Stays out: summaries of customers
(`pipelines.science.histories`) and models.

Money stands in a column for each basis. An order of a day is known on that day or later; a refund or cancellation that
came later, or became known later, is undone: the order was kept then, and worth more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from pipelines.contracts.marts import Inputs, MartParams
from pipelines.marts.common import BASES, as_of, customers, of_people, people, units, whole_sum
from pipelines.marts.profit.mart_coverage import TOTAL
from pipelines.marts.reversals import REVERSAL_INPUTS, REVERSAL_READS, reversals, reversed_goods

ORDER_INPUTS = ("dim_customer", "fct_order", *REVERSAL_INPUTS, "mart_coverage")
ORDER_READS: dict[str, tuple[str, ...]] = {
    "dim_customer": ("customer_id", "is_identified", "is_test", "acquisition_channel"),
    "fct_order": (
        "order_key",
        "customer_id",
        "ordered_on",
        "status",
        "is_kept",
        "paid_on",
        "first_known_at",
        "cancellation_precision",
        "gross_merchandise",
        "refunded_goods",
        "net_revenue_reporting",
        "contribution_reporting",
    ),
    **REVERSAL_READS,
    "mart_coverage": ("dim", "headline_basis"),
}
TODAY_INPUTS = ("dim_customer", "fct_order", "mart_coverage")
TODAY_READS: dict[str, tuple[str, ...]] = {
    "dim_customer": ORDER_READS["dim_customer"],
    "fct_order": tuple(
        name for name in ORDER_READS["fct_order"] if name not in ("order_key", "paid_on", "first_known_at")
    ),
    "mart_coverage": ORDER_READS["mart_coverage"],
}
"""What `orders_today` reads."""
LEAST_KNOWN = 0.9
"""Share of the orders of a time that were known by its end; below it the export does not say, and their day counts."""


def order_rows(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """One row per order, and per day its reversals became known: what `known_by` needs, money in units.

    `order_key, customer_id, segment, basis, ordered_on, paid_on, known_on, is_kept, is_ended` (wholly refunded),
    `gross` and `reversed` (order currency), the money on each of `BASES` (null where unknown), `undone_on` (day a
    refund or cancellation became known, null without), `undone_stands` (it was the cancellation), `undone_goods`
    (order currency), `undone_contribution`, `undone_net_revenue`. `basis` is the headline one. Orders dated tomorrow
    count as of the as-of day.
    """
    who = customers(inputs).select("customer_id", pl.col("acquisition_channel").alias("segment"))
    return (
        inputs["fct_order"]
        .join(who, on="customer_id", how="inner")
        .join(_headline(inputs), how="cross")
        .join(_reversals(inputs, params), on="order_key", how="left")
        .select(
            "order_key",
            "customer_id",
            "segment",
            "basis",
            pl.min_horizontal("ordered_on", as_of(params)).alias("ordered_on"),
            pl.min_horizontal(pl.max_horizontal("ordered_on", "paid_on"), as_of(params)).alias("paid_on"),
            pl.min_horizontal(pl.col("first_known_at").dt.date(), as_of(params)).alias("known_on"),
            "is_kept",
            (pl.col("status") == "refunded").alias("is_ended"),
            units("gross_merchandise").alias("gross"),
            reversed_goods().alias("reversed"),
            *(units(f"{basis}_reporting").alias(basis) for basis in BASES),
            "undone_on",
            "undone_stands",
            "undone_goods",
            *(f"undone_{basis}" for basis in BASES),
        )
    )


def _headline(inputs: Inputs) -> pl.LazyFrame:
    """The headline basis, one row."""
    return inputs["mart_coverage"].filter(pl.col("dim") == TOTAL).select(pl.col("headline_basis").alias("basis"))


def of_first_customers(inputs: Inputs, most: int) -> Inputs:
    """The inputs with the orders of so many customers only: the first by customer_id that have an order."""
    ids, orders, upto = customers(inputs).select("customer_id").sort("customer_id").collect(), inputs["fct_order"], most
    while True:
        upto *= 2  # nearly all have an order, so a short stretch of the ids mostly holds enough
        last = pl.lit(ids["customer_id"].head(upto).max(), dtype=pl.String)
        some = orders.filter(pl.col("customer_id") <= last).collect()
        first = ids.join(some, on="customer_id", how="semi").sort("customer_id").head(most)
        if len(first) == most or upto >= len(ids):
            return {**inputs, "fct_order": some.join(first, on="customer_id", how="semi").lazy()}


def orders_today(inputs: Inputs, params: MartParams, bases: Sequence[str] = BASES) -> pl.LazyFrame:
    """Orders as known at the end of the as-of day, as `known_by` has them of that day, sorted by customer and day.

    `customer_id, segment, basis, ordered_on, is_kept` and the money on each of `bases`. Core has every order as it
    stands then, so nothing is undone and no reversal is read; `with_filled` adds what fills unknown amounts.
    """
    who = people(inputs, "acquisition_channel")
    reversed_n, gross = reversed_goods(), units("gross_merchandise")
    ended = (pl.col("status") == "refunded") & ((gross <= 0) | (reversed_n < gross))
    named = who.select("who", "customer_id", pl.col("acquisition_channel").alias("segment"))
    return (
        of_people(inputs["fct_order"], who)
        .select(
            "who",
            pl.min_horizontal("ordered_on", as_of(params)).alias("ordered_on"),
            (pl.col("is_kept") | ended.fill_null(value=False)).alias("is_kept"),
            *(units(f"{basis}_reporting").alias(basis) for basis in bases),
        )
        .sort("who", "ordered_on")
        .join(named, on="who", how="left", maintain_order="left")
        .join(_headline(inputs), how="cross", maintain_order="left")
        .drop("who")
    )


def numbered(orders: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """The customers of orders, sorted, and the orders with the place of theirs among them as `customer_id`.

    Numbers join and group far faster than text. Orders come sorted by customer, as `orders_today` has them, unless
    those of several parts of the customers stand one below the other.
    """
    if not orders["customer_id"].is_sorted():
        orders = orders.sort("customer_id", "ordered_on")
    who = orders["customer_id"].rle_id()
    names = orders.select(pl.col("customer_id").filter(pl.lit(who.diff().fill_null(1) > 0))).to_series()
    return names, orders.with_columns(who.alias("customer_id"))


def _reversals(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Reversals by order and the day they were known; core holds none that the as-of day does not know."""
    known = pl.min_horizontal(pl.max_horizontal("reversed_on", "known_on"), as_of(params))
    return (
        reversals(inputs)
        .group_by("order_key", known.alias("undone_on"))
        .agg(
            pl.col("is_cancellation").any().alias("undone_stands"),
            pl.col("goods").sum().alias("undone_goods"),
            *(whole_sum(basis).alias(f"undone_{basis}") for basis in BASES),
        )
    )


def known_by(rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """Orders as known at the end of `day`: `customer_id, segment, ordered_on, is_kept`, and by basis amount and filled.

    The amount on a basis stands in a column of its name; `filled_contribution`, … is the same, and where a cost is not
    known the net revenue at the margin of all other orders. `orders_on` makes of both `amount` and `filled`.
    """
    placed = rows.filter(pl.col("paid_on") <= pl.lit(day, dtype=pl.Date))  # never before it was placed
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
            pl.col("customer_id", "segment", "ordered_on", "is_kept", "is_ended", "gross", "reversed").first(),
            *((pl.col(basis).first() + undone(basis)).alias(basis) for basis in BASES),
            undone("goods").alias("undone_goods"),
            (pl.col("undone_stands") & later).any().alias("stands"),
        )
        .with_columns(
            pl.col("is_kept")
            | (
                (pl.col("is_ended") | pl.col("stands"))
                & ((pl.col("gross") <= 0) | (pl.col("reversed") - pl.col("undone_goods") < pl.col("gross")))
            ).fill_null(value=False)
        )
        .collect()
    )
    return with_filled(orders.select("customer_id", "segment", "ordered_on", "is_kept", *BASES))


def with_filled(orders: pl.DataFrame) -> pl.DataFrame:
    """Orders with `filled_contribution`, …: the amount, and where a cost is not known what `known_by` says."""
    return orders.with_columns(_filled(orders, basis).alias(f"filled_{basis}") for basis in BASES)


def _filled(orders: pl.DataFrame, basis: str) -> pl.Expr:
    """Amounts that are not known, at the margin of the known ones; nothing known counts as nothing earned."""
    known = orders.filter(pl.col(basis).is_not_null() & pl.col("net_revenue").is_not_null())
    earned, net = int(known[basis].sum()), int(known["net_revenue"].sum())
    margin = min(max(earned / net, -1.0), 1.0) if net > 0 else 0.0
    guess = (pl.col("net_revenue").cast(pl.Float64) * margin).round().cast(pl.Int64)
    return pl.coalesce(basis, guess, pl.lit(0, dtype=pl.Int64))


def orders_on(orders: pl.DataFrame, basis: str) -> pl.DataFrame:
    """`known_by` orders with `amount` and `filled` on one basis."""
    money = pl.col(basis).alias("amount"), pl.col(f"filled_{basis}").alias("filled")
    return orders.select("customer_id", "segment", "ordered_on", "is_kept", *money)


def bases_of(rows: pl.DataFrame) -> tuple[str, ...]:
    """The headline basis of `order_rows`, and the other one where money on it is known of any order; none of none."""
    if rows.is_empty():
        return ()
    headline = str(rows["basis"][0])
    return (headline, *(basis for basis in BASES if basis != headline and rows[basis].null_count() < len(rows)))
