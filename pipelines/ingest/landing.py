"""Landing: the files that lie there, safely.

Lives here: which files belong to which source, and which are refused before a byte is read: links, pipes, files
outside a source's folder. Names that begin with `_` or `.` are no exports.
Stays out: reading them.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.ingest.errors import FileReason, FileRefusedError


@dataclass(frozen=True)
class Landed:
    """A file below landing: its source (null outside a source's folder) and its name relative to landing."""

    path: Path
    name: str
    source: str | None
    refusal: FileRefusedError | None = None


def landed_files(landing: Path) -> Iterator[Landed]:
    """Every file below `landing`, in order of name."""
    if not landing.is_dir():
        return
    root = landing.resolve()
    for path in sorted(_walk(landing), key=lambda found: found.relative_to(landing).as_posix()):
        name = path.relative_to(landing).as_posix()
        parts = path.relative_to(landing).parts
        source = parts[0] if len(parts) > 1 else None
        yield Landed(path, name, source, _refusal(path, root, source))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(("_", ".")):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _refusal(path: Path, root: Path, source: str | None) -> FileRefusedError | None:
    if path.is_symlink() or not stat.S_ISREG(path.lstat().st_mode) or not path.resolve().is_relative_to(root):
        return FileRefusedError(FileReason.NOT_REGULAR, "only regular files are read", "Copy the file itself here.")
    if source is None:
        return FileRefusedError(
            FileReason.NO_SOURCE, "the file lies in no source's folder", "Move it into landing/<source>/."
        )
    return None
