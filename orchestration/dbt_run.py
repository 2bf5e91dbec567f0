"""dbt, in this process: the manifest at start-up, and one invocation per stretch of the path.

Lives here: where dbt reads and writes, `ensure_manifest`, and the conversion of run results into Dagster events.
Stays out: models (`dbt_project`), and keys and groups (`orchestration.translator`).
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dagster import AssetCheckResult, AssetCheckSeverity, AssetExecutionContext, Failure, MetadataValue, Output
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.asset_utils import get_asset_check_key_for_test, get_subset_selection_for_context

from pipelines.contracts.settings import Settings

PROJECT_DIR = Path(__file__).resolve().parent.parent / "dbt_project"
PARSE = ["parse"]
FAILED = {"error", "fail", "runtime error"}


def environment(settings: Settings) -> dict[str, str]:
    """The environment variables that `profiles.yml` reads, and telemetry off."""
    return {
        "CAW_BUILD_PATH": str(settings.build_path.resolve()),
        "CAW_MEMORY_LIMIT": settings.memory_limit,
        "CAW_THREADS": str(settings.threads),
        "CAW_TEMP_DIR": str((settings.build_path.parent / "tmp").resolve()),
        "CAW_MAX_TEMP_SIZE": settings.max_temp_size,
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    }


def target_dir(settings: Settings) -> Path:
    """Where dbt writes its manifest and run results."""
    return (settings.home / "build" / "dbt").resolve()


_PARSED: dict[tuple[str, str], tuple[Any, str]] = {}
"""dbt's own manifest, and the file it wrote, by the project's digest and the build's name: parsed once a process, for
every house."""


def invoke(settings: Settings, arguments: list[str], on_node: Callable[[str], None] | None = None) -> Any:
    """Run one dbt command in this process and return its result; connections are closed afterwards.

    `on_node` is called with the name of every finished model, seed and test.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415  dbt takes seconds to import
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    def listen(event: Any) -> None:
        if on_node is not None and event.info.name == "NodeFinished":
            on_node(event.data.node_info.node_name)

    os.environ.update(environment(settings))
    target_dir(settings).mkdir(parents=True, exist_ok=True)
    common = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    common += ["--target-path", str(target_dir(settings)), "--log-path", str(target_dir(settings) / "logs")]
    level = logging.getLogger("dagster").level
    try:
        manifest = None if arguments == PARSE else _parsed(settings)
        return dbtRunner(manifest=manifest, callbacks=[listen]).invoke(
            ["--quiet", "--no-use-colors", *arguments, *common]
        )
    finally:
        logging.getLogger("dagster").setLevel(level)
        DuckDBConnectionManager.close_all_connections()


def ensure_manifest(settings: Settings) -> Path:
    """Return the path of a manifest that matches the project as it is on disk, parsing when it is missing or stale."""
    manifest, stamp = target_dir(settings) / "manifest.json", target_dir(settings) / "project.sha256"
    if not (manifest.exists() and stamp.exists() and stamp.read_text() == _project_digest()):
        _parsed(settings)
    return manifest


def _parsed(settings: Settings) -> Any:
    """The manifest, parsed if this process has not done so yet, with its file in the house's target folder."""
    digest = _project_digest()
    key = digest, settings.build_path.stem
    manifest, stamp = target_dir(settings) / "manifest.json", target_dir(settings) / "project.sha256"
    if key not in _PARSED:
        result = invoke(settings, PARSE)
        if not result.success:
            raise RuntimeError(f"The dbt project does not parse: {result.exception}")
        stamp.write_text(digest)
        _PARSED[key] = result.result, manifest.read_text()
    parsed, text = _PARSED[key]
    if not (manifest.exists() and stamp.exists() and stamp.read_text() == digest):
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text(text)
        stamp.write_text(digest)
    return parsed


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

    Unit tests of dbt run in the project's test suite, not in every build. Raises Failure, after everything that
    succeeded was yielded, naming what failed.
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


def _project_digest() -> str:
    digest = hashlib.sha256()
    ignored = {"target", "logs", "dbt_packages"}
    for path in sorted(PROJECT_DIR.rglob("*")):
        if path.is_file() and not ignored & set(path.relative_to(PROJECT_DIR).parts):
            digest.update(str(path.relative_to(PROJECT_DIR)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def parse_for_lint(target: Path) -> None:
    """Write the project's manifest into `target`, where `dbt-bouncer.yml` looks for it."""
    with TemporaryDirectory() as home:
        manifest = ensure_manifest(Settings(home=Path(home)))
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(manifest, target / "manifest.json")


if __name__ == "__main__":
    parse_for_lint(PROJECT_DIR / "target" / "lint")
