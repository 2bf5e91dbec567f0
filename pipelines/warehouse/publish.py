"""Publish: a gated build becomes the version that readers are served, as a whole or not at all.

Lives here: the rule of who may publish, equal content published once, and the order of steps in which a kill at any
moment leaves the last version served. Stays out: writing the files (`draft`) and the pointer itself (`versions`).

The steps: check the gates against the build's stamps; write the version in a folder no reader knows; give the folder
its name; replace the pointer, which is the one moment that counts; then the symlink, the state, the versions no longer
kept, and the last good build follow, and the next run's start completes them if this one dies between.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.contracts.progress import Progress, Quiet
from pipelines.contracts.settings import Settings
from pipelines.marts import digest
from pipelines.warehouse import draft, identity_state, state
from pipelines.warehouse.build import mark_good, open_build
from pipelines.warehouse.context import read_run_context
from pipelines.warehouse.digest import combine, table_stamps
from pipelines.warehouse.errors import CawError, PublishConflictError
from pipelines.warehouse.files import sync, to_json
from pipelines.warehouse.gates import LAYERS, GateRecord, require_passes
from pipelines.warehouse.lock import writer_lock
from pipelines.warehouse.meta import MetaInputs, book_rows, definition_digest
from pipelines.warehouse.versions import (
    DATABASE,
    STATE,
    UNFINISHED,
    Pointer,
    Version,
    complete_state,
    current_version,
    load_version,
    point_symlink,
    read_pointer,
    remove_versions,
    repair,
    versions_dir,
    write_pointer,
)

STEPS = (
    "check gates", "copy tables", "write meta", "write parquet", "write manifest", "name version", "move pointer",
    "move symlink", "write state", "remove old versions", "keep build",
)  # fmt: skip
"""Steps of a publish, as they are told to the listener."""


@dataclass(frozen=True)
class Published:
    """What a publish came to: the version served now, and whether it is new."""

    version: Version
    is_new: bool


@dataclass(frozen=True)
class _Plan:
    """What is about to be published."""

    run_id: str
    context: Mapping[str, Any]
    stamps: Mapping[str, Mapping[str, str]]
    digests: Mapping[str, str]
    gates: Mapping[str, GateRecord]
    book: pl.DataFrame
    definition: str

    @property
    def content_digest(self) -> str:
        """What the version would say: tables, definitions, parameters and account book; not when it was written."""
        parts = [
            {schema: self.stamps[schema] for schema in draft.COPIED},
            self.definition,
            self.context,
            digest(book_rows(self.book)),
        ]
        return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()


def publish(settings: Settings, run_id: str, book: pl.DataFrame, progress: Progress | None = None) -> Published:
    """Publish the build as a new version, or say that what is served says the same already.

    `book` is the account book of ingest. Raises PublishRefusedError when a declared gate has no stored pass for the
    build as it is, BuildMissingError or ContractError when a published table is missing or not as its contract says,
    LockedError, PublishConflictError or DiskFullError; whatever is raised, what was served stays served.
    """
    listener = progress or Quiet()
    settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
    with writer_lock(settings, run_id):
        repair(settings)
        before = read_pointer(settings)
        served = _served(settings, before)
        with open_build(settings, read_only=True) as con:
            with _step(listener, "check gates"):
                plan = _plan(settings, con, run_id, book)
            is_new = served is None or served.content_digest != plan.content_digest
            if is_new:
                draft.check_room(settings)
                version_id, folder = _write_draft(settings, con, plan, before, listener)
            elif before is not None:
                identity_state.add_model(settings, con, before.version)
        if is_new:
            _commit(settings, version_id, folder, before, listener)
        with _step(listener, "keep build"):
            version = current_version(settings)
            mark_good(settings, version.id)
        return Published(version, is_new)


def _plan(settings: Settings, con: duckdb.DuckDBPyConnection, run_id: str, book: pl.DataFrame) -> _Plan:
    stamps = {layer: table_stamps(con, layer) for layer in LAYERS}
    digests = {layer: combine(layer, stamps[layer]) for layer in LAYERS}
    gates = require_passes(settings, digests)
    draft.check_tables(con)
    return _Plan(run_id, read_run_context(con), stamps, digests, gates, book, definition_digest())


def _served(settings: Settings, pointer: Pointer | None) -> Version | None:
    """The version served, or None when there is none whose manifest can be read."""
    try:
        return None if pointer is None else load_version(settings, pointer.version)
    except CawError:
        return None


def _write_draft(
    settings: Settings, con: duckdb.DuckDBPyConnection, plan: _Plan, before: Pointer | None, listener: Progress
) -> tuple[str, Path]:
    """Write the whole version into a folder that no reader knows; returns its id and the folder.

    The Parquet files are written in a thread of their own: copying tables leaves a core idle between them.
    """
    created, version_id = _name(plan.content_digest, before.kept if before else ())
    parent = before.version if before else None
    folder = versions_dir(settings) / f"{UNFINISHED}{version_id}"
    folder.mkdir(parents=True)
    with ThreadPoolExecutor(1) as beside:
        parquet = beside.submit(draft.write_parquet, con, folder / "marts")
        with _step(listener, "copy tables"):
            counts = draft.copy_tables(con, folder / DATABASE)
        with _step(listener, "write meta"):
            logs = _logs(settings, plan, version_id, parent, created)
            known = {log: [*state.read(settings, log), *records] for log, records in logs.items()}
            told = (known["runs"], known["versions"], known["files"])
            meta = MetaInputs(version_id, plan.book, plan.gates, *told, counts)
            draft.finish_database(con, folder / DATABASE, meta, plan.stamps)
            added = identity_state.trained_model(settings, con)
            (folder / STATE).write_text(to_json(logs | added), encoding="utf-8")
        with _step(listener, "write parquet"):
            parquet.result()
            identity_state.write_added(settings, con, folder)
    with _step(listener, "write manifest"):
        draft.write_manifest(folder, _manifest(plan, version_id, parent, created, counts))
    return version_id, folder


def _commit(settings: Settings, version_id: str, folder: Path, before: Pointer | None, listener: Progress) -> None:
    """Make the version the one that is served; what follows the pointer is completed by `repair` if this dies."""
    with _step(listener, "name version"):
        named = versions_dir(settings) / version_id
        folder.rename(named)
        sync(versions_dir(settings))
    with _step(listener, "move pointer"):
        if read_pointer(settings) != before:
            shutil.rmtree(named)
            raise PublishConflictError("Another version was served while this one was written.", "Run again: caw run.")
        kept = [*(before.kept if before else ()), version_id][-settings.keep_versions :]
        write_pointer(settings, Pointer(version_id, tuple(kept)))
    with _step(listener, "move symlink"):
        point_symlink(settings)
    with _step(listener, "write state"):
        complete_state(settings, version_id)
    with _step(listener, "remove old versions"):
        remove_versions(settings, kept)


def _name(content_digest: str, kept: tuple[str, ...]) -> tuple[datetime, str]:
    """When the version is made, and its id: sortable by time even when the clock went back, then the content."""
    created = datetime.now(UTC).replace(microsecond=0)
    while True:
        version_id = f"{created:%Y%m%dT%H%M%SZ}-{content_digest[:8]}"
        if not kept or version_id[:16] > max(kept)[:16]:
            return created, version_id
        created += timedelta(seconds=1)


def _logs(
    settings: Settings, plan: _Plan, version_id: str, parent: str | None, created: datetime
) -> dict[str, list[dict[str, Any]]]:
    """The state that this version adds, by log."""
    as_of = plan.context["as_of_on"].isoformat()
    moment = created.isoformat()
    known = {record["file_sha256"] for record in state.read(settings, "files")}
    book = plan.book.unique("file_sha256", keep="first", maintain_order=True).sort("file_sha256")
    files = [
        {"version_id": version_id, **{name: row[name] for name in ("file_sha256", "source_system", "source_file")}}
        for row in book.iter_rows(named=True)
        if row["file_sha256"] not in known
    ]
    version = {
        "version_id": version_id,
        "parent_id": parent,
        "created_at": moment,
        "as_of_on": as_of,
        "run_id": plan.run_id,
        "content_digest": plan.content_digest,
        "definition_digest": plan.definition,
    }
    run = {
        "run_id": plan.run_id,
        "outcome": "published",
        "version_id": version_id,
        "as_of_on": as_of,
        "ended_at": moment,
        "message": None,
    }
    return {"versions": [version], "runs": [run], "files": files}


def _manifest(
    plan: _Plan, version_id: str, parent: str | None, created: datetime, counts: Mapping[str, int]
) -> dict[str, Any]:
    return {
        "id": version_id,
        "parent": parent,
        "created_at": created.isoformat(),
        "as_of_on": plan.context["as_of_on"].isoformat(),
        "run_id": plan.run_id,
        "content_digest": plan.content_digest,
        "definition_digest": plan.definition,
        "layers": dict(plan.digests),
        "gates": {layer: {**gate.counts(), "suite": gate.suite_digest} for layer, gate in plan.gates.items()},
        "tables": {name: {"rows": rows, "stamp": _stamp(plan, name)} for name, rows in counts.items()},
        "made_with": {
            "customer-asset-warehouse": package_version("customer-asset-warehouse"),
            "duckdb": duckdb.__version__,
            "python": platform.python_version(),
        },
    }


def _stamp(plan: _Plan, name: str) -> str:
    schema, table = name.split(".")
    return plan.stamps[schema][table]


@contextmanager
def _step(listener: Progress, name: str) -> Iterator[None]:
    listener.start(f"publish: {name}")
    yield
    listener.finish(f"publish: {name}")
