"""The forecast of a whole customer base: all candidates, and the champion, from a day log alone.

Lives here: the order of work, from the clock over rolling origins to the candidates at the end of observation.
Stays out: the holdout and its metrics (`backtest`), files and columns (`backtest_input`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.science.baselines import amount_baselines, silence_baselines
from pipelines.science.bootstrap import TotalInterval, total_interval
from pipelines.science.challenger import Challenger
from pipelines.science.champion import choose
from pipelines.science.combination import Combination, Forecast, learn
from pipelines.science.count_model import CountRows
from pipelines.science.numerics import Array
from pipelines.science.panel import NAMES, Panel, make_panel
from pipelines.science.pool import pool_weights
from pipelines.science.recalibration import rolling_origins
from pipelines.science.season import Clock, find_clock
from pipelines.science.snapshot import Snapshot, take_snapshot
from pipelines.science.spend import SPEND_MODELS
from pipelines.science.threads import one_thread
from pipelines.science.transactions import afterwards, every_kth

TARGETS = ("transactions", "value", "churn")
PAST_CUSTOMERS = 50_000
"""Customers (every k-th) from whose past forecasts combination, challenger and champion are learned."""


@dataclass(frozen=True)
class BaseForecast:
    """Everything forecast at the end of observation.

    `candidates` maps a name to orders, value and silence per customer, in the order of `snapshot.customers`;
    a baseline that says nothing on a target has zeros there and is listed in `baselines` by target.
    """

    snapshot: Snapshot
    panel: Panel
    plain: Panel
    combination: Combination
    challenger: Challenger
    candidates: dict[str, Forecast]
    baselines: dict[str, tuple[str, ...]]
    spend_model: str
    champion: dict[str, str]
    past_losses: dict[str, dict[str, float]]
    origins: list[int]
    tested_horizon: int
    interval: TotalInterval

    def of_champion(self) -> Forecast:
        """Each target as its champion forecasts it."""
        return Forecast(
            self.candidates[self.champion["transactions"]].orders,
            self.candidates[self.champion["value"]].value,
            self.candidates[self.champion["churn"]].silence,
        )


def forecast_base(log: pl.DataFrame, end: int, horizon: int, *, seed: int = 0, level: float = 0.9) -> BaseForecast:
    """Forecast every customer known at the end of day `end` over `horizon` days; later rows of the log are not read.

    Raises ValueError when nobody bought by then.
    One thread inside numerical libraries, so that equal input gives equal bits on any machine.
    """
    known = log.filter(pl.col("day") <= end)
    if not known["is_purchase"].any():
        raise ValueError("no purchases by the end of observation: nothing to forecast from")
    with one_thread(rescan=True):
        return _forecast(known, end, horizon, seed, level)


def _forecast(log: pl.DataFrame, end: int, horizon: int, seed: int, level: float) -> BaseForecast:
    clock = find_clock(log, end, horizon)
    first = int(log.filter(pl.col("is_purchase"))["day"].min())  # type: ignore[arg-type]
    origins, tested = rolling_origins(first, end, horizon)
    sample = every_kth(log.lazy(), PAST_CUSTOMERS).collect()
    past = [take_snapshot(sample, origin, tested, clock, with_outcome=True) for origin in origins]
    past = [place for place in past if place.outcome is not None and place.outcome.orders.sum() > 0]
    panels = [make_panel(place, polish=False) for place in past]
    combination = learn(panels, horizon / tested if tested else 1.0)
    challenger = _challenge(past, seed)
    spend_model = _best_spend(panels)

    snapshot = take_snapshot(log, end, horizon, clock, with_outcome=False)
    panel = make_panel(snapshot)
    plain = panel if clock.is_calendar else make_panel(snapshot.on(Clock.calendar()))
    candidates = _singles(plain, spend_model)
    stretch = horizon / tested if tested else 1.0
    boosted = challenger.forecast(snapshot.features, stretch)
    candidates["gradient_boosting"] = Forecast(boosted["orders"], boosted["value"], boosted["silence"])
    candidates["combined"] = combination.apply(panel)
    baselines = _baselines(snapshot, past, log)
    names = {target: tuple(found) for target, found in baselines.items()}
    candidates |= _as_forecasts(baselines, len(snapshot.x))
    champion, losses = _choose(log, past, panels, (combination, challenger), spend_model, names)
    extra = float(np.hypot(combination.orders_level.log_sd, clock.log_sd))
    interval = _interval(panel, combination, float(candidates[champion["transactions"]].orders.sum()), level, extra)
    return BaseForecast(
        snapshot, panel, plain, combination, challenger, candidates, names, spend_model, champion, losses,
        origins, tested, interval,
    )  # fmt: skip


def _singles(panel: Panel, spend_model: str) -> dict[str, Forecast]:
    """Each count model with the chosen spend model."""
    silence, worth = panel.silence(), panel.value[:, SPEND_MODELS.index(spend_model)]
    return {
        name: Forecast(panel.orders[:, place], panel.orders[:, place] * worth, silence[:, place])
        for place, name in enumerate(NAMES)
    }


def _best_spend(panels: list[Panel]) -> str:
    """The spend model for single count models: the best with the pool of attrition models on past origins."""
    known = [(panel, panel.snapshot.outcome) for panel in panels if panel.snapshot.outcome is not None]
    if not known:
        return SPEND_MODELS[0]
    forecasts = [panel.orders[:, 1:].mean(axis=1)[:, None] * panel.value for panel, _ in known]
    actual = [np.maximum(outcome.net, 0.0) for _, outcome in known if outcome is not None]
    if not all(part.sum() > 0 for part in actual):
        return SPEND_MODELS[0]
    return SPEND_MODELS[int(np.argmax(pool_weights(forecasts, actual)))]


def _challenge(past: list[Snapshot], seed: int) -> Challenger:
    """The challenger trained on all past snapshots."""
    known = [(place, place.outcome) for place in past if place.outcome is not None]
    if not known:
        return Challenger(seed).fit(np.zeros((1, 1)), np.zeros(1), np.zeros(1), np.zeros(1, dtype=np.int64))
    return Challenger(seed).fit(
        np.concatenate([place.features for place, _ in known]),
        np.concatenate([outcome.orders for _, outcome in known]),
        np.concatenate([outcome.net for _, outcome in known]),
        np.concatenate([place.code for place, _ in known]),
    )


def _baselines(snapshot: Snapshot, past: list[Snapshot], log: pl.DataFrame) -> dict[str, dict[str, Array]]:
    """Baseline forecasts by target and name."""
    window = afterwards(log, snapshot.customers, snapshot.origin - snapshot.horizon, snapshot.horizon)
    first_inside = snapshot.customers["first_day"].to_numpy() > snapshot.origin - snapshot.horizon
    repeats = window["orders"].to_numpy() - first_inside
    amounts = amount_baselines(snapshot, past, (repeats.astype(np.float64), window["net"].to_numpy()))
    return {
        "transactions": {name: found["orders"] for name, found in amounts.items()},
        "value": {name: found["value"] for name, found in amounts.items()},
        "churn": silence_baselines(snapshot, past),
    }


def _as_forecasts(baselines: dict[str, dict[str, Array]], size: int) -> dict[str, Forecast]:
    nothing = np.zeros(size)
    names = sorted({name for found in baselines.values() for name in found})
    return {name: Forecast(*(baselines[target].get(name, nothing) for target in TARGETS)) for name in names}


def _choose(
    log: pl.DataFrame,
    past: list[Snapshot],
    panels: list[Panel],
    learned: tuple[Combination, Challenger],
    spend_model: str,
    baselines: dict[str, tuple[str, ...]],
) -> tuple[dict[str, str], dict[str, dict[str, float]]]:
    """The champion of each target and the candidates' losses, from past origins only."""
    combination, challenger = learned
    if not combination.past:
        return dict.fromkeys(TARGETS, "combined"), {target: {} for target in TARGETS}
    rows: list[dict[str, Forecast]] = []
    for place, panel, combined in zip(past, panels, combination.past, strict=True):
        plain = panel if place.clock.is_calendar else make_panel(place.on(Clock.calendar()), polish=False)
        rows.append(_singles(plain, spend_model) | {"combined": combined})
        rows[-1] |= _as_forecasts(_baselines(place, past, log), len(place.x))
    code = np.concatenate([place.code for place in past])
    outcomes = [place.outcome for place in past if place.outcome is not None]
    orders = np.concatenate([outcome.orders for outcome in outcomes])
    actual = {
        "transactions": orders,
        "value": np.concatenate([np.maximum(outcome.net, 0.0) for outcome in outcomes]),
        "churn": (orders <= 0).astype(np.float64),
    }
    held = challenger.out_of_fold_
    boosted = dict(zip(TARGETS, (held["orders"], held["value"], held["silence"]), strict=True))
    champion, losses = {}, {}
    for target, part in zip(TARGETS, ("orders", "value", "silence"), strict=True):
        stacked = {name: np.concatenate([getattr(row[name], part) for row in rows]) for name in rows[0]}
        silent = {name for names in baselines.values() for name in names} - set(baselines[target])
        stacked = {name: found for name, found in stacked.items() if name not in silent}
        champion[target], losses[target] = choose(
            target, actual[target], stacked | {"gradient_boosting": boosted[target]}, code
        )
    return champion, losses


def _interval(panel: Panel, combination: Combination, total: float, level: float, extra: float) -> TotalInterval:
    """Interval of the total orders around the champion's total, shaped by the heaviest model of the pool."""
    model = panel.models[NAMES[int(np.argmax(combination.weights))]]
    _, rows = CountRows.located(panel.snapshot.x, panel.snapshot.t_x, panel.snapshot.age)
    shape = total_interval(model, rows, panel.snapshot.ahead, level, extra)
    scale = total / shape.mean if shape.mean > 0 else 1.0
    return TotalInterval(
        total, shape.lo * scale, shape.hi * scale, level, shape.sd_process * scale, shape.sd_parameters * scale
    )
