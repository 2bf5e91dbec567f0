"""Valuation: what every customer is expected to bring in, from the orders known on a day.

Lives here: fitting the chosen models to orders as of a day, and asking them for any day.
Stays out: which models to choose (rolling origins decide that, in the mart `ltv_backtest`) and the tables of the marts.

Fitting and scoring are apart, so that a ledger can ask a new model about old orders, and an old model about new ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipelines.science.histories import as_log, order_days, summarise_days
from pipelines.science.season import Clock, find_clock
from pipelines.science.threads import one_thread
from pipelines.science.transactions import day_number
from pipelines.science.valuation_model import Choice, ValuationModel, fit_summary
from pipelines.science.valuation_scores import Terms, value_summary

SEASON_CUSTOMERS = 6_000
"""Customers whose orders estimate the season of a valuation."""


def value_customers(
    orders: pl.DataFrame | pl.LazyFrame,
    as_of: date,
    params: Terms,
    model: ValuationModel | None = None,
    *,
    choices: Mapping[str | None, Choice] | None = None,
    clock: Clock | None = None,
    with_interval: bool = True,
) -> pl.DataFrame:
    """The value of every customer with a kept order on or before `as_of`, one row each, sorted by customer_id.

    `orders`: `customer_id` (String), `ordered_on` (Date), `is_kept` (Boolean), `amount` (Int64, whole ten-thousandths
    of the reporting currency on the basis to be valued, null where unknown), and optionally `segment` (String, one
    value per customer). Rows after `as_of` are not used; rows not known by then are the caller's to leave out.
    Without `model` the models of `choices` are fitted to these orders as of that day, on `clock` (see `clock_of`; the
    calendar without one); with a model nothing is fitted.

    Columns: `customer_id`, `segment`, `x, t_x, age` (as in `histories.summarise_days`), `p_alive`, `expected_orders`
    (days with a kept order in the horizon), `order_value` (float, expected net money of an order), `value` (Int64
    units: expected money of the horizon, discounted to `as_of`), `lo`, `hi` (Int64 units: central interval of that
    money at `params.confidence`), `value_sd` (float currency; these three null without `with_interval`), `p_order_90`
    (P of a kept order in the next 90 days), `model_used`, `fit_status`. Where no amount was ever known, the money is
    null and the status says `no_amounts`. Nobody by then: no rows. Never NaN.
    """
    days, segments = order_days(orders), segments_of(orders)
    summary = summarise_days(days, as_of).join(segments, on="customer_id", how="left", maintain_order="left")
    found = model or fit_summary(summary, as_of, choices, clock)
    return value_summary(summary, params, found, with_interval=with_interval)


def segments_of(orders: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """`customer_id, segment` of each customer; the smallest where a customer has several, null without the column."""
    rows = orders.lazy()
    if "segment" not in rows.collect_schema():
        rows = rows.with_columns(segment=pl.lit(None, dtype=pl.String))
    return rows.group_by("customer_id").agg(pl.col("segment").min()).sort("customer_id").collect()


def clock_of(days: pl.DataFrame, as_of: date, horizon_days: int) -> Clock:
    """The seasonal clock of `order_days` as known on a day, from a sample; the calendar for short histories."""
    with one_thread():
        return find_clock(as_log(days), day_number(as_of), horizon_days, SEASON_CUSTOMERS)


def fit_valuation(
    orders: pl.DataFrame | pl.LazyFrame,
    as_of: date,
    choices: Mapping[str | None, Choice] | None = None,
    clock: Clock | None = None,
) -> ValuationModel:
    """Fit the models of `choices` (a default where a segment has none) to the orders up to `as_of`."""
    summary = summarise_days(order_days(orders), as_of)
    summary = summary.join(segments_of(orders), on="customer_id", how="left", maintain_order="left")
    return fit_summary(summary, as_of, choices, clock)
