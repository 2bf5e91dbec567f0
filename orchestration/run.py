"""One run of the whole path in this process, and what came of it.

Lives here: executing the job of everything and reading the outcome from its events.
Stays out: how the outcome is shown (`orchestration.summary`).
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from dagster import DagsterEventType, DagsterInstance, ExecuteInProcessResult

from orchestration.house import prepare_dagster_home
from pipelines.contracts.errors import ExitCode
from pipelines.contracts.progress import Progress
from pipelines.contracts.settings import Settings


@dataclass(frozen=True)
class GateVerdict:
    """What one check said of one table."""

    table: str
    check: str
    passed: bool
    message: str
    endangered: str


@dataclass(frozen=True)
class RunOutcome:
    """What a run of the whole path did."""

    run_id: str
    succeeded: bool
    exit_code: ExitCode
    as_of: str | None
    version: str | None
    is_new: bool
    gates: tuple[GateVerdict, ...] = ()
    errors: tuple[str, ...] = field(default_factory=tuple)


def run_everything(
    settings: Settings, progress: Progress, as_of: date | None = None, allow_refused: bool = False
) -> RunOutcome:
    """Walk the whole path once, from the landing folder to a published version and its report."""
    prepare_dagster_home(settings)
    from orchestration.build import EVERYTHING, build_definitions  # noqa: PLC0415  needs DAGSTER_HOME

    quiet_loggers()
    definitions = build_definitions(settings, progress)
    config = {
        "ops": {
            "ingest": {"config": {"allow_refused": allow_refused}},
            "meta__run_context": {"config": {"as_of": as_of.isoformat()} if as_of else {}},
        },
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with DagsterInstance.get() as instance:
        job = definitions.resolve_job_def(EVERYTHING)
        result = job.execute_in_process(run_config=config, instance=instance, raise_on_error=False)
    return read_outcome(result)


def quiet_loggers() -> None:
    """Dagster and dbt speak through progress and results; their log lines go to the run's own log only."""
    for name in ("dagster", "dbt", "great_expectations", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def read_outcome(result: ExecuteInProcessResult) -> RunOutcome:
    """Read versions, verdicts and errors out of a run's events."""
    materialised = {
        event.asset_key.to_user_string(): {name: value.value for name, value in event.materialization.metadata.items()}
        for event in result.all_events
        if event.event_type == DagsterEventType.ASSET_MATERIALIZATION and event.asset_key is not None
    }
    gates = tuple(_verdict(evaluation) for evaluation in result.get_asset_check_evaluations())
    errors, exit_code = _failures(result)
    if result.success is False and exit_code is ExitCode.BUG and any(not gate.passed for gate in gates):
        exit_code = ExitCode.GATE_FAILED
    published = materialised.get("warehouse/published", {})
    return RunOutcome(
        run_id=result.run_id,
        succeeded=result.success,
        exit_code=ExitCode.OK if result.success else exit_code,
        as_of=_text(materialised.get("meta/run_context", {}).get("as_of")),
        version=_text(published.get("version")),
        is_new=bool(published.get("is_new", False)),
        gates=gates,
        errors=errors,
    )


def _verdict(evaluation: Any) -> GateVerdict:
    endangered = evaluation.metadata.get("endangered_marts")
    return GateVerdict(
        table=evaluation.asset_key.to_user_string().replace("/", "."),
        check=evaluation.check_name,
        passed=evaluation.passed,
        message=evaluation.description or "",
        endangered=str(endangered.value) if endangered else "",
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _failures(result: ExecuteInProcessResult) -> tuple[tuple[str, ...], ExitCode]:
    messages: list[str] = []
    code = ExitCode.BUG
    for event in result.all_events:
        if event.event_type != DagsterEventType.STEP_FAILURE:
            if event.event_type == DagsterEventType.PIPELINE_FAILURE and not messages:
                messages.append(event.message or "The run failed.")
            continue
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is None:
            continue
        messages.append(f"{event.step_key}: {_sentence(error.message)}")
        code = _EXIT_CODES.get(error.cls_name or "", code)
    return tuple(messages), code


def _sentence(message: str) -> str:
    """An error's message without the path of its class, which Dagster puts first."""
    return re.sub(r"^[\w.]+\.\w+(Error|Exception|Failure)?: ", "", message.strip())


_EXIT_CODES = {
    "InputRefusedError": ExitCode.INPUT_REFUSED,
    "LockedError": ExitCode.LOCKED,
    "PublishRefusedError": ExitCode.GATE_FAILED,
    "MissingPepperError": ExitCode.USAGE,
}
"""Exit code by the name of the error at the root of a failed step; Dagster keeps names, not classes."""
