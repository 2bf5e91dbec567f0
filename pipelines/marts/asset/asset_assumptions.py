"""A3 companion: the models and cut points that the ledger valued with, review by review.

Lives here: the mart `asset_assumptions`. Stays out: their form as rows (`assumptions`), their use
(`customer_asset`).

The last review, at the as-of day, uses the models and levels that the backtest chose, as the predicted values do.
Earlier ones of the same run use the default models: what the backtest learnt since was not known then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipelines.contracts.columns import Table, day, number, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.asset import states
from pipelines.marts.asset.assumptions import PARTS, SCHEMA, Assumptions, to_rows
from pipelines.marts.asset.facts import ORDER_READS, REFUND_READS, Facts
from pipelines.marts.asset.packing import pack, unpack
from pipelines.marts.asset.periods import period_ends, review_days
from pipelines.marts.asset.record import CONTEXT, COVERAGE, ONCE, basis_of, carried_to, facts_and_record
from pipelines.marts.common import AS_OF, as_of
from pipelines.marts.ltv.ltv_backtest import champion_choices
from pipelines.science.histories import order_days
from pipelines.science.valuation import clock_of
from pipelines.science.valuation_model import Choice, fit_summary

_LONGEST_USE_DAYS = 220
"""From a review to the next, and the month that comes into view beyond the horizon."""

_COLUMNS = (
    day("fitted_on", "Period end of the review: in force from then to the next review", required=True),
    text(
        "part",
        "count: how often; choice: which models answer; spend: value of an order; lifecycle: cut points in days; "
        "season: speed of the clock on a day",
        required=True,
        values=PARTS,
    ),
    text("segment", "Acquisition channel; '(none)' not told, '(all)' pooled, '(rest)' any other", required=True),
    text("name", "Name of the parameter, or the day of a season", required=True),
    number("value", "Value, nine digits", null_means="infinite: customers do not differ"),
)
TABLE = Table(
    "asset_assumptions",
    "A parameter of the models and cut points that the ledger valued with.",
    ("fitted_on", "part", "segment", "name"),
    (*_COLUMNS, AS_OF),
)
RECORD = Table(TABLE.name, TABLE.description, TABLE.grain, _COLUMNS)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """The orders and refunds of the customers, and the record, packed."""
    chosen = inputs["ltv_backtest"].filter(pl.col("kind") == "chosen")
    return pack(facts_and_record(inputs, params) | {"chosen": chosen})


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The rows themselves: models are fitted to all customers."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Reviews of closed months as published; those of the others fitted to the facts known at their day."""
    packed = parts.collect()
    closed = carried_to(packed, params)
    facts = Facts.of(unpack(packed, "orders"), unpack(packed, "refunds"), basis_of(packed))
    kept = unpack(packed, "reviews").select(SCHEMA.names()) if closed else pl.DataFrame(schema=SCHEMA)
    kept = kept.filter(pl.col("fitted_on") <= (closed or params.as_of))
    found = [kept]
    if len(facts.orders):
        ends = period_ends(facts.orders["ordered_on"].min(), params.as_of)  # type: ignore[arg-type]
        days = [end for end in review_days(ends) if closed is None or end > closed]
        chosen = champion_choices(unpack(packed, "chosen"))
        found += [to_rows(review(facts, end, params, chosen if end == params.as_of else {})) for end in days]
    return pl.concat(found).lazy().with_columns(as_of(params).alias("as_of_on"))


def review(facts: Facts, on: date, params: MartParams, choices: Mapping[str | None, Choice]) -> Assumptions:
    """Models of `choices` and cut points, fitted to what was known at the end of a day."""
    days = order_days(facts.known(on, on))
    summary = facts.summary(on, on)
    before = pl.col("ordered_on").shift(1)
    same = pl.col("customer_id") == pl.col("customer_id").shift(1)
    gaps = (
        days.filter("is_purchase")
        .with_columns(pl.when(same).then((pl.col("ordered_on") - before).dt.total_days()).alias("days"))
        .drop_nulls("days")
        .join(facts.segments, on="customer_id", how="left")
        .select("segment", "days")
    )
    clock = clock_of(days, on, params.horizon_days + _LONGEST_USE_DAYS)
    model = fit_summary(summary, on, choices, clock)
    return Assumptions.settled(on, model, states.cut_points(summary, gaps, on, params))


MART = Mart(
    code="A3m",
    domain="asset",
    table=TABLE,
    questions=(
        "With which models and parameters was the customer base valued in a month?",
        "After how many days of silence did a customer count as churned in each review?",
        "How did the models change from one review to the next?",
    ),
    example_sql=(
        "select fitted_on, segment, value as at_risk_days from marts.asset_assumptions "
        "where part = 'lifecycle' and name = 'at_risk_days' order by fitted_on, segment"
    ),
    inputs=("dim_customer", "fct_order", "fct_refund", "mart_coverage", "ltv_backtest"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test", "acquisition_channel"),
        "fct_order": ORDER_READS,
        "fct_refund": REFUND_READS,
        "mart_coverage": ("dim", "headline_basis"),
        "ltv_backtest": ("segment", "target", "model", "kind", "level", "is_by_segment"),
    },
    previous=(CONTEXT, COVERAGE, RECORD),
    once=(*ONCE, "ltv_backtest"),
    local=local,
    partial=partial,
    finalize=finalize,
)
