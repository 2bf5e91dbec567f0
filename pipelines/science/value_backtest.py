"""Backtest of valuations: what would have been forecast on past days, and what came.

Lives here: rolling origins, the forecasts of every candidate and baseline on one of them, and the choice of models by
segment, with the level of their errors. Stays out: which orders were known when (the marts), and tables.

The rule of choice: of the candidates whose total was off by at most `TIE` more than the least, the one with the least
mean absolute error, pooled over origins. Spend models are compared with the orders' total set right. A segment with
little behind it takes the choice of all customers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import polars as pl

from pipelines.science.cohorts import develop, triangle, triangle_sums
from pipelines.science.count_model import CountRows
from pipelines.science.histories import order_days, summarise_days
from pipelines.science.numerics import Array, Mask
from pipelines.science.recalibration import Level, level_posterior
from pipelines.science.season import Clock
from pipelines.science.spend import SPEND_MODELS
from pipelines.science.threads import one_thread
from pipelines.science.valuation import clock_of, segments_of
from pipelines.science.valuation_model import COUNT_CHOICES, Choice, Fits, spend_facts, times_on

COUNT_CANDIDATES = ("bgnbd", "mbgnbd", "pareto_nbd", "average", "average_by_segment")
BY_SEGMENT = "_by_segment"
BASELINES = ("historical_rate", "last_horizon", "segment_mean", "cohort")
DEFAULT = Choice()
TARGETS = ("orders", "value")
TIE = 0.02
MOST_ORIGINS = 2
LEAST_ORDERS = 100
"""A segment with fewer orders in all tested horizons takes the models and levels of all customers."""
UNTESTED = Level(0.0, 0.2)
"""Level of a forecast that was never tested."""


def origins_of(first: date, end: date, horizon: int) -> tuple[list[date], int]:
    """Past days to forecast from, oldest first, and the horizon to test there; none where the history is too short.

    The real horizon where at least half of it lies before an origin, else a third of the history; at least 28 days.
    """
    history = (end - first).days
    tested = horizon if history >= horizon + horizon // 2 else history // 3
    if tested < 28:
        return [], 0
    least = max(28, tested // 2)
    days = [end - timedelta(days=tested * step) for step in range(MOST_ORIGINS, 0, -1)]
    return [day for day in days if (day - first).days >= least], tested


@dataclass(frozen=True)
class Past:
    """One origin: per customer (in the order of `summary`) forecasts by target and name, and what came."""

    origin: date
    tested: int
    summary: pl.DataFrame
    clock: Clock
    fits: Fits
    orders: dict[str, Array]
    value: dict[str, Array]
    spend_value: dict[str, Array]
    actual_orders: Array
    actual_value: Array
    cohort_errors: Mapping[str | None, tuple[float, str]]

    @property
    def candidates(self) -> dict[str, Array]:
        """Forecasts of orders by the count models, without the baselines."""
        return {name: self.orders[name] for name in COUNT_CANDIDATES}

    def of_segment(self, segment: str | None, *, is_all: bool) -> Mask:
        """Which customers belong to a segment, or all."""
        if is_all:
            return np.ones(self.summary.height, dtype=bool)
        return self._masks.get(segment, np.zeros(self.summary.height, dtype=bool))

    @cached_property
    def _masks(self) -> dict[str | None, Mask]:
        """The customers of each segment: asked for again and again, by every candidate and level."""
        return {name: in_segment(self.summary, name) for name in self.summary["segment"].unique().to_list()}


def in_segment(summary: pl.DataFrame, segment: str | None) -> Mask:
    """Which rows of a frame belong to a segment; null is one too."""
    return summary.select(pl.col("segment").eq_missing(pl.lit(segment, dtype=pl.String))).to_series().to_numpy()


def look_back(then: pl.DataFrame, now: pl.DataFrame, origin: date, tested: int, beside: Past | None = None) -> Past:
    """Forecast from `origin` with the orders known `then`, and read what came from those known `now`.

    Both: `customer_id, segment, ordered_on, is_kept, amount, filled`. `beside` is the same origin with the same orders
    on another basis: how often customers order is not asked again.
    """
    days = order_days(then)
    summary = summarise_days(days, origin).join(segments_of(then), on="customer_id", how="left", maintain_order="left")
    clock = clock_of(days, origin, tested) if beside is None else beside.clock
    with one_thread():
        fits = Fits(summary, clock) if beside is None else beside.fits.on(summary)
        orders = _order_candidates(summary, clock, fits, origin, tested) if beside is None else beside.candidates
        facts = spend_facts(summary)
        worth = {name: fits.spend.net_value(name, facts) for name in SPEND_MODELS}
        value = {name: found * worth[DEFAULT.spend_model] for name, found in orders.items()}
    spend_value = {name: orders[DEFAULT.count_model] * each for name, each in worth.items()}
    actual = _outcome(summary, now, origin, origin + timedelta(days=tested))
    cohorts, errors = cohort_value(summary, then, origin, tested)
    baselines = _baselines(summary, then, origin, tested) | {"cohort": (None, cohorts)}
    orders = orders | {name: found[0] for name, found in baselines.items() if found[0] is not None}
    value |= {name: found[1] for name, found in baselines.items()}
    return Past(origin, tested, summary, clock, fits, orders, value, spend_value, *actual, errors)


def _order_candidates(summary: pl.DataFrame, clock: Clock, fits: Fits, origin: date, tested: int) -> dict[str, Array]:
    """Expected orders of each customer by each of `COUNT_CANDIDATES`."""
    times = times_on(summary, clock)
    place, rows = CountRows.located(*times)
    today = (origin - date(1970, 1, 1)).days
    ahead = float(clock.between(today, today + tested))
    found = {
        name: fits.pooled(COUNT_CHOICES[name][0]).expected_purchases(ahead, rows.x, rows.t_x, rows.age)[place]
        for name in COUNT_CANDIDATES
        if name in COUNT_CHOICES and len(COUNT_CHOICES[name]) == 1
    }
    found["average"] = np.mean([found[kind.name] for kind in COUNT_CHOICES["average"]], axis=0)
    own = found["average"].copy()
    for segment in summary["segment"].unique().to_list():
        here = in_segment(summary, segment)
        fitted = fits.of(Choice(is_segment_fit=True), summary.filter(pl.Series(here)))
        if fitted.choice.is_segment_fit:
            at, part = CountRows.located(*(column[here] for column in times))
            known = (part.x, part.t_x, part.age)
            own[here] = np.mean([model.expected_purchases(ahead, *known) for model in fitted.counts], axis=0)[at]
    return found | {f"average{BY_SEGMENT}": own}


def _outcome(summary: pl.DataFrame, now: pl.DataFrame, after: date, until: date) -> tuple[Array, Array]:
    """Days with a kept order, and money, of each customer in (after, until]."""
    inside = pl.col("ordered_on").is_between(after, until, closed="right")
    sums = (
        now.filter(inside)
        .group_by("customer_id")
        .agg(
            pl.col("ordered_on").filter("is_kept").n_unique().cast(pl.Int64).alias("order_n"),
            pl.col("filled").sum().alias("money"),
        )
    )
    found = summary.select("customer_id").join(sums, on="customer_id", how="left", maintain_order="left")
    orders, money = (found[name].fill_null(0).to_numpy().astype(np.float64) for name in ("order_n", "money"))
    return orders, money * 0.0001


def _baselines(
    summary: pl.DataFrame, then: pl.DataFrame, origin: date, tested: int
) -> dict[str, tuple[Array | None, Array]]:
    """Orders and value of each customer by what anyone would guess without a model."""
    age = np.maximum(summary["age"].to_numpy().astype(np.float64), 1.0)
    facts = spend_facts(summary)
    rate = summary["x"].to_numpy() / age * tested
    before = origin - timedelta(days=tested)
    orders, money = _outcome(summary, then, before, origin)
    is_new = (summary["first_on"] > before).to_numpy()
    repeats = np.maximum(orders - is_new, 0.0)
    value = money * np.divide(repeats, orders, out=np.zeros(len(orders)), where=orders > 0)
    mean_orders, mean_value = np.zeros(len(rate)), np.zeros(len(rate))
    segment = summary["segment"].fill_null("").rank("dense").to_numpy()
    for code in np.unique(segment):
        here = segment == code
        old = here & ~is_new
        old = old if old.any() else (~is_new if not is_new.all() else here)
        mean_orders[here], mean_value[here] = repeats[old].mean(), value[old].mean()
    return {
        "historical_rate": (rate, rate * np.maximum(facts.mean - facts.returned / np.maximum(facts.orders, 1.0), 0.0)),
        "last_horizon": (repeats, value),
        "segment_mean": (mean_orders, mean_value),
    }


def cohort_value(
    summary: pl.DataFrame, orders: pl.DataFrame, as_of: date, horizon: int, yearly_discount: float = 0.0
) -> tuple[Array, dict[str | None, tuple[float, str]]]:
    """Each customer's share of what the chain ladder of the segment's cohorts brings in the horizon after `as_of`.

    Also by segment: the standard error of its sum, and the status (`too_young` where nothing can be told).
    """
    customers = summary.select("customer_id", pl.col("segment").fill_null("").alias("group"), "first_on")
    sums = triangle_sums(customers, orders, as_of, horizon)
    parts, errors = [], {}
    for (group,), rows in sums.partition_by("group", as_dict=True).items():
        cells = triangle(rows, horizon)
        found = develop(cells, horizon, yearly_discount)
        each = found.coming_discounted / np.maximum(cells.size, 1.0)
        parts.append(
            pl.DataFrame({"cohort": cells.months, "each": each}, schema={"cohort": pl.Date, "each": pl.Float64})
            .with_columns(group=pl.lit(group, dtype=pl.String))
        )  # fmt: skip
        errors[str(group) or None] = (float(found.coming_se.sum()), found.status)
    if not parts:
        return np.zeros(0), {}
    each_of = customers.with_columns(pl.col("first_on").dt.truncate("1mo").alias("cohort")).join(
        pl.concat(parts), on=["group", "cohort"], how="left", maintain_order="left"
    )
    return each_of["each"].fill_null(0.0).to_numpy(), errors


@dataclass(frozen=True)
class Picked:
    """The choice for a segment, with the posterior of the levels of orders and value and what it rests on."""

    choice: Choice
    count_name: str
    orders_level: Level
    value_level: Level
    why_not: str | None = None
    pasts: Sequence[Past] = field(default_factory=tuple)
    is_own: bool = True


def pick(pasts: Sequence[Past], segments: Sequence[str | None], stretch: float) -> dict[str | bool | None, Picked]:
    """The choice of each segment, and under the key True that of all customers, from past origins."""
    whole = _pick(pasts, None, stretch, None)
    found: dict[str | bool | None, Picked] = {True: whole}
    for segment in segments:
        here = [past.of_segment(segment, is_all=False) for past in pasts]
        orders = sum(float(past.actual_orders[mine].sum()) for past, mine in zip(pasts, here, strict=True))
        enough = orders >= LEAST_ORDERS and all(mine.sum() >= 30 for mine in here)
        found[segment] = _pick(pasts, segment, stretch, whole) if pasts and enough else _borrowed(whole)
    return found


def _borrowed(whole: Picked) -> Picked:
    why_not = whole.why_not or "too few orders: the choice of all customers"
    return Picked(whole.choice, whole.count_name, whole.orders_level, whole.value_level, why_not, whole.pasts, False)


def _pick(pasts: Sequence[Past], segment: str | None, stretch: float, whole: Picked | None) -> Picked:
    here = [past.of_segment(segment, is_all=whole is None) for past in pasts]
    if not any(float(past.actual_orders[mine].sum()) > 0 for past, mine in zip(pasts, here, strict=True)):
        return Picked(DEFAULT, DEFAULT.count_model, UNTESTED, UNTESTED, "the history is too short for a past origin")
    actual = [past.actual_orders[mine] for past, mine in zip(pasts, here, strict=True)]
    money = [past.actual_value[mine] for past, mine in zip(pasts, here, strict=True)]
    counts = {name: [p.orders[name][mine] for p, mine in zip(pasts, here, strict=True)] for name in COUNT_CANDIDATES}
    count = _best(counts, actual)
    right = [
        float(a.sum()) / max(float(f.sum()), 1e-9) for a, f in zip(actual, counts[DEFAULT.count_model], strict=True)
    ]
    spends = {
        name: [p.spend_value[name][mine] * k for p, mine, k in zip(pasts, here, right, strict=True)]
        for name in SPEND_MODELS
    }
    spend = _best(spends, money)
    first = whole.orders_level.factor if whole else 1.0
    orders_level = _level(actual, [part * first for part in counts[count]], stretch)
    orders_level = Level(orders_level.log_mean + float(np.log(first)), orders_level.log_sd)
    second = whole.value_level.factor if whole else 1.0
    value_level = _level(money, [part * second for part in spends[spend]], stretch)
    value_level = Level(value_level.log_mean + float(np.log(second)), value_level.log_sd)
    choice = Choice(
        count.removesuffix(BY_SEGMENT), spend, count.endswith(BY_SEGMENT), orders_level.factor, value_level.factor
    )
    return Picked(choice, count, orders_level, value_level, None, pasts)


def _best(forecasts: Mapping[str, Sequence[Array]], actual: Sequence[Array]) -> str:
    truth = np.concatenate(list(actual))
    total, found = abs(float(truth.sum())), {}
    for name, parts in forecasts.items():
        guess = np.concatenate(list(parts))
        bias = abs(float(guess.sum()) - float(truth.sum())) / total if total > 0 else 0.0
        found[name] = (bias, float(np.abs(guess - truth).mean()))
    least = min(bias for bias, _ in found.values())
    near = {name: error for name, (bias, error) in found.items() if bias <= least + TIE}
    return min(near, key=lambda name: (near[name], list(forecasts).index(name)))


def _level(actual: Sequence[Array], forecast: Sequence[Array], stretch: float) -> Level:
    totals = [
        (float(a.sum()), float(f.sum()), float(((a - f) ** 2).sum())) for a, f in zip(actual, forecast, strict=True)
    ]
    truth, guess, noise = (np.array(column) for column in zip(*totals, strict=True))
    return level_posterior(truth, guess, noise, stretch)
