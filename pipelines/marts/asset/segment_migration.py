"""E3: how customers moved between segments in a period, behaviour apart from thresholds that moved.

Lives here: the mart `segment_migration`. Stays out: how long customers stay (`segment_half_life`) and the segments
themselves (`states`).

Two legs lead from the segment a customer was in at the opening, as stated then, to the one at the close. The first
scores the opening again by today's cut points and thresholds: what moves there is threshold drift (and facts learnt
late), nobody did anything. The second is what customers did. Nobody is left out: who is new comes from `none`, who has
no kept order left goes there, and who is silent stays in the table as long as the business runs.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams, Sums
from pipelines.marts.asset.states import NAMES, PROSPECT
from pipelines.marts.common import AS_OF, BASES, BASIS_SAYS, CURRENCY, rate_of, stamp
from pipelines.marts.segments.value_tiers import TIERS
from pipelines.marts.sums import ROWS

NONE = "none"
SCHEMES = ("state", "tier")
LEGS = ("threshold_drift", "behaviour", "both")
SEGMENTS = tuple(dict.fromkeys((NONE, *(name for name in NAMES if name != PROSPECT), *TIERS)))
_UNIT = "reporting currency"

TABLE = Table(
    "segment_migration",
    "Customers that went from a segment to a segment in a period, by a leg of the way.",
    ("period_on", "scheme", "leg", "from_segment", "to_segment", "basis"),
    (
        day("period_on", "End of the period: a month-end, or the as-of day for the last one", required=True),
        text("scheme", "state: of the lifecycle; tier: by value on the headline basis", required=True, values=SCHEMES),
        text(
            "leg",
            "threshold_drift: the opening scored again by today's cuts; behaviour: from there to the close; both: the "
            "whole way",
            required=True,
            values=LEGS,
        ),
        text("from_segment", "Segment before; 'none' without a kept order", required=True, values=SEGMENTS),
        text("to_segment", "Segment after; 'none' without a kept order", required=True, values=SEGMENTS),
        text("basis", BASIS_SAYS, required=True, values=BASES),
        integer("customer_n", "Customers that went this way; the same on both bases", required=True, unit="customers"),
        integer("from_customer_n", "Customers that were in the segment before", required=True, unit="customers"),
        rate("moved_rate", "customer_n of from_customer_n; the rates of a segment sum to 1", required=True),
        money("opening_amount", "Their value before this leg", required=True, unit=_UNIT),
        money("closing_amount", "Their value after this leg", required=True, unit=_UNIT),
        AS_OF,
        CURRENCY,
    ),
)
_KEYS = ("period_on", "basis", "scheme", "leg")
_SUMS = ("customer_n", "opening_amount", "closing_amount")
_REVISIONS = ("late_data", "identity", "model", "erased")


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Counts and values of the bucket's customers."""
    opening, closing = pl.col("opening_amount"), pl.col("closing_amount")
    revised = opening + pl.sum_horizontal(f"{name}_amount" for name in _REVISIONS)
    rows = inputs["customer_asset"]
    parts = []
    for scheme in SCHEMES:
        before, between, after = (_segment(f"{when}_{scheme}") for when in _WHEN)
        ways = (
            (before, between, opening, revised),
            (between, after, revised, closing),
            (before, after, opening, closing),
        )
        for leg, (start, end, start_value, end_value) in zip(LEGS, ways, strict=True):
            parts.append(
                rows.select(
                    "period_on",
                    "basis",
                    pl.lit(scheme).alias("scheme"),
                    pl.lit(leg).alias("leg"),
                    start.alias("from_segment"),
                    end.alias("to_segment"),
                    pl.col(ROWS).alias("customer_n"),
                    start_value.alias("opening_amount"),
                    end_value.alias("closing_amount"),
                )
                .filter((pl.col("from_segment") != NONE) | (pl.col("to_segment") != NONE))
                .group_by(*_KEYS, "from_segment", "to_segment")
                .agg(pl.col(_SUMS).sum())
            )
    return pl.concat(parts)


_WHEN = ("opening", "rescored", "closing")


_AMOUNTS = ("opening", *_REVISIONS, "closing")


def _segment(column: str) -> pl.Expr:
    return pl.col(column).fill_null(NONE).replace({PROSPECT: NONE})


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The sums themselves: they add up over buckets."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Sums of all buckets, and the share of each way among those who were in the segment."""
    ways = parts.group_by(*_KEYS, "from_segment", "to_segment").agg(pl.col(_SUMS).sum())
    whole = ways.group_by(*_KEYS, "from_segment").agg(pl.col("customer_n").sum().alias("from_customer_n"))
    return ways.join(whole, on=[*_KEYS, "from_segment"], how="left", maintain_order="none").with_columns(
        rate_of(pl.col("customer_n"), pl.col("from_customer_n")).alias("moved_rate"), *stamp(params)
    )


MART = Mart(
    code="E3",
    domain="asset",
    table=TABLE,
    questions=(
        "Where did last month's at-risk customers go, and what were they worth before and after?",
        "How much of the movement between segments did customers make, and how much did thresholds?",
        "How many customers came back from churned, and how much value came with them?",
    ),
    example_sql=(
        "select from_segment, to_segment, customer_n, moved_rate, closing_amount - opening_amount as change "
        "from marts.segment_migration where scheme = 'state' and leg = 'behaviour' and basis = 'net_revenue' "
        "and period_on = as_of_on "
        "order by customer_n desc, from_segment, to_segment"
    ),
    inputs=("customer_asset",),
    reads={
        "customer_asset": (
            "customer_id",
            "period_on",
            "basis",
            *(f"{name}_amount" for name in _AMOUNTS),
            *(f"{when}_{scheme}" for scheme in SCHEMES for when in _WHEN),
        )
    },
    sums={
        "customer_asset": Sums(
            ("period_on", "basis", *(f"{when}_{scheme}" for scheme in SCHEMES for when in _WHEN)),
            tuple(f"{name}_amount" for name in _AMOUNTS),
        )
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
