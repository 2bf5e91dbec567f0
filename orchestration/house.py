"""The house as a Dagster resource: settings, progress and the writer's lock.

Lives here: `House`, the resource that hands it to assets for the length of a run, and DAGSTER_HOME.
Stays out: anything that computes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dagster import DagsterEventType, DagsterInstance, InitResourceContext, ResourceDefinition, resource

from pipelines.contracts.progress import Progress, Quiet
from pipelines.contracts.settings import Settings
from pipelines.warehouse import begin_build, record_failed_run, repair, writer_lock

DAGSTER_YAML = """\
# Written by caw; edit as you like, it is not written again.
telemetry:
  enabled: false
nux:
  enabled: false
event_log_storage:
  module: orchestration.event_log
  class: PooledSqliteEventLogStorage
  config:
    dagster_home:
      env: DAGSTER_HOME
"""


@dataclass(frozen=True)
class House:
    """What every asset of a run shares."""

    settings: Settings
    progress: Progress = field(default_factory=Quiet)
    run_id: str = "none"


def house_resource(settings: Settings, progress: Progress | None = None) -> ResourceDefinition:
    """The resource `house`: holds the writer's lock from the first step of a run to the last.

    A run begins by repairing what a dead one left and with the last good build, whichever asset it materializes.
    """

    @resource(description="Settings, progress and the writer's lock of the house.")
    def house(context: InitResourceContext) -> Iterator[House]:
        run_id = context.run_id or "none"
        with writer_lock(settings, run_id):
            repair(settings)
            begin_build(settings)
            yield House(settings, progress or Quiet(), run_id)
            failures = _failures(context.instance, run_id)
            if failures:
                record_failed_run(settings, run_id, failures)

    return house


def _failures(instance: DagsterInstance | None, run_id: str) -> str:
    """The steps of the run that failed, each with the kind of its error; messages may quote data and stay out."""
    if instance is None or not instance.has_run(run_id):
        return ""
    kinds = {}
    for record in instance.get_records_for_run(run_id, of_type=DagsterEventType.STEP_FAILURE).records:
        event = record.event_log_entry.get_dagster_event()
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        kinds[event.step_key or "run"] = (error.cls_name if error else None) or "failure"
    return "; ".join(f"{step}: {kind}" for step, kind in sorted(kinds.items()))


def prepare_dagster_home(settings: Settings) -> Path:
    """Make DAGSTER_HOME below CAW_HOME, so that a run from the command line shows in the UI; returns its path."""
    home = settings.dagster_dir.resolve()
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(DAGSTER_YAML)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    return home
