"""dbt, in this process: one invocation per stretch of the path.

Lives here: where dbt writes, and the conversion of run results into Dagster events. Stays out: models (`dbt_project`),
the parsed project (`orchestration.dbt_manifest`), and keys and groups (`orchestration.translator`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dagster import AssetCheckResult, AssetCheckSeverity, AssetExecutionContext, Failure, MetadataValue, Output
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.asset_utils import get_asset_check_key_for_test, get_subset_selection_for_context

from orchestration.dbt_manifest import PROJECT_DIR, dagster_log_level, environment, parsed_manifest
from orchestration.dbt_tests import keep_verdicts
from pipelines.contracts.settings import Settings

FAILED = {"error", "fail", "runtime error"}
SPARING = ["--log-level", "none", "--log-level-file", "none", "--no-write-json"]
"""What dbt would make for nobody: lines for console and log (formatted for every event, however quiet) and copies of
its manifest. Warnings and errors are written to its log here; its result tells of everything else."""


def target_dir(settings: Settings) -> Path:
    """Where dbt writes its log and the SQL that it compiled."""
    return (settings.home / "build" / "dbt").resolve()


def invoke(settings: Settings, arguments: list[str], on_node: Callable[[str], None] | None = None) -> Any:
    """Run one dbt command in this process and return its result; connections are closed afterwards.

    `on_node` is called with the name of every finished model, seed and test.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415  dbt takes seconds to import
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    def listen(event: Any) -> None:
        if event.info.level in {"warn", "error"}:
            log.write(f"{event.info.ts.ToJsonString()} [{event.info.level}] {event.info.msg}\n")
        if on_node is not None and event.info.name == "NodeFinished":
            on_node(event.data.node_info.node_name)

    os.environ.update(environment(settings))
    logs = target_dir(settings) / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    common = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    common += ["--target-path", str(target_dir(settings)), "--log-path", str(logs)]
    runner = dbtRunner(manifest=parsed_manifest(settings), callbacks=[listen])
    try:
        with dagster_log_level(), (logs / "dbt.log").open("a", encoding="utf-8") as log:
            return runner.invoke([*SPARING, *arguments, *common])
    finally:
        DuckDBConnectionManager.close_all_connections()


def build(
    context: AssetExecutionContext,
    settings: Settings,
    manifest: Mapping[str, Any],
    translator: DagsterDbtTranslator,
    select: str,
    exclude: str | None,
    on_node: Callable[[str], None],
) -> Iterator[Output[None] | AssetCheckResult]:
    """Build the selected models, seeds and data tests; yield an output or a check result for each.

    Unit tests of dbt run in the project's test suite, not in every build. The verdicts of data tests are kept for the
    gates. Raises Failure, after everything that succeeded was yielded, naming what failed.
    """
    arguments, indirect = get_subset_selection_for_context(context, manifest, select, exclude, None, translator, None)
    if indirect:
        os.environ["DBT_INDIRECT_SELECTION"] = indirect
    try:
        result = invoke(
            settings,
            ["build", "--exclude-resource-type", "unit_test", *arguments],
            on_node,
        )
    finally:
        os.environ.pop("DBT_INDIRECT_SELECTION", None)
    if result.result is None:
        raise Failure(f"dbt could not start: {result.exception}")
    keep_verdicts(settings, manifest, result.result.results)
    failures = []
    for node in result.result.results:
        yield from _events(context, manifest, translator, node)
        if str(node.status) in FAILED:
            failures.append(f"{node.node.name}: {node.message}")
    if failures:
        raise Failure("dbt: " + "; ".join(failures))


def _events(
    context: AssetExecutionContext, manifest: Mapping[str, Any], translator: DagsterDbtTranslator, node: Any
) -> Iterator[Output[None] | AssetCheckResult]:
    unique_id, status = node.node.unique_id, str(node.status)
    if unique_id.startswith(("model.", "seed.")) and status == "success":
        key = translator.get_asset_spec(manifest, unique_id, None).key
        if key in context.selected_asset_keys:
            metadata = {"seconds": MetadataValue.float(round(node.execution_time, 3))}
            yield Output(None, output_name=context.output_for_asset_key(key), metadata=metadata)
    elif unique_id.startswith("test."):
        check = get_asset_check_key_for_test(manifest, translator, unique_id, None)
        if check is not None and check in context.selected_asset_check_keys and status != "skipped":
            yield AssetCheckResult(
                asset_key=check.asset_key,
                check_name=check.name,
                passed=status == "pass",
                severity=AssetCheckSeverity.WARN if status == "warn" else AssetCheckSeverity.ERROR,
                metadata={"failing_rows": MetadataValue.int(int(node.failures or 0))},
            )
