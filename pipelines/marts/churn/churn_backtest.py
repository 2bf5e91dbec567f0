"""F2 companion: how well silence was foretold on past days, and the calibration in use.

Lives here: the mart `churn_backtest`. Stays out: the risk of each customer (`customer_churn_risk`) and every formula
(`pipelines.science.churn`).

At most `SAMPLE` customers are asked, the first by customer_id, which is as good as random. A forecast of a day knows
nothing later: its calibration, the curve of recency and the base rate come from earlier days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, day, integer, number, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, BASES, as_of
from pipelines.marts.ltv.orders import ORDER_INPUTS, ORDER_READS, known_by, of_first_customers, order_rows
from pipelines.science.churn import SILENT_DAYS, Curve, PastSilence, forecasts, learn, origins_of, silence
from pipelines.science.histories import order_days, summarise_days
from pipelines.science.metrics import calibration_table, churn_metrics
from pipelines.science.valuation import clock_of

SAMPLE = 6_000
MODELS = ("model", "calibrated", "recency_only", "base_rate")
PARTS = ("all", "decile", "curve")
TOO_SHORT = "the data hold too few past days or customers to learn a calibration from and to test it"
_ONLY_ALL = "a decile, a knot of a curve, or nothing to measure"

TABLE = Table(
    "churn_backtest",
    f"A forecast of who does not order for {SILENT_DAYS} days, made on a past day and measured by what came.",
    ("origin_on", "model", "part", "place"),
    (
        day(
            "origin_on",
            "Day of the forecast, made with what was known: refunds and cancellations made or learnt later undone; the "
            "as-of day for all tested days together and for the curves in use",
            required=True,
        ),
        text(
            "model",
            "model: P(0) of the count models; calibrated: the same through the isotonic curve of earlier days, which "
            "is what customer_churn_risk publishes; recency_only: a curve of the days since the last order; "
            "base_rate: the share silent on earlier days",
            required=True,
            values=MODELS,
        ),
        text(
            "part",
            "all: measures over all customers; decile: a tenth by the forecast; curve: a knot of the curve in use, "
            "forecast (a score, or days of silence) is read as actual",
            required=True,
            values=PARTS,
        ),
        integer("place", "0 for all; the tenth, 1 the highest risk; the number of the knot", required=True),
        AS_OF,
        integer("customer_n", "Customers", required=True, unit="customers"),
        number("forecast", "Mean forecast; of a knot the score", null_means="nothing to measure"),
        number("actual", "Share that was silent; of a knot the probability", null_means="nothing to measure"),
        number("auc", "Area under the ROC curve", null_means=_ONLY_ALL),
        number("pr_auc", "Average precision", null_means=_ONLY_ALL),
        number("brier", "Brier score", null_means=_ONLY_ALL),
        number("reliability", "Its part from miscalibration, over tenths", null_means=_ONLY_ALL),
        number("resolution", "Its part from telling customers apart, over tenths", null_means=_ONLY_ALL),
        number("uncertainty", "Its part from the base rate", null_means=_ONLY_ALL),
        number("ece", "Expected calibration error over tenths", null_means=_ONLY_ALL),
        number("lift_10", "Share silent in the tenth at highest risk over the base rate", null_means=_ONLY_ALL),
        number("lift_20", "The same for the fifth at highest risk", null_means=_ONLY_ALL),
        text("why_not", "Why there is no calibration", null_means="there is one, or it is not the calibration's row"),
    ),
)
_SCHEMA = {name: kind for name, kind in TABLE.polars_schema.items() if name != "as_of_on"}


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """The orders of the customers that may be asked, who are the first of every part of the customers."""
    return order_rows(of_first_customers(inputs, SAMPLE), params)


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The orders themselves: models are fitted to all customers together."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Every past day tested, all of them together, and the curves in use."""
    rows = parts.collect()
    rows = rows.filter(pl.col("customer_id").is_in(rows["customer_id"].unique().sort().head(SAMPLE).implode()))
    past = _past(rows, params.as_of)
    found = pl.DataFrame([*_tests(past, params.as_of), *_curves(past, params.as_of)], schema=_SCHEMA)
    return found.lazy().with_columns(as_of(params).alias("as_of_on"))


def _past(rows: pl.DataFrame, today: date) -> list[PastSilence]:
    """Scores and outcomes of past days, oldest first."""
    now = known_by(rows, today).filter("is_kept")
    first = now["ordered_on"].min()
    return [
        look_back(known_by(rows, day), now, day)
        for day in (origins_of(first, today) if isinstance(first, date) else [])
    ]


def look_back(then: pl.DataFrame, now: pl.DataFrame, origin: date) -> PastSilence:
    """One past day: scores from the orders known `then`, the outcome from the kept orders known `now`."""
    days = order_days(then, BASES[:1])  # silence has no basis
    summary = summarise_days(days, origin, BASES[:1])
    score = silence(summary, origin, clock_of(days, origin, SILENT_DAYS))
    inside = pl.col("ordered_on").is_between(origin, origin + timedelta(days=SILENT_DAYS), closed="right")
    active = now.filter(inside)["customer_id"].unique()
    silent = ~summary["customer_id"].is_in(active.implode())
    recency = (summary["age"] - summary["t_x"]).to_numpy().astype(np.float64)
    return PastSilence(origin, score, recency, silent.to_numpy().astype(np.float64))


def _tests(past: Sequence[PastSilence], today: date) -> Iterator[dict[str, Any]]:
    """Measures by day and model, and over all days on which every model could be tested."""
    together: dict[str, list[np.ndarray]] = {}
    outcomes = []
    for place, here in enumerate(past):
        found = forecasts(here, past[:place])
        for name, forecast in found.items():
            yield from _measured(here.origin, name, forecast, here.silent)
        if len(found) == len(MODELS):
            outcomes.append(here.silent)
            for name, forecast in found.items():
                together.setdefault(name, []).append(forecast)
    for name, parts in together.items():
        yield from _measured(today, name, np.concatenate(parts), np.concatenate(outcomes))
    if not together:
        key = {"origin_on": today, "model": "calibrated", "part": "all", "place": 0}
        yield key | {"customer_n": 0, "why_not": TOO_SHORT}


def _measured(origin: date, model: str, forecast: np.ndarray, silent: np.ndarray) -> Iterator[dict[str, Any]]:
    if not len(silent):
        return
    key = {"origin_on": origin, "model": model}
    metrics = {name: value for name, value in churn_metrics(silent, forecast).items() if name != "base_rate"}
    means = {"forecast": float(forecast.mean()), "actual": float(silent.mean())}
    yield {**key, "part": "all", "place": 0, "customer_n": len(silent), **means, **metrics}
    for row in calibration_table(silent, forecast).iter_rows(named=True):
        decile = {"part": "decile", "place": row["bin"], "customer_n": row["n"]}
        yield {**key, **decile, "forecast": row["predicted"], "actual": row["actual"]}


def _curves(past: Sequence[PastSilence], today: date) -> Iterator[dict[str, Any]]:
    """The curves in use, learned from all past days."""
    learned, size = learn(past), sum(len(here.silent) for here in past)
    if learned.model is None or learned.recency is None:
        return
    flat = Curve(np.zeros(1), np.array([learned.base_rate]))
    curves = (("calibrated", learned.model), ("recency_only", learned.recency), ("base_rate", flat))
    for name, curve in curves:
        for place, (score, probability) in enumerate(zip(curve.score, curve.probability, strict=True), start=1):
            key = {"origin_on": today, "model": name, "part": "curve", "place": place}
            yield key | {"customer_n": size, "forecast": float(score), "actual": float(probability)}


MART = Mart(
    code="F2b",
    domain="churn",
    table=TABLE,
    questions=(
        "Is the churn risk better than looking at recency alone, and than the base rate?",
        "When a tenth of the customers was given a risk of 80 %, did 80 % of them stay away?",
        "How many times likelier to be silent is the tenth at highest risk?",
    ),
    example_sql=(
        "select model, customer_n, auc, pr_auc, brier, ece, lift_10, lift_20 from marts.churn_backtest "
        "where part = 'all' and origin_on = as_of_on order by brier"
    ),
    inputs=ORDER_INPUTS,
    reads=ORDER_READS,
    local=local,
    partial=partial,
    finalize=finalize,
)
