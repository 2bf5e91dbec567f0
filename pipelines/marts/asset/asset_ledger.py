"""A3: the customer base as an account: opening, what changed it, closing; whole and by dimension.

Lives here: the mart `asset_ledger`. Stays out: the steps of each customer (`customer_asset`).

A movement is booked on the member (channel, tier, cohort) that the customer belonged to at the opening; that of a new
customer on the member at the close. Who changed member in the period moves in the line `reclassified`, with the closing
value: out of the one, into the other, 0 in total. So the lines of every member sum to its closing, which is its next
opening.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.asset.lines import CLOSING, MOVEMENTS, OPENING, ORDER, RECLASSIFIED, REVISIONS
from pipelines.marts.common import AS_OF, BASES, CURRENCY, UNKNOWN, stamp, units
from pipelines.marts.profit.mart_coverage import TOTAL

DIMS = {"channel": "channel", "tier": "tier", "cohort": "cohort_on"}
"""Dimensions, and the column of `customer_asset` after opening_ and closing_."""

TABLE = Table(
    "asset_ledger",
    "A line of the asset ledger for a period and a member of a dimension.",
    ("period_on", "dim", "dim_value", "line"),
    (
        day("period_on", "End of the period: a month-end, or the as-of day for the last one", required=True),
        text("dim", "Dimension; every dimension sums to 'total'", required=True, values=(TOTAL, *DIMS)),
        text(
            "dim_value",
            "channel: of the first kept order; tier: value tier; cohort: month of the first kept order; '(unknown)' "
            "for customers that lost their only order before it was counted",
            required=True,
        ),
        text("line", "Line of the ledger", required=True, values=ORDER),
        integer("position", "Place of the line in the ledger, from 1", required=True),
        text("basis", "Basis of the money: the headline basis", required=True, values=BASES),
        money("amount", "Value, or change of value", required=True, unit="reporting currency"),
        integer("customer_n", "Customers with an amount in the line", required=True, unit="customers"),
        integer(
            "head_n",
            "Customers in the base (a kept order, and not churned), or the change of their number by the line",
            required=True,
            unit="customers",
        ),
        AS_OF,
        CURRENCY,
    ),
)
_KEYS = ("period_on", "basis", "dim", "dim_value")
_FIGURES = ("amount", "customer_n", "head_n")


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Sums of the bucket's customers, by dimension."""
    rows = inputs["customer_asset"].with_columns(
        units(f"{name}_amount").alias(f"{name}_amount") for name in ("opening", *_STEPS, "closing")
    )
    members = {TOTAL: (pl.lit(TOTAL), pl.lit(TOTAL))} | {
        dim: tuple(pl.col(f"{when}_{column}").cast(pl.String) for when in ("opening", "closing"))
        for dim, column in DIMS.items()
    }
    return pl.concat([part for dim, (opened, closed) in members.items() for part in _sums(rows, dim, opened, closed)])


_STEPS = tuple(dict.fromkeys(line.step for line in MOVEMENTS))


def _sums(rows: pl.LazyFrame, dim: str, opened: pl.Expr, closed: pl.Expr) -> list[pl.LazyFrame]:
    """The lines of a dimension: opening and movements at the booked member, closing at the member of the close."""
    booked, after = pl.coalesce(opened, closed, pl.lit(UNKNOWN)), pl.coalesce(closed, opened, pl.lit(UNKNOWN))
    rows = rows.with_columns(pl.lit(dim).alias("dim"), booked.alias("booked"), after.alias("after"))
    moved = rows.filter(pl.col("booked") != pl.col("after"))
    out, back = (
        moved.with_columns(
            pl.lit(RECLASSIFIED).alias("line"), pl.col(at).alias("dim_value"), pl.lit(sign).alias("sign")
        )
        for at, sign in (("booked", -1), ("after", 1))
    )
    at_booked = rows.with_columns(pl.col("booked").alias("dim_value"), pl.lit(1).alias("sign"))
    at_close = rows.with_columns(pl.col("after").alias("dim_value"), pl.lit(1).alias("sign"))
    return [
        _line(at_booked.with_columns(pl.lit(OPENING).alias("line")), "opening"),
        *(_line(at_booked.with_columns(pl.lit(line.name).alias("line")), line.step) for line in REVISIONS),
        _line(at_booked.with_columns(pl.col("behaviour").alias("line")), "behaviour"),
        _line(out, "closing"),
        _line(back, "closing"),
        _line(at_close.with_columns(pl.lit(CLOSING).alias("line")), "closing"),
    ]


def _line(rows: pl.LazyFrame, step: str) -> pl.LazyFrame:
    """Sums by member and line of a step's amounts; only customers that it touches are counted."""
    amount, head, sign = pl.col(f"{step}_amount"), pl.col(f"{step}_head_n"), pl.col("sign").cast(pl.Int64)
    return rows.group_by(*_KEYS, "line").agg(
        (amount * sign).sum().alias("amount"),
        (amount != 0).sum().cast(pl.Int64).alias("customer_n"),
        (head * sign).sum().alias("head_n"),
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The sums themselves: they add up over buckets."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Every line of every member that a period knows, 0 where nothing happened."""
    sums = parts.group_by(*_KEYS, "line").agg(pl.col(_FIGURES).sum())
    lines = pl.LazyFrame({"line": ORDER, "position": range(1, len(ORDER) + 1)}, schema_overrides={"position": pl.Int64})
    return (
        sums.select(_KEYS)
        .unique()
        .join(lines, how="cross")
        .join(sums, on=[*_KEYS, "line"], how="left", maintain_order="none")
        .with_columns(pl.col(_FIGURES).fill_null(0), *stamp(params))
    )


MART = Mart(
    code="A3l",
    domain="asset",
    table=TABLE,
    questions=(
        "Is the customer base growing in value, and from what?",
        "How much value left with customers who churned, and how much came with new ones, by channel?",
        "How much of the change is late data, identity or a new model, and not business at all?",
    ),
    example_sql=(
        "select period_on, line, amount, customer_n from marts.asset_ledger "
        "where dim = 'total' order by period_on desc, position limit 14"
    ),
    inputs=("customer_asset",),
    reads={
        "customer_asset": (
            "customer_id",
            "period_on",
            "basis",
            "behaviour",
            *(f"{step}_{what}" for step in ("opening", *_STEPS, "closing") for what in ("amount", "head_n")),
            *(f"{when}_{column}" for column in DIMS.values() for when in ("opening", "closing")),
        )
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
