"""Records: from what was seen to the outcome of every declared check, in words.

Lives here: which outcome a verdict is, whom it is about, what the message says. Stays out: measuring and judging.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from expectations.judge import Judged
from expectations.policy import endangered_marts
from expectations.suite import Expectation, Subject, Threshold
from pipelines.warehouse.gates import CheckRecord, Outcome

_SHOWN = 5
NO_DATA = "there is no data of this kind"


@dataclass(frozen=True)
class Look:
    """What was seen of a subject: verdicts by check and the frame they are about, or why nobody looked."""

    judged: Mapping[str, Judged]
    frame: pl.DataFrame | None = None
    skipped: str = ""


class Recorder:
    """Makes the records of a layer. `tables` are all tables that its gate gives a verdict on."""

    def __init__(self, layer: str, tables: tuple[str, ...], thresholds: Mapping[str, Threshold]) -> None:
        self._layer, self._tables, self._thresholds = layer, tables, thresholds

    def declared(self, subject: Subject, look: Look) -> int:
        """How many checks a subject declares: one per expectation, and per table where rows are about tables.

        A table without data counts once: that it has none is said of it once.
        """
        if subject.per is None:
            return len(subject.expectations)
        there = len(_places(subject, look)) if look.frame is not None else len(self._tables)
        return there * len(subject.expectations) + len(self._tables) - there

    def records(self, subject: Subject, look: Look) -> list[CheckRecord]:
        """The record of every check that a subject declares."""
        if subject.per is None:
            assert subject.table is not None  # the suite's own rule
            return [self._one(subject, e, _verdict(look, e), look, subject.table) for e in subject.expectations]
        places = _places(subject, look)
        records = []
        for table in self._tables:
            if look.frame is None:
                records += [self._one(subject, e, _verdict(look, e), look, table) for e in subject.expectations]
            elif table in places:
                records += [
                    self._one(subject, e, _of_row(_verdict(look, e), look.frame, places[table], e), look, table)
                    for e in subject.expectations
                ]
            else:
                first = subject.expectations[0]
                records.append(self._one(subject, first, Judged(True), Look({}, skipped=NO_DATA), table))
        return records

    def _one(self, subject: Subject, expectation: Expectation, judged: Judged, look: Look, table: str) -> CheckRecord:
        outcome, message = _outcome(expectation, judged, look.skipped)
        observed = _observed(subject, expectation, judged, look.frame)
        if outcome is Outcome.FAILED:
            found = f" Found: {observed}." if observed else ""
            mend = f" {expectation.mend}" if expectation.mend else ""
            message = f"Expected: {expectation.says}{found}{mend}"
        named = [self._thresholds[name] for name in expectation.threshold_names]
        return CheckRecord(
            check=expectation.check + (f".{table.split('.')[1]}" if subject.per else ""),
            layer=self._layer,
            table=table,
            expectation=expectation.type,
            outcome=outcome,
            severity=expectation.severity,
            message=message,
            column=str(expectation.kwargs.get("column", "")),
            observed=observed,
            limit=self._limit(expectation),
            evaluated_n=judged.evaluated_n,
            unexpected_n=judged.unexpected_n,
            endangered=endangered_marts([table]),
            owner=", ".join(dict.fromkeys(threshold.owner for threshold in named)),
            reason=" ".join(dict.fromkeys(threshold.reason for threshold in named)),
        )

    def _limit(self, expectation: Expectation) -> str:
        """The bounds, with the names of the thresholds they come from."""
        parts = []
        for name, value in expectation.resolved(self._thresholds).items():
            if name == "column":
                continue
            stated = expectation.kwargs[name]
            origin = f" ({stated['threshold']})" if isinstance(stated, dict) else ""
            parts.append(f"{name} {value:g}{origin}" if isinstance(value, int | float) else f"{name} {value}{origin}")
        return ", ".join(parts)


def _places(subject: Subject, look: Look) -> dict[str, int]:
    """Row of each table in a frame whose rows are about tables."""
    if look.frame is None or subject.per is None:
        return {}
    return {name: place for place, name in enumerate(look.frame[subject.per])}


def _verdict(look: Look, expectation: Expectation) -> Judged:
    return look.judged.get(expectation.check, Judged(False, error="Great Expectations gave no result"))


def _of_row(judged: Judged, frame: pl.DataFrame, place: int, expectation: Expectation) -> Judged:
    """What a verdict on a whole frame says of one of its rows."""
    if judged.error is not None:
        return judged
    column = str(expectation.kwargs.get("column", ""))
    looked_at = int(column in frame.columns and frame[column][place] is not None)
    failed = place in judged.rows
    return replace(
        judged, success=not failed, evaluated_n=looked_at, unexpected_n=int(failed), rows=(place,) if failed else ()
    )


def _outcome(expectation: Expectation, judged: Judged, skipped: str) -> tuple[Outcome, str]:
    if skipped:
        return Outcome.SKIPPED, skipped
    if judged.error is not None:
        return Outcome.ERRORED, judged.error
    if judged.evaluated_n == 0:
        if expectation.if_empty == "skip":
            return Outcome.SKIPPED, "there was nothing to look at, which this data may have"
        return Outcome.ERRORED, "there was nothing to look at"
    return (Outcome.PASSED if judged.success else Outcome.FAILED), expectation.says


def _observed(subject: Subject, expectation: Expectation, judged: Judged, frame: pl.DataFrame | None) -> str:
    """What was found, by the names of the frame's rows: channels, months, tables; never a value of a person."""
    column = str(expectation.kwargs.get("column", "")) if subject.metrics else expectation.check
    if frame is None or column not in frame.columns:
        return judged.observed
    named = [key for key in subject.keys if key in frame.columns and key != subject.per]
    found = []
    for place in judged.rows[:_SHOWN]:
        name = "/".join(str(frame[key][place]) for key in named)
        value = frame[column][place]
        text = f"{value:,.6g}" if isinstance(value, float) else str(value)
        found.append(f"{name} {column} = {text}" if name else f"{column} = {text}")
    more = len(judged.rows) - _SHOWN
    return "; ".join(found) + (f"; and {more} more" if more > 0 else "")
