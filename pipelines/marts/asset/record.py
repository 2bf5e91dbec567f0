"""The record: what an earlier version published of the asset, and up to when it stands.

Lives here: the tables that are read of the version served, and the rule of which months are carried.
Stays out: computing the months that follow.

A month is carried when it was closed in the version served, and that version was computed with the same reporting
currency, horizon and discount and tells of today's headline basis; another of these is another measure, and the record
begins anew. Each basis has a record of its own: one that the version served does not tell of, as those made before
there were two, is computed from what was known at its months' ends, while the other is carried.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipelines.contracts.columns import Table, day, integer, rate, text
from pipelines.contracts.marts import Inputs, MartParams
from pipelines.marts.asset.assumptions import SCHEMA, with_basis
from pipelines.marts.asset.facts import order_rows, reversal_rows
from pipelines.marts.asset.packing import unpack
from pipelines.marts.asset.periods import last_closed
from pipelines.marts.common import BASES
from pipelines.marts.profit.mart_coverage import TOTAL
from pipelines.marts.runner import PREVIOUS

CONTEXT = Table(
    "run_context",
    "The parameters that the version served was computed with.",
    (),
    (
        day("as_of_on", "As-of day", required=True),
        text("reporting_currency", "Currency", required=True),
        integer("horizon_days", "Horizon", required=True),
        rate("discount_rate", "Yearly discount", required=True),
    ),
)
COVERAGE = Table(
    "mart_coverage",
    "The headline basis of the version served.",
    ("dim", "dim_value"),
    (text("dim", "Dimension", required=True), text("headline_basis", "Headline basis", required=True)),
)
ACCOUNTS = Table(
    "dim_account",
    "The persons that accounts belonged to in the version served.",
    ("account_key",),
    (text("account_key", "Account", required=True), text("customer_id", "Person", required=True)),
)
ONCE = ("mart_coverage", f"{PREVIOUS}run_context", f"{PREVIOUS}mart_coverage", f"{PREVIOUS}asset_assumptions")
"""Inputs of no customer, which are counted once over all buckets."""


def facts_and_record(inputs: Inputs, params: MartParams) -> dict[str, pl.LazyFrame]:
    """The parts that every mart of the record packs."""
    headline = pl.col("dim") == TOTAL
    return {
        "orders": order_rows(inputs, params),
        "reversals": reversal_rows(inputs, params),
        "basis": inputs["mart_coverage"].filter(headline).select("headline_basis"),
        "then_basis": inputs[f"{PREVIOUS}mart_coverage"].filter(headline).select("headline_basis"),
        "context": inputs[f"{PREVIOUS}run_context"],
        "reviews": inputs[f"{PREVIOUS}asset_assumptions"],
    }


def basis_of(packed: pl.DataFrame) -> str:
    """The headline basis: tiers go by it."""
    found = unpack(packed, "basis")["headline_basis"]
    return str(found[0]) if len(found) else BASES[1]


def record_of(packed: pl.DataFrame) -> pl.DataFrame:
    """The reviews of the version served, with the basis that their money was on."""
    then = unpack(packed, "then_basis")["headline_basis"]
    rows = unpack(packed, "reviews").select(SCHEMA.names())
    return with_basis(rows, str(then[0])) if len(then) else rows.clear()


def carried_to(packed: pl.DataFrame, params: MartParams) -> date | None:
    """The last period end that is carried from the version served; None when everything is computed."""
    context, reviews = unpack(packed, "context"), record_of(packed)
    if context.is_empty():
        return None
    then: Mapping[str, object] = context.row(0, named=True)
    same = (
        then["reporting_currency"] == params.reporting_currency
        and then["horizon_days"] == params.horizon_days
        and round(float(str(then["discount_rate"])), 6) == round(params.discount_rate, 6)
    )
    published = then["as_of_on"]
    closed = last_closed(params.as_of, published if isinstance(published, date) else None) if same else None
    told = (
        reviews.filter((pl.col("fitted_on") <= closed) & (pl.col("basis") == basis_of(packed))) if closed else reviews
    )
    return closed if len(told) else None
