"""Versions: what was published, which one is served, and moving between them.

Lives here: the manifest, the pointer `current.json`, the symlink that follows it, listing, verifying, rollback, repair
and retention. Stays out: writing a version (`publish`).

    warehouse/current.json            the truth: the version served, and the versions kept, oldest first
    warehouse/warehouse.duckdb        a symlink to the served version's file; follows the pointer
    warehouse/versions/<id>/          warehouse.duckdb (mode 0444), marts/*.parquet, manifest.json, state.json
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pipelines.contracts.settings import Settings
from pipelines.warehouse import identity_state, state
from pipelines.warehouse.errors import NothingPublishedError, VersionDamagedError, VersionMissingError
from pipelines.warehouse.files import read_json, sha256_file, swap_symlink, to_json, write_atomic
from pipelines.warehouse.lock import writer_lock

DATABASE = "warehouse.duckdb"
MANIFEST = "manifest.json"
STATE = "state.json"
UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class Version:
    """A published version: its folder and its manifest."""

    id: str
    folder: Path
    manifest: dict[str, Any]

    @property
    def path(self) -> Path:
        """The warehouse file."""
        return self.folder / DATABASE

    @property
    def parent(self) -> str | None:
        """The version that was served when this one was published."""
        return self.manifest["parent"]

    @property
    def created_at(self) -> datetime:
        """When it was written, UTC."""
        return datetime.fromisoformat(self.manifest["created_at"])

    @property
    def as_of(self) -> date:
        """The day as of which it was computed."""
        return date.fromisoformat(self.manifest["as_of_on"])

    @property
    def content_digest(self) -> str:
        """Digest of what it says, whenever it was written."""
        return self.manifest["content_digest"]

    @property
    def rows(self) -> dict[str, int]:
        """Row counts by schema.table."""
        return {name: table["rows"] for name, table in self.manifest["tables"].items()}

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(file["bytes"] for file in self.manifest["files"].values())


@dataclass(frozen=True)
class Pointer:
    """The content of `current.json`."""

    version: str
    kept: tuple[str, ...]


def versions_dir(settings: Settings) -> Path:
    """The folder of all versions."""
    return settings.warehouse_dir / "versions"


def read_pointer(settings: Settings) -> Pointer | None:
    """The pointer, or None when nothing was ever published. VersionDamagedError when it cannot be read."""
    path = settings.warehouse_dir / "current.json"
    try:
        data = read_json(path)
        return None if data is None else Pointer(data["version"], tuple(data["kept"]))
    except (ValueError, KeyError, TypeError) as error:
        raise VersionDamagedError(
            f"{path} cannot be read.", "Start any run: it is repaired from the symlink."
        ) from error


def write_pointer(settings: Settings, pointer: Pointer) -> None:
    """Serve `pointer.version`: the one moment at which what is served changes."""
    content = {
        "version": pointer.version,
        "kept": list(pointer.kept),
        "moved_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_atomic(settings.warehouse_dir / "current.json", to_json(content))


def point_symlink(settings: Settings) -> None:
    """Let `warehouse/warehouse.duckdb` follow the pointer."""
    pointer = read_pointer(settings)
    link = settings.warehouse_dir / DATABASE
    if pointer is None:
        return
    target = versions_dir(settings) / pointer.version / DATABASE
    if not link.is_symlink() or link.resolve() != target.resolve():
        swap_symlink(link, target)


def load_version(settings: Settings, version_id: str) -> Version:
    """The version with this id. Raises VersionMissingError, or VersionDamagedError when its manifest is unreadable."""
    folder = versions_dir(settings) / version_id
    pointer = read_pointer(settings)
    if pointer is None or version_id not in pointer.kept:
        kept = ", ".join(pointer.kept) if pointer else "none"
        raise VersionMissingError(f"There is no version {version_id!r}.", f"Kept: {kept}.")
    try:
        manifest = read_json(folder / MANIFEST)
    except ValueError:
        manifest = None
    if manifest is None:
        raise VersionDamagedError(f"{folder / MANIFEST} is missing or unreadable.", "Roll back: caw rollback ID.")
    return Version(version_id, folder, manifest)


def current_version(settings: Settings) -> Version:
    """The version that is served. Raises NothingPublishedError when there is none."""
    pointer = read_pointer(settings)
    if pointer is None:
        raise NothingPublishedError(f"Nothing is published in {settings.home} yet.", "Run the path: caw run.")
    return load_version(settings, pointer.version)


def served_path(settings: Settings) -> Path | None:
    """The warehouse file that is served, or None when there is none that can be read."""
    try:
        path = current_version(settings).path
    except (NothingPublishedError, VersionMissingError, VersionDamagedError):
        return None
    return path if path.is_file() else None


def list_versions(settings: Settings) -> list[Version]:
    """The versions kept, newest first; empty when nothing was published."""
    pointer = read_pointer(settings)
    return [] if pointer is None else [load_version(settings, version_id) for version_id in reversed(pointer.kept)]


def verify(settings: Settings, version_id: str | None = None) -> Version:
    """Recompute every checksum of a version (default: the one served) and return it.

    Raises VersionDamagedError naming every file that is missing or is not what the manifest says.
    """
    version = load_version(settings, version_id) if version_id else current_version(settings)
    problems = []
    for name, stated in version.manifest["files"].items():
        path = version.folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif path.stat().st_size != stated["bytes"] or sha256_file(path) != stated["sha256"]:
            problems.append(f"{name} was changed")
    if problems:
        raise VersionDamagedError(
            f"Version {version.id} is not as it was published: {'; '.join(problems)}.",
            "Serve another one (caw versions, caw rollback ID), or run again: caw run.",
        )
    return version


def rollback(settings: Settings, version_id: str) -> Version:
    """Serve a version that is kept, and return it; nothing is deleted and no state is undone.

    Raises VersionMissingError or VersionDamagedError and leaves what is served.
    """
    with writer_lock(settings, f"rollback to {version_id}"):
        repair(settings)
        version = verify(settings, version_id)
        pointer = read_pointer(settings)
        assert pointer is not None  # verify found the version in it
        if pointer.version != version_id:
            write_pointer(settings, Pointer(version_id, pointer.kept))
            point_symlink(settings)
            moved = datetime.now(UTC)
            move = {"moved_at": moved.isoformat(), "from_version": pointer.version, "to_version": version_id}
            state.append(settings, "moves", f"{moved:%Y%m%dT%H%M%S%fZ}", [move])
        return version


def repair(settings: Settings) -> None:
    """Finish or undo what a run that died left behind; call it at the start of a run, holding the writer's lock.

    A pointer that cannot be read is made again from the symlink; the symlink then follows the pointer; state that
    belongs to the served version is completed; folders of versions that were never served, or are no longer kept, go.
    """
    _repair_pointer(settings)
    pointer = read_pointer(settings)
    if pointer is None:
        return
    point_symlink(settings)
    complete_state(settings, pointer.version)
    remove_versions(settings, pointer.kept)


def complete_state(settings: Settings, version_id: str) -> None:
    """Write the state that a version carries, where it is not written yet."""
    logs = read_json(versions_dir(settings) / version_id / STATE) or {}
    for log, records in logs.items():
        state.append(settings, log, version_id, records)
    identity_state.complete_history(settings, versions_dir(settings) / version_id)


def remove_versions(settings: Settings, kept: Sequence[str]) -> None:
    """Delete the folders of all versions but `kept`. A reader that has one open keeps reading it."""
    for folder in versions_dir(settings).glob("*"):
        if folder.name not in kept:
            shutil.rmtree(folder)


def _repair_pointer(settings: Settings) -> None:
    """Make a pointer that is lost or unreadable again from the symlink, keeping every complete version."""
    try:
        if read_pointer(settings) is not None:
            return
    except VersionDamagedError:
        pass
    link = settings.warehouse_dir / DATABASE
    if not link.is_symlink() or not link.resolve().is_file():
        return
    complete = sorted(path.parent.name for path in versions_dir(settings).glob(f"*/{MANIFEST}"))
    served = link.resolve().parent.name
    if served in complete:
        write_pointer(settings, Pointer(served, tuple(complete)))
