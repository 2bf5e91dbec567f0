"""Writing export files: bytes, physical lines, planted faults, and the list of what was written.

Lives here: `Landing`, which writes frames of text as CSV with broken lines between them and remembers both; `Fault`
and the ways to spoil a record; texts of amounts.
Stays out: the formats themselves.

A fault is always a record of its own beside the good ones: nothing that the company knows rests on it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from pipelines.simulate.clock import Ints

BAD_VALUE, BAD_ENUM, FIELD_COUNT = "BAD_VALUE", "BAD_ENUM", "FIELD_COUNT"
MISSING_REQUIRED, KEY_MISSING = "MISSING_REQUIRED", "KEY_MISSING"
UNTERMINATED_QUOTE = "UNTERMINATED_QUOTE"
"""Reasons for which the door refuses a row."""
ROWS_PER_FAULT = 25
"""A file gets at most one fault for this many rows, far below the share at which a file is refused whole."""


MOST_LOOKED_UP = 1 << 22
"""Amounts up to this many cents are looked up in a table of texts."""


@dataclass(frozen=True)
class Fault:
    """How to spoil a record: which column gets which text, or how many fields too few (-) or too many (+)."""

    reason: str
    column: str | None = None
    text: str = ""
    fields: int = 0

    def cells(self, row: Mapping[str, str | None]) -> list[str]:
        """The spoilt record's fields, on one line."""
        cells = [
            ((self.text if name == self.column else value) or "").replace("\n", " ") for name, value in row.items()
        ]
        if self.fields < 0:
            return cells[: self.fields]
        return cells + [f"stray {k + 1}" for k in range(self.fields)]


@dataclass(frozen=True)
class Broken:
    """A fault before row `position` of a frame, made from `row`."""

    position: int
    row: Mapping[str, str | None]
    fault: Fault


@dataclass(frozen=True)
class Layout:
    """How a source writes text files."""

    encoding: str = "utf-8"
    newline: str = "\n"
    mark: bool = False  # a byte order mark
    folded: str | None = None  # a column whose text may contain line breaks


@dataclass
class Landing:
    """The landing folder of a world, what was written into it and what in it is broken."""

    root: Path
    files: list[dict[str, object]] = field(default_factory=list)
    broken: list[dict[str, object]] = field(default_factory=list)

    def declare(self, source: str, **declaration: str) -> None:
        """Write a source's `_source.yml`."""
        folder = self.root / source
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f'{key}: "{value}"' for key, value in declaration.items()]
        (folder / "_source.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def write(
        self,
        source: str,
        name: str,
        raw_table: str,
        frame: pl.DataFrame,
        layout: Layout = Layout(),
        broken: Sequence[Broken] = (),
    ) -> None:
        """Write a frame of text columns, in its order, with its header, and the broken records at their places.

        Nothing is written where there are no rows: a source without sales exports no file.
        """
        if frame.is_empty():
            return
        path = self.root / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            out.write(b"\xef\xbb\xbf" if layout.mark else b"")
            plain = out if layout.encoding == "utf-8" else io.BytesIO()
            self._fill(plain, f"{source}/{name}", raw_table, frame, layout, broken)
            if isinstance(plain, io.BytesIO):
                out.write(plain.getvalue().decode("utf-8").encode(layout.encoding))
        self._note(f"{source}/{name}", raw_table, frame.height + len(broken), len(broken))

    def _fill(
        self, out: BinaryIO, path: str, raw_table: str, frame: pl.DataFrame, layout: Layout, broken: Sequence[Broken]
    ) -> None:
        out.write(_line(frame.columns, layout.newline))
        line, start, last = 2, 0, UNTERMINATED_QUOTE
        for item in sorted(broken, key=lambda b: (b.fault.reason == last, b.position)):
            stop = frame.height if item.fault.reason == last else item.position
            line += _body(out, frame[start:stop], layout)
            start = stop
            line += self._break(out, item, path, raw_table, line, layout)
        _body(out, frame[start:], layout)

    def _break(self, out: BinaryIO, item: Broken, path: str, raw_table: str, line: int, layout: Layout) -> int:
        fault, cells = item.fault, item.fault.cells(item.row)
        if fault.reason == UNTERMINATED_QUOTE:
            out.write((",".join(cells[:3]) + ',"cut off here' + layout.newline).encode())
        else:
            out.write(_line(cells, layout.newline))
        self.broken.append(
            {"source_system": path.partition("/")[0], "raw_table": raw_table, "source_file": path,
             "source_row": line, "reason": fault.reason, "column": fault.column}
        )  # fmt: skip
        return 1

    def copy(self, source: str, name: str, copy_of: str) -> None:
        """Send a file a second time: the same bytes under another name."""
        original = next((f for f in self.files if f["source_file"] == f"{source}/{copy_of}"), None)
        if original is None:
            return
        shutil.copyfile(self.root / source / copy_of, self.root / source / name)
        self._note(f"{source}/{name}", str(original["raw_table"]), int(str(original["rows"])), 0, f"{source}/{copy_of}")

    def _note(self, path: str, raw_table: str, rows: int, faults: int, copy_of: str | None = None) -> None:
        """Remember a file that was written."""
        with (self.root / path).open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        self.files.append(
            {"source_system": path.partition("/")[0], "raw_table": raw_table, "source_file": path,
             "bytes": (self.root / path).stat().st_size, "sha256": digest, "rows": rows, "broken_rows": faults,
             "copy_of": copy_of}
        )  # fmt: skip


def _line(cells: Sequence[str], newline: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator=newline).writerow(cells)
    return out.getvalue().encode("utf-8")


def _body(out: BinaryIO, frame: pl.DataFrame, layout: Layout) -> int:
    """Write rows and return how many physical lines they take."""
    if frame.is_empty():
        return 0
    frame.write_csv(out, include_header=False, line_terminator=layout.newline)
    folds = frame[layout.folded].str.count_matches("\n", literal=True).sum() if layout.folded else 0
    return frame.height + int(folds or 0)


def spoil(
    frame: pl.DataFrame, heads: Ints, faults: Sequence[Fault], identity: Sequence[Mapping[str, str]]
) -> list[Broken]:
    """Plant faults into a frame, as many as it can bear: copies of rows at `heads` under new identities.

    `heads` are positions at which a whole one-row record stands; they are used evenly over the file.
    """
    count = min(len(faults), len(heads), frame.height // ROWS_PER_FAULT)
    places = np.linspace(0, len(heads) - 1, count + 2).astype(int)[1:-1] if count else heads[:0]
    result = []
    for place, fault, names in zip(places, faults, identity, strict=False):
        position = int(heads[place])
        result.append(Broken(position, {**frame.row(position, named=True), **names}, fault))
    return result


def _spelt(size: pl.Series, style: str) -> pl.Series:
    """Texts of amounts that are not negative, plain or as dollars."""
    whole, part = size // 100, "." + (size % 100).cast(pl.String).str.zfill(2)
    if style == "plain":
        return whole.cast(pl.String) + part
    grouped = (whole // 1000).cast(pl.String) + "," + (whole % 1000).cast(pl.String).str.zfill(3)
    text = pl.DataFrame({"whole": whole, "grouped": grouped}).select(
        pl.when(pl.col("whole") < 1000).then(pl.col("whole").cast(pl.String)).otherwise("grouped")
    )
    return "$" + text.to_series() + part


@lru_cache(maxsize=8)
def _spelt_below(limit: int, style: str) -> pl.Series:
    return _spelt(pl.Series(np.arange(limit, dtype=np.int64)), style)


def _amount_text(amount: Ints | pl.Series, style: str) -> pl.Series:
    """Texts of cents. Many small amounts are looked up rather than spelt."""
    value = amount.to_numpy() if isinstance(amount, pl.Series) else amount
    size = np.abs(value)
    limit = 1 << int(size.max(initial=1)).bit_length()
    small = limit <= min(8 * len(size), MOST_LOOKED_UP)
    text = _spelt_below(limit, style).gather(size) if small else _spelt(pl.Series(size), style)
    negative = value < 0
    if not negative.any():
        return text
    frame = pl.DataFrame({"text": text, "negative": negative})
    return frame.select(pl.when("negative").then("-" + pl.col("text")).otherwise("text")).to_series()


def cents(amount: Ints | pl.Series) -> pl.Series:
    """Cents as 12.34 or -12.34."""
    return _amount_text(amount, "plain")


def dollars(amount: Ints | pl.Series) -> pl.Series:
    """Cents as Square writes them: $12.34, $1,240.00 or -$12.34."""
    return _amount_text(amount, "dollars")


def units(amount: Ints) -> pl.Series:
    """Ten-thousandths as 12.3456."""
    value = pl.Series(amount)
    return (value // 10_000).cast(pl.String) + "." + (value % 10_000).cast(pl.String).str.zfill(4)


def nothing(height: int) -> pl.Series:
    """A text column without any value."""
    return pl.Series([None], dtype=pl.String).new_from_index(0, height)


def only(text: pl.Series, where: np.ndarray) -> pl.Series:
    """The text where a flag holds, null elsewhere."""
    frame = pl.DataFrame({"text": text, "where": where})
    return frame.select(pl.when(pl.col("where")).then("text")).to_series()
