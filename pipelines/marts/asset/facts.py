"""Facts: the orders of customers as they were known at the end of a day, dated up to a day.

Lives here: winding orders back to what was known, and the summary of customers that a valuation takes.
Stays out: values (`pipelines.science.valuation`), states (`states`) and the ledger.

Core knows orders as of the as-of day. An order counts from the day it was learnt and paid; a refund or cancellation
that was made or learnt later is undone: its money returns to the order, and an order that it ended stands again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.contracts.marts import Inputs, MartParams
from pipelines.marts.common import BASES, as_of, customers, units, whole_sum
from pipelines.marts.ltv.orders import LEAST_KNOWN
from pipelines.marts.reversals import reversals, reversed_goods
from pipelines.science.histories import order_days, summarise_days
from pipelines.science.numerics import Index

ORDER_READS = (
    "order_key", "customer_id", "account_key", "channel", "ordered_on", "paid_on", "first_known_at", "status",
    "cancellation_precision", "gross_merchandise", "refunded_goods", "net_revenue_reporting",
    "contribution_reporting",
)  # fmt: skip


def order_rows(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Every order of a customer (see `common.customers`), as core knows it; money in whole ten-thousandths.

    Core knows nothing after the as-of day: a later local date is that of an eastern time zone, and becomes that day.
    """
    who = customers(inputs).select("customer_id", pl.col("acquisition_channel").alias("segment"))
    return (
        inputs["fct_order"]
        .join(who, on="customer_id", how="inner", maintain_order="none")
        .select(
            "order_key",
            "customer_id",
            "account_key",
            "channel",
            _by_then("ordered_on", params),
            pl.min_horizontal(pl.max_horizontal("ordered_on", "paid_on"), as_of(params)).alias("paid_on"),
            _by_then("first_known_at", params).alias("known_on"),
            pl.col("status").is_in(["paid", "refunded"]).alias("is_paid"),
            units("gross_merchandise").fill_null(0).alias("gross"),
            reversed_goods().fill_null(0).alias("reversed"),
            *(units(f"{basis}_reporting").alias(basis) for basis in BASES),
            "segment",
        )
    )


def reversal_rows(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Reversals by order and day, as far as a month-end can lie between the order and the reversal or its news."""
    made, known = _by_then("reversed_on", params), _by_then("known_on", params)
    month = pl.col("ordered_on").dt.truncate("1mo")
    return (
        reversals(inputs)
        .filter((made.dt.truncate("1mo") > month) | (known.dt.truncate("1mo") > month))
        .select("order_key", made, known, "is_cancellation", pl.col("goods").alias("reversed"), *BASES)
        .group_by("order_key", "reversed_on", "known_on")
        .agg(pl.col("is_cancellation").any(), pl.col("reversed").sum(), *(whole_sum(basis) for basis in BASES))
    )


def _by_then(column: str, params: MartParams) -> pl.Expr:
    return pl.min_horizontal(pl.col(column).cast(pl.Date), as_of(params)).alias(column)


def _named(orders: pl.DataFrame, also: pl.Series | None, *, by_day: bool) -> pl.Series:
    """The ids of the customers, in the order of their numbers."""
    days = orders.select("customer_id", "ordered_on")
    if also is not None:
        days = pl.concat([days, also.alias("customer_id").to_frame()], how="diagonal")
    first = days.lazy().group_by("customer_id").agg(pl.col("ordered_on").min())
    keys = ["ordered_on", "customer_id"] if by_day else ["customer_id"]
    return first.sort(keys, nulls_last=False).collect()["customer_id"]


def _is_told(orders: pl.DataFrame) -> bool:
    """Whether the exports say when orders were learnt of: nearly all in the month they were placed.

    A history that was exported at once, on a declared day, says nothing of earlier days: then every fact counts as
    known on its own day.
    """
    soon = (pl.col("known_on") <= pl.col("ordered_on").dt.month_end()).sum()
    return bool(orders.select(soon >= LEAST_KNOWN * pl.len()).item())


@dataclass(frozen=True)
class Facts:
    """Orders and reversals (refunds, cancellations) of customers by number.

    Whether an order is kept is told in its own currency, so `gross` and `reversed` are in that; money stands in a
    column for each of `BASES`, null where it is not known.
    `orders`: customer_id (Int64 number), account_key, channel, ordered_on, known_on, is_paid, gross, reversed, money,
    segment, order (number). `reversals`: order, customer_id, reversed_on, known_on, is_cancellation, reversed, money.
    `names` are the customer_ids by number.
    """

    names: pl.Series
    orders: pl.DataFrame
    reversals: pl.DataFrame
    segments: pl.DataFrame

    @classmethod
    def of(
        cls, orders: pl.DataFrame, reversals: pl.DataFrame, also: pl.Series | None = None, *, by_day: bool = False
    ) -> Facts:
        """From `order_rows` and `reversal_rows`; `also` names customers that have no orders any more.

        Customers are numbered in the order of their ids, or `by_day` in that of their first order: those without any
        come first, and all that have one by some day stand together.
        """
        learnt = "known_on" if _is_told(orders) else "ordered_on"
        if learnt != "known_on":
            reversals = reversals.with_columns(pl.col("reversed_on").alias("known_on"))
        orders = orders.with_columns(pl.max_horizontal(learnt, "paid_on").alias("known_on")).drop("paid_on")
        names = _named(orders, also, by_day=by_day)
        numbers = pl.DataFrame({"customer_id": names}).with_row_index("who").with_columns(pl.col("who").cast(pl.Int64))
        rows = (
            orders.join(numbers, on="customer_id", maintain_order="none")
            .with_row_index("order")
            .with_columns(pl.col("who").alias("customer_id"))
            .drop("who")
        )
        taken = reversals.join(rows.select("order_key", "order", "customer_id"), on="order_key", maintain_order="none")
        segments = rows.group_by("customer_id").agg(pl.col("segment").min()).sort("customer_id")
        return cls(names, rows.drop("order_key"), taken.drop("order_key"), segments)

    def upto(self, day: date) -> int:
        """How many customers, from the first on, are all that have an order dated up to a day."""
        last = self.orders.lazy().filter(pl.col("ordered_on") <= day).select(pl.col("customer_id").max()).collect()
        return 0 if last.item() is None else int(last.item()) + 1

    def kinds(self) -> tuple[list[str | None], Index]:
        """The segments there are, and by customer number the place of its own among them."""
        names = [None, *self.segments["segment"].drop_nulls().unique().sort()]
        places = {name: place for place, name in enumerate(names)}
        kind = np.zeros(len(self.names), dtype=np.int64)
        told = self.segments["segment"].replace_strict(places, return_dtype=pl.Int64)
        kind[self.segments["customer_id"].to_numpy()] = told.to_numpy()
        return names, kind

    def owned_by(self, accounts: pl.DataFrame) -> Facts:
        """The same orders by the persons that accounts (account_key, customer_id number) belonged to; else as now."""
        named = accounts.select("account_key", pl.col("customer_id").alias("then"))
        orders = self.orders.join(named, on="account_key", how="left", maintain_order="left")
        orders = orders.with_columns(pl.coalesce("then", "customer_id").alias("customer_id")).drop("then")
        return Facts(self.names, orders, self.reversals, self.segments)

    def known(self, dated_to: date, known_to: date) -> pl.DataFrame:
        """Orders dated up to a day as known at the end of another.

        Columns: customer_id, ordered_on, channel, is_kept, and the money on each of `BASES`. Money that a reversal took
        and that is not known (the cost of returned goods) leaves that of the order before it unknown.
        """
        undone = (
            self.reversals.lazy()
            .filter((pl.col("reversed_on") > dated_to) | (pl.col("known_on") > known_to))
            .group_by("order")
            .agg(
                pl.col("reversed").sum().alias("undone"),
                pl.col("is_cancellation").any().alias("stands"),
                *(whole_sum(basis) for basis in BASES),
            )
        )
        lost = pl.col("reversed") - pl.col("undone").fill_null(0)
        is_paid = pl.col("is_paid") | pl.col("stands").fill_null(value=False)
        before = pl.when(pl.col("undone").is_null()).then(pl.lit(0, dtype=pl.Int64))
        return (
            self.orders.lazy()
            .filter((pl.col("ordered_on") <= dated_to) & (pl.col("known_on") <= known_to))
            .join(undone, on="order", how="left", maintain_order="none", suffix="_back")
            .select(
                "customer_id",
                "ordered_on",
                "channel",
                (is_paid & ((pl.col("gross") <= 0) | (lost < pl.col("gross")))).alias("is_kept"),
                *(pl.col(basis) + before.otherwise(f"{basis}_back") for basis in BASES),
            )
            .collect()
        )

    def late(self, dated_to: date, known_from: date, known_to: date) -> pl.Series:
        """Customers with a fact dated up to a day that was learnt after `known_from` and by `known_to`."""
        when = pl.col("known_on").is_between(known_from, known_to, closed="right")
        return self._with(
            when & (pl.col("ordered_on") <= dated_to),
            when & (pl.col("reversed_on") <= dated_to),
        )

    def touched(self, since: date, until: date) -> pl.Series:
        """Customers of whom something happened, or was learnt, after a day and up to another."""

        def news(column: str) -> pl.Expr:
            return pl.col(column).is_between(since, until, closed="right")

        return self._with(news("ordered_on") | news("known_on"), news("reversed_on") | news("known_on"))

    def _with(self, of_orders: pl.Expr, of_reversals: pl.Expr) -> pl.Series:
        orders = self.orders.lazy().filter(of_orders).select("customer_id")
        others = self.reversals.lazy().filter(of_reversals).select("customer_id")
        return pl.concat([orders, others]).unique().collect()["customer_id"].sort()

    def only(self, some: pl.Series) -> Facts:
        """The facts of some customers."""
        wanted = np.zeros(len(self.names), dtype=bool)
        wanted[some.to_numpy()] = True

        def mine(rows: pl.DataFrame) -> pl.DataFrame:
            return rows.filter(pl.Series(wanted[rows["customer_id"].to_numpy()]))

        return Facts(self.names, mine(self.orders), mine(self.reversals), mine(self.segments))

    def summary(self, dated_to: date, known_to: date) -> pl.DataFrame:
        """A `summarise_days` frame of those orders on `BASES`, by number, with `segment`, `last_gap_days` and first
        `channel`."""
        orders = self.known(dated_to, known_to)
        return self.summary_of(orders, order_days(orders, BASES), dated_to)

    def summary_of(self, orders: pl.DataFrame, days: pl.DataFrame, dated_to: date) -> pl.DataFrame:
        """`summary` from `known` orders and their `order_days`."""
        summary = summarise_days(days, dated_to, BASES)
        who, is_last = "customer_id", (pl.col("customer_id") != pl.col("customer_id").shift(-1)).fill_null(value=True)
        bought = days.lazy().filter("is_purchase").with_columns(
            pl.when(pl.col(who) == pl.col(who).shift(1))
            .then((pl.col("ordered_on") - pl.col("ordered_on").shift(1)).dt.total_days())
            .alias("last_gap_days")
        )  # fmt: skip
        gaps = bought.filter(is_last).select(who, "last_gap_days")
        first = summary.lazy().select(who, pl.col("first_on").alias("ordered_on"))
        begun = orders.lazy().filter("is_kept").join(first, on=[who, "ordered_on"], how="semi", maintain_order="none")
        channels = begun.group_by(who).agg(pl.col("channel").min())
        return (
            summary.lazy()
            .join(self.segments.lazy(), on=who, how="left", maintain_order="left")
            .join(channels, on=who, how="left", maintain_order="left")
            .join(gaps, on=who, how="left", maintain_order="left")
            .collect()
        )

    def summary_after(self, before: pl.DataFrame, since: date, until: date) -> pl.DataFrame:
        """`summary` of one day for both, from that of an earlier day: only customers with news are summarised."""
        some = self.touched(since, until)
        age = (pl.lit(until, dtype=pl.Date) - pl.col("first_on")).dt.total_days().alias("age")
        return replaced(before.with_columns(age), self.only(some).summary(until, until), some)


def replaced(summary: pl.DataFrame, again: pl.DataFrame, some: pl.Series) -> pl.DataFrame:
    """A summary in which the rows of `some` customers are those of another."""
    kept = summary.filter(~pl.col("customer_id").is_in(some.implode()))
    return pl.concat([kept, again]).sort("customer_id")


def covered(orders: pl.DataFrame) -> dict[str, float | None]:
    """By basis, the share of the net revenue of `known` orders whose money on it is known; None without revenue."""
    net = pl.col("net_revenue")
    sums = orders.select(net.sum().alias("whole"), *(net.filter(pl.col(b).is_not_null()).sum().alias(b) for b in BASES))
    whole, *parts = sums.row(0)
    return {basis: part / whole if whole > 0 else None for basis, part in zip(BASES, parts, strict=True)}
