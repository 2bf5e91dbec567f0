"""The store: where raw, quarantine and vault lie, and how they are written so that nothing is ever half-done.

Lives here: paths, the book entry of a file, atomic writes (temporary file, fsync, rename; the entry last), what other
files of a table already state.
Stays out: what is written (`reading`, `records`), the account book over all entries (`book`).
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.contracts.settings import Settings
from pipelines.ingest.records import VERSIONS

REFUSED_FOLDER = "_refused"
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700

QUARANTINE = pl.Schema(
    {
        "source_system": pl.String(),
        "raw_table": pl.String(),
        "source_file": pl.String(),
        "file_sha256": pl.String(),
        "source_row": pl.Int64(),
        "column": pl.String(),
        "reason": pl.String(),
        "value": pl.String(),
        "original": pl.String(),
    }
)
"""A quarantined row: where it stands, its first problem (column null for reasons of structure or record), its text."""


@dataclass
class Entry:
    """What the book says of one file; money in ten-thousandths, days and times as ISO text.

    `signature` changes when the file would be read differently: format version, declaration, pepper. `code` is the
    reason code of a refused file, `reason` the sentence with the fix, `problems` the first bad rows in words. `copies`
    are paths of files with the same bytes.
    """

    source_system: str
    source_file: str
    file_sha256: str
    bytes: int
    outcome: str
    signature: str
    channel: str | None = None
    adapter: str | None = None
    raw_table: str | None = None
    encoding: str | None = None
    code: str | None = None
    reason: str | None = None
    read_n: int = 0
    accepted_n: int = 0
    quarantined_n: int = 0
    duplicate_n: int = 0
    currency: str | None = None
    money_read: int = 0
    money_accepted: int = 0
    money_quarantined: int = 0
    money_duplicate: int = 0
    first_event_at: str | None = None
    last_event_at: str | None = None
    last_event_on: str | None = None
    extract_on: str | None = None
    complete_to: str | None = None
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether the file was refused as a whole."""
        return self.outcome == "refused"


def read_entry(path: Path) -> Entry:
    """An entry from its JSON; unknown keys of later versions are ignored."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    known = {field.name for field in fields(Entry)}
    told = {name: value for name, value in content.items() if name in known}
    for name in ("warnings", "problems", "copies"):
        told[name] = tuple(told.get(name) or ())
    return Entry(**told)


def entries(settings: Settings, source: str | None = None) -> Iterator[tuple[Path, Entry]]:
    """Every entry of the book, or of one source, in order of source, table and hash."""
    for path in sorted(settings.raw_dir.glob(f"{'*' if source is None else glob.escape(source)}/*/*.json")):
        if not path.name.startswith("."):
            yield path, read_entry(path)


class Store:
    """Writes what one file became."""

    def __init__(self, settings: Settings, source: str, table: str | None, sha256: str) -> None:
        self._settings, self._source, self._table, self._sha256 = settings, source, table, sha256

    @property
    def raw_path(self) -> Path:
        """The file's accepted rows."""
        return self._settings.raw_dir / self._source / (self._table or REFUSED_FOLDER) / f"{self._sha256}.parquet"

    @property
    def entry_path(self) -> Path:
        """The file's entry; written last, so that without it nothing has happened."""
        return self.raw_path.with_suffix(".json")

    @property
    def refused_path(self) -> Path:
        """The entry of a refused file, whatever its table."""
        return self._settings.raw_dir / self._source / REFUSED_FOLDER / f"{self._sha256}.json"

    def private_path(self, root: Path) -> Path:
        """The file's place in the vault or the quarantine."""
        return root / self._source / (self._table or REFUSED_FOLDER) / f"{self._sha256}.parquet"

    @contextlib.contextmanager
    def spool(self) -> Iterator[Path]:
        """A scratch folder beside the raw file, gone afterwards."""
        folder = self.raw_path.parent / f".{self._sha256}.{os.getpid()}.tmp"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def write_private(self, root: Path, frame: pl.DataFrame) -> None:
        """Write rows for the vault or the quarantine; no rows, no file."""
        path = self.private_path(root)
        if frame.is_empty():
            path.unlink(missing_ok=True)
            return
        for folder in (*reversed(path.parent.relative_to(root).parents), path.parent.relative_to(root)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            (root / folder).chmod(PRIVATE_FOLDER)
        temporary = _temporary(path)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as file:
            frame.write_parquet(file, compression="zstd", compression_level=1)
            file.flush()
            os.fsync(file.fileno())
        _rename(temporary, path)

    def write_raw(self, frame: pl.LazyFrame) -> None:
        """Write the accepted rows."""
        path = self.raw_path
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(path)
        frame.sink_parquet(temporary, compression="zstd", compression_level=1, maintain_order=True)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        _rename(temporary, path)

    def write_entry(self, entry: Entry) -> None:
        """Write the entry, and forget an earlier one of the other outcome."""
        path = self.refused_path if entry.is_refused else self.entry_path
        _write_json(path, entry)
        other = self.entry_path if entry.is_refused else self.refused_path
        if other != path:
            other.unlink(missing_ok=True)
        if entry.is_refused:
            self.raw_path.unlink(missing_ok=True)
            self.private_path(self._settings.vault_dir).unlink(missing_ok=True)


def rewrite_entry(path: Path, entry: Entry) -> None:
    """Replace an entry (a copy of its file turned up)."""
    _write_json(path, entry)


def known_versions(settings: Settings, source: str, table: str, but: set[str]) -> pl.DataFrame:
    """What the files of a table state already: records, their hashes and when that was learnt (see `records`)."""
    folder = settings.raw_dir / source / table
    paths = [path for path in sorted(folder.glob("*.parquet")) if path.stem not in but and _is_booked(path)]
    if not paths:
        return pl.DataFrame(schema=VERSIONS)
    return pl.scan_parquet(paths).select(VERSIONS.names()).unique().collect().cast(VERSIONS)


def _is_booked(path: Path) -> bool:
    return not path.name.startswith(".") and path.with_suffix(".json").exists()


def sweep(settings: Settings) -> None:
    """Remove what a run that was killed left behind; the caller holds the writer's lock."""
    for root in (settings.raw_dir, settings.quarantine_dir, settings.vault_dir):
        for path in root.glob("*/*/.*.tmp"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _rename(temporary: Path, path: Path) -> None:
    os.replace(temporary, path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_json(path: Path, entry: Entry) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(asdict(entry), file, indent=1, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    _rename(temporary, path)
