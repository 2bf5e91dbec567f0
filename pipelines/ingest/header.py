"""Headers: which export a file is, by the names of its columns and never by their positions.

Lives here: splitting a record into cells, sniffing the delimiter, matching fingerprints, and telling the nearest
format with the difference when none matches.
Stays out: the formats (`pipelines.channels`), rows (`structure`).

Extra columns are left out of raw and named in a warning: a column that nobody described may hold anything about a
person, and the landing file keeps it. Under `schema_policy: freeze` they refuse the file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.channels.base import RawTable, normalise_header
from pipelines.ingest.errors import FileReason, FileRefusedError

DELIMITERS = (",", ";", "\t")
DRIFT_SHARE = 0.5
SMALL_FINGERPRINT = 4
_SEPARATOR_LINE = re.compile(rb"sep=(.)\n", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """How a file's columns map onto a raw table.

    `headers` are the file's own, as they stand. `positions` gives each field's column (from 0); fields without one are
    not in the file. `companions` are the columns of times and zones that complete a date. `first_row_line` is the
    physical line after the header.
    """

    table: RawTable
    delimiter: str
    headers: tuple[str, ...]
    positions: dict[str, int]
    companions: dict[str, dict[str, int]]
    first_row_line: int
    skip_bytes: int
    extra: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Fields in every record."""
        return len(self.headers)


def cell_pattern(delimiter: bytes) -> bytes:
    """A regular expression of one field: quoted with doubled quotes inside, or plain without a leading quote."""
    mark = re.escape(delimiter)
    return rb'(?:"[^"\x00]*+(?:""[^"\x00]*+)*+"|(?!")[^' + mark + rb"\n\x00]*+)"


def split_record(record: bytes, delimiter: bytes) -> list[str]:
    """The cells of one well-formed record, quotes taken off."""
    cells, at = [], 0
    pattern = re.compile(cell_pattern(delimiter))
    while True:
        found = pattern.match(record, at)
        if found is None:
            raise ValueError("not a well-formed record")
        raw = found.group()
        cells.append((raw[1:-1].replace(b'""', b'"') if raw.startswith(b'"') else raw).decode())
        at = found.end()
        if at >= len(record):
            return cells
        at += len(delimiter)


def leading_cells(record: bytes, delimiter: bytes) -> list[str]:
    """The cells of a damaged record, as far as they are well-formed."""
    pattern = re.compile(cell_pattern(delimiter) + b"(?=" + re.escape(delimiter) + rb"|\n|\Z)")
    cells, at = [], 0
    while found := pattern.match(record, at):
        raw = found.group()
        cells.append((raw[1:-1].replace(b'""', b'"') if raw.startswith(b'"') else raw).decode())
        at = found.end() + len(delimiter)
        if at > len(record):
            break
    return cells


def read_header(head: bytes, tables: Sequence[RawTable], freeze: bool = False) -> Layout:
    """The layout of the file that starts with `head` (UTF-8, line feeds); FileRefusedError when it fits no table."""
    return _best(_readings(head), tables, freeze)


def read_names(names: Sequence[str], tables: Sequence[RawTable], freeze: bool = False) -> Layout:
    """The layout of a Parquet file with these columns; FileRefusedError when it fits no table."""
    return _best([("", tuple(names), 0, 0)], tables, freeze)


def _best(
    readings: Sequence[tuple[str, tuple[str, ...], int, int]], tables: Sequence[RawTable], freeze: bool
) -> Layout:
    matches = [_match(table, *reading) for reading in readings for table in tables]
    if not matches:
        raise FileRefusedError(FileReason.UNKNOWN_HEADER, "there is no header line", "Export it again, with headers.")
    best = max(matches, key=lambda match: match.rank)
    if best.missing or not best.is_convincing:
        raise _refusal(best)
    return _layout(best, freeze)


@dataclass(frozen=True)
class _Match:
    """How well one table's best fingerprint fits one reading of the header."""

    table: RawTable
    delimiter: str
    texts: tuple[str, ...]
    names: tuple[str, ...]
    lines: int
    used: int
    required: tuple[str, ...]
    missing: tuple[str, ...]
    known: int

    @property
    def share(self) -> float:
        """Share of the fingerprint that is there."""
        return 1 - len(self.missing) / max(len(self.required), 1)

    @property
    def is_convincing(self) -> bool:
        """A fingerprint of few columns also needs most of the file's columns to be known."""
        named = sum(1 for name in self.names if name)
        return len(self.required) >= SMALL_FINGERPRINT or 2 * self.known > named

    @property
    def rank(self) -> tuple[bool, float, int, int]:
        """Complete matches first, then by share, size of the fingerprint and known columns."""
        complete = not self.missing and self.is_convincing
        return complete, self.share, len(self.required) if complete else 0, self.known


def _readings(head: bytes) -> list[tuple[str, tuple[str, ...], int, int]]:
    """The first record under each delimiter: its cells, physical lines up to its end, bytes up to its end."""
    start = len(head) - len(head.lstrip(b"\n"))
    delimiters: tuple[str, ...] = DELIMITERS
    told = _SEPARATOR_LINE.match(head, start)
    if told:
        delimiters, start = (told.group(1).decode("latin-1"),), told.end()
    readings = []
    for delimiter in delimiters:
        mark = delimiter.encode()
        cell = cell_pattern(mark)
        found = re.compile(cell + b"(?:" + re.escape(mark) + cell + rb")*+(?=\n|\Z)").match(head, start)
        if found is None:
            continue
        texts = tuple(split_record(found.group(), mark))
        if sum(1 for text in texts if text.strip()) >= 2:
            readings.append((delimiter, texts, head[: found.end()].count(b"\n") + 1, found.end() + 1))
    return readings


def _match(table: RawTable, delimiter: str, texts: tuple[str, ...], lines: int, used: int) -> _Match:
    names = tuple(normalise_header(text) for text in texts)
    present = set(names)
    fields = {field.name: field for field in table.fields}

    def lacks(name: str) -> bool:
        field = fields[name]
        wanted = (field.headers, field.time_headers, field.zone_headers)
        return any(group and not present & {normalise_header(h) for h in group} for group in wanted[:2])

    known = len(present & _known(table))
    matches = [
        _Match(
            table, delimiter, texts, names, lines, used, layout, tuple(name for name in layout if lacks(name)), known
        )
        for layout in table.fingerprints
    ]
    return max(matches, key=lambda match: match.rank)


def _known(table: RawTable) -> set[str]:
    headers = {h for f in table.fields for h in (*f.headers, *f.time_headers, *f.zone_headers)}
    return {normalise_header(header) for header in headers | set(table.known_headers)}


def _layout(match: _Match, freeze: bool) -> Layout:
    table, names = match.table, match.names
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    mapped = {normalise_header(h) for f in table.fields for h in (*f.headers, *f.time_headers, *f.zone_headers)}
    if clash := [name for name in repeated if name in mapped]:
        raise FileRefusedError(
            FileReason.SCHEMA_DRIFT,
            f"the header names {_listed(clash)} more than once",
            "Rename or remove the copies: nothing tells which one counts.",
            line=match.lines,
        )
    extra = tuple(sorted({name for name in names if name and name not in _known(table)}))
    if extra and freeze:
        raise FileRefusedError(
            FileReason.SCHEMA_DRIFT,
            f"unknown columns {_listed(extra)}, and the source is frozen",
            "Describe them in the channel's module, or remove schema_policy: freeze.",
            line=match.lines,
        )
    positions, companions = {}, {}
    for field in table.fields:
        if (at := _first(names, field.headers)) is None:
            continue
        positions[field.name] = at
        parts = {"time": _first(names, field.time_headers), "zone": _first(names, field.zone_headers)}
        companions[field.name] = {part: place for part, place in parts.items() if place is not None}
    warnings = (f"columns left out, because the format does not know them: {_listed(extra)}",) if extra else ()
    return Layout(
        table, match.delimiter, match.texts, positions, companions, match.lines + 1, match.used, extra, warnings
    )


def _first(names: tuple[str, ...], headers: tuple[str, ...]) -> int | None:
    for header in headers:
        plain = normalise_header(header)
        if plain in names:
            return names.index(plain)
    return None


def _refusal(match: _Match) -> FileRefusedError:
    code = FileReason.SCHEMA_DRIFT if match.missing and match.share >= DRIFT_SHARE else FileReason.UNKNOWN_HEADER
    fields = {field.name: field for field in match.table.fields}
    unknown = [name for name in match.names if name and name not in _known(match.table)]
    wanted = []
    for name in match.missing:
        official = next(
            header
            for header in (*fields[name].headers, *fields[name].time_headers)
            if normalise_header(header) not in match.names
        )
        near = difflib.get_close_matches(normalise_header(official), unknown, n=1, cutoff=0.6)
        wanted.append(f"{official!r}" + (f" (is it {_safe(near[0])!r}?)" if near else ""))
    gap = f"lacks {', '.join(wanted[:12])}" if wanted else "has mostly columns that it does not know"
    return FileRefusedError(
        code,
        f"the header fits no format; nearest is {match.table.name}, of which it {gap}",
        f"Export it again with these columns, or add the new spelling to pipelines/channels/{match.table.adapter}.py.",
        line=match.lines,
    )


def _safe(header: str) -> str:
    """A header as a message may show it: a file without header shows its first row here."""
    return "…" if "@" in header or re.search(r"\d{5}", header) else header[:60]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(_safe(name)) for name in names[:12]) + (" …" if len(names) > 12 else "")
