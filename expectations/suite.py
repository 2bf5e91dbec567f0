"""Suites: what is checked, as it is written down in `suites/<layer>.yml`, and the thresholds it refers to.

Lives here: the shape of both files, loading them, and the rule that no bound stands without an owner, a reason and a
date. Stays out: measuring (`measure`), judging (`judge`) and the verdict (`runner`).

A subject is a table of the build, judged where it lies, or a frame of metrics that one scan computed. Every subject
guards a table: that is where a failure is shown, and from it follow the marts that a failure endangers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipelines.warehouse.gates import Severity

FOLDER = Path(__file__).parent

_CHECK = r"^[a-z][a-z0-9_]*$"
_TABLE = r"^(raw|intermediate|core|marts)\.[a-z][a-z0-9_]*$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Threshold(_Strict):
    """A bound that somebody chose: its value, who answers for it, why it is what it is, and since when."""

    value: float
    owner: Annotated[str, Field(pattern=r"^(team:[a-z_]+|[^@\s]+@[^@\s]+\.[^@\s]+)$")]
    reason: Annotated[str, Field(min_length=20)]
    date: date


class Expectation(_Strict):
    """One check. `says` is what is true when it passes, in a sentence; `{threshold: name}` stands for a bound.

    `if_empty` tells what to do when there was nothing to evaluate: an error, or a skip where the data need not be
    there. `mend` is the next step when it fails.
    """

    check: Annotated[str, Field(pattern=_CHECK)]
    type: str
    kwargs: dict[str, Any] = Field(default_factory=dict)
    says: Annotated[str, Field(min_length=10)]
    severity: Severity = Severity.BLOCK
    if_empty: Annotated[str, Field(pattern="^(error|skip)$")] = "error"
    mend: str = ""

    @model_validator(mode="after")
    def _no_bare_number(self) -> Expectation:
        for name, value in self.kwargs.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and value not in (0, 1):
                raise ValueError(f"{self.check}: {name} is the bare number {value}; name a threshold instead")
        return self

    @property
    def threshold_names(self) -> tuple[str, ...]:
        """Names of the thresholds it refers to."""
        return tuple(value["threshold"] for value in self.kwargs.values() if _is_reference(value))

    def resolved(self, thresholds: Mapping[str, Threshold]) -> dict[str, Any]:
        """The arguments with every threshold's value in its place. KeyError for an unknown one."""
        return {
            name: thresholds[value["threshold"]].value if _is_reference(value) else value
            for name, value in self.kwargs.items()
        }


class Subject(_Strict):
    """What a group of checks looks at.

    `table` is the table it guards. With `metrics` the checks look at a frame: an SQL file of that name below
    `metrics/<layer>/`, or a frame made in Python. `keys` name its rows in messages. `per` is the key that holds the
    name of the guarded table, when every row is about another table: every check then counts once for each of
    `tables`. `when` is a yes-or-no query: the checks are skipped, for the reason `unless`, where it says no.
    """

    table: Annotated[str, Field(pattern=_TABLE)] | None = None
    metrics: str | None = None
    keys: tuple[str, ...] = ()
    per: str | None = None
    when: str | None = None
    unless: str = ""
    expectations: tuple[Expectation, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Subject:
        if (self.per is None) == (self.table is None):
            raise ValueError("a subject guards one table, or one table per row: give `table` or `per`")
        if self.per is not None and (self.metrics is None or self.per not in self.keys):
            raise ValueError("`per` is one of the keys of a frame of metrics")
        if (self.when is None) != (not self.unless):
            raise ValueError("`when` needs `unless`, the reason for skipping, and the other way round")
        return self


class Suite(_Strict):
    """All checks of a layer."""

    layer: str
    subjects: tuple[Subject, ...]

    @field_validator("subjects")
    @classmethod
    def _names_are_unique(cls, subjects: tuple[Subject, ...]) -> tuple[Subject, ...]:
        names = [expectation.check for subject in subjects for expectation in subject.expectations]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise ValueError(f"checks declared twice: {', '.join(double)}")
        return subjects


def load_suite(layer: str, folder: Path = FOLDER) -> Suite:
    """The suite of a layer. ValidationError tells what is wrong with the file; FileNotFoundError that there is none."""
    suite = Suite.model_validate(_read(folder / "suites" / f"{layer}.yml"))
    known = load_thresholds(folder)
    unknown = sorted(
        {name for s in suite.subjects for e in s.expectations for name in e.threshold_names if name not in known}
    )
    if unknown:
        raise ValueError(f"{layer}: thresholds that are not in thresholds.yml: {', '.join(unknown)}")
    return suite


def load_thresholds(folder: Path = FOLDER) -> dict[str, Threshold]:
    """The thresholds by name; a bare number, or one without owner, reason and date, is refused."""
    content = _read(folder / "thresholds.yml")
    return {name: Threshold.model_validate(entry) for name, entry in content.items()}


def _read(path: Path) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same language, read ten times faster
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)


@cache
def suite_digest(layer: str, folder: Path = FOLDER) -> str:
    """sha256 of everything that says what is checked of a layer: suite, thresholds and metrics."""
    paths = [folder / "suites" / f"{layer}.yml", folder / "thresholds.yml", *(folder / "metrics" / layer).glob("*.sql")]
    paths += (FOLDER / "metrics").glob("*.py")
    return hashlib.sha256(b"\n".join(path.read_bytes() for path in sorted(paths))).hexdigest()


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"threshold"}
