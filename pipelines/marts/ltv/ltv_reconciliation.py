"""C4: the sum of predicted values, the cohorts' estimate and what came, side by side.

Lives here: the mart `ltv_reconciliation`. Stays out: the estimates (`customer_ltv_predictive`, `pipelines.science`) and
the rule of the fallback (`fallback`), which has acted on the published values already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, day, flag, integer, money, number, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, BASES, BASIS_SAYS, CURRENCY, UNKNOWN, stamp
from pipelines.marts.ltv.fallback import SOURCES, TOO_YOUNG, Total, disagree, level_spread, model_total
from pipelines.marts.ltv.ltv_backtest import ALL
from pipelines.marts.ltv.orders import TODAY_INPUTS, TODAY_READS, numbered, orders_on, orders_today, with_filled
from pipelines.science.histories import order_days, summarise_days
from pipelines.science.intervals import two_sided_z
from pipelines.science.valuation import segments_of
from pipelines.science.value_backtest import UNTESTED, cohort_value

AGREE = "model and cohorts agree within their joint interval"
GIVES_WAY = "model and cohorts disagree beyond their joint interval: the cohorts are published"
YOUNG = "no cohort has been seen for a whole period, so nothing can be compared"
PAST = "forecast on that day for the customers of the backtest, beside what came"
PAST_GIVES_WAY = "the same; by their joint interval the cohorts would have been published on that day"
MIXED = "mixed"
TIMES = ("next", "past")

TABLE = Table(
    "ltv_reconciliation",
    "Expected money of a segment's customers over the same horizon: by the model, by their cohorts, and what came.",
    ("segment", "period", "basis"),
    (
        text("segment", "Acquisition channel; '(all)' for all, '(unknown)' where no source says", required=True),
        text("period", "next: the horizon after the as-of day; past: the last one tested", required=True, values=TIMES),
        AS_OF,
        CURRENCY,
        text("basis", BASIS_SAYS, required=True, values=BASES),
        day("from_on", "Day after which the horizon runs", required=True),
        integer("horizon_days", "Days of the horizon", required=True, unit="days"),
        integer("customer_n", "Customers with a kept order by then", required=True, unit="customers"),
        money("predictive", "Sum of the model's values, before any fallback", null_means="no amount is known"),
        money("predictive_lo", "Lower limit at the run's confidence", null_means="no amount is known"),
        money("predictive_hi", "Upper limit at the run's confidence", null_means="no amount is known"),
        money("cohort", "Chain ladder of the segment's cohorts", null_means="cohorts are too young"),
        money("cohort_lo", "Lower limit at the run's confidence", null_means="cohorts are too young"),
        money("cohort_hi", "Upper limit at the run's confidence", null_means="cohorts are too young"),
        money("realised", "What came", null_means="the horizon lies ahead"),
        money(
            "diff",
            "predictive - cohort; for the past what the rule would have published then - realised",
            null_means="nothing to compare with",
        ),
        number("diff_share", "diff over what is compared with", null_means="nothing to compare with, or it is 0"),
        flag(
            "is_overlap",
            "predictive - cohort lies inside the joint interval of the two",
            null_means="cohorts are too young, or no amount is known",
        ),
        flag(
            "is_covered",
            "What came lies inside the interval of what the rule would have published",
            null_means="the horizon lies ahead",
        ),
        text(
            "value_source",
            "Which estimate is published for the segment; for the past, would have been by the same rule",
            required=True,
            values=(*SOURCES, MIXED),
        ),
        text(
            "reason",
            "What the comparison says",
            required=True,
            values=(AGREE, GIVES_WAY, YOUNG, PAST, PAST_GIVES_WAY),
        ),
    ),
)  # fmt: skip
_SCHEMA = {name: pl.Int64() if kind == pl.Decimal(18, 4) else kind for name, kind in TABLE.polars_schema.items()}


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """The orders of each customer, the customer's values, and once the rows of the backtest."""
    values = inputs["customer_ltv_predictive"].select(
        pl.col("segment").alias("label"),
        pl.col("basis").alias("value_basis"),
        pl.col("model_value", "cohort_value").to_physical().cast(pl.Int64),
        "value_sd",
        "value_source",
    )
    tested = inputs["ltv_backtest"].rename({"segment": "label", "basis": "tested_basis"})
    return pl.concat([orders_today(inputs, params), values, tested], how="diagonal")


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The rows themselves: cohorts are completed over all customers together."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """One row per segment and period."""
    rows = parts.collect()
    tested = rows.filter(pl.col("kind").is_not_null()).with_columns(segment="label", basis="tested_basis")
    values = rows.filter(pl.col("value_source").is_not_null())
    placed = rows.filter(pl.col("ordered_on").is_not_null())
    found = [*_next(placed, values, tested, params), *_past(tested, params.confidence)] if values.height else []
    names = [name for name in _SCHEMA if name not in ("as_of_on", "currency")]
    return pl.DataFrame(found, schema={name: _SCHEMA[name] for name in names}).lazy().with_columns(*stamp(params))


def _next(
    placed: pl.DataFrame, values: pl.DataFrame, tested: pl.DataFrame, params: MartParams
) -> Iterator[dict[str, Any]]:
    _, orders = numbered(with_filled(placed.select("customer_id", "segment", "ordered_on", "is_kept", *BASES)))
    summary = summarise_days(order_days(orders, None), params.as_of, None)
    summary = summary.join(segments_of(orders), on="customer_id", how="left", maintain_order="left")
    for basis in sorted(values["value_basis"].unique()):
        mine = values.filter(pl.col("value_basis") == basis)
        _, errors = cohort_value(
            summary, orders_on(orders, basis), params.as_of, params.horizon_days, params.discount_rate
        )
        yield from _next_on(basis, errors, mine, tested, params)


def _next_on(
    basis: str,
    errors: Mapping[str | None, tuple[float, str]],
    values: pl.DataFrame,
    tested: pl.DataFrame,
    params: MartParams,
) -> Iterator[dict[str, Any]]:
    spread = level_spread(tested.filter(pl.col("kind") == "chosen"), basis)
    told = {name or UNKNOWN: error for name, error in errors.items()}
    everyone = (
        sum(error for error, _ in told.values()),
        "ok" if any(s != TOO_YOUNG for _, s in told.values()) else TOO_YOUNG,
    )
    shared = {
        "period": "next", "basis": basis, "from_on": params.as_of, "horizon_days": params.horizon_days,
    }  # fmt: skip
    for label in (ALL, *sorted(values["label"].unique().to_list())):
        mine = values if label == ALL else values.filter(pl.col("label") == label)
        error = everyone if label == ALL else told.get(label, (0.0, TOO_YOUNG))
        row = _compared(mine, error, spread.get(label, UNTESTED.log_sd), params.confidence)
        yield shared | {"segment": label, "customer_n": mine.height} | row


def _compared(mine: pl.DataFrame, error: tuple[float, str], log_sd: float, confidence: float) -> dict[str, Any]:
    """The two totals of the coming horizon with their limits, and whether they agree."""
    sources = mine["value_source"].unique().to_list()
    source = sources[0] if len(sources) == 1 else MIXED
    if mine["model_value"].null_count():
        return {"value_source": source, "reason": YOUNG}
    value, sd = mine["model_value"].to_numpy() * 1e-4, mine["value_sd"].to_numpy()
    model, z = model_total(value, sd, log_sd), two_sided_z(confidence)
    predicted = int(mine["model_value"].sum())
    row: dict[str, Any] = {"predictive": predicted, "value_source": source, "reason": YOUNG}
    row |= _limits("predictive", model, z)
    if error[1] == TOO_YOUNG:
        return row
    total = int(mine["cohort_value"].sum() or 0)
    cohort = Total(total * 1e-4, error[0])
    apart = disagree(model, cohort, confidence)
    row |= _limits("cohort", cohort, z)
    return row | {
        "cohort": total,
        "diff": predicted - total,
        "diff_share": (predicted - total) / abs(total) if total else None,
        "is_overlap": not apart,
        "reason": GIVES_WAY if apart else AGREE,
    }


def _limits(name: str, total: Total, z: float) -> dict[str, int]:
    return {
        f"{name}_{end}": int(np.rint((total.amount + sign * z * total.se) * 1e4))
        for end, sign in (("lo", -1), ("hi", 1))
    }


def _past(tested: pl.DataFrame, confidence: float) -> Iterator[dict[str, Any]]:
    """The latest origin of the backtest: the champion of that day, the cohorts, and what came."""
    rows = tested.filter((pl.col("target") == "value") & (pl.col("decile") == 0) & (pl.col("kind") != "chosen"))
    if rows.is_empty():
        return
    rows = rows.filter(pl.col("origin_on") == pl.col("origin_on").max())
    for (label, basis), mine in rows.partition_by("segment", "basis", as_dict=True, maintain_order=True).items():
        by_name = {row["model"]: row for row in mine.to_dicts() if row["model"] in ("champion", "cohort")}
        champion = by_name["champion"]
        yield {
            "segment": label, "period": "past", "basis": basis, "from_on": champion["origin_on"],
            "horizon_days": champion["horizon_days"], "customer_n": champion["customer_n"],
            **_judged(champion, by_name["cohort"], two_sided_z(confidence), confidence),
        }  # fmt: skip


def _judged(champion: dict[str, Any], cohort: dict[str, Any], z: float, confidence: float) -> dict[str, Any]:
    """The forecasts of a past day with their limits, which of them the rule would have published, and what came."""
    size = champion["customer_n"]
    model = Total(champion["forecast"] * size, champion["forecast_se"] * size)
    realised = int(np.rint(champion["actual"] * size * 1e4))
    row = {"predictive": int(np.rint(model.amount * 1e4)), "realised": realised} | _limits("predictive", model, z)
    published, gives_way = model, False
    if cohort["forecast_se"] is not None:
        other = Total(cohort["forecast"] * size, cohort["forecast_se"] * size)
        gives_way = disagree(model, other, confidence)
        published = other if gives_way else model
        row |= {"cohort": int(np.rint(other.amount * 1e4)), "is_overlap": not gives_way} | _limits("cohort", other, z)
    diff = int(np.rint(published.amount * 1e4)) - realised
    return row | {
        "diff": diff,
        "diff_share": diff / abs(realised) if realised else None,
        "is_covered": abs(diff) <= z * published.se * 1e4,
        "value_source": SOURCES[int(gives_way)],
        "reason": PAST_GIVES_WAY if gives_way else PAST,
    }


MART = Mart(
    code="C4",
    domain="ltv",
    table=TABLE,
    questions=(
        "Do the predicted values of customers and the projection of their cohorts agree?",
        "For which segments is the cohorts' estimate published instead of the model's?",
        "What did either say a year ago, and what came?",
    ),
    example_sql=(
        "select segment, period, predictive, cohort, realised, diff_share, is_overlap, value_source "
        "from marts.ltv_reconciliation where basis = 'net_revenue' order by period, segment"
    ),
    inputs=(*TODAY_INPUTS, "customer_ltv_predictive", "ltv_backtest"),
    reads={
        **TODAY_READS,
        "customer_ltv_predictive": (
            "customer_id", "basis", "segment", "model_value", "cohort_value", "value_sd", "value_source",
        ),
        "ltv_backtest": (
            "origin_on", "segment", "target", "model", "kind", "decile", "basis", "horizon_days", "customer_n",
            "forecast", "forecast_se", "actual", "level_log_sd",
        ),
    },
    once=("ltv_backtest",),
    local=local,
    partial=partial,
    finalize=finalize,
)  # fmt: skip
