"""C3: the money of a cohort by age, observed and completed by how older cohorts went on.

Lives here: the mart `cohort_ltv`. Stays out: the chain ladder and its error (`pipelines.science`), and single customers
(C1, C2).

A cohort is the customers of a month of the first kept order, all of them at every age, gone or not. Ages are twelfths
of the horizon; a cell is observed once the youngest customer has lived through it. Money is booked on the order's day,
refunds on their orders. Where a cost is not known the estimate takes the margin of all other orders.
"""

from __future__ import annotations

from itertools import pairwise

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
from pipelines.science.numerics import Array

POOLED, OTHER, TOTAL = "(all)", "(other)", "total"
DIMS = (TOTAL, "acquisition_channel", "acquisition_campaign", "first_channel", "first_sku", "first_discount")
LEAST_CUSTOMERS = 200
"""Values of a dimension with fewer customers are put together as '(other)'."""
OBSERVED, LADDER, ADDITIVE = "observed", "chain ladder, Mack's standard error", "additive chain ladder"
NOT_REACHED, NO_COST = "no cohort has been observed at this age", "no cost is known"

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

_ALL_MONTHS = np.iinfo(np.int32).max
_CELL = (
    dict.fromkeys(("place", "on", "cohort_on", "age_n", "customer_n", "amount", "covered", "covered_of"), pl.Int64())
    | dict.fromkeys(("is_observed", "is_identified", "is_told", "is_ladder"), pl.Boolean())
    | dict.fromkeys(("est", "lo", "hi"), pl.Float64())
)
_SUMS = ("customer_n", "contribution", "contribution_net", "net_revenue")


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
    size = pl.lit(params.horizon_days, dtype=pl.Int64)
    return (
        _cells(sums, params)
        .lazy()
        .with_columns(
            pl.col("cohort_on").dt.strftime("%Y-%m").fill_null(POOLED).alias("cohort"),
            (pl.col("age_n") * size // pl.lit(PERIODS, dtype=pl.Int64)).alias("age_days"),
            rate_of(pl.col("covered"), pl.col("covered_of")).alias("covered_rate"),
            *stamp(params),
        )
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


def _cells(sums: pl.DataFrame, params: MartParams) -> pl.LazyFrame:
    """Cells of every value of every dimension on each basis, from sums sorted by these, cohort and period."""
    total = sums.filter(pl.col("dim") == TOTAL)
    earned, net = int(total["contribution"].sum()), int(total["contribution_net"].sum())
    margin = earned / net if net > 0 else None
    z = two_sided_z(params.confidence)
    arrays = sums.select(pl.col("cohort_on").to_physical(), "period_n", pl.col("observed_n").fill_null(0), *_SUMS)
    columns = {column.name: column.to_numpy() for column in arrays}
    values = sums.select("dim", "dim_value", run=pl.struct("dim", "dim_value").rle_id())
    begins = np.unique(values["run"].to_numpy(), return_index=True)[1]
    found: list[dict[str, np.ndarray]] = []
    for place, (begin, end) in enumerate(pairwise([*begins, len(sums)])):
        rows = {name: column[begin:end] for name, column in columns.items()}
        found += [
            {"place": np.asarray(place), "on": np.asarray(on)} | _group(rows, basis, margin, z)
            for on, basis in enumerate(BASES)
        ]
    cells = {name: [np.broadcast_to(one[name], one["est"].shape).reshape(-1) for one in found] for name in _CELL}
    frame = pl.DataFrame({name: np.concatenate(parts) if parts else [] for name, parts in cells.items()}, schema=_CELL)
    return frame.lazy().select(
        *(pl.lit(values[name].gather(begins)).gather("place").alias(name) for name in ("dim", "dim_value")),
        pl.lit(pl.Series(BASES)).gather("on").alias("basis"),
        pl.when(pl.col("cohort_on") != _ALL_MONTHS).then("cohort_on").cast(pl.Date).alias("cohort_on"),
        "age_n",
        "customer_n",
        "is_observed",
        "is_identified",
        *(pl.when("is_observed").then(name).alias(name) for name in ("amount", "covered", "covered_of")),
        *(pl.when("is_identified").then(name).alias(name) for name in ("est", "lo", "hi")),
        pl.when("is_observed").then(pl.lit(OBSERVED)).when("is_ladder").then(pl.lit(LADDER)).otherwise(pl.lit(ADDITIVE))
        .alias("method"),
        pl.when(~pl.col("is_identified"))
        .then(pl.when(pl.col("is_observed") & pl.col("is_told")).then(pl.lit(NO_COST)).otherwise(pl.lit(NOT_REACHED)))
        .alias("why_not"),
    )  # fmt: skip


def _group(rows: dict[str, np.ndarray], basis: str, margin: float | None, z: float) -> dict[str, np.ndarray]:
    """Cells of one value of a dimension on one basis: a row for every cohort and one for all of them, by age."""
    own = rows["period_n"] == -1  # comes first in every cohort
    size, observed, cohort = rows["customer_n"][own].astype(np.float64), rows["observed_n"][own], np.cumsum(own) - 1
    known, covered, net = (_cumulative(rows, cohort, name) for name in _columns(basis))
    seen = np.arange(PERIODS + 1)[None, :] <= observed[:, None]
    ladder = ChainLadder().fit(np.where(seen, (known + (net - covered) * (margin or 0.0)) * 1e-4, np.nan), size)
    told = np.any(seen, axis=0) & np.bool_(basis == BASES[1] or margin is not None)
    people = _with_all(size[:, None])
    est, error = _with_all(ladder.projected_) / people, z * _with_all(ladder.se_) / people
    return {
        "cohort_on": np.append(rows["cohort_on"][own], _ALL_MONTHS)[:, None],
        "age_n": np.arange(PERIODS + 1),
        "customer_n": people.astype(np.int64),
        "is_observed": np.vstack([seen, np.all(seen, axis=0)]),
        "is_identified": told,
        "is_told": told.any(),
        "is_ladder": np.bool_(ladder.method_ == "chain_ladder"),
        "amount": _with_all(known).astype(np.int64),
        "covered": _with_all(covered).astype(np.int64),
        "covered_of": _with_all(net).astype(np.int64),
        "est": est,
        "lo": est - error,
        "hi": est + error,
    }


def _with_all(cohorts: Array) -> Array:
    """A row per cohort, and one of all of them: their sum."""
    return np.vstack([cohorts, cohorts.sum(axis=0)])


def _columns(basis: str) -> tuple[str, str, str]:
    """Known money, net revenue of the orders behind it, and net revenue of all orders."""
    return ("contribution", "contribution_net", "net_revenue") if basis == BASES[0] else ("net_revenue",) * 3


def _cumulative(rows: dict[str, np.ndarray], cohort: np.ndarray, name: str) -> Array:
    """Cumulative sums by cohort and age, whole units in floats (exact below 2**53)."""
    inside = (rows["period_n"] >= 0) & (rows["period_n"] <= PERIODS)
    cells = np.zeros((int(cohort[-1]) + 1, PERIODS + 1))
    np.add.at(cells, (cohort[inside], rows["period_n"][inside]), rows[name][inside])
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
