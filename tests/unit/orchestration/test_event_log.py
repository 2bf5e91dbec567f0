"""The event log with open connections: the same files and answers as Dagster's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import AssetCheckResult, AssetKey, DagsterInstance, Definitions, asset, asset_check
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from orchestration.event_log import KEPT_OPEN, PooledSqliteEventLogStorage
from orchestration.house import prepare_dagster_home
from pipelines.contracts.settings import Settings


@asset
def leaf() -> int:
    """An asset to materialize."""
    return 1


@asset_check(asset=leaf)
def sound() -> AssetCheckResult:
    """A check on it."""
    return AssetCheckResult(passed=True)


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DagsterInstance:
    """An instance whose home was prepared as a house's is."""
    monkeypatch.setenv("DAGSTER_HOME", "")
    home = prepare_dagster_home(Settings(home=tmp_path))
    return DagsterInstance.from_config(str(home))


def _run(instance: DagsterInstance) -> str:
    job = Definitions(assets=[leaf], asset_checks=[sound]).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=instance).run_id


def test_dagsters_own_storage_reads_what_was_written_and_the_other_way_round(instance: DagsterInstance) -> None:
    ours = instance.event_log_storage
    assert isinstance(ours, PooledSqliteEventLogStorage)
    run_id = _run(instance)
    events = [event.dagster_event_type for event in ours.get_logs_for_run(run_id)]
    ours.dispose()

    theirs = SqliteEventLogStorage(ours._base_dir)
    theirs.register_instance(instance)
    assert [event.dagster_event_type for event in theirs.get_logs_for_run(run_id)] == events
    assert theirs.get_latest_materialization_events([AssetKey("leaf")])[AssetKey("leaf")].run_id == run_id
    assert [event.dagster_event_type for event in ours.get_logs_for_run(run_id)] == events


def test_only_a_few_files_stay_open_and_every_run_is_read(instance: DagsterInstance) -> None:
    runs = [_run(instance) for _ in range(KEPT_OPEN + 2)]
    storage = instance.event_log_storage
    assert all(storage.get_logs_for_run(run) for run in runs)
    assert len(storage._engines) == KEPT_OPEN


def test_wiped_events_are_gone(instance: DagsterInstance) -> None:
    run_id = _run(instance)
    instance.event_log_storage.wipe()
    assert instance.event_log_storage.get_logs_for_run(run_id) == []
    assert instance.get_latest_materialization_event(AssetKey("leaf")) is None
