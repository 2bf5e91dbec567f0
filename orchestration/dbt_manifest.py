"""The dbt project as dbt parsed it, kept until the project or dbt changes.

Lives here: `manifest_file`, which Dagster builds its graph from, `parsed_manifest`, which dbt runs from, and the copy
that the layer check reads. Stays out: running models and tests (`orchestration.dbt_run`).

Parsing takes seconds and depends on nothing of a house but the name of its build file, so one result serves every house
and process: it lies in the project's own target folder, or in the house's where that one cannot be written.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipelines.contracts.settings import Settings

PROJECT_DIR = Path(__file__).resolve().parent.parent / "dbt_project"
JSON, MSGPACK = "manifest.json", "manifest.msgpack"
GENERATED = {"target", "logs", "dbt_packages"}


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


@contextlib.contextmanager
def dagster_log_level() -> Iterator[None]:
    """Give Dagster's logger the level back that dbt takes from it."""
    level = logging.getLogger("dagster").level
    try:
        yield
    finally:
        logging.getLogger("dagster").setLevel(level)


def manifest_file(settings: Settings) -> Path:
    """Path of a manifest.json of the project as it is on disk, parsed anew if the project has changed."""
    return _parse_once(settings) / JSON


def parsed_manifest(settings: Settings) -> Any:
    """dbt's own manifest of the project as it is on disk, for a runner that is not to parse again."""
    return _load(_parse_once(settings) / MSGPACK)


@functools.lru_cache(maxsize=1)
def _load(file: Path) -> Any:
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415  dbt takes seconds to import

    return Manifest.from_msgpack(file.read_bytes())


def _parse_once(settings: Settings) -> Path:
    """The folder of this project's parse, named after its digest; an older parse is removed."""
    shelf = PROJECT_DIR / "target" / "parsed"
    if not os.access(PROJECT_DIR, os.W_OK):
        shelf = settings.home.resolve() / "build" / "dbt" / "parsed"
    folder = shelf / f"{settings.build_path.stem}-{_project_digest()}"
    if not folder.exists():
        shelf.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=shelf, prefix="draft-") as draft:
            _parse(settings, Path(draft))
            _put(Path(draft), folder)
        for older in set(shelf.iterdir()) - {folder}:
            if not older.name.startswith("draft-"):
                shutil.rmtree(older, ignore_errors=True)
    return folder


def _put(draft: Path, folder: Path) -> None:
    """Move a finished parse to its place, unless another process was first."""
    finished = draft / "finished"
    finished.mkdir()
    for name in (JSON, MSGPACK):
        (draft / name).rename(finished / name)
    with contextlib.suppress(OSError):
        finished.rename(folder)
    if not folder.is_dir():
        raise RuntimeError(f"The parsed dbt project could not be kept in {folder}.")


def _parse(settings: Settings, target: Path) -> None:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415

    os.environ.update(environment(settings))
    folders = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    folders += ["--target-path", str(target), "--log-path", str(target)]
    with dagster_log_level():
        result = dbtRunner().invoke(["--quiet", "--no-use-colors", "parse", "--no-partial-parse", *folders])
    if not isinstance(result.result, Manifest):
        raise RuntimeError(f"The dbt project does not parse: {result.exception}")
    (target / MSGPACK).write_bytes(result.result.to_msgpack())


def _project_digest() -> str:
    """SHA-256 of every file of the project and of the versions of dbt that read them."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    for path in sorted(PROJECT_DIR.rglob("*")):
        if path.is_file() and not GENERATED & set(path.relative_to(PROJECT_DIR).parts):
            digest.update(str(path.relative_to(PROJECT_DIR)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def parse_for_lint(target: Path) -> None:
    """Write the project's manifest into `target`, where `dbt-bouncer.yml` looks for it."""
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as home:
        shutil.copy(manifest_file(Settings(home=Path(home))), target / "manifest.json")


if __name__ == "__main__":
    parse_for_lint(PROJECT_DIR / "target" / "lint")
