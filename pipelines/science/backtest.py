"""The backtest of a transaction log: forecast at the end of calibration, compare with what happened.

Lives here: the engine behind `caw backtest` as a plain function, its result as a JSON-ready mapping, per-customer
scores and frames for charts.
Stays out: reading files and naming columns (`backtest_input`), the command line and HTML.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.science.combination import Forecast
from pipelines.science.forecast import TARGETS, BaseForecast, forecast_base
from pipelines.science.metrics import calibration_table, churn_metrics, forecast_metrics
from pipelines.science.snapshot import Outcome
from pipelines.science.transactions import afterwards, day_number, purchases_by_day

DIGITS = 9
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Backtest:
    """A finished backtest.

    `result` is JSON-ready (see `backtest`). `scores` has one row per customer known at the calibration end.
    `calibration` has per target (`transactions`, `value`, `churn`) and model the decile means, predicted beside
    actual; `tracking` the cumulative repeat orders by week, actual beside expected.
    """

    result: dict
    scores: pl.DataFrame
    calibration: pl.DataFrame
    tracking: pl.DataFrame
    forecast: BaseForecast


def backtest(log: pl.DataFrame, calibration_end: date, horizon_days: int, *, seed: int = 0) -> Backtest:
    """Run the whole comparison on a day log (`transactions.day_log`) that reaches past the calibration end.

    `result`: `customers, calibration_end, horizon_days, holdout_complete` (whether the log covers the horizon),
    `models` and `baselines` (name -> parameters, log_likelihood, fit_status, and per target its metrics),
    `champion`, `champion_metrics`, `interval` (of the total orders, 90 %), `season`, `origins`, `past_losses`.
    Champion and combination are chosen from origins before the calibration end; the holdout is only measured.
    Raises ValueError when no customer bought by the calibration end.
    """
    end = day_number(calibration_end)
    if log.filter(pl.col("is_purchase") & (pl.col("day") <= end)).is_empty():
        raise ValueError(f"no purchases up to {calibration_end.isoformat()}: nothing to calibrate on")
    forecast = forecast_base(log, end, horizon_days, seed=seed)
    customers = forecast.snapshot.customers
    after = afterwards(log, customers, end, horizon_days)
    outcome = Outcome(*(after[name].to_numpy().astype(np.float64) for name in after.columns[1:]))
    last = int(log["day"].max()) if log.height else end  # type: ignore[arg-type]
    names = [name for name in forecast.candidates if not any(name in found for found in forecast.baselines.values())]
    champion = forecast.of_champion()
    result = {
        "customers": customers.height,
        "calibration_end": calibration_end.isoformat(),
        "horizon_days": horizon_days,
        "holdout_complete": last >= end + horizon_days,
        "models": {name: _described(forecast, name) | _measured(forecast.candidates[name], outcome) for name in names},
        "baselines": _baseline_metrics(forecast, outcome),
        "champion": forecast.champion,
        "champion_metrics": _measured(champion, outcome),
        "interval": {
            "target": "transactions",
            "level": forecast.interval.level,
            "forecast": forecast.interval.mean,
            "lo": forecast.interval.lo,
            "hi": forecast.interval.hi,
            "actual": float(outcome.orders.sum()),
        },
        "season": {
            "found": not forecast.snapshot.clock.is_calendar,
            "horizon_index": forecast.snapshot.ahead / max(horizon_days, 1),
        },
        "origins": [_day(origin).isoformat() for origin in forecast.origins],
        "tested_horizon_days": forecast.tested_horizon,
        "past_losses": forecast.past_losses,
    }
    return Backtest(
        result=_rounded(result),
        scores=_scores(forecast, champion, outcome),
        calibration=_calibration(forecast, outcome),
        tracking=_tracking(log, forecast, end, horizon_days),
        forecast=forecast,
    )


def _described(forecast: BaseForecast, name: str) -> dict:
    """Parameters (unit of time: days), log-likelihood and status of one model."""
    if name in forecast.plain.models:
        model = forecast.plain.models[name]
        return {
            "parameters": dict(model.answering.parameters_),
            "log_likelihood": model.log_likelihood_,
            "fit_status": model.fit_status_,
            "model_used": model.model_used_,
            "spend_model": forecast.spend_model,
        }
    if name == "combined":
        status = "ok" if forecast.combination.past else "no_past"
        return {"parameters": forecast.combination.parameters, "log_likelihood": None, "fit_status": status}
    return {"parameters": {}, "log_likelihood": None, "fit_status": forecast.challenger.fit_status_}


def _measured(found: Forecast, outcome: Outcome) -> dict:
    """The metrics of one forecast on all three targets."""
    return {
        "transactions": forecast_metrics(outcome.orders, found.orders),
        "value": forecast_metrics(outcome.net, found.value),
        "churn": churn_metrics(outcome.orders <= 0, found.silence),
    }


def _baseline_metrics(forecast: BaseForecast, outcome: Outcome) -> dict:
    result: dict[str, dict] = {}
    for target in TARGETS:
        for name in forecast.baselines[target]:
            measured = _measured(forecast.candidates[name], outcome)
            result.setdefault(name, {})[target] = measured[target]
    return result


def _scores(forecast: BaseForecast, champion: Forecast, outcome: Outcome) -> pl.DataFrame:
    """Per customer: facts at the calibration end (days), the champion's scores, and the outcome."""
    customers = forecast.snapshot.customers
    weights, models = forecast.combination.weights, forecast.panel.models.values()
    seen = forecast.snapshot
    alive = np.column_stack([model.p_alive(seen.x, seen.t_x, seen.age) for model in models]) @ weights
    columns = {
        "p_alive": alive,
        "p_no_purchase": champion.silence,
        "expected_orders": champion.orders,
        "expected_value": champion.value,
        "actual_orders": outcome.orders,
        "actual_value": outcome.net,
    }
    return customers.select("customer", "x", "t_x", "age", "spent", "returned").with_columns(
        **{name: pl.Series(values).round_sig_figs(DIGITS) for name, values in columns.items()}
    )


def _calibration(forecast: BaseForecast, outcome: Outcome) -> pl.DataFrame:
    """Decile means by target and model, the champion under its own name and as `champion`."""
    parts = []
    actual = {
        "transactions": outcome.orders,
        "value": outcome.net,
        "churn": (outcome.orders <= 0).astype(np.float64),
    }
    for target, field in zip(TARGETS, ("orders", "value", "silence"), strict=True):
        shown = {name: forecast.candidates[name] for name in ("bgnbd", "pareto_nbd", "gradient_boosting", "combined")}
        shown |= {"champion": forecast.of_champion()}
        for name, found in shown.items():
            table = calibration_table(actual[target], getattr(found, field))
            parts.append(table.select(pl.lit(target).alias("target"), pl.lit(name).alias("model"), pl.all()))
    return pl.concat(parts)


def _tracking(log: pl.DataFrame, forecast: BaseForecast, end: int, horizon: int) -> pl.DataFrame:
    """Cumulative repeat orders at the end of each week of calibration and holdout, of customers of the calibration.

    `expected` comes from the heaviest model of the pool on its clock, unconditional: what a plain tracking plot shows.
    """
    customers = forecast.snapshot.customers
    known = log.join(customers.select("customer"), on="customer", how="semi")
    daily = purchases_by_day(known, end + horizon)
    first = int(daily["day"].min()) if daily.height else end  # type: ignore[arg-type]
    weeks = np.unique(np.append(np.arange(first + 6, end + horizon, 7), [end, end + horizon]))
    cumulative = np.append(0, np.cumsum(daily["repeat_n"].to_numpy()))
    actual = cumulative[np.searchsorted(daily["day"].to_numpy(), weeks, side="right")]
    clock = forecast.snapshot.clock
    model = list(forecast.panel.models.values())[int(np.argmax(forecast.combination.weights))]
    expected = model.tracking(clock.at(customers["first_day"].to_numpy()), clock.at(weeks))
    return pl.DataFrame(
        {
            "on": [_day(int(week)) for week in weeks],
            "is_holdout": weeks > end,
            "actual": actual,
            "expected": np.round(expected, 6),
        }
    )


def _day(number: int) -> date:
    return _EPOCH + timedelta(days=number)


def _rounded(value: Any) -> Any:
    """Floats at nine significant digits, NumPy scalars as Python's; anything not finite becomes None."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(part) for part in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
    return value
