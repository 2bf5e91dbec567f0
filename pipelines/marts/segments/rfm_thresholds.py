"""E2 companion: the thresholds behind the RFM scores, and how many customers each score really holds.

Lives here: the mart `rfm_thresholds`. Stays out: the scores of each customer (`customer_rfm`).

Thresholds are discrete quantiles over the customers with a kept order in the window. Customers who bought only before
it are scored by the same thresholds and so fall to score 1; counting them in would push everybody who bought within
the year up to the top scores, and no former good customer could ever show as at risk.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.churn.gaps import quantile_disc_rank
from pipelines.marts.common import AS_OF, BASES, CURRENCY, people, rate_of, stamp
from pipelines.marts.segments.rfm_base import measures, scored_money

DIMENSIONS = ("recency", "frequency", "monetary")
SCORE_PERCENTS = (20, 40, 60, 80)

TABLE = Table(
    "rfm_thresholds",
    "A score from 1 to 5 of recency, frequency or money: its limits and its customers.",
    ("dimension", "basis", "score"),
    (
        text("dimension", "What is scored", required=True, values=DIMENSIONS),
        text(
            "basis",
            "Basis of the money; 'none' for recency and frequency",
            required=True,
            values=("none", *BASES),
        ),
        integer("score", "Score, 5 is best", required=True),
        AS_OF,
        CURRENCY,
        integer(
            "above_n",
            "Lower limit, exclusive: days for recency, kept orders for frequency",
            null_means="no limit below, or money",
        ),
        integer(
            "up_to_n",
            "Upper limit, inclusive: days for recency, kept orders for frequency",
            null_means="no limit above, or money",
        ),
        money("above_amount", "Lower limit of money, exclusive", null_means="no limit below, or not money"),
        money("up_to_amount", "Upper limit of money, inclusive", null_means="no limit above, or not money"),
        integer("customer_n", "Customers with this score", required=True, unit="customers"),
        integer(
            "window_customer_n",
            "Of those, customers with a kept order in the window, over whom the thresholds are taken",
            required=True,
            unit="customers",
        ),
        rate(
            "window_customer_rate",
            "Their share of all customers with a kept order in the window",
            null_means="there are none",
        ),
        integer("median_n", "Median of the dimension: days or kept orders", null_means="money, or nobody is scored"),
        money("median_amount", "Median money", null_means="not money, or nobody is scored"),
        integer(
            "used_score_n",
            "Scores that hold customers of the window: fewer than five when equal values fill more than a fifth",
            required=True,
        ),
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """The four values of each customer that are scored; money null where it is not known."""
    return measures(inputs, people(inputs), params).select(
        (pl.col("frequency_n") > 0).alias("is_in_window"),
        "recency_days",
        "frequency_n",
        *(scored_money(basis).alias(basis) for basis in BASES),
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The values themselves: a discrete quantile is exact only over all of them."""
    return rows


def thresholds(values: pl.Series) -> list[int]:
    """The discrete quantiles at 20, 40, 60 and 80 % and the median, over the known values; empty without any."""
    known = values.drop_nulls().sort()
    return [int(known[quantile_disc_rank(len(known), percent) - 1]) for percent in (*SCORE_PERCENTS, 50) if len(known)]


def score(value: pl.Expr, limits: list[pl.Expr], is_less_better: bool = False) -> pl.Expr:
    """1 plus the limits that the value exceeds (5 less them where less is better): equal values score equally."""
    exceeded = pl.sum_horizontal((value > limit).cast(pl.Int64) for limit in limits)
    points = 5 - exceeded if is_less_better else 1 + exceeded
    return pl.when(value.is_not_null() & limits[0].is_not_null()).then(points)


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Limits and sizes of the five scores of each dimension."""
    values = parts.collect()
    rows = [
        *_rows("recency", "none", values.select("is_in_window", value="recency_days")),
        *_rows("frequency", "none", values.select("is_in_window", value="frequency_n")),
        *(row for basis in BASES for row in _rows("monetary", basis, values.select("is_in_window", value=basis))),
    ]
    made = ("as_of_on", "currency", "window_customer_rate")
    schema = {
        name: pl.Int64() if kind == pl.Decimal(18, 4) else kind
        for name, kind in TABLE.polars_schema.items()
        if name not in made
    }
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .lazy()
        .with_columns(
            rate_of(pl.col("window_customer_n"), pl.col("window_customer_n").sum().over("dimension", "basis")).alias(
                "window_customer_rate"
            ),
            *stamp(params),
        )
    )


def _rows(dimension: str, basis: str, values: pl.DataFrame) -> list[dict[str, object]]:
    found = thresholds(values.filter("is_in_window")["value"])
    limits: list[int | None] = [*found[:4]] if found else [None] * 4
    median = found[4] if found else None
    is_less_better = dimension == "recency"
    points = score(pl.col("value"), [pl.lit(limit, dtype=pl.Int64) for limit in limits], is_less_better)
    scored = values.select("is_in_window", points.alias("points")).drop_nulls()
    sizes = dict(scored["points"].value_counts().iter_rows())
    in_window = dict(scored.filter("is_in_window")["points"].value_counts().iter_rows())
    suffix, other = ("amount", "n") if dimension == "monetary" else ("n", "amount")
    rows: list[dict[str, object]] = []
    for place in range(5):
        points_of = 5 - place if is_less_better else place + 1
        rows.append(
            {
                "dimension": dimension,
                "basis": basis,
                "score": points_of,
                f"above_{suffix}": limits[place - 1] if place else None,
                f"up_to_{suffix}": limits[place] if place < 4 else None,
                f"median_{suffix}": median,
                **{f"{name}_{other}": None for name in ("above", "up_to", "median")},
                "customer_n": sizes.get(points_of, 0),
                "window_customer_n": in_window.get(points_of, 0),
                "used_score_n": len(in_window),
            }
        )
    return rows


MART = Mart(
    code="E2b",
    domain="segments",
    table=TABLE,
    questions=(
        "From how many orders, or how much contribution, does a customer score 5?",
        "Do the five scores really hold a fifth of the customers each?",
        "How many frequency scores exist when most customers bought once?",
    ),
    example_sql=(
        "select dimension, basis, score, above_n, up_to_n, above_amount, up_to_amount, customer_n, "
        "window_customer_rate from marts.rfm_thresholds order by dimension, basis, score"
    ),
    inputs=("dim_customer", "fct_order"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test"),
        "fct_order": ("customer_id", "ordered_on", "is_kept", "net_revenue_reporting", "contribution_reporting"),
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
