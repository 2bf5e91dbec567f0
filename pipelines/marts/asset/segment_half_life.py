"""E3 companion: after how many months half of the customers of a segment have left it.

Lives here: the mart `segment_half_life`. Stays out: where they went (`segment_migration`).

A stay begins at the month-end a customer is first found in a segment and ends at the one the customer is found
elsewhere. Stays that go on at the last month-end are censored there (Kaplan-Meier): leaving them out would keep the
short ones only. Segments are those stated at each close, so a stay may also end because a cut point moved.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, integer, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.asset.periods import month_end
from pipelines.marts.asset.segment_migration import NONE, SCHEMES, SEGMENTS
from pipelines.marts.asset.states import PROSPECT
from pipelines.marts.common import AS_OF, ESTIMATE, as_of
from pipelines.marts.profit.mart_coverage import on_headline
from pipelines.science.numerics import Array
from pipelines.science.survival import kaplan_meier

NOT_REACHED = "more than half are still there as far as the data reach"
NO_UPPER = "the data do not reach the upper limit"
METHOD = "Kaplan-Meier median of stays, log-log interval"

TABLE = Table(
    "segment_half_life",
    "The months after which half of those who entered a segment have left it.",
    ("scheme", "segment"),
    (
        text("scheme", "state: of the lifecycle; tier: by value", required=True, values=SCHEMES),
        text("segment", "Segment", required=True, values=tuple(name for name in SEGMENTS if name != NONE)),
        integer("n", "Stays", required=True, unit="stays"),
        integer("ended_n", "Stays that ended", required=True, unit="stays"),
        integer("open_n", "Stays that go on at the last month-end", required=True, unit="stays"),
        *ESTIMATE,
        AS_OF,
    ),
)
_COUNTS = ("ended_n", "open_n")
_CODES = pl.Enum(SEGMENTS)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Stays of the bucket's customers by length in months, ended and open ones."""
    month = pl.col("period_on").dt.year().cast(pl.Int64) * 12 + pl.col("period_on").dt.month().cast(pl.Int64)
    rows = on_headline(inputs["customer_asset"], inputs).with_columns(month.alias("month"))
    if params.as_of != month_end(params.as_of):
        rows = rows.filter(pl.col("period_on") != as_of(params))
    end = params.as_of.year * 12 + params.as_of.month - (params.as_of != month_end(params.as_of))
    segments = (
        pl.col(f"closing_{scheme}").fill_null(NONE).replace({PROSPECT: NONE}).cast(_CODES) for scheme in SCHEMES
    )
    follows = (pl.col("customer_id") == pl.col("customer_id").shift(1)) & (
        pl.col("month") == pl.col("month").shift(1) + 1
    )
    months = rows.select("customer_id", "month", *segments).sort("customer_id", "month")
    months = months.select(follows.alias("follows"), "month", "^closing_.*$").collect().lazy()
    parts = []
    for scheme in SCHEMES:
        stays = months.select("follows", "month", pl.col(f"closing_{scheme}").alias("segment"))
        goes_on = (pl.col("follows") & (pl.col("segment") == pl.col("segment").shift(1))).fill_null(False)
        is_open = pl.col("until") == pl.lit(end, dtype=pl.Int64)
        parts.append(
            stays.with_columns((~goes_on).cast(pl.Int64).cum_sum().alias("stay"))
            .group_by("stay")
            .agg(
                pl.col("segment").first(), pl.len().cast(pl.Int64).alias("months"), pl.col("month").max().alias("until")
            )
            .filter(pl.col("segment") != NONE)
            .select(
                pl.lit(scheme).alias("scheme"),
                pl.col("segment").cast(pl.String),
                "months",
                (~is_open).cast(pl.Int64).alias("ended_n"),
                is_open.cast(pl.Int64).alias("open_n"),
            )
        )
    return pl.concat(parts)


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Stays of each length, counted."""
    return rows.group_by("scheme", "segment", "months").agg(pl.col(_COUNTS).sum())


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The median stay of every segment."""
    counts = (
        parts.group_by("scheme", "segment", "months").agg(pl.col(_COUNTS).sum()).sort("scheme", "segment", "months")
    )
    rows = []
    for (scheme, segment), stays in counts.collect().group_by("scheme", "segment", maintain_order=True):
        ended, ongoing = stays["ended_n"].to_numpy(), stays["open_n"].to_numpy()
        est, lo, hi = median_stay(stays["months"].to_numpy(), ended, ongoing, params.confidence)
        rows.append(
            {
                "scheme": scheme,
                "segment": segment,
                "n": int(ended.sum() + ongoing.sum()),
                "ended_n": int(ended.sum()),
                "open_n": int(ongoing.sum()),
                "est": est,
                "lo": lo if est is not None and hi is not None else None,
                "hi": hi if est is not None else None,
                "method": METHOD,
                "is_identified": est is not None,
                "why_not": NOT_REACHED if est is None else NO_UPPER if hi is None else None,
            }
        )
    schema = {column: kind for column, kind in TABLE.polars_schema.items() if column != "as_of_on"}
    return pl.DataFrame(rows, schema=schema).lazy().with_columns(as_of(params).alias("as_of_on"))


def median_stay(
    months: np.ndarray, ended: np.ndarray, ongoing: np.ndarray, confidence: float
) -> tuple[float | None, float | None, float | None]:
    """Median of lengths with its interval (where the limits of the curve cross one half); None where not reached."""
    curve = kaplan_meier(months, ended, ongoing)
    low, high = curve.interval_at(curve.times, confidence)
    low, high = (np.where(np.isnan(limit), curve.survival, limit) for limit in (low, high))
    est, first, last = (_crossing(curve.times, values) for values in (curve.survival, low, high))
    return est, first, last


def _crossing(times: np.ndarray, values: Array) -> float | None:
    below = np.flatnonzero(values <= 0.5)
    return float(times[below[0]]) if len(below) else None


MART = Mart(
    code="E3h",
    domain="asset",
    table=TABLE,
    questions=(
        "How long do customers stay active, and how long at risk, before they move on?",
        "Does a high-value customer stay one?",
        "How soon must a win-back begin, before half of the silent customers are gone?",
    ),
    rows_after_days=31,
    example_sql=(
        "select scheme, segment, est as half_life_months, lo, hi, n from marts.segment_half_life order by scheme, est"
    ),
    inputs=("mart_coverage", "customer_asset"),
    reads={
        "mart_coverage": ("dim", "headline_basis"),
        "customer_asset": ("customer_id", "period_on", "basis", *(f"closing_{scheme}" for scheme in SCHEMES)),
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
