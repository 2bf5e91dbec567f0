"""The gate runner: a layer's suite on the build, to a stored verdict.

Lives here: measuring, judging and recording every declared check of a layer. Stays out: what is declared (`suites`),
how Great Expectations is spoken to (`judge`), and what a verdict means for publishing (`pipelines.warehouse.gates`).

Every declared check ends in exactly one outcome. A check that could not be measured, could not be asked, or found
nothing to look at has errored, and blocks like a failed one; it never counts as passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from expectations.judge import Asked, Judged, judge_frame, judge_table, open_tables
from expectations.measure import (
    SCAN_FROM_CHECKS,
    SCAN_FROM_ROWS,
    SCAN_ONLY,
    Scene,
    applies,
    is_scannable,
    measure,
    rows_of,
    scan,
)
from expectations.metrics.contracts import declared
from expectations.policy import endangered_marts
from expectations.results import LayerResult
from expectations.suite import FOLDER, Expectation, Subject, Suite, Threshold, load_suite, load_thresholds, suite_digest
from pipelines.channels.registry import RAW_TABLES
from pipelines.contracts.settings import Settings
from pipelines.warehouse import layer_digest, open_build
from pipelines.warehouse.digest import LAYER_SCHEMAS
from pipelines.warehouse.gates import LAYERS, CheckRecord, GateRecord, Outcome, load_gate, store_gate

_SHOWN = 5


@dataclass(frozen=True)
class _Measured:
    """A subject made ready: a frame and what is asked of it, or the reason why there is none."""

    frame: pl.DataFrame | None
    asked: tuple[Asked, ...]
    judged: Mapping[str, Judged]


def gated_tables(layer: str) -> tuple[str, ...]:
    """The tables (schema.name) on which a layer's gate gives a verdict."""
    names = [table.name for table in (RAW_TABLES if layer == "raw" else declared(layer))]
    return tuple(f"{LAYER_SCHEMAS[layer]}.{name}" for name in names)


def run_layer(settings: Settings, layer: str, book: pl.DataFrame | None = None, folder: Path = FOLDER) -> LayerResult:
    """Judge a layer of the build, store the verdict with the layer's content stamp, and return it.

    `book` is the account book, by default that of ingest; `folder` holds suites, thresholds and metrics.
    Raises ValidationError or ValueError when the suite itself is not sound, BuildMissingError when there is no build;
    whatever goes wrong with a check is an outcome, not a raise.
    """
    suite, thresholds = load_suite(layer, folder), load_thresholds(folder)
    with open_build(settings, read_only=True) as con, ExitStack() as stack:
        digest = layer_digest(con, layer)
        if book is None and layer == "raw":
            book = _account_book(settings)
        scene = Scene(con, layer, settings, book, folder)
        tables = _LazyTables(settings, stack)
        records = tuple(
            record for subject in suite.subjects for record in _subject_records(scene, tables, subject, thresholds)
        )
    before = LAYERS[: LAYERS.index(layer)]
    upstream = {name: gate.digest if (gate := load_gate(settings, name)) else None for name in before}
    record = GateRecord(layer, digest, _declared_n(suite), records, upstream, suite_digest(layer, folder))
    store_gate(settings, record)
    return LayerResult(record)


class _LazyTables:
    """The build's tables as Great Expectations sees them, opened when first needed."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self._settings, self._stack, self._source = settings, stack, None

    def source(self) -> Any:
        if self._source is None:
            self._source = self._stack.enter_context(open_tables(self._settings.build_path))
        return self._source


def _declared_n(suite: Suite) -> int:
    tables = len(gated_tables(suite.layer))
    return sum(len(subject.expectations) * (tables if subject.per else 1) for subject in suite.subjects)


def _subject_records(
    scene: Scene, tables: _LazyTables, subject: Subject, thresholds: Mapping[str, Threshold]
) -> Iterator[CheckRecord]:
    try:
        if subject.when is not None and not applies(scene, subject.when):
            verdict = Judged(True)
            for expectation in subject.expectations:
                yield from _spread(scene, subject, expectation, verdict, None, thresholds, skipped=subject.unless)
            return
        measured = _look(scene, tables, subject, thresholds)
    except Exception as error:  # whatever went wrong, the checks did not look, and that must be seen
        judged = Judged(False, error=f"{type(error).__name__}: {_first_line(error)}")
        measured = _Measured(None, (), dict.fromkeys((e.check for e in subject.expectations), judged))
    for expectation in subject.expectations:
        verdict = measured.judged.get(expectation.check, Judged(False, error="Great Expectations gave no result"))
        yield from _spread(scene, subject, expectation, verdict, measured.frame, thresholds)


def _look(scene: Scene, tables: _LazyTables, subject: Subject, thresholds: Mapping[str, Threshold]) -> _Measured:
    asked = tuple(Asked(e.check, e.type, e.resolved(dict(thresholds))) for e in subject.expectations)
    if subject.metrics is not None:
        frame = measure(scene, subject.metrics)
        return _Measured(frame, asked, judge_frame(frame, asked))
    assert subject.table is not None  # the suite's own check
    if is_scannable(asked) and _is_for_a_scan(scene, subject.table, asked):
        frame, about_frame = scan(scene.con, subject.table, asked)
        return _Measured(frame, asked, judge_frame(frame, about_frame))
    return _Measured(None, asked, judge_table(tables.source(), subject.table, asked))


def _is_for_a_scan(scene: Scene, table: str, asked: Sequence[Asked]) -> bool:
    if len(asked) > SCAN_FROM_CHECKS or any(one.type in SCAN_ONLY for one in asked):
        return True
    return rows_of(scene.con, table) > SCAN_FROM_ROWS


def _spread(
    scene: Scene,
    subject: Subject,
    expectation: Expectation,
    judged: Judged,
    frame: pl.DataFrame | None,
    thresholds: Mapping[str, Threshold],
    skipped: str = "",
) -> Iterator[CheckRecord]:
    """The records of one check: one, or one for each table that a row of its frame may be about."""
    if subject.per is None:
        assert subject.table is not None
        yield _record(scene, subject, expectation, judged, frame, thresholds, subject.table, skipped)
        return
    places: dict[str, int] = {}
    if frame is not None and subject.per in frame.columns:
        places = {name: place for place, name in enumerate(frame[subject.per])}
    for table in gated_tables(scene.layer):
        if skipped or judged.error is not None:
            yield _record(scene, subject, expectation, judged, None, thresholds, table, skipped)
        elif frame is None or table not in places:
            reason = subject.unless or "there is no data of this kind"
            yield _record(scene, subject, expectation, Judged(True), None, thresholds, table, reason)
        else:
            mine = _of_row(judged, frame, places[table], str(expectation.kwargs.get("column", "")))
            yield _record(scene, subject, expectation, mine, frame, thresholds, table, "")


def _of_row(judged: Judged, frame: pl.DataFrame, place: int, column: str) -> Judged:
    """What a verdict on a whole frame says of one of its rows."""
    looked_at = int(column in frame.columns and frame[column][place] is not None)
    failed = place in judged.rows
    return replace(
        judged, success=not failed, evaluated_n=looked_at, unexpected_n=int(failed), rows=(place,) if failed else ()
    )


def _record(
    scene: Scene,
    subject: Subject,
    expectation: Expectation,
    judged: Judged,
    frame: pl.DataFrame | None,
    thresholds: Mapping[str, Threshold],
    table: str,
    skipped: str,
) -> CheckRecord:
    outcome, message = _outcome(expectation, judged, skipped)
    observed = _observed(subject, expectation, judged, frame)
    if outcome is Outcome.FAILED:
        found = f" Found: {observed}." if observed else ""
        message = f"Expected: {expectation.says}{found}{' ' + expectation.mend if expectation.mend else ''}"
    suffix = f".{table.split('.')[1]}" if subject.per else ""
    named = [thresholds[name] for name in expectation.threshold_names if name in thresholds]
    return CheckRecord(
        check=expectation.check + suffix,
        layer=scene.layer,
        table=table,
        expectation=expectation.type,
        outcome=outcome,
        severity=expectation.severity,
        message=message,
        column=str(expectation.kwargs.get("column", "")),
        observed=observed,
        limit=_limit(expectation, thresholds),
        evaluated_n=judged.evaluated_n,
        unexpected_n=judged.unexpected_n,
        endangered=endangered_marts([table]),
        owner=", ".join(dict.fromkeys(threshold.owner for threshold in named)),
        reason=" ".join(dict.fromkeys(threshold.reason for threshold in named)),
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
    column = str(expectation.kwargs.get("column", ""))
    if subject.metrics is None:  # a scan names its metrics by their checks
        column = expectation.check
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


def _limit(expectation: Expectation, thresholds: Mapping[str, Threshold]) -> str:
    """The bounds, with the names of the thresholds they come from."""
    parts = []
    for name, value in expectation.resolved(dict(thresholds)).items():
        if name in ("column", "column_A", "column_B"):
            continue
        source = expectation.kwargs[name]
        origin = f" ({source['threshold']})" if isinstance(source, dict) else ""
        parts.append(f"{name} {value:g}{origin}" if isinstance(value, int | float) else f"{name} {value}{origin}")
    return ", ".join(parts)


def _account_book(settings: Settings) -> pl.DataFrame:
    from pipelines.ingest import account_book  # noqa: PLC0415  only raw is judged against it

    return account_book(settings)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else "no message"
