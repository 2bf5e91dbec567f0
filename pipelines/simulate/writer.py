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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.simulate.clock import Ints

BAD_VALUE, MISSING_REQUIRED, FIELD_COUNT = "BAD_VALUE", "MISSING_REQUIRED", "FIELD_COUNT"
BAD_ENUM, UNTERMINATED_QUOTE = "BAD_ENUM", "UNTERMINATED_QUOTE"
ROWS_PER_FAULT = 25
"""A file gets at most one fault for this many rows, far below the share at which a file is refused whole."""


@dataclass(frozen=True)
class Fault:
    """How to spoil a record: which column gets which text, or how many fields too few (-) or too many (+)."""

    reason: str
    column: str | None = None
    text: str = ""
    fields: int = 0

    def cells(self, row: Mapping[str, str | None]) -> list[str]:
        """The spoilt record's fields."""
        cells = [(self.text if name == self.column else value) or "" for name, value in row.items()]
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
        """Write a frame of text columns, in its order, with its header, and the broken records at their places."""
        buffer = io.BytesIO()
        buffer.write(_line(frame.columns, layout.newline))
        line, start = 2, 0
        last = UNTERMINATED_QUOTE
        for item in sorted(broken, key=lambda b: (b.fault.reason == last, b.position)):
            stop = frame.height if item.fault.reason == last else item.position
            line += _body(buffer, frame[start:stop], layout)
            start = stop
            line += self._break(buffer, item, f"{source}/{name}", raw_table, line, layout)
        _body(buffer, frame[start:], layout)
        data = buffer.getvalue()
        if layout.encoding != "utf-8":
            data = data.decode("utf-8").encode(layout.encoding)
        data = b"\xef\xbb\xbf" + data if layout.mark else data
        self._store(source, name, raw_table, data, frame.height + len(broken), len(broken))

    def _break(self, out: io.BytesIO, item: Broken, path: str, raw_table: str, line: int, layout: Layout) -> int:
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
        original = next(f for f in self.files if f["source_file"] == f"{source}/{copy_of}")
        data = (self.root / source / copy_of).read_bytes()
        self._store(source, name, str(original["raw_table"]), data, int(str(original["rows"])), 0,
                    copy_of=f"{source}/{copy_of}")  # fmt: skip

    def _store(
        self, source: str, name: str, raw_table: str, data: bytes, rows: int, faults: int, copy_of: str | None = None
    ) -> None:
        path = self.root / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.files.append(
            {"source_system": source, "raw_table": raw_table, "source_file": f"{source}/{name}", "bytes": len(data),
             "sha256": hashlib.sha256(data).hexdigest(), "rows": rows, "broken_rows": faults, "copy_of": copy_of}
        )  # fmt: skip


def _line(cells: Sequence[str], newline: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator=newline).writerow(cells)
    return out.getvalue().encode("utf-8")


def _body(out: io.BytesIO, frame: pl.DataFrame, layout: Layout) -> int:
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


def cents(amount: Ints | pl.Series) -> pl.Series:
    """Cents as 12.34 or -12.34."""
    value = pl.Series(amount)
    size = value.abs()
    text = (size // 100).cast(pl.String) + "." + (size % 100).cast(pl.String).str.zfill(2)
    return pl.select(pl.when(value < 0).then("-" + text).otherwise(text)).to_series() if (value < 0).any() else text


def units(amount: Ints | pl.Series) -> pl.Series:
    """Ten-thousandths as 12.3456 or -12.3456."""
    value = pl.Series(amount)
    size = value.abs()
    text = (size // 10_000).cast(pl.String) + "." + (size % 10_000).cast(pl.String).str.zfill(4)
    return pl.select(pl.when(value < 0).then("-" + text).otherwise(text)).to_series() if (value < 0).any() else text


def dollars(amount: Ints | pl.Series) -> pl.Series:
    """Cents as Square writes them: $12.34, $1,240.00 or -$12.34."""
    value = pl.Series(amount)
    size = value.abs()
    whole, part = size // 100, (size % 100).cast(pl.String).str.zfill(2)
    grouped = (whole // 1000).cast(pl.String) + "," + (whole % 1000).cast(pl.String).str.zfill(3)
    frame = pl.DataFrame({"value": value, "whole": whole, "grouped": grouped, "part": part})
    return frame.select(
        pl.when(pl.col("value") < 0).then(pl.lit("-$")).otherwise(pl.lit("$"))
        + pl.when(pl.col("whole") >= 1000).then("grouped").otherwise(pl.col("whole").cast(pl.String))
        + "." + pl.col("part")
    ).to_series()  # fmt: skip


def only(text: pl.Series, where: np.ndarray) -> pl.Series:
    """The text where a flag holds, null elsewhere."""
    frame = pl.DataFrame({"text": text, "where": where})
    return frame.select(pl.when(pl.col("where")).then("text")).to_series()
