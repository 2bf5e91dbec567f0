"""Valuation models: the count and spend models of all customers and of each segment, fitted once.

Lives here: what can be chosen for a segment, and fitting it.
Stays out: scores (`valuation_scores`), and which models to choose.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from pipelines.science.bgnbd import BGNBD
from pipelines.science.count_model import CountModel, CountRows
from pipelines.science.credibility import within_variance
from pipelines.science.fit_once import fit_once
from pipelines.science.mbgnbd import MBGNBD
from pipelines.science.nbd import NBD
from pipelines.science.numerics import Array
from pipelines.science.pareto_nbd import ParetoNBD
from pipelines.science.season import Clock
from pipelines.science.spend import Spend, SpendFacts
from pipelines.science.threads import one_thread

COUNT_CHOICES: dict[str, tuple[type[CountModel], ...]] = {
    "nbd": (NBD,),
    "bgnbd": (BGNBD,),
    "mbgnbd": (MBGNBD,),
    "pareto_nbd": (ParetoNBD,),
    "average": (BGNBD, MBGNBD, ParetoNBD),
}
"""Count models by the name of a choice; `average` is the mean of the three models with attrition."""
NO_AMOUNTS = "no_amounts"
LEAST_CUSTOMERS, LEAST_REPEATERS = 200, 50
"""A segment with fewer customers, or fewer with a repeat order, is answered by the fit of all customers."""
POOLING_SD = 0.5
"""Standard deviation of the log-parameters of segments around those of all customers (partial pooling)."""


@dataclass(frozen=True)
class Choice:
    """The models of a segment.

    `is_segment_fit`: fitted to the segment, pulled toward all customers; else the fit of all. `level` multiplies the
    pace of orders and `value_level` the value of one: what past forecasts of this kind got wrong. `drift` is the
    variance of a customer's own factor beside them (`drift`), which only widens intervals.
    """

    count_model: str = "average"
    spend_model: str = "credibility"
    is_segment_fit: bool = False
    level: float = 1.0
    value_level: float = 1.0
    drift: float = 0.0


@dataclass(frozen=True)
class Fitted:
    """The fitted models of one segment, or of all customers."""

    choice: Choice
    counts: tuple[CountModel, ...]
    spend: Spend
    mean: float
    within: float
    has_amounts: bool

    @property
    def key(self) -> tuple:
        """Equal for segments that share fits and choice, which are then scored together."""
        return (self.choice, *(id(part) for part in (*self.counts, self.spend)))

    @property
    def count_key(self) -> tuple:
        """Equal for segments whose orders the same fits expect, at whatever level and value."""
        return tuple(id(part) for part in self.counts)

    @property
    def pace_key(self) -> tuple:
        """Equal for segments whose orders the same fits expect at the same level."""
        return (self.choice.level, *self.count_key)

    @property
    def model_used(self) -> str:
        """Count model and spend model that answer, and whether the segment has a fit of its own."""
        names = sorted({model.model_used_ for model in self.counts})
        count = self.choice.count_model if len(names) > 1 else names[0]
        scope = " by segment" if self.choice.is_segment_fit else ""
        return f"{count} x {self.choice.spend_model}{scope}"

    @property
    def fit_status(self) -> str:
        """`ok`, or what is not: `no_amounts`, and the statuses of count models."""
        found = sorted({model.fit_status_ for model in self.counts} - {"ok"})
        return ", ".join([*([] if self.has_amounts else [NO_AMOUNTS]), *found]) or "ok"


@dataclass(frozen=True)
class ValuationModel:
    """Fitted models by segment (null for none known); `rest` answers for segments never seen."""

    fitted_as_of: date
    segments: Mapping[str | None, Fitted]
    rest: Fitted
    clock: Clock

    def of(self, segment: str | None) -> Fitted:
        """The models of a segment."""
        return self.segments.get(segment, self.rest)


def fit_summary(
    summary: pl.DataFrame,
    as_of: date,
    choices: Mapping[str | None, Choice] | None = None,
    clock: Clock | None = None,
) -> ValuationModel:
    """`fit_valuation` from a `summarise_days` frame with a `segment`."""
    chosen, time = dict(choices or {}), clock or Clock.calendar()
    names = sorted(summary["segment"].unique().to_list(), key=lambda name: (name is not None, name or ""))
    wanted = {name: chosen.get(name, Choice()) for name in names}
    with one_thread():
        base = Fits(summary, time)
        segments: dict[str | None, Fitted] = {}
        for name, choice in wanted.items():
            rows = summary.filter(pl.col("segment").eq_missing(pl.lit(name, dtype=pl.String)))
            segments[name] = base.of(choice, rows)
        return ValuationModel(as_of, segments, base.of(Choice(), summary.clear()), time)


def fit_money(
    model: ValuationModel, summary: pl.DataFrame, choices: Mapping[str | None, Choice] | None = None
) -> ValuationModel:
    """The same count models with order values fitted to the money of another summary of the same customers.

    Of `choices` the spend models and their levels are taken; a default where a segment has none.
    """
    chosen, facts = dict(choices or {}), spend_facts(summary)
    pooled = Spend().fit(facts)

    def again(fitted: Fitted, name: str | None) -> Fitted:
        money = chosen.get(name, Choice())
        choice = replace(fitted.choice, spend_model=money.spend_model, value_level=money.value_level, drift=money.drift)
        if not choice.is_segment_fit:
            return valued(choice, fitted.counts, pooled, facts)
        own = spend_facts(summary.filter(pl.col("segment").eq_missing(pl.lit(name, dtype=pl.String))))
        return valued(choice, fitted.counts, Spend().fit(own), own)

    with one_thread():
        segments = {name: again(fitted, name) for name, fitted in model.segments.items()}
        return replace(model, segments=segments, rest=valued(Choice(), model.rest.counts, pooled, facts))


def valued(choice: Choice, counts: tuple[CountModel, ...], spend: Spend, facts: SpendFacts) -> Fitted:
    """Fitted models together, with what the facts say of the value of an order."""
    total = float(facts.orders.sum())
    mean = float(facts.spent.sum()) / total if total > 0 else 0.0
    return Fitted(choice, counts, spend, mean, within_variance(facts.orders, facts.spent, facts.square), total > 0)


class Fits:
    """Fits of all customers, made once and shared by segments, and fits of segments pulled toward them."""

    def __init__(self, summary: pl.DataFrame, clock: Clock) -> None:
        self._clock = clock
        self._rows = CountRows.of(*times_on(summary, clock))
        self._facts = spend_facts(summary)
        self.spend = Spend().fit(self._facts)
        self._counts: dict[type[CountModel], CountModel] = {}
        self._own: dict[tuple[str | None, type[CountModel]], CountModel] = {}

    def on(self, summary: pl.DataFrame) -> Fits:
        """The same count models, fitted here or there, with spend models of the same customers' money in a summary."""
        other = copy(self)
        other._facts = spend_facts(summary)
        other.spend = Spend().fit(other._facts)
        return other

    def of(self, choice: Choice, summary: pl.DataFrame) -> Fitted:
        """The models of a choice for the customers of one segment, all of them; the pooled ones where they are few."""
        kinds = COUNT_CHOICES[choice.count_model]
        pooled = tuple(self.pooled(kind) for kind in kinds)
        if not choice.is_segment_fit or not _is_large(summary):
            return valued(replace(choice, is_segment_fit=False), pooled, self.spend, self._facts)
        segment, facts = summary["segment"][0], spend_facts(summary)
        if any((segment, kind) not in self._own for kind in kinds):
            rows = CountRows.of(*times_on(summary, self._clock))
            fits = {(segment, kind): _pulled(kind, model, rows) for kind, model in zip(kinds, pooled, strict=True)}
            self._own.update(fits)
        counts = tuple(self._own[segment, kind] for kind in kinds)
        return valued(choice, counts, Spend().fit(facts), facts)

    def pooled(self, kind: type[CountModel]) -> CountModel:
        """A count model fitted to all customers."""
        if kind not in self._counts:
            self._counts[kind] = fit_once(kind, self._rows)
        return self._counts[kind]


def _is_large(summary: pl.DataFrame) -> bool:
    return summary.height >= LEAST_CUSTOMERS and summary.filter(pl.col("x") > 0).height >= LEAST_REPEATERS


def _pulled(kind: type[CountModel], pooled: CountModel, rows: CountRows) -> CountModel:
    """A segment's fit, pulled toward that of all customers; the latter itself where it fell back."""
    if pooled.model_used_ != kind.name:
        return pooled
    return fit_once(kind, rows, prior=pooled.parameters_, prior_sd=POOLING_SD)


def times_on(summary: pl.DataFrame, clock: Clock) -> tuple[Array, Array, Array]:
    """x, t_x and T on the clock."""
    first, last = (summary[name].cast(pl.Int32).to_numpy() for name in ("first_on", "last_on"))
    return summary["x"].to_numpy(), clock.between(first, last), clock.between(first, first + summary["age"].to_numpy())


def spend_facts(summary: pl.DataFrame) -> SpendFacts:
    """Order values of a `summarise_days` frame: only purchase days whose money is known count."""
    names = ("valued_n", "spent", "first_spent", "spent_square", "returned")
    return SpendFacts(*(summary[name].to_numpy().astype(np.float64) for name in names))
