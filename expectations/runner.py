"""The gate runner: a layer's suite on the build, to a stored verdict.

Lives here: looking at every declared subject of a layer. Stays out: what is declared (`suites`), how Great Expectations
is spoken to (`judge`), what an outcome is (`records`), and what a verdict means for publishing
(`pipelines.warehouse.gates`).

Every declared check ends in exactly one outcome. A check that could not be measured, could not be asked, or found
nothing to look at has errored, and blocks like a failed one; it never counts as passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
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
from expectations.records import Look, Recorder
from expectations.results import LayerResult
from expectations.suite import FOLDER, Subject, Suite, Threshold, load_suite, load_thresholds, suite_digest
from pipelines.channels.registry import RAW_TABLES
from pipelines.contracts.settings import Settings
from pipelines.warehouse import layer_digest, open_build
from pipelines.warehouse.digest import LAYER_SCHEMAS
from pipelines.warehouse.gates import (
    LAYERS,
    TESTED_LAYERS,
    CheckRecord,
    GateRecord,
    Outcome,
    Severity,
    load_gate,
    load_tests,
    store_gate,
)


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
        if book is None and layer == "raw":
            book = _account_book(settings)
        digest = layer_digest(con, layer)
        observer = _Observer(Scene(con, layer, settings, book, folder), suite, thresholds, stack)
        looks = [(subject, observer.look(subject)) for subject in suite.subjects]
    recorder = Recorder(layer, gated_tables(layer), thresholds)
    record = GateRecord(
        layer=layer,
        digest=digest,
        declared_n=sum(recorder.declared(subject, look) for subject, look in looks),
        checks=tuple(check for subject, look in looks for check in recorder.records(subject, look)),
        upstream={name: gate.digest if (gate := load_gate(settings, name)) else None for name in _before(layer)},
        suite_digest=suite_digest(layer, folder),
        tests=_model_tests(settings, layer),
    )
    store_gate(settings, record)
    return LayerResult(record)


class _Observer:
    """Looks at the subjects of a suite, at each frame and table once."""

    def __init__(self, scene: Scene, suite: Suite, thresholds: Mapping[str, Threshold], stack: ExitStack) -> None:
        self._scene, self._suite, self._thresholds, self._stack = scene, suite, thresholds, stack
        self._source: Any = None
        self._frames: dict[str, Look] = {}

    def look(self, subject: Subject) -> Look:
        """What is seen of a subject; an exception on the way is the verdict on each of its checks."""
        try:
            if subject.when is not None and not applies(self._scene, subject.when):
                return Look({}, skipped=subject.unless)
            return self._look_at_frame(subject.metrics) if subject.metrics else self._look_at_table(subject)
        except Exception as error:  # whatever went wrong, the checks did not look, and that must be seen
            judged = Judged(False, error=f"{type(error).__name__}: {_first_line(error)}")
            return Look({expectation.check: judged for expectation in subject.expectations})

    def _look_at_frame(self, metrics: str) -> Look:
        if metrics not in self._frames:
            subjects = [subject for subject in self._suite.subjects if subject.metrics == metrics]
            frame = measure(self._scene, metrics)
            asked = [one for subject in subjects for one in self._asked(subject)]
            self._frames[metrics] = Look(judge_frame(frame, asked), frame)
        return self._frames[metrics]

    def _look_at_table(self, subject: Subject) -> Look:
        assert subject.table is not None  # the suite's own rule
        asked = self._asked(subject)
        if is_scannable(asked) and self._is_for_a_scan(subject.table, asked):
            frame, about_frame = scan(self._scene.con, subject.table, asked)
            return Look(judge_frame(frame, about_frame), frame)
        if self._source is None:
            self._source = self._stack.enter_context(open_tables(self._scene.settings.build_path))
        return Look(judge_table(self._source, subject.table, asked))

    def _is_for_a_scan(self, table: str, asked: Sequence[Asked]) -> bool:
        if len(asked) > SCAN_FROM_CHECKS or any(one.type in SCAN_ONLY for one in asked):
            return True
        return rows_of(self._scene.con, table) > SCAN_FROM_ROWS

    def _asked(self, subject: Subject) -> list[Asked]:
        return [Asked(e.check, e.type, e.resolved(self._thresholds)) for e in subject.expectations]


def _before(layer: str) -> tuple[str, ...]:
    return LAYERS[: LAYERS.index(layer)]


def _model_tests(settings: Settings, layer: str) -> tuple[CheckRecord, ...]:
    """The verdicts of dbt's tests on the layer; that there are none is itself a verdict, and it blocks."""
    if layer not in TESTED_LAYERS:
        return ()
    records = load_tests(settings)
    if records is not None:
        return tuple(record for record in records if record.layer == layer)
    absent = "No verdict of dbt's tests is stored: build the models with caw run or from the Dagster UI."
    return (CheckRecord("model_tests", layer, layer, "dbt", Outcome.ERRORED, Severity.BLOCK, absent),)


def _account_book(settings: Settings) -> pl.DataFrame:
    from pipelines.ingest import account_book  # noqa: PLC0415  only raw is judged against it

    return account_book(settings)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else "no message"
