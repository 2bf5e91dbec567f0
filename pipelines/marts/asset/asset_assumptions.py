"""A3 companion: the models and cut points that the ledger valued with, review by review.

Lives here: the mart `asset_assumptions`. Stays out: their form as rows (`assumptions`), their use
(`customer_asset`).

The last review, at the as-of day, uses the models and levels that the backtest chose, as the predicted values do.
Earlier ones of the same run use the default models: what the backtest learnt since was not known then. Count models are
fitted once; the value of an order is fitted on each basis, to the orders whose amount on it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import polars as pl

from pipelines.contracts.columns import Table, day, number, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.asset import states
from pipelines.marts.asset.assumptions import BOTH, PARTS, SCHEMA, Assumptions, reviews_of, to_rows, with_money
from pipelines.marts.asset.facts import ORDER_READS, Facts, covered
from pipelines.marts.asset.packing import pack, unpack
from pipelines.marts.asset.periods import period_ends, review_days
from pipelines.marts.asset.record import CONTEXT, COVERAGE, ONCE, carried_to, facts_and_record, record_of
from pipelines.marts.common import AS_OF, BASES, as_of
from pipelines.marts.ltv.ltv_backtest import champion_choices
from pipelines.marts.reversals import REVERSAL_INPUTS, REVERSAL_READS
from pipelines.science.histories import on_basis, order_days
from pipelines.science.valuation import clock_of
from pipelines.science.valuation_model import Choice, fit_money, fit_summary

_LONGEST_USE_DAYS = 220
"""From a review to the next, and the month that comes into view beyond the horizon."""

_COLUMNS = (
    day("fitted_on", "Period end of the review: in force from then to the next review", required=True),
    text(
        "part",
        "count: how often; choice: which models answer; spend: value of an order; coverage: share of the net revenue "
        "of all orders whose amount on the basis is known; lifecycle: cut points in days; season: speed of the clock "
        "on a day",
        required=True,
        values=PARTS,
    ),
    text("segment", "Acquisition channel; '(none)' not told, '(all)' pooled, '(rest)' any other", required=True),
    text("name", "Name of the parameter, or the day of a season", required=True),
    text("basis", "Basis of the money; 'both' for what has none", required=True, values=(*BASES, BOTH)),
    number("value", "Value, nine digits", null_means="infinite: customers do not differ"),
)
TABLE = Table(
    "asset_assumptions",
    "A parameter of the models and cut points that the ledger valued with.",
    ("fitted_on", "part", "segment", "name", "basis"),
    (*_COLUMNS, AS_OF),
)
RECORD = Table(
    TABLE.name,
    TABLE.description,
    TABLE.grain,
    tuple(replace(column, required=column.required and column.name != "basis") for column in _COLUMNS),
)
"""Versions made before there were two bases do not tell the basis."""


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
    facts = Facts.of(unpack(packed, "orders"), unpack(packed, "reversals"))
    found = _carried(packed, facts, closed) if closed else []
    if len(facts.orders):
        ends = period_ends(facts.orders["ordered_on"].min(), params.as_of)  # type: ignore[arg-type]
        days = [end for end in review_days(ends) if closed is None or end > closed]
        chosen = unpack(packed, "chosen")
        choices = {basis: champion_choices(chosen, basis) for basis in BASES}
        found += [to_rows(review(facts, end, params, choices if end == params.as_of else {})) for end in days]
    rows = pl.concat(found) if found else pl.DataFrame(schema=SCHEMA)
    return rows.lazy().with_columns(as_of(params).alias("as_of_on"))


def _carried(packed: pl.DataFrame, facts: Facts, closed: date) -> list[pl.DataFrame]:
    """The reviews that stand. A basis that they do not tell of, as those of a version made before there were two, is
    fitted to what was known at their days, beside the count models and cut points as published."""
    rows = record_of(packed).filter(pl.col("fitted_on") <= closed)
    found = [rows]
    for one in reviews_of(rows):
        for basis in sorted(set(BASES).difference(one.models)):
            orders, model = facts.known(one.fitted_on, one.fitted_on), next(iter(one.models.values()))
            summary = facts.summary_of(orders, order_days(orders, BASES), one.fitted_on)
            more = with_money(one, basis, fit_money(model, on_basis(summary, basis)), covered(orders)[basis])
            found.append(to_rows(more).filter(pl.col("basis") == basis))
    return found


def review(
    facts: Facts, on: date, params: MartParams, choices: Mapping[str, Mapping[str | None, Choice]]
) -> Assumptions:
    """Models of `choices` (by basis) and cut points, fitted to what was known at the end of a day."""
    orders = facts.known(on, on)
    days = order_days(orders, BASES)
    summary = facts.summary_of(orders, days, on)
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
    first, *others = BASES
    models = {first: fit_summary(on_basis(summary, first), on, choices.get(first), clock)}
    for basis in others:
        models[basis] = fit_money(models[first], on_basis(summary, basis), choices.get(basis))
    cuts = states.cut_points(summary, gaps, on, params)
    return Assumptions(on, models, covered(orders), cuts).settled()


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
    inputs=("dim_customer", "fct_order", *REVERSAL_INPUTS, "mart_coverage", "ltv_backtest"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test", "acquisition_channel"),
        "fct_order": ORDER_READS,
        **REVERSAL_READS,
        "mart_coverage": ("dim", "headline_basis"),
        "ltv_backtest": ("segment", "target", "model", "kind", "basis", "level", "is_by_segment"),
    },
    previous=(CONTEXT, COVERAGE, RECORD),
    once=(*ONCE, "ltv_backtest"),
    local=local,
    partial=partial,
    finalize=finalize,
)
