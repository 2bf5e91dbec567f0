"""C5: how good forecasts made on past days were, and which models are used now.

Lives here: the mart `ltv_backtest`. Stays out: forecasting and choosing (`pipelines.science.value_backtest`) and the
value of each customer (`customer_ltv_predictive`).

At most `SAMPLE` customers are asked, the first by customer_id, which is as good as random.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, day, flag, integer, number, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, BASES, CURRENCY, UNKNOWN, stamp
from pipelines.marts.ltv.fallback import TOO_YOUNG, model_total
from pipelines.marts.ltv.orders import (
    ORDER_INPUTS,
    ORDER_READS,
    bases_of,
    known_by,
    of_first_customers,
    order_rows,
    orders_on,
)
from pipelines.science.drift import drift_variance
from pipelines.science.metrics import calibration_table, forecast_metrics
from pipelines.science.numerics import Array, Mask
from pipelines.science.valuation_model import Choice, ValuationModel
from pipelines.science.valuation_scores import CountScores, value_summary
from pipelines.science.value_backtest import BASELINES, TARGETS, Past, Picked, look_back, origins_of, pick

ALL = "(all)"
SAMPLE = 10_000
_UNIT = "orders or reporting currency"
_CHOICE = "the choice in use"
_DECILE = "a decile, or the choice in use"
_COVERAGE = "told for the value of the champion"
_OTHERS = "not the choice in use"

TABLE = Table(
    "ltv_backtest",
    "A forecast of all customers of a segment made on a past day, measured by what came; and the choice in use now.",
    ("origin_on", "segment", "target", "model", "kind", "decile", "basis"),
    (
        day(
            "origin_on",
            "Day the forecast was made with what was known: refunds and cancellations made or learnt later undone; the "
            "as-of day for the choice",
            required=True,
        ),
        text("segment", "Acquisition channel; '(all)' for all, '(unknown)' where no source says", required=True),
        text("target", "Days with a kept order in the horizon, or the money of it", required=True, values=TARGETS),
        text("model", "Count model, spend model or baseline", required=True),
        text(
            "kind",
            "model: a count model with the default spend model; spend: a spend model with the default count model; "
            "baseline: no model; champion: what would have been published then, chosen and levelled on earlier "
            "origins only; chosen: in use now, the count model for orders and the spend model for value",
            values=("model", "spend", "baseline", "champion", "chosen"),
            required=True,
        ),
        integer("decile", "0: all customers; 1 to 10: tenths by the forecast, the highest first", required=True),
        AS_OF,
        CURRENCY,
        text(
            "basis",
            "Basis of the money, rows of value for each: contribution before marketing, or net revenue; orders, which "
            "have none, stand once, beside the headline basis. What came and is not known counts at the margin of all "
            "other orders; contribution has no rows where the cost of no order is known",
            required=True,
            values=BASES,
        ),
        integer("horizon_days", "Days ahead that were forecast", required=True, unit="days"),
        integer("customer_n", "Customers, of all origins for the choice", required=True, unit="customers"),
        number("forecast", "Forecast per customer", unit=_UNIT, null_means=_CHOICE),
        number("actual", "What came, per customer", unit=_UNIT, null_means=_CHOICE),
        number(
            "forecast_se",
            "Standard error of the forecast: of the total of all customers, per customer",
            unit=_UNIT,
            null_means="told for the value of the champion, and of cohorts old enough",
        ),
        number("bias", "Forecast total over the actual one, less 1", null_means=f"{_DECILE}, or the actual is 0"),
        number("mae", "Mean absolute error", unit=_UNIT, null_means=_DECILE),
        number("rmse", "Root mean squared error", unit=_UNIT, null_means=_DECILE),
        number("spearman", "Rank correlation, ties at their mean rank", null_means=_DECILE),
        number("ngini", "Normalised Gini of the ranking", null_means=_DECILE),
        number("decile_error", "Mean absolute error of decile means over the mean", null_means=_DECILE),
        number("top_decile_share", "Share of the actual total in the tenth ranked highest", null_means=_DECILE),
        number("coverage_80", "Share of customers inside their 80 % interval", null_means=_COVERAGE),
        number("coverage_95", "Share of customers inside their 95 % interval", null_means=_COVERAGE),
        number("level", "Factor on the chosen model's forecasts now", null_means=_OTHERS),
        number("level_log_sd", "Standard deviation of the log of the level", null_means=_OTHERS),
        number(
            "drift_share",
            "Deviation of a customer's money around the forecast beyond what the models know, as a share of it: "
            "what intervals of past days missed; mean of the origins",
            null_means="not the choice of a spend model in use",
        ),
        flag("is_by_segment", "The chosen count model is fitted to the segment", null_means=_OTHERS),
        text("why_not", "Why the choice is not the segment's own", null_means="it is, or not a choice"),
    ),
)

_MADE = ("as_of_on", "currency")
_SCHEMA = {name: kind for name, kind in TABLE.polars_schema.items() if name not in _MADE}
_METRICS = {"bias_rate": "bias", "top_decile_rate": "top_decile_share"}


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """The orders of the customers that may be asked, who are the first of every part of the customers."""
    return order_rows(of_first_customers(inputs, SAMPLE), params)


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The orders themselves: models are fitted to all customers together."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """All origins, candidates and baselines, and the choice in use."""
    rows = parts.collect()
    chosen = rows["customer_id"].unique().sort().head(SAMPLE)
    rows = rows.filter(pl.col("customer_id").is_in(chosen.implode()))
    found = pl.DataFrame(list(_table(rows, params)), schema=_SCHEMA) if rows.height else pl.DataFrame(schema=_SCHEMA)
    return found.lazy().with_columns(*stamp(params))


def _table(rows: pl.DataFrame, params: MartParams) -> Iterator[dict[str, Any]]:
    """Every basis after the other; how often customers order is asked once, and told beside the headline basis."""
    now = known_by(rows, params.as_of)
    first = now.filter("is_kept")["ordered_on"].min()
    origins, tested = origins_of(first, params.as_of, params.horizon_days) if isinstance(first, date) else ([], 0)
    known = [known_by(rows, origin) for origin in origins]
    beside: list[Past] = []
    targets: tuple[str, ...] = TARGETS
    for basis in bases_of(rows):
        actual = orders_on(now, basis)
        pasts = [
            look_back(orders_on(then, basis), actual, origin, tested, beside[place] if beside else None)
            for place, (origin, then) in enumerate(zip(origins, known, strict=True))
        ]
        shared = {"basis": basis, "horizon_days": tested or params.horizon_days}
        yield from (shared | row for row in _on_basis(pasts, now["segment"].unique().to_list(), params, targets))
        beside, targets = beside or pasts, TARGETS[1:]


def _on_basis(
    found: Sequence[Past], segments: list[str | None], params: MartParams, targets: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """The origins, oldest first, each judged by what was learnt of earlier ones, and the choice in use."""
    pasts: list[Past] = []
    drifts: list[float] = []
    for past in found:
        yield from _origin_rows(past, targets)
        picked = pick(pasts, _segments(past.summary), 1.0)
        champion = Champion.of(past, picked, _drift(drifts))
        yield from _champion_rows(past, picked, champion, targets)
        pasts.append(past)
        drifts.append(champion.drift(past, _drift(drifts)))
    stretch = params.horizon_days / found[0].tested if found else 1.0
    chosen = _chosen_rows(pick(pasts, segments, stretch), params.as_of, _drift(drifts))
    yield from (row for row in chosen if row["target"] in targets)


def _drift(found: Sequence[float]) -> float:
    """The drift that origins up to now tell: their mean; none before the first."""
    return float(np.mean(found)) if found else 0.0


def _segments(frame: pl.DataFrame) -> list[str | None]:
    return frame["segment"].unique().to_list()


def _groups(past: Past) -> Iterator[tuple[str, np.ndarray]]:
    yield ALL, past.of_segment(None, is_all=True)
    for segment in _segments(past.summary):
        yield segment or UNKNOWN, past.of_segment(segment, is_all=False)


def _origin_rows(past: Past, targets: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every candidate and baseline of one origin, by segment; deciles for all customers only."""
    actual = {"orders": past.actual_orders, "value": past.actual_value}
    for segment, mine in _groups(past):
        told = (("orders", past.orders), ("value", past.value), ("value", past.spend_value))
        for target, forecasts in [one for one in told if one[0] in targets]:
            for name, forecast in forecasts.items():
                is_spend = forecasts is past.spend_value
                kind = "baseline" if name in BASELINES else "spend" if is_spend else "model"
                key = {"origin_on": past.origin, "segment": segment, "target": target, "model": name, "kind": kind}
                more = {"forecast_se": _cohort_se(past, segment, mine)} if name == "cohort" else {}
                yield from _measured(key, forecast[mine], actual[target][mine], with_deciles=False, **more)


def _cohort_se(past: Past, segment: str, mine: Mask) -> float | None:
    """Standard error of what the cohorts of a segment bring, per customer; None where they are too young to tell."""
    found = past.cohort_errors
    told = found.values() if segment == ALL else [found.get(None if segment == UNKNOWN else segment, (0.0, TOO_YOUNG))]
    errors = [error for error, status in told if status != TOO_YOUNG]
    return sum(errors) / float(mine.sum()) if errors else None


def _measured(key: dict, forecast: Array, actual: Array, *, with_deciles: bool, **more: Any) -> Iterator[dict]:
    metrics = {_METRICS.get(name, name): value for name, value in forecast_metrics(actual, forecast).items()}
    if float(actual.sum()) == 0.0:
        metrics["bias"] = None  # type: ignore[assignment]
    means = {"forecast": float(forecast.mean()), "actual": float(actual.mean())}
    yield {**key, "decile": 0, "customer_n": len(actual), **means, **metrics, **more}
    if with_deciles:
        for row in calibration_table(actual, forecast).iter_rows(named=True):
            yield {
                **key, "decile": row["bin"], "customer_n": row["n"], "forecast": row["predicted"],
                "actual": row["actual"],
            }  # fmt: skip


@dataclass(frozen=True)
class Champion:
    """What the choices known at an origin forecast of each customer there, with intervals at 95 and 80 %."""

    scores: pl.DataFrame
    narrow: pl.DataFrame
    value: Array
    value_sd: Array

    @classmethod
    def of(cls, past: Past, picked: Mapping[str | bool | None, Picked], drift: float) -> Champion:
        """Score the customers of an origin by the choices of the time."""
        choices = {
            name: replace(found.choice, drift=drift) for name, found in picked.items() if not isinstance(name, bool)
        }
        model = fitted(past, choices)
        terms = MartParams(past.origin, horizon_days=past.tested, discount_rate=0.0, confidence=0.95)
        counts = CountScores.of(past.summary, terms, model)
        scores = value_summary(past.summary, terms, model, counts=counts)
        narrow = value_summary(past.summary, replace(terms, confidence=0.8), model, counts=counts)
        value, spread = scores["value"].fill_null(0).to_numpy() * 0.0001, scores["value_sd"].fill_null(0).to_numpy()
        return cls(scores, narrow, value, spread)

    def drift(self, past: Past, counted: float) -> float:
        """The drift that this origin tells, beside which `counted` is in the deviation already."""
        plain = np.maximum(self.value_sd**2 - counted * self.value**2, 0.0)
        return drift_variance(past.actual_value, self.value, plain, self.scores["expected_orders"].to_numpy())


def _champion_rows(
    past: Past, picked: Mapping[str | bool | None, Picked], champion: Champion, targets: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """The champion of an origin, measured by what came, with the coverage of the customers' intervals."""
    scores, value, spread = champion.scores, champion.value, champion.value_sd
    forecasts = {"orders": scores["expected_orders"].to_numpy(), "value": value}
    actual = {"orders": past.actual_orders, "value": past.actual_value}
    inside = {"coverage_95": _inside(scores, past), "coverage_80": _inside(champion.narrow, past)}
    for segment, mine in _groups(past):
        found = picked[True if segment == ALL else None if segment == UNKNOWN else segment]
        log_sd = float(np.hypot(found.orders_level.log_sd, found.value_level.log_sd))
        error = model_total(value[mine], spread[mine], log_sd).se / mine.sum()
        for target in targets:
            forecast = forecasts[target]
            key = {"origin_on": past.origin, "segment": segment, "target": target, "model": "champion"}
            more = {name: float(hit[mine].mean()) for name, hit in inside.items()} | {"forecast_se": float(error)}
            more = more if target == "value" else {}
            yield from _measured(
                key | {"kind": "champion"}, forecast[mine], actual[target][mine], with_deciles=segment == ALL, **more
            )


def _inside(scores: pl.DataFrame, past: Past) -> np.ndarray:
    lo, hi = (scores[name].fill_null(0).to_numpy() * 0.0001 for name in ("lo", "hi"))
    return (past.actual_value >= lo - 1e-9) & (past.actual_value <= hi + 1e-9)


def fitted(past: Past, choices: dict[str | None, Choice]) -> ValuationModel:
    """The models of `choices` from the fits of an origin."""
    segments = {
        name: past.fits.of(choice, past.summary.filter(pl.Series(past.of_segment(name, is_all=False))))
        for name, choice in choices.items()
    }
    return ValuationModel(past.origin, segments, past.fits.of(Choice(), past.summary.clear()), past.clock)


def _chosen_rows(picked: Mapping[str | bool | None, Picked], as_of: date, drift: float) -> Iterator[dict[str, Any]]:
    """The choice in use: for orders the count model and its level, for value the spend model and its level."""
    for name, found in picked.items():
        segment = ALL if name is True else str(name or UNKNOWN)
        for target, model, level in (
            ("orders", found.choice.count_model, found.orders_level),
            ("value", found.choice.spend_model, found.value_level),
        ):
            yield {
                "origin_on": as_of,
                "segment": segment,
                "target": target,
                "model": model,
                "kind": "chosen",
                "decile": 0,
                "customer_n": _customers(found.pasts, name),
                "level": level.factor,
                "level_log_sd": level.log_sd,
                "drift_share": float(np.sqrt(drift)) if target == "value" else None,
                "is_by_segment": found.choice.is_segment_fit,
                "why_not": found.why_not,
            }


def _customers(pasts: Sequence[Past], segment: str | bool | None) -> int:
    """Customers of a segment over all origins; True for all of them."""
    here = [past.of_segment(None if segment is True else segment, is_all=segment is True) for past in pasts]  # type: ignore[arg-type]
    return int(sum(mine.sum() for mine in here))


def champion_choices(backtest: pl.DataFrame, basis: str) -> dict[str | None, Choice]:
    """The choices in use on a basis by segment (null where no source says), from the rows of this mart.

    Where nothing was tested on the basis its spend model is the default. Who states no intervals, as the ledger, need
    not read `drift_share`.
    """
    chosen = backtest.filter(pl.col("kind") == "chosen")
    value = {row["segment"]: row for row in chosen.filter(target="value", basis=basis).to_dicts()}
    found: dict[str | None, Choice] = {}
    for row in chosen.filter(target="orders").to_dicts():
        segment = row["segment"]
        choice = Choice(row["model"], is_segment_fit=bool(row["is_by_segment"]), level=row["level"])
        if money := value.get(segment):
            drift = (money.get("drift_share") or 0.0) ** 2
            choice = replace(choice, spend_model=money["model"], value_level=money["level"], drift=drift)
        found[None if segment == UNKNOWN else segment] = choice
    return found


MART = Mart(
    code="C5",
    domain="ltv",
    table=TABLE,
    questions=(
        "How far off were the forecasts that this house would have published a year ago?",
        "Which model forecasts which segment best, and does it beat a guess without a model?",
        "Do the intervals of customers hold as often as they say?",
    ),
    example_sql=(
        "select origin_on, model, kind, forecast, actual, bias, mae, ngini, coverage_95 from marts.ltv_backtest "
        "where segment = '(all)' and target = 'value' and basis = 'net_revenue' and decile = 0 "
        "order by origin_on, kind, model"
    ),
    inputs=ORDER_INPUTS,
    reads=ORDER_READS,
    local=local,
    partial=partial,
    finalize=finalize,
)
