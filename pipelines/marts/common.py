"""What every mart shares: its standing columns, and the few expressions all of them use.

Lives here: the columns `as_of_on`, `currency`, the estimate columns, units of money, exact rates, who counts as a
customer. Stays out: any formula of one mart.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Column, day, number, text
from pipelines.contracts.columns import flag as flag_column
from pipelines.contracts.marts import Inputs, MartParams
from pipelines.contracts.money import SCALE

AS_OF = day("as_of_on", "Day as of which the row is computed: nothing later is known to it", required=True)
CURRENCY = text("currency", "ISO 4217 code of the row's money: the reporting currency", required=True)
CUSTOMER_ID = text("customer_id", "One-ID of the person", required=True)
BASES = ("contribution", "net_revenue")
BASIS_SAYS = (
    "Basis of the money, rows for each: contribution before marketing, or net revenue. Contribution is valued from the "
    "orders whose every cost is known (asset_ledger.covered_rate: of how much revenue), and has no rows where that is "
    "so of none"
)
ESTIMATE: tuple[Column, ...] = (
    number("est", "The estimate", null_means="it is not identified; why_not says the reason"),
    number("lo", "Lower limit of the interval at the run's confidence", null_means="no interval can be stated"),
    number("hi", "Upper limit of the interval at the run's confidence", null_means="no interval can be stated"),
    text("method", "How estimate and interval are made", required=True),
    flag_column("is_identified", "The data can tell the estimate", required=True),
    text("why_not", "Why there is no estimate, or no interval", null_means="there is one"),
)
AS_TODAY = "history by the day of the order, as known at the as-of day: an order cancelled since never counted"
"""What marts say that do not look back at what was known, as the ledger and the backtests do."""
UNKNOWN = "(unknown)"
_RATE_SCALE = 1_000_000
NO_COST = "a cost is not known"
NO_RATE = "no exchange rate for the day"


def units(column: str) -> pl.Expr:
    """A money column as whole ten-thousandths (Int64); null stays null."""
    return pl.col(column).cast(pl.Decimal(38, SCALE)).to_physical().cast(pl.Int64)


def rate_of(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """`part / whole` as DECIMAL(10,6), exact, rounded half away from zero; null where `whole` is not positive."""
    wide, base = part.cast(pl.Int128), whole.cast(pl.Int128)
    halves = (wide.abs() * pl.lit(2 * _RATE_SCALE, dtype=pl.Int128) + base) // (base * pl.lit(2, dtype=pl.Int128))
    signed = pl.when(wide < 0).then(pl.lit(0, dtype=pl.Int128) - halves).otherwise(halves)
    exact = signed.cast(pl.Decimal(38, 6)) * pl.lit("0.000001").cast(pl.Decimal(38, 6))
    return pl.when(whole > 0).then(exact.cast(pl.Decimal(10, 6)))


def month_of(column: str) -> pl.Expr:
    """The first day of the month of a date column."""
    return pl.col(column).dt.truncate("1mo")


def days_from(start: str | pl.Expr, end: str | pl.Expr) -> pl.Expr:
    """Whole days from one date to another (Int64)."""
    first = pl.col(start) if isinstance(start, str) else start
    last = pl.col(end) if isinstance(end, str) else end
    return (last - first).dt.total_days()


def as_of(params: MartParams) -> pl.Expr:
    """The as-of day as a literal."""
    return pl.lit(params.as_of, dtype=pl.Date)


def days_since(column: str, params: MartParams) -> pl.Expr:
    """Days from a date to the as-of day, never negative (an order may be dated tomorrow in an eastern time zone)."""
    return days_from(column, as_of(params)).clip(lower_bound=0)


def stamp(params: MartParams) -> tuple[pl.Expr, pl.Expr]:
    """The standing columns `as_of_on` and `currency`."""
    return as_of(params).alias("as_of_on"), pl.lit(params.reporting_currency).alias("currency")


def customers(inputs: Inputs) -> pl.LazyFrame:
    """Identified customers that are not test accounts: the only ones customer metrics count."""
    return inputs["dim_customer"].filter(pl.col("is_identified") & ~pl.col("is_test"))


def people(inputs: Inputs, *columns: str) -> pl.LazyFrame:
    """Customers with `who`, their number in the order of customer_id within the inputs, and more columns if named.

    Numbers are far cheaper to join, group and sort by than ids. They hold within one call only and are never stored.
    """
    found = customers(inputs).select("customer_id", *columns).sort("customer_id").with_row_index("who")
    return found.collect().lazy()


def of_people(facts: pl.LazyFrame, who: pl.LazyFrame) -> pl.LazyFrame:
    """The facts of these customers, by `who` instead of `customer_id`."""
    numbers = who.select("customer_id", "who")
    return facts.join(numbers, on="customer_id", how="inner", maintain_order="none").drop("customer_id")


def whole_sum(column: str) -> pl.Expr:
    """The sum of a column of units; null when any value is unknown."""
    return pl.when(pl.col(column).null_count() == 0).then(pl.col(column).sum()).alias(column)
