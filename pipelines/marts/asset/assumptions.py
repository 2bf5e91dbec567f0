"""Assumptions: the fitted models and cut points of a review as plain rows, and back.

Lives here: the form in which a version keeps what an earlier version valued with, so that a later one can ask the old
model about new facts. Stays out: fitting (`pipelines.science.valuation_model`) and when it is done (`periods`).

Parameters are rounded to nine digits before anything is valued with them, here and in the table: a model read back is
the model that was used. How often customers order, when they count as silent and the season have no basis; only what an
order is worth has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
    "fitted_on": pl.Date(), "part": pl.String(), "segment": pl.String(), "name": pl.String(), "basis": pl.String(),
    "value": pl.Float64(),
})  # fmt: skip
PARTS = ("count", "choice", "spend", "coverage", "lifecycle", "season")
BOTH = "both"
"""Basis of what has none."""
COVERED = "covered_rate"
REST = "(rest)"
"""Answers for segments that the review did not know."""
NO_SEGMENT = "(none)"
"""Customers of whom no source says how they came."""
_KINDS: dict[str, type[CountModel]] = {kind.name: kind for kind in (NBD, BGNBD, MBGNBD, ParetoNBD)}
_DIGITS = 9
_Row = tuple[str, str, str, str, float]


@dataclass(frozen=True)
class Assumptions:
    """What values and states rest on from a review to the next.

    `models` by basis share count models and clock; `covered` is the share of the net revenue of all orders known at the
    review whose amount on the basis is known (None where net revenue is not positive); `cuts`: segment, `CUTS`.
    """

    fitted_on: date
    models: Mapping[str, ValuationModel]
    covered: Mapping[str, float | None]
    cuts: pl.DataFrame

    def settled(self) -> Assumptions:
        """These assumptions as they will be read back: rounded to nine digits."""
        return from_rows(to_rows(self))

    def knows(self, basis: str) -> bool:
        """Whether the money of any order was known on the basis."""
        return basis in self.models and self.models[basis].rest.has_amounts


def to_rows(assumptions: Assumptions) -> pl.DataFrame:
    """Rows of `SCHEMA`, sorted."""
    models = list(assumptions.models.items())
    rows = [
        *_count_rows(models[0][1]),
        *(row for basis, model in models for row in _money_rows(basis, model)),
        *(
            ("coverage", REST, COVERED, basis, share)
            for basis, share in assumptions.covered.items()
            if share is not None
        ),
        *_cut_rows(assumptions.cuts),
        *_season_rows(models[0][1].clock),
    ]
    names = ["part", "segment", "name", "basis", "value"]
    frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    value = pl.when(pl.col("value").is_finite()).then(pl.col("value").round_sig_figs(_DIGITS))
    return (
        frame.with_columns(pl.lit(assumptions.fitted_on, dtype=pl.Date).alias("fitted_on"), value.alias("value"))
        .select(SCHEMA.names())
        .cast(SCHEMA)
        .sort("part", "segment", "name", "basis")
    )


def from_rows(rows: pl.DataFrame) -> Assumptions:
    """The assumptions of one review from their rows. KeyError when a parameter is missing."""
    fitted_on: date = rows["fitted_on"][0]
    parts = {key[0]: part for key, part in rows.group_by("part")}
    counts = _counts(parts["count"])
    clock = _clock(parts["season"]) if "season" in parts else Clock.calendar()
    shared: dict[object, Fitted] = {}
    models = {}
    for basis in sorted(set(parts["spend"]["basis"])):
        fits = {}
        for name, values in _by_segment(rows, basis):
            same = (id(counts[name]), tuple(sorted(values.items(), key=str)))  # equal models are scored together
            fits[name] = shared.setdefault(same, _fitted(counts[name], values))
        rest = fits.pop(REST)
        segments = {None if name == NO_SEGMENT else name: fitted for name, fitted in fits.items()}
        models[basis] = ValuationModel(fitted_on, segments, rest, clock)
    covered: dict[str, float | None] = dict.fromkeys(models)
    covered |= dict(parts["coverage"].select("basis", "value").iter_rows()) if "coverage" in parts else {}
    return Assumptions(fitted_on, models, covered, _cuts(parts.get("lifecycle")))


def reviews_of(rows: pl.DataFrame) -> list[Assumptions]:
    """The assumptions of every review from their rows, oldest first."""
    found = [from_rows(part) for part in rows.select(SCHEMA.names()).partition_by("fitted_on")]
    return sorted(found, key=lambda review: review.fitted_on)


def with_basis(rows: pl.DataFrame, headline: str) -> pl.DataFrame:
    """Rows as a version may have published them before there were two bases: money was that of its headline."""
    is_money = (pl.col("part") == "spend") | pl.col("name").str.contains("^(spend_model|value_level)")
    told = pl.when(is_money).then(pl.lit(headline)).otherwise(pl.lit(BOTH))
    return rows.with_columns(pl.coalesce("basis", told).alias("basis"))


def with_money(review: Assumptions, basis: str, model: ValuationModel, covered: float | None) -> Assumptions:
    """A review that tells of one more basis."""
    more = replace(review, models={**review.models, basis: model}, covered={**review.covered, basis: covered})
    return more.settled()


def _named(model: ValuationModel) -> dict[str, Fitted]:
    named = {NO_SEGMENT if name is None else name: fitted for name, fitted in model.segments.items()}
    return {**named, REST: model.rest}


def _count_rows(model: ValuationModel) -> Iterator[_Row]:
    for segment, fitted in _named(model).items():
        for place, counts in enumerate(fitted.counts):
            answering = counts.answering
            for name, value in answering.parameters_.items():
                yield "count", segment, f"{place}.{answering.name}.{name}", BOTH, value
        yield "choice", segment, f"count_model.{fitted.choice.count_model}", BOTH, 1.0
        yield "choice", segment, "is_segment_fit", BOTH, float(fitted.choice.is_segment_fit)
        yield "choice", segment, "level", BOTH, fitted.choice.level


def _money_rows(basis: str, model: ValuationModel) -> Iterator[_Row]:
    for segment, fitted in _named(model).items():
        yield "choice", segment, f"spend_model.{fitted.choice.spend_model}", basis, 1.0
        yield "choice", segment, "value_level", basis, fitted.choice.value_level
        for name, value in _spend_values(fitted).items():
            yield "spend", segment, name, basis, value


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
                yield "lifecycle", row["segment"], name, BOTH, float(row[name])


def _season_rows(clock: Clock) -> Iterator[_Row]:
    for place, speed in enumerate(clock.speed):
        yield "season", REST, str(date.fromordinal(_EPOCH + clock.first_day + place)), BOTH, float(speed)


_EPOCH = date(1970, 1, 1).toordinal()


def _by_segment(rows: pl.DataFrame, basis: str) -> Iterator[tuple[str, dict[str, float]]]:
    """What every segment chose, and its order values on a basis."""
    mine = rows.filter(pl.col("part").is_in(["choice", "spend"]) & pl.col("basis").is_in([BOTH, basis]))
    for key, part in mine.sort("segment").group_by("segment", maintain_order=True):
        yield str(key[0]), dict(part.select("name", "value").iter_rows())


def _counts(rows: pl.DataFrame) -> dict[str, tuple[CountModel, ...]]:
    """The count models of every segment; the same ones where the parameters are."""
    shared: dict[object, tuple[CountModel, ...]] = {}
    found = {}
    for key, part in rows.sort("name").group_by("segment", maintain_order=True):
        parameters: dict[tuple[str, str], dict[str, float]] = {}
        for full, value in part.select("name", "value").iter_rows():
            place, kind, name = full.split(".")
            parameters.setdefault((place, kind), {})[name] = value
        same = tuple(part.select("name", "value").iter_rows())
        models = tuple(_KINDS[kind].from_parameters(**given) for (_, kind), given in sorted(parameters.items()))
        found[str(key[0])] = shared.setdefault(same, models)
    return found


def _fitted(counts: tuple[CountModel, ...], values: dict[str, float]) -> Fitted:
    choice = Choice(
        _one(values, "count_model."),
        _one(values, "spend_model."),
        bool(values["is_segment_fit"]),
        values["level"],
        values["value_level"],
    )
    return Fitted(choice, counts, _spend(values), values["mean"], values["within"], bool(values["has_amounts"]))


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
