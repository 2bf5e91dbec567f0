"""Check: what a file is, how it would be read and what would be refused, with nothing written.

Lives here: `check_files` and its result. Stays out: printing it (`orchestration.summary`).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.channels.base import normalise_header
from pipelines.contracts.settings import Settings
from pipelines.ingest.errors import FileReason, FileRefusedError
from pipelines.ingest.header import Layout
from pipelines.ingest.intake import Opened, judge, open_file
from pipelines.ingest.landing import landed_files
from pipelines.ingest.records import VERSIONS
from pipelines.ingest.sources import SOURCE_NAME, Source, read_source


@dataclass(frozen=True)
class ColumnUse:
    """One column of the file: its header, and the raw columns it becomes (none when it is left out) with the reason."""

    header: str
    columns: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class FileCheck:
    """What `caw check` tells of one file; `reason` is set when it would be refused as a whole."""

    path: Path
    source_system: str
    is_refused: bool
    code: str | None = None
    reason: str | None = None
    adapter: str | None = None
    raw_table: str | None = None
    channel: str | None = None
    time_zone: str | None = None
    currency: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    read_n: int = 0
    accepted_n: int = 0
    quarantined_n: int = 0
    duplicate_n: int = 0
    first_event_at: str | None = None
    last_event_at: str | None = None
    columns: tuple[ColumnUse, ...] = ()
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def check_files(settings: Settings, paths: Sequence[Path]) -> list[FileCheck]:
    """Read files as ingest would (each by itself, knowing no other) and tell what came of it; nothing is written.

    A folder stands for the export files in it. Declarations come from the `_source.yml` beside or above the file.
    """
    return [check_file(settings, path) for path in _files(paths)]


def _files(paths: Sequence[Path]) -> list[Path]:
    return [
        file for path in paths for file in ([landed.path for landed in landed_files(path)] if path.is_dir() else [path])
    ]


def check_file(settings: Settings, path: Path) -> FileCheck:
    """Check one file."""
    source = _source_of(settings, path)
    if path.is_symlink() or not path.is_file():
        error = FileRefusedError(FileReason.NOT_REGULAR, "only regular files are read", "Copy the file itself here.")
        return FileCheck(path, source.name, True, error.code.value, _without_code(error.code, str(error)))
    try:
        opened = open_file(path, source)
    except FileRefusedError as error:
        return FileCheck(path, source.name, True, error.code.value, _without_code(error.code, str(error)))
    about = _about(opened)
    try:
        pepper = secrets.token_bytes(32)
        nothing = pl.DataFrame(schema=VERSIONS)
        entry = judge(opened, path.name, pepper, settings, nothing, None, source.extract_date).entry
    except FileRefusedError as error:
        return FileCheck(path, source.name, True, error.code.value, _without_code(error.code, str(error)), **about)  # type: ignore[arg-type]
    return FileCheck(
        path,
        source.name,
        entry.is_refused,
        entry.code,
        _without_code(entry.code, entry.reason),
        read_n=entry.read_n,
        accepted_n=entry.accepted_n,
        quarantined_n=entry.quarantined_n,
        duplicate_n=entry.duplicate_n,
        first_event_at=entry.first_event_at,
        last_event_at=entry.last_event_at,
        warnings=entry.warnings,
        problems=entry.problems,
        **about,  # type: ignore[arg-type]
    )


def _source_of(settings: Settings, path: Path) -> Source:
    """The declaration that holds for a file: of its source's folder when it lies in landing, else of its own folder."""
    landing, full = settings.landing_dir.resolve(), path.absolute()
    if full.is_relative_to(landing) and len(full.relative_to(landing).parts) > 1:
        return read_source(landing / full.relative_to(landing).parts[0])
    name = full.parent.name
    return read_source(full.parent, name if SOURCE_NAME.fullmatch(name) else "source")


def _without_code(code: str | None, reason: str | None) -> str | None:
    return reason.removeprefix(f"{code}: ") if reason else None


def _about(opened: Opened) -> dict[str, object]:
    layout, source = opened.layout, opened.source
    return {
        "adapter": layout.table.adapter,
        "raw_table": layout.table.name,
        "channel": source.channel,
        "time_zone": source.time_zone,
        "currency": source.currency,
        "encoding": opened.content.encoding or opened.content.kind,
        "delimiter": layout.delimiter or None,
        "columns": _uses(layout),
    }


def _uses(layout: Layout) -> tuple[ColumnUse, ...]:
    """Every header of the file and what becomes of it."""
    table = layout.table
    becomes: dict[int, list[str]] = {}
    for field in table.fields:
        places = [layout.positions.get(field.name), *layout.companions.get(field.name, {}).values()]
        for place in places:
            if place is not None:
                becomes.setdefault(place, []).extend(column.name for column in field.raw_columns)
    left_out = {normalise_header(header) for header in table.known_headers}
    uses = []
    for place, header in enumerate(layout.headers):
        note = ""
        if place not in becomes:
            is_known = normalise_header(header) in left_out
            note = f"left out: {'free text, or nothing reads it' if is_known else 'unknown to the format'}"
        uses.append(ColumnUse(header.strip(), tuple(dict.fromkeys(becomes.get(place, ()))), note))
    return tuple(uses)
