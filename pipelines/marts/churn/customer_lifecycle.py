"""F1: the state each customer is in.

Lives here: the mart `customer_lifecycle`. Stays out: where the cut points come from (`lifecycle_cut_points`).
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, integer, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.churn.gaps import kept_days
from pipelines.marts.churn.lifecycle_cut_points import POOLED
from pipelines.marts.common import AS_OF, CUSTOMER_ID, as_of, days_since, people

STATES = ("prospect", "new", "active", "at_risk", "dormant", "churned", "reactivated")

TABLE = Table(
    "customer_lifecycle",
    "The state of a customer by silence since the last kept order and the cut points of the segment.",
    ("customer_id",),
    (
        CUSTOMER_ID,
        AS_OF,
        text(
            "state",
            "prospect: no kept order; at_risk, dormant, churned: silent for longer than the cut point; reactivated: "
            "the last order ended a silence longer than churned_days; new: first kept order at most one median gap "
            "ago; active: all others",
            values=STATES,
            null_means="there are no gaps between orders to take cut points from",
        ),
        text("segment", "Acquisition channel of the customer", null_means="no source says"),
        text("cut_segment", "Row of lifecycle_cut_points that was used", required=True),
        day("first_order_on", "Day of the first kept order", null_means="no kept order"),
        day("last_order_on", "Day of the last kept order", null_means="no kept order"),
        integer("silence_days", "Days since the last kept order", unit="days", null_means="no kept order"),
        integer(
            "last_gap_days",
            "Days between the last two kept order days",
            unit="days",
            null_means="kept orders on one day only",
        ),
        integer("gap_n", "Completed gaps", required=True, unit="gaps"),
        day("at_risk_on", "Day the silence passes the cut for at risk, if no order ends it", null_means="no cut point"),
        day("dormant_on", "Day the silence passes the cut for dormant", null_means="no cut point"),
        day("churned_on", "Day the silence passes the cut for churned", null_means="no cut point"),
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """One row per customer: the silence, the last gap, and the state by the segment's cut points."""
    who = people(inputs, "acquisition_channel")
    last = (
        kept_days(inputs, who, params)
        .group_by("who")
        .agg(
            pl.col("ordered_on").min().alias("first_order_on"),
            pl.col("ordered_on").max().alias("last_order_on"),
            pl.col("silence_days").max(),
            pl.col("gap_days").filter(pl.col("next_gap_days").is_null()).max().alias("last_gap_days"),
            pl.col("gap_days").count().cast(pl.Int64).alias("gap_n"),
        )
    )
    cuts = inputs["lifecycle_cut_points"].select(
        pl.col("segment").alias("cut_segment"), "median_gap_days", "at_risk_days", "dormant_days", "churned_days"
    )
    return (
        who.rename({"acquisition_channel": "segment"})
        .join(last, on="who", how="left", maintain_order="left")
        .with_columns(pl.col("gap_n").fill_null(0), _cut_segment(inputs).alias("cut_segment"))
        .join(cuts, on="cut_segment", how="left", maintain_order="none")
        .with_columns(
            state_of(params).alias("state"),
            *(_passes(name).alias(f"{name}_on") for name in ("at_risk", "dormant", "churned")),
            as_of(params).alias("as_of_on"),
        )
    )


def _cut_segment(inputs: Inputs) -> pl.Expr:
    """The customer's own segment where it has a row of cut points, else all customers.

    Segments without any kept order have no row.
    """
    known = inputs["lifecycle_cut_points"].select("segment").collect()["segment"].to_list()
    return pl.when(pl.col("segment").is_in(known)).then("segment").otherwise(pl.lit(POOLED))


def _passes(cut: str) -> pl.Expr:
    """The first day on which the silence is longer than the cut point."""
    return pl.col("last_order_on") + pl.duration(days=pl.col(f"{cut}_days") + 1)


def state_of(params: MartParams) -> pl.Expr:
    """The state from `silence_days`, `last_gap_days`, `first_order_on` and the columns of cut points."""
    silence, cut = pl.col("silence_days"), pl.col("at_risk_days")
    is_new = days_since("first_order_on", params) <= pl.col("median_gap_days")
    return (
        pl.when(silence.is_null())
        .then(pl.lit("prospect"))
        .when(cut.is_null())
        .then(pl.lit(None, dtype=pl.String))
        .when(silence > pl.col("churned_days"))
        .then(pl.lit("churned"))
        .when(silence > pl.col("dormant_days"))
        .then(pl.lit("dormant"))
        .when(silence > cut)
        .then(pl.lit("at_risk"))
        .when(pl.col("last_gap_days") > pl.col("churned_days"))
        .then(pl.lit("reactivated"))
        .when(is_new)
        .then(pl.lit("new"))
        .otherwise(pl.lit("active"))
    )


MART = Mart(
    code="F1",
    domain="churn",
    table=TABLE,
    questions=(
        "How many customers are active, at risk, dormant and churned today?",
        "Who becomes at risk within the next seven days if nothing happens?",
        "Which acquisition channels bring customers that are lost soonest?",
    ),
    example_sql=(
        "select state, count(*) as customers, avg(silence_days) as mean_silence_days "
        "from marts.customer_lifecycle group by state order by customers desc"
    ),
    inputs=("dim_customer", "fct_order", "lifecycle_cut_points"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test", "acquisition_channel"),
        "fct_order": ("customer_id", "ordered_on", "is_kept"),
        "lifecycle_cut_points": ("segment", "median_gap_days", "at_risk_days", "dormant_days", "churned_days"),
    },
    local=local,
    relationships={"customer_id": "customer_360.customer_id", "cut_segment": "lifecycle_cut_points.segment"},
)
