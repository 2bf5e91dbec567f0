"""The run of ingest over a landing folder: what is new is read, what is known is a recorded no-op.

Lives here: the order of files, replays and copies, what earlier files state, and the report.
Stays out: one file (`intake`), the account book (`book`).

Files of a source are taken in order of their names, so that of two files with the same rows always the same one is
accepted. What one source states decides nothing in another, so sources are taken side by side. The caller holds the
writer's lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import polars as pl

from pipelines.channels.registry import raw_table
from pipelines.contracts.keys import load_pepper
from pipelines.contracts.progress import Progress, Quiet
from pipelines.contracts.settings import Settings
from pipelines.ingest.errors import FileRefusedError
from pipelines.ingest.intake import STEP, Judged, Opened, commit, judge, open_file, refused_entry, signature
from pipelines.ingest.landing import Landed, landed_files
from pipelines.ingest.records import VERSIONS
from pipelines.ingest.sources import Source, read_source
from pipelines.ingest.store import Entry, Store, entries, known_versions, rewrite_entry, sweep
from pipelines.ingest.tokens import KnownTokens

SOURCES_AT_ONCE = 2
"""Sources that are read side by side; each holds a file in memory, and most of the work uses several cores already."""
SPOOL_FROM_BYTES = 128 << 20
"""Files from this size on (Parquet: a sixteenth of it) keep their columns on disk while they are decided on."""


@dataclass(frozen=True)
class IngestReport:
    """What a run of ingest did: entries of the files read, refused, and known already."""

    read: tuple[Entry, ...] = ()
    refused: tuple[Entry, ...] = ()
    replayed: tuple[Entry, ...] = ()

    @property
    def row_n(self) -> int:
        """Rows read in this run."""
        return sum(entry.read_n for entry in (*self.read, *self.refused))


@dataclass(frozen=True)
class _Taken:
    """A file that a run looked at: its entry, and whether it was read."""

    file: Landed
    entry: Entry
    is_new: bool


@dataclass
class _Book:
    """What is booked of one source already, and what its tables state, for the length of a run."""

    settings: Settings
    tokens: KnownTokens = field(default_factory=dict)
    by_hash: dict[str, tuple[Path, Entry]] = field(default_factory=dict)
    extracts: dict[str, date] = field(default_factory=dict)
    versions: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)

    def load(self, source: Source, pepper: bytes) -> None:
        """Read the entries on disk, and note which of them a change of declaration, format or key has made stale."""
        for path, entry in entries(self.settings, source.name):
            self.by_hash[entry.file_sha256] = path, entry
            if entry.extract_on:
                self.extracts[entry.file_sha256] = date.fromisoformat(entry.extract_on)
            is_here = any((self.settings.landing_dir / name).exists() for name in (entry.source_file, *entry.copies))
            if is_here and not self.is_current(path, entry, source, pepper):
                self.stale.add(entry.file_sha256)

    def is_current(self, path: Path, entry: Entry, source: Source, pepper: bytes) -> bool:
        """Whether the file would be read again just as it was read."""
        if entry.is_refused or entry.raw_table is None or not path.with_suffix(".parquet").exists():
            return False
        try:
            table = raw_table(entry.raw_table)
        except KeyError:
            return False
        return entry.signature == signature(table, source, pepper, self.settings)

    def stated(self, source: str, table: str) -> pl.DataFrame:
        """Versions of records that other files of the table state; stale files are about to be read again."""
        if table not in self.versions:
            self.versions[table] = [known_versions(self.settings, source, table, self.stale)]
        return pl.concat(self.versions[table])

    def add(self, judged: Judged, path: Path) -> None:
        """Take a file that was just written into account."""
        entry = judged.entry
        self.by_hash[entry.file_sha256] = path, entry
        if entry.is_refused or entry.raw_table is None:
            return
        accepted = judged.decided.filter(pl.col("outcome") == "accepted").select(VERSIONS.names())
        if judged.opened.layout.table.block:
            accepted = accepted.unique()  # A record has several rows; elsewhere no two accepted rows are equal.
        self.versions.setdefault(entry.raw_table, []).append(accepted)


def ingest_landing(
    settings: Settings, progress: Progress | None = None, tables: Collection[str] | None = None
) -> IngestReport:
    """Read every file below landing that is new, or would now be read differently.

    `tables` limits the run to files of these raw tables. A refused file is booked and changes nothing else. Raises
    MissingPepperError before anything is read, SourceError for a declaration that cannot be used.
    """
    listener = progress or Quiet()
    pepper = load_pepper(settings)
    sweep(settings)
    files = list(landed_files(settings.landing_dir))
    sources = {name: read_source(settings.landing_dir / name) for name in sorted({f.source for f in files if f.source})}
    groups: dict[str | None, list[Landed]] = {}
    for file in files:
        groups.setdefault(file.source, []).append(file)
    listener.start(STEP, sum(_size(file) for file in files))
    with ThreadPoolExecutor(min(settings.threads, SOURCES_AT_ONCE)) as pool:
        # The largest first, so that the last to finish finishes early.
        largest = sorted(groups.items(), key=lambda group: -sum(_size(file) for file in group[1]))
        work = [
            pool.submit(_take_all, of_source, sources.get(name or ""), pepper, settings, listener, tables)
            for name, of_source in largest
        ]
        try:
            taken = [found for source in work for found in source.result()]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    place = {file.name: number for number, file in enumerate(files)}
    taken.sort(key=lambda found: place[found.file.name])
    report = IngestReport(
        tuple(found.entry for found in taken if not found.entry.is_refused and found.is_new),
        tuple(found.entry for found in taken if found.entry.is_refused),
        tuple(found.entry for found in taken if not found.entry.is_refused and not found.is_new),
    )
    listener.finish(STEP, report.row_n)
    return report


def _take_all(
    files: list[Landed],
    source: Source | None,
    pepper: bytes,
    settings: Settings,
    progress: Progress,
    tables: Collection[str] | None,
) -> list[_Taken]:
    """The files of one source, or those that lie in none, in order."""
    of_source = source or Source("unknown")
    book = _Book(settings)
    book.load(of_source, pepper)
    found = ((file, _take(file, of_source, book, pepper, settings, progress, tables)) for file in files)
    return [_Taken(file, entry, is_new) for file, (entry, is_new) in found if entry is not None]


def _take(
    file: Landed,
    source: Source,
    book: _Book,
    pepper: bytes,
    settings: Settings,
    progress: Progress,
    tables: Collection[str] | None,
) -> tuple[Entry | None, bool]:
    """One file: its entry (null when it is none of `tables`), and whether it was read."""
    size = _size(file)
    if file.refusal is not None:
        return _refuse(file, source, size, _name_hash(file.name), file.refusal, settings), True
    known = _replay(file, source, size, book, pepper)
    if known is not None:
        progress.advance(STEP, size)
        return (known, False) if tables is None or known.raw_table in tables else (None, False)
    try:
        opened = open_file(file.path, source)
        table = opened.layout.table.name
        if tables is not None and table not in tables:
            return None, False
        return _read(file, opened, book, pepper, settings, progress), True
    except FileRefusedError as error:
        progress.advance(STEP, size)
        return _refuse(file, source, size, _file_hash(file.path), error, settings), True


def _read(file: Landed, opened: Opened, book: _Book, pepper: bytes, settings: Settings, progress: Progress) -> Entry:
    source, table, sha256 = opened.source, opened.layout.table.name, opened.content.sha256
    store = Store(settings, source.name, table, sha256)
    versions = book.stated(source.name, table)
    extract_on = book.extracts.get(sha256, source.extract_date)
    content = opened.content
    is_big = content.is_gzip or content.size >= (SPOOL_FROM_BYTES >> (4 if content.kind == "parquet" else 0))
    with store.spool() if is_big else nullcontext() as spool:
        judged = judge(opened, file.name, pepper, settings, versions, spool, extract_on, progress, book.tokens)
        commit(judged, store, settings)
    book.add(judged, store.entry_path)
    return judged.entry


def _replay(file: Landed, source: Source, size: int, book: _Book, pepper: bytes) -> Entry | None:
    """The entry of the same bytes, when they were read as they would be read now."""
    if not any(entry.bytes == size for _, entry in book.by_hash.values()):
        return None
    found = book.by_hash.get(_file_hash(file.path))
    if found is None or not book.is_current(*found, source, pepper):
        return None
    path, entry = found
    is_copy = entry.source_file != file.name and (book.settings.landing_dir / entry.source_file).exists()
    if is_copy and file.name not in entry.copies:
        entry = replace(entry, copies=(*entry.copies, file.name))
        rewrite_entry(path, entry)
        book.by_hash[entry.file_sha256] = path, entry
    return entry


def _refuse(file: Landed, source: Source, size: int, sha256: str, error: FileRefusedError, settings: Settings) -> Entry:
    entry = refused_entry(file.name, source.name, size, sha256, error)
    Store(settings, source.name, None, sha256).write_entry(entry)
    return entry


def _size(file: Landed) -> int:
    return file.path.lstat().st_size


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name_hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
