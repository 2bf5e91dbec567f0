"""A3: the customer base as an account: opening, what changed it, closing; whole and by dimension.

Lives here: the mart `asset_ledger`. Stays out: the steps of each customer (`customer_asset`).

A movement is booked on the member (channel, tier, cohort) that the customer belonged to at the opening; that of a new
customer on the member at the close. Who changed member in the period moves in the line `reclassified`, with the closing
value: out of the one, into the other, 0 in total. So the lines of every member sum to its closing, which is its next
opening.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams, Sums
from pipelines.marts.asset.lines import CLOSING, MOVEMENTS, OPENING, ORDER, PERIOD_SAYS, RECLASSIFIED, REVISIONS
from pipelines.marts.common import AS_OF, BASES, BASIS_SAYS, CURRENCY, UNKNOWN, stamp
from pipelines.marts.profit.mart_coverage import TOTAL

DIMS = {"channel": "channel", "tier": "tier", "cohort": "cohort_on"}
"""Dimensions, and the column of `customer_asset` after opening_ and closing_."""
MEMBERS = tuple(f"{when}_{column}" for column in DIMS.values() for when in ("opening", "closing"))
"""The columns of `customer_asset` that say which members a customer went from and to."""

TABLE = Table(
    "asset_ledger",
    "A line of the asset ledger for a period and a member of a dimension.",
    ("period_on", "dim", "dim_value", "basis", "line"),
    (
        day("period_on", PERIOD_SAYS, required=True),
        text("dim", "Dimension; every dimension sums to 'total'", required=True, values=(TOTAL, *DIMS)),
        text(
            "dim_value",
            "channel: of the first kept order; tier: value tier, on the headline basis; cohort: month of the first "
            "kept order; '(unknown)' for customers that lost their only order before it was counted",
            required=True,
        ),
        text("line", "Line of the ledger", required=True, values=ORDER),
        integer("position", "Place of the line in the ledger, from 1", required=True),
        text("basis", BASIS_SAYS, required=True, values=BASES),
        rate(
            "covered_rate",
            "Share of the net revenue of all orders whose amount on the basis is known, at the review in force: how "
            "much of the orders the value of an order was learnt from",
            null_means="net revenue was not positive, or the review was published before coverage was kept",
        ),
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


_STEPS = tuple(dict.fromkeys(line.step for line in MOVEMENTS))
_WHATS = ("amount", "head_n")


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Sums of the bucket's customers, by dimension; and once the coverage of each review."""
    told = {f"{step}_amount_n": f"{step}_customer_n" for step in ("opening", *_STEPS, "closing")}
    rows = inputs["customer_asset"].rename(told)
    covered = inputs["asset_assumptions"].filter(pl.col("part") == "coverage")
    review = covered.select("basis", "fitted_on", pl.col("value").alias("covered"))
    return pl.concat(
        [*(part for dim in (TOTAL, *DIMS) for part in _lines(_sums(rows, dim), dim)), review], how="diagonal"
    )


def _sums(rows: pl.LazyFrame, dim: str) -> pl.LazyFrame:
    """Sums of every step by the members that customers went from and to, from which all lines are taken."""
    opened, closed = (
        pl.lit(TOTAL) if dim == TOTAL else pl.col(f"{when}_{DIMS[dim]}").cast(pl.String)
        for when in ("opening", "closing")
    )
    return (
        rows.group_by(
            "period_on",
            "basis",
            "behaviour",
            pl.coalesce(opened, closed, pl.lit(UNKNOWN)).alias("booked"),
            pl.coalesce(closed, opened, pl.lit(UNKNOWN)).alias("after"),
        )
        .agg(pl.col("^.*_(amount|head_n|customer_n)$").sum())
        .collect()
        .lazy()
    )


def _lines(sums: pl.LazyFrame, dim: str) -> list[pl.LazyFrame]:
    """The lines of a dimension: opening and movements at the booked member, closing at the member of the close."""
    moved = sums.filter(pl.col("booked") != pl.col("after"))
    return [
        _line(sums, dim, "booked", pl.lit(OPENING), "opening"),
        *(_line(sums, dim, "booked", pl.lit(line.name), line.step) for line in REVISIONS),
        _line(sums, dim, "booked", pl.col("behaviour"), "behaviour"),
        _line(moved, dim, "booked", pl.lit(RECLASSIFIED), "closing", sign=-1),
        _line(moved, dim, "after", pl.lit(RECLASSIFIED), "closing"),
        _line(sums, dim, "after", pl.lit(CLOSING), "closing"),
    ]


def _line(sums: pl.LazyFrame, dim: str, at: str, line: pl.Expr, step: str, *, sign: int = 1) -> pl.LazyFrame:
    """A line with a step's amounts at the members `at`; only customers that it touches are counted."""
    return sums.select(
        "period_on",
        "basis",
        pl.lit(dim).alias("dim"),
        pl.col(at).alias("dim_value"),
        line.alias("line"),
        (pl.col(f"{step}_amount") * sign).alias("amount"),
        pl.col(f"{step}_customer_n").alias("customer_n"),
        (pl.col(f"{step}_head_n") * sign).alias("head_n"),
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The sums themselves: they add up over buckets."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Every line of every member that a period knows, 0 where nothing happened, with the coverage in force."""
    rows = parts.collect().lazy()
    sums = rows.filter(pl.col("line").is_not_null()).group_by(*_KEYS, "line").agg(pl.col(_FIGURES).sum())
    lines = pl.LazyFrame({"line": ORDER, "position": range(1, len(ORDER) + 1)}, schema_overrides={"position": pl.Int64})
    periods = sums.select("period_on", "basis").unique()
    in_force = (
        periods.join(rows.select("basis", "fitted_on", "covered").drop_nulls(), on="basis")
        .filter(pl.col("fitted_on") <= pl.col("period_on"))
        .group_by("period_on", "basis")
        .agg(pl.col("covered").sort_by("fitted_on").last())
    )
    return (
        sums.select(_KEYS)
        .unique()
        .join(in_force, on=["period_on", "basis"], how="left", maintain_order="none")
        .join(lines, how="cross")
        .join(sums, on=[*_KEYS, "line"], how="left", maintain_order="none")
        .with_columns(pl.col(_FIGURES).fill_null(0), pl.col("covered").alias("covered_rate"), *stamp(params))
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
        "where dim = 'total' and basis = 'net_revenue' order by period_on desc, position limit 14"
    ),
    inputs=("customer_asset", "asset_assumptions"),
    reads={
        "asset_assumptions": ("fitted_on", "part", "basis", "value"),
        "customer_asset": (
            "customer_id",
            "period_on",
            "basis",
            "behaviour",
            *(f"{step}_{what}" for step in ("opening", *_STEPS, "closing") for what in _WHATS),
            *MEMBERS,
        ),
    },
    sums={
        "customer_asset": Sums(
            ("period_on", "basis", "behaviour", *MEMBERS),
            tuple(f"{step}_{what}" for step in ("opening", *_STEPS, "closing") for what in _WHATS),
            tuple(f"{step}_amount" for step in ("opening", *_STEPS, "closing")),
        )
    },
    once=("asset_assumptions",),
    local=local,
    partial=partial,
    finalize=finalize,
)
