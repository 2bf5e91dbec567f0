"""Gates: the stored verdicts on which publishing rests.

Lives here: the record of one check and of one layer's gate, where they are kept, and the rule that a build is
published only on passes that belong to it. Stays out: suites, thresholds and how a verdict is reached (`expectations`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipelines.contracts.settings import Settings
from pipelines.warehouse.digest import LAYER_SCHEMAS
from pipelines.warehouse.errors import PublishRefusedError
from pipelines.warehouse.files import read_json, to_json, write_atomic

LAYERS = tuple(LAYER_SCHEMAS)
"""The declared gates, in the order of the path. Every one must have passed before anything is published."""

TESTED_LAYERS = ("canonical", "core")
"""Layers whose tables dbt builds: without the verdicts of its tests their gates stay shut."""

_TESTS = "model_tests"


class Outcome(StrEnum):
    """What a check came to. `skipped`: it does not apply to this data, for the reason in its message."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    SKIPPED = "skipped"


class Severity(StrEnum):
    """Whether a failed check stops the publish. A check that errored always does."""

    BLOCK = "block"
    WARN = "warn"


@dataclass(frozen=True)
class CheckRecord:
    """One check of a gate. Holds counts, bounds and names of channels, tables and days; never a value of a person."""

    check: str
    layer: str
    table: str
    expectation: str
    outcome: Outcome
    severity: Severity
    message: str
    column: str = ""
    observed: str = ""
    limit: str = ""
    evaluated_n: int = 0
    unexpected_n: int = 0
    endangered: tuple[str, ...] = ()
    owner: str = ""
    reason: str = ""

    @property
    def blocks(self) -> bool:
        """Whether this check stops the publish."""
        return self.outcome is Outcome.ERRORED or (self.outcome is Outcome.FAILED and self.severity is Severity.BLOCK)


@dataclass(frozen=True)
class GateRecord:
    """The verdict on one layer, with the stamp of what was judged.

    `upstream` are the stamps of the layers before it at that moment; a layer judged against another state of those
    is not judged. `declared_n` is how many checks the suite holds: it must be the number of checks with an outcome.
    `tests` are the verdicts of the models' own tests (dbt's) on the tables of this layer.
    """

    layer: str
    digest: str
    declared_n: int
    checks: tuple[CheckRecord, ...]
    upstream: Mapping[str, str | None] = field(default_factory=dict)
    suite_digest: str = ""
    tests: tuple[CheckRecord, ...] = ()

    @property
    def outcomes(self) -> tuple[CheckRecord, ...]:
        """Everything that was asked of the layer: the suite's checks and the models' tests."""
        return self.checks + self.tests

    def counts(self) -> dict[str, int]:
        """Number of checks by outcome, every outcome named."""
        found = Counter(check.outcome.value for check in self.outcomes)
        return {outcome.value: found.get(outcome.value, 0) for outcome in Outcome}

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the gate is shut, in sentences; empty when it is open."""
        reasons = [_sentence(check) for check in self.outcomes if check.blocks]
        evaluated = sum(check.outcome in (Outcome.PASSED, Outcome.FAILED) for check in self.checks)
        if len(self.checks) != self.declared_n:
            reasons.append(f"{self.declared_n} checks are declared but {len(self.checks)} have an outcome")
        if not evaluated:
            reasons.append("no check evaluated anything")
        return tuple(reasons)

    @property
    def passed(self) -> bool:
        """Whether the gate is open."""
        return not self.problems


def store_gate(settings: Settings, record: GateRecord) -> Path:
    """Keep `record` as the layer's latest verdict and return where."""
    path = _path(settings, record.layer)
    write_atomic(path, to_json(asdict(record)))
    return path


def load_gate(settings: Settings, layer: str) -> GateRecord | None:
    """The layer's latest verdict, or None when there is none that can be read."""
    try:
        data = read_json(_path(settings, layer))
        return None if data is None else _record(data)
    except (ValueError, KeyError, TypeError):
        return None


def store_tests(settings: Settings, records: Iterable[CheckRecord]) -> Path:
    """Keep the verdicts of every declared test of the models, for the gates of their layers to take in."""
    path = _path(settings, _TESTS)
    write_atomic(path, to_json([asdict(record) for record in records]))
    return path


def load_tests(settings: Settings) -> tuple[CheckRecord, ...] | None:
    """The latest verdicts of the models' tests, of all layers, or None when there are none that can be read."""
    try:
        data = read_json(_path(settings, _TESTS))
        return None if data is None else _checks(data)
    except (ValueError, KeyError, TypeError):
        return None


def require_passes(settings: Settings, digests: Mapping[str, str]) -> dict[str, GateRecord]:
    """The stored passes of every declared gate for a build with these `digests`.

    Raises PublishRefusedError naming every gate that is missing, shut, or was reached on another state of the build.
    """
    records = {layer: load_gate(settings, layer) for layer in LAYERS}
    refusals = [
        f"gate {layer}: {reason}" for layer, record in records.items() for reason in _refusals(layer, record, digests)
    ]
    if refusals:
        raise PublishRefusedError(
            "Not published. " + "; ".join(refusals) + ".",
            "What was served stays served. Mend the cause and run again: caw run.",
        )
    return {layer: record for layer, record in records.items() if record is not None}


def _refusals(layer: str, record: GateRecord | None, digests: Mapping[str, str]) -> list[str]:
    if record is None:
        return ["has no stored verdict"]
    if record.digest != digests[layer]:
        return [f"the {layer} layer changed after it was judged"]
    stale = [name for name, digest in record.upstream.items() if digest != digests[name]]
    other = [f"was judged against another {' and '.join(stale)} layer"] if stale else []
    return [*record.problems, *other]


def _sentence(check: CheckRecord) -> str:
    marts = f" (endangers {', '.join(check.endangered)})" if check.endangered else ""
    return f"{check.check} on {check.table} {check.outcome.value}: {check.message}{marts}"


def _record(data: dict[str, Any]) -> GateRecord:
    return GateRecord(**{**data, "checks": _checks(data["checks"]), "tests": _checks(data["tests"])})


def _checks(data: Iterable[dict[str, Any]]) -> tuple[CheckRecord, ...]:
    return tuple(
        CheckRecord(
            **{
                **check,
                "outcome": Outcome(check["outcome"]),
                "severity": Severity(check["severity"]),
                "endangered": tuple(check["endangered"]),
            }
        )
        for check in data
    )


def _path(settings: Settings, layer: str) -> Path:
    return settings.build_path.parent / "gates" / f"{layer}.json"
