"""C3: the money of a cohort by age, observed and completed by how older cohorts went on.

Lives here: the mart `cohort_ltv`. Stays out: the chain ladder and its error (`pipelines.science`), and single customers
(C1, C2).

A cohort is the customers of a month of the first kept order, all of them at every age, gone or not. Ages are twelfths
of the horizon; a cell is observed once the youngest customer has lived through it. Money is booked on the order's day,
refunds on their orders. Where a cost is not known the estimate takes the margin of all other orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, day, flag, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import (
    AS_OF,
    AS_TODAY,
    BASES,
    CURRENCY,
    ESTIMATE,
    UNKNOWN,
    customers,
    days_since,
    month_of,
    people,
    rate_of,
    stamp,
    units,
)
from pipelines.marts.first_order import ORDER_COLUMNS, first_orders
from pipelines.science.chain_ladder import ChainLadder
from pipelines.science.cohorts import PERIODS
from pipelines.science.intervals import two_sided_z
from pipelines.science.numerics import Array, Mask

POOLED, OTHER, TOTAL = "(all)", "(other)", "total"
DIMS = (TOTAL, "acquisition_channel", "acquisition_campaign", "first_channel", "first_sku", "first_discount")
LEAST_CUSTOMERS = 200
"""Values of a dimension with fewer customers are put together as '(other)'."""
OBSERVED, LADDER, ADDITIVE = "observed", "chain ladder, Mack's standard error", "additive chain ladder"
NOT_REACHED = "no cohort has been observed at this age"

TABLE = Table(
    "cohort_ltv",
    "The cumulative money per acquired customer of a cohort at an age, observed or projected.",
    ("dim", "dim_value", "cohort", "age_n", "basis"),
    (
        text("dim", "Dimension by which customers are told apart", required=True, values=DIMS),
        text(
            "dim_value", f"Its value; '{OTHER}' are values with fewer than {LEAST_CUSTOMERS} customers", required=True
        ),
        text("cohort", f"Month of the first kept order, YYYY-MM; '{POOLED}' are all months; {AS_TODAY}", required=True),
        integer(
            "age_n", "Periods since the first kept order, a twelfth of the horizon each; 0 is that day", required=True
        ),
        text("basis", "Contribution before marketing, or net revenue", required=True, values=BASES),
        AS_OF,
        CURRENCY,
        day("cohort_on", "First day of the month", null_means="all months"),
        integer("age_days", "Days since the first kept order up to which money counts", required=True, unit="days"),
        integer("customer_n", "Customers of the cohort, the denominator at every age", required=True, unit="customers"),
        flag("is_observed", "Every customer of the cohort has lived through the age", required=True),
        money(
            "amount",
            "Cumulative money of the orders whose amount is known",
            unit="reporting currency",
            null_means="not observed yet",
        ),
        rate(
            "covered_rate",
            "Share of the net revenue up to this age that amount covers",
            null_means="not observed yet, or net revenue is not positive",
        ),
        *ESTIMATE,
    ),
)

_SUMS = ("customer_n", "contribution", "contribution_net", "net_revenue")
_ROW = {
    "dim": pl.String(), "dim_value": pl.String(), "cohort_on": pl.Date(), "age_n": pl.Int64(), "basis": pl.String(),
    "customer_n": pl.Int64(), "is_observed": pl.Boolean(), "amount": pl.Int64(), "covered": pl.Int64(),
    "covered_of": pl.Int64(), "est": pl.Float64(), "lo": pl.Float64(), "hi": pl.Float64(), "method": pl.String(),
    "why_not": pl.String(),
}  # fmt: skip


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Money of a customer by period, and with period -1 the customer; each with the value of every dimension."""
    who = people(inputs, "acquisition_channel", "acquisition_campaign")
    ids = customers(inputs).select("customer_id")
    orders = inputs["fct_order"].join(ids, on="customer_id", how="semi").join(who, on="customer_id", how="inner")
    first = (
        orders.filter("is_kept")
        .group_by("who")
        .agg(pl.col("ordered_on").min().alias("first_on"))
        .with_columns(days_since("first_on", params).alias("old"))
        .join(who.select("who", "acquisition_channel", "acquisition_campaign"), on="who", how="left")
        .join(first_orders(inputs, who), on="who", how="left")
        .with_columns(pl.lit("all").alias(TOTAL), _discount_band().alias("first_discount"))
        .select("who", "first_on", "old", *(pl.col(dim).fill_null(UNKNOWN) for dim in DIMS))
    )
    size, scale = pl.lit(params.horizon_days, dtype=pl.Int64), pl.lit(PERIODS, dtype=pl.Int64)
    age = (pl.col("ordered_on") - pl.col("first_on")).dt.total_days().clip(lower_bound=0)
    gain, net = units("contribution_reporting"), units("net_revenue_reporting").fill_null(0)
    money_rows = (
        orders.select("who", "ordered_on", gain.alias("contribution"), net.alias("net_revenue"))
        .join(first, on="who", how="inner")
        .select(
            *DIMS,
            month_of("first_on").alias("cohort_on"),
            ((age * scale + size - 1) // size).alias("period_n"),
            pl.lit(0, dtype=pl.Int64).alias("customer_n"),
            pl.col("contribution").fill_null(0),
            pl.when(pl.col("contribution").is_not_null()).then("net_revenue").otherwise(0).alias("contribution_net"),
            "net_revenue",
            pl.lit(None, dtype=pl.Int64).alias("observed_n"),
        )
    )
    own = first.select(
        *DIMS,
        month_of("first_on").alias("cohort_on"),
        pl.lit(-1, dtype=pl.Int64).alias("period_n"),
        pl.lit(1, dtype=pl.Int64).alias("customer_n"),
        *(pl.lit(0, dtype=pl.Int64).alias(name) for name in _SUMS[1:]),
        (pl.col("old") * scale // size).alias("observed_n"),
    )
    return pl.concat([money_rows, own])


def _discount_band() -> pl.Expr:
    """Depth of the first order's discount against list value."""
    share = pl.col("first_discount") * 100
    value = pl.col("first_list_value")
    return (
        pl.when(pl.col("first_discount").is_null() | (value <= 0))
        .then(pl.lit(UNKNOWN))
        .when(share <= 0)
        .then(pl.lit("none"))
        .when(share <= value * 10)
        .then(pl.lit("up to 10 %"))
        .when(share <= value * 30)
        .then(pl.lit("10 to 30 %"))
        .otherwise(pl.lit("over 30 %"))
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Sums by dimension, value, cohort and period."""
    parts = [
        rows.group_by(pl.lit(dim).alias("dim"), pl.col(dim).alias("dim_value"), "cohort_on", "period_n").agg(
            pl.col(_SUMS).sum(), pl.col("observed_n").min()
        )
        for dim in DIMS
    ]
    return pl.concat(parts)


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Triangles of every value of every dimension, completed."""
    sums = _regrouped(parts).collect()
    found = pl.DataFrame(list(_rows(sums, params)), schema=_ROW)
    size = pl.lit(params.horizon_days, dtype=pl.Int64)
    return found.lazy().with_columns(
        pl.col("cohort_on").dt.strftime("%Y-%m").fill_null(POOLED).alias("cohort"),
        (pl.col("age_n") * size // pl.lit(PERIODS, dtype=pl.Int64)).alias("age_days"),
        rate_of(pl.col("covered"), pl.col("covered_of")).alias("covered_rate"),
        pl.col("est").is_not_null().alias("is_identified"),
        *stamp(params),
    )


def _regrouped(parts: pl.LazyFrame) -> pl.LazyFrame:
    """Values with few customers put together."""
    keys = ("dim", "dim_value", "cohort_on", "period_n")
    sums = [pl.col(_SUMS).sum(), pl.col("observed_n").min()]
    whole = parts.group_by(keys).agg(*sums)
    is_small = pl.col("customer_n").sum().over("dim", "dim_value") < LEAST_CUSTOMERS
    return (
        whole.with_columns(
            pl.when(is_small & (pl.col("dim") != TOTAL)).then(pl.lit(OTHER)).otherwise("dim_value").alias("dim_value")
        )
        .group_by(keys)
        .agg(*sums)
        .sort(keys)
    )


def _rows(sums: pl.DataFrame, params: MartParams) -> Iterator[dict[str, Any]]:
    total = sums.filter(pl.col("dim") == TOTAL)
    earned, net = int(total["contribution"].sum()), int(total["contribution_net"].sum())
    margin = earned / net if net > 0 else None
    z = two_sided_z(params.confidence)
    for (dim, value), rows in sums.partition_by("dim", "dim_value", as_dict=True, maintain_order=True).items():
        for basis in BASES:
            for row in _group(rows, basis, margin, z):
                yield {"dim": dim, "dim_value": value, "basis": basis} | row


def _group(rows: pl.DataFrame, basis: str, margin: float | None, z: float) -> Iterator[dict[str, Any]]:
    """Cells of one value of a dimension on one basis: every cohort, then all of them."""
    months, size, observed = _cohorts(rows)
    known, covered, net = (_cumulative(rows, months, name) for name in _columns(basis))
    is_told = np.bool_(basis == BASES[1] or margin is not None)
    filled = known + (net - covered) * (margin or 0.0)
    seen = np.arange(PERIODS + 1)[None, :] <= observed[:, None]
    ladder = ChainLadder().fit(np.where(seen, filled * 1e-4, np.nan), size)
    told: Mask = np.any(seen, axis=0) & is_told
    everyone: Mask = np.all(seen, axis=0)
    method = LADDER if ladder.method_ == "chain_ladder" else ADDITIVE
    for place, month in enumerate(months):
        yield from _cells(
            {"cohort_on": month, "customer_n": int(size[place])},
            (known[place], covered[place], net[place]), seen[place], told,
            (ladder.projected_[place], z * ladder.se_[place]), float(size[place]), method,
        )  # fmt: skip
    error = z * ladder.se_.sum(axis=0)
    yield from _cells(
        {"cohort_on": None, "customer_n": int(size.sum())},
        (known.sum(axis=0), covered.sum(axis=0), net.sum(axis=0)), everyone, told,
        (ladder.projected_.sum(axis=0), error), float(size.sum()), method,
    )  # fmt: skip


def _cells(
    key: dict, money_of: tuple[Array, Array, Array], seen: Mask, told: Mask,
    estimate: tuple[Array, Array], size: float, method: str,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    known, covered, net = money_of
    for age in range(PERIODS + 1):
        row = {**key, "age_n": age, "is_observed": bool(seen[age]), "method": OBSERVED if seen[age] else method}
        if seen[age]:
            row |= {"amount": int(known[age]), "covered": int(covered[age]), "covered_of": int(net[age])}
        if told[age]:
            est, error = float(estimate[0][age]) / size, float(estimate[1][age]) / size
            row |= {"est": est, "lo": est - error, "hi": est + error}
        else:
            row["why_not"] = NOT_REACHED if not told.any() or not seen[age] else "no cost is known"
        yield row


def _columns(basis: str) -> tuple[str, str, str]:
    """Known money, net revenue of the orders behind it, and net revenue of all orders."""
    return ("contribution", "contribution_net", "net_revenue") if basis == BASES[0] else ("net_revenue",) * 3


def _cohorts(rows: pl.DataFrame) -> tuple[list[date], Array, np.ndarray]:
    own = rows.filter(pl.col("period_n") == -1).sort("cohort_on")
    return own["cohort_on"].to_list(), own["customer_n"].to_numpy().astype(np.float64), own["observed_n"].to_numpy()


def _cumulative(rows: pl.DataFrame, months: list[date], name: str) -> Array:
    """Cumulative sums by cohort and age, whole units in floats (exact below 2**53)."""
    place = {month: at for at, month in enumerate(months)}
    cells = np.zeros((len(months), PERIODS + 1))
    for month, period, amount in (
        rows.filter(pl.col("period_n").is_between(0, PERIODS)).select("cohort_on", "period_n", name).rows()
    ):
        cells[place[month], period] += amount
    return np.cumsum(cells, axis=1)


MART = Mart(
    code="C3",
    domain="ltv",
    table=TABLE,
    questions=(
        "What will a customer of each month's cohort have brought in after a year, and how sure is that?",
        "Are newer cohorts better or worse at equal age than older ones?",
        "Which campaign, first product or first discount brings customers who are worth most?",
    ),
    example_sql=(
        "select cohort, customer_n, is_observed, est, lo, hi, method from marts.cohort_ltv where dim = 'total' "
        "and basis = 'net_revenue' and age_n = 12 order by cohort"
    ),
    inputs=("dim_customer", "fct_order", "dim_product"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test", "acquisition_channel", "acquisition_campaign"),
        "fct_order": tuple(
            dict.fromkeys((*ORDER_COLUMNS, "ordered_on", "is_kept", "net_revenue_reporting", "contribution_reporting"))
        ),
        "dim_product": ("sku", "category_l1"),
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
