"""Assumptions: the fitted models and cut points of a review as plain rows, and back.

Lives here: the form in which a version keeps what an earlier version valued with, so that a later one can ask the old
model about new facts. Stays out: fitting (`pipelines.science.valuation_model`) and when it is done (`periods`).

Parameters are rounded to nine digits before anything is valued with them, here and in the table: a model read back is
the model that was used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.science.bgnbd import BGNBD
from pipelines.science.count_model import CountModel
from pipelines.science.credibility import Credibility
from pipelines.science.gamma_gamma import GammaGamma
from pipelines.science.mbgnbd import MBGNBD
from pipelines.science.nbd import NBD
from pipelines.science.pareto_nbd import ParetoNBD
from pipelines.science.season import Clock
from pipelines.science.spend import Spend
from pipelines.science.valuation_model import Choice, Fitted, ValuationModel

CUTS = ("median_gap_days", "at_risk_days", "dormant_days", "churned_days")
SCHEMA = pl.Schema({
    "fitted_on": pl.Date(), "part": pl.String(), "segment": pl.String(), "name": pl.String(), "value": pl.Float64(),
})  # fmt: skip
PARTS = ("count", "choice", "spend", "lifecycle", "season")
REST = "(rest)"
"""Answers for segments that the review did not know."""
NO_SEGMENT = "(none)"
"""Customers of whom no source says how they came."""
_KINDS: dict[str, type[CountModel]] = {kind.name: kind for kind in (NBD, BGNBD, MBGNBD, ParetoNBD)}
_DIGITS = 9
_Row = tuple[str, str, str, float]


@dataclass(frozen=True)
class Assumptions:
    """What values and states rest on from a review to the next: models, and cut points (segment, `CUTS`)."""

    fitted_on: date
    model: ValuationModel
    cuts: pl.DataFrame

    @classmethod
    def settled(cls, fitted_on: date, model: ValuationModel, cuts: pl.DataFrame) -> Assumptions:
        """Assumptions as they will be read back: rounded to nine digits."""
        return from_rows(to_rows(cls(fitted_on, model, cuts)))


def to_rows(assumptions: Assumptions) -> pl.DataFrame:
    """Rows of `SCHEMA`, sorted."""
    rows = [*_model_rows(assumptions.model), *_cut_rows(assumptions.cuts), *_season_rows(assumptions.model.clock)]
    frame = pl.DataFrame(rows, schema=["part", "segment", "name", "value"], orient="row", infer_schema_length=None)
    value = pl.when(pl.col("value").is_finite()).then(pl.col("value").round_sig_figs(_DIGITS))
    return (
        frame.with_columns(pl.lit(assumptions.fitted_on, dtype=pl.Date).alias("fitted_on"), value.alias("value"))
        .select(SCHEMA.names())
        .cast(SCHEMA)
        .sort("part", "segment", "name")
    )


def from_rows(rows: pl.DataFrame) -> Assumptions:
    """The assumptions of one review from their rows. KeyError when a parameter is missing."""
    fitted_on: date = rows["fitted_on"][0]
    parts = {key[0]: part for key, part in rows.group_by("part")}
    shared: dict[object, Fitted] = {}
    models = {}
    for name, part, values in _by_segment(parts["count"], rows):
        same = (tuple(part.select("name", "value").iter_rows()), tuple(sorted(values.items(), key=str)))
        models[name] = shared.setdefault(same, _fitted(part, values))  # equal models are scored together
    rest = models.pop(REST)
    segments = {None if name == NO_SEGMENT else name: fitted for name, fitted in models.items()}
    clock = _clock(parts["season"]) if "season" in parts else Clock.calendar()
    return Assumptions(fitted_on, ValuationModel(fitted_on, segments, rest, clock), _cuts(parts.get("lifecycle")))


def _model_rows(model: ValuationModel) -> Iterator[_Row]:
    named = {NO_SEGMENT if name is None else name: fitted for name, fitted in model.segments.items()}
    for segment, fitted in {**named, REST: model.rest}.items():
        for place, counts in enumerate(fitted.counts):
            answering = counts.answering
            for name, value in answering.parameters_.items():
                yield "count", segment, f"{place}.{answering.name}.{name}", value
        yield "choice", segment, f"count_model.{fitted.choice.count_model}", 1.0
        yield "choice", segment, f"spend_model.{fitted.choice.spend_model}", 1.0
        yield "choice", segment, "is_segment_fit", float(fitted.choice.is_segment_fit)
        yield "choice", segment, "level", fitted.choice.level
        yield "choice", segment, "value_level", fitted.choice.value_level
        for name, value in _spend_values(fitted).items():
            yield "spend", segment, name, value


def _spend_values(fitted: Fitted) -> dict[str, float]:
    spend = fitted.spend
    found = {"mean": fitted.mean, "within": fitted.within, "has_amounts": float(fitted.has_amounts)}
    for label, gamma in (("gamma_gamma_repeat", spend.repeat_), ("gamma_gamma_all", spend.all_)):
        found |= {f"{label}.{name}": value for name, value in gamma.parameters_.items()}
        found |= {f"{label}.population_mean": gamma.population_mean_, f"{label}.status.{gamma.fit_status_}": 1.0}
    for label, shrunk in (("credibility", spend.credibility_), ("returns", spend.returns_)):
        found |= {f"{label}.mean": shrunk.mean_, f"{label}.strength": shrunk.strength_}
    return found


def _cut_rows(cuts: pl.DataFrame) -> Iterator[_Row]:
    for row in cuts.select("segment", *CUTS).iter_rows(named=True):
        for name in CUTS:
            if row[name] is not None:
                yield "lifecycle", row["segment"], name, float(row[name])


def _season_rows(clock: Clock) -> Iterator[_Row]:
    for place, speed in enumerate(clock.speed):
        yield "season", REST, str(date.fromordinal(_EPOCH + clock.first_day + place)), float(speed)


_EPOCH = date(1970, 1, 1).toordinal()


def _by_segment(counts: pl.DataFrame, rows: pl.DataFrame) -> Iterable[tuple[str, pl.DataFrame, dict[str, float]]]:
    rest = rows.filter(pl.col("part").is_in(["choice", "spend"]))
    found = {key[0]: dict(part.select("name", "value").iter_rows()) for key, part in rest.group_by("segment")}
    for key, part in counts.sort("name").group_by("segment", maintain_order=True):
        yield str(key[0]), part, found[str(key[0])]


def _fitted(counts: pl.DataFrame, values: dict[str, float]) -> Fitted:
    parameters: dict[tuple[str, str], dict[str, float]] = {}
    for full, value in counts.select("name", "value").iter_rows():
        place, kind, name = full.split(".")
        parameters.setdefault((place, kind), {})[name] = value
    models = tuple(_KINDS[kind].from_parameters(**given) for (_, kind), given in sorted(parameters.items()))
    choice = Choice(
        _one(values, "count_model."),
        _one(values, "spend_model."),
        bool(values["is_segment_fit"]),
        values["level"],
        values["value_level"],
    )
    return Fitted(choice, models, _spend(values), values["mean"], values["within"], bool(values["has_amounts"]))


def _one(values: dict[str, float], prefix: str) -> str:
    """The rest of the one name that begins so."""
    return next(name.removeprefix(prefix) for name in values if name.startswith(prefix))


def _spend(values: dict[str, float]) -> Spend:
    spend = Spend()
    spend.repeat_, spend.all_ = _gamma(values, "gamma_gamma_repeat"), _gamma(values, "gamma_gamma_all")
    spend.credibility_, spend.returns_ = _shrunk(values, "credibility"), _shrunk(values, "returns")
    return spend


def _gamma(values: dict[str, float], label: str) -> GammaGamma:
    model = GammaGamma()
    model.parameters_ = {name: values[f"{label}.{name}"] for name in GammaGamma.parameter_names}
    model.population_mean_ = values[f"{label}.population_mean"]
    model.fit_status_ = _one(values, f"{label}.status.")
    return model


def _shrunk(values: dict[str, float], label: str) -> Credibility:
    model = Credibility()
    strength = values[f"{label}.strength"]
    model.mean_, model.strength_ = values[f"{label}.mean"], float("inf") if strength is None else strength
    model.fit_status_ = "no_difference" if strength is None else "ok"
    return model


def _cuts(rows: pl.DataFrame | None) -> pl.DataFrame:
    schema = {"segment": pl.String(), **dict.fromkeys(CUTS, pl.Int64())}
    if rows is None:
        return pl.DataFrame(schema=schema)
    wide = rows.sort("segment", "name").pivot("name", index="segment", values="value", maintain_order=True)
    missing = [pl.lit(None, dtype=pl.Int64).alias(name) for name in CUTS if name not in wide.columns]
    return wide.with_columns(missing).select("segment", *CUTS).cast(schema).sort("segment")  # type: ignore[arg-type]


def _clock(rows: pl.DataFrame) -> Clock:
    days = rows.sort("name")
    first = date.fromisoformat(days["name"][0]).toordinal() - _EPOCH
    return Clock(first, days["value"].to_numpy().astype(np.float64))
