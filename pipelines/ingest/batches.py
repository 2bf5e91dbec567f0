"""Batches: the cells of a file by field, a stretch at a time, from text or from Parquet.

Lives here: picking the columns that the format reads, hashes of rows, getting a row's text back, and reading ahead on
a second thread (scanning and splitting release the interpreter's lock).
Stays out: what the cells say (`cells`), structure of text (`structure`).

Page checksums of Parquet are verified where its writer made them; without them a flipped bit in a file cannot be seen.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ingest.container import Content, text_blocks
from pipelines.ingest.errors import FileReason, FileRefusedError
from pipelines.ingest.header import Layout
from pipelines.ingest.records import hash_rows
from pipelines.ingest.structure import BadRow, Chunk, Scanner

PARQUET_ROWS = 250_000
_Item = TypeVar("_Item")


@dataclass
class Batch:
    """A stretch of the file: `cells` by field (no columns when no row is readable), lines and hashes of the rows.

    `original` gives the text of rows by line. `unreadable` are the rows that could not be split into cells.
    """

    cells: pl.DataFrame
    lines: pl.Series
    row_hash: pl.Series
    original: Callable[[set[int]], dict[int, str]]
    unreadable: list[BadRow] = field(default_factory=list)
    size: int = 0
    warnings: tuple[str, ...] = ()


def batches(content: Content, layout: Layout, salt: str) -> Iterator[Batch]:
    """The file, batch by batch."""
    return _of_parquet(content, layout, salt) if content.kind == "parquet" else _of_text(content, layout, salt)


def originals(content: Content, layout: Layout, wanted: set[int]) -> dict[int, str]:
    """The rows that start on the given lines, as they stand in the file (it is read once more)."""
    found: dict[int, str] = {}
    if content.kind == "parquet":
        for first, frame in _row_groups(content):
            rows = {row for row in wanted if first <= row < first + frame.height}
            found |= _as_json(frame, first, rows)
        return found
    for chunk in _scanner(layout).chunks(text_blocks(content), layout.skip_bytes):
        found |= chunk.original(wanted)
    return found


def parquet_headers(content: Content) -> tuple[str, ...]:
    """Column names of a Parquet file; FileRefusedError when it is damaged or empty."""
    try:
        with pq.ParquetFile(content.path) as file:
            names, row_n = tuple(file.schema_arrow.names), file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise FileRefusedError(
            FileReason.BAD_CONTAINER, "the Parquet file has no readable footer", "Copy or export it again."
        ) from error
    if not row_n:
        raise FileRefusedError(FileReason.EMPTY_FILE, "the file has columns and no rows", "Export it again.")
    return names


def prefetched(items: Iterator[_Item]) -> Iterator[_Item]:
    """The same items in the same order, the next one being made while the last one is used."""
    ready: queue.Queue[tuple[_Item | None, BaseException | None]] = queue.Queue(maxsize=1)
    is_over = threading.Event()

    def hand_over(item: _Item | None, error: BaseException | None) -> bool:
        while not is_over.is_set():
            try:
                ready.put((item, error), timeout=0.05)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not hand_over(item, None):
                    return
            hand_over(None, None)
        except BaseException as error:
            hand_over(None, error)

    worker = threading.Thread(target=work, name="ingest-read-ahead", daemon=True)
    worker.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        is_over.set()
        worker.join()


def _scanner(layout: Layout) -> Scanner:
    return Scanner(layout.delimiter, layout.width, layout.first_row_line)


def _of_text(content: Content, layout: Layout, salt: str) -> Iterator[Batch]:
    scanner = _scanner(layout)
    places, names = _places(layout)
    for chunk in scanner.chunks(text_blocks(content), layout.skip_bytes):
        warnings = tuple(scanner.warnings)
        cells, lines = _cells(chunk, layout, places, names)
        hashes = hash_rows(cells, layout.table, salt) if cells.width else pl.Series("row_hash", [], dtype=pl.String)
        yield Batch(cells, lines, hashes, chunk.original, chunk.bad, chunk.size, warnings)


def _cells(chunk: Chunk, layout: Layout, places: list[int], names: dict[str, int]) -> tuple[pl.DataFrame, pl.Series]:
    frames = []
    if len(chunk.lines):
        frames.append(_regular(chunk.text, layout, places, len(chunk.lines)))
    if chunk.odd:
        rows = [[cells[place] or None for place in places] for _, cells in chunk.odd]
        frames.append(pl.DataFrame(rows, schema={str(place): pl.String() for place in places}, orient="row"))
    lines = np.concatenate((chunk.lines, np.array([line for line, _ in chunk.odd], np.int64)))
    if not frames:
        return pl.DataFrame(), pl.Series("source_row", lines)
    picked = pl.concat(frames)
    return pl.DataFrame({name: picked[str(place)] for name, place in names.items()}), pl.Series("source_row", lines)


def _regular(text: bytes, layout: Layout, places: list[int], row_n: int) -> pl.DataFrame:
    frame = pl.read_csv(
        text, has_header=False, separator=layout.delimiter, infer_schema=False, columns=places, raise_if_empty=False
    )
    if frame.height != row_n:
        raise RuntimeError(f"{row_n} rows were counted and {frame.height} read")
    frame.columns = [str(place) for place in places]
    return frame


def _places(layout: Layout) -> tuple[list[int], dict[str, int]]:
    """Columns to read, and the place of every field and companion among the file's columns."""
    names = dict(layout.positions)
    for name, parts in layout.companions.items():
        names |= {f"{name}__{part}": place for part, place in parts.items()}
    return sorted(set(names.values())), names


def _of_parquet(content: Content, layout: Layout, salt: str) -> Iterator[Batch]:
    _, names = _places(layout)
    with pq.ParquetFile(content.path) as file:
        row_n = max(1, int(file.metadata.num_rows))
    for first, frame in _row_groups(content):
        cells = pl.DataFrame({name: frame[:, place] for name, place in names.items()})
        lines = pl.Series("source_row", range(first, first + frame.height), dtype=pl.Int64)

        def original(wanted: set[int], first: int = first, frame: pl.DataFrame = frame) -> dict[int, str]:
            return _as_json(frame, first, wanted)

        size = content.size * frame.height // row_n
        yield Batch(cells, lines, hash_rows(cells, layout.table, salt), original, size=size)


def _row_groups(content: Content) -> Iterator[tuple[int, pl.DataFrame]]:
    """Parquet rows in batches, each with the ordinal (from 1) of its first row."""
    first = 1
    try:
        with pq.ParquetFile(content.path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(PARQUET_ROWS):
                frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
                yield first, frame
                first += frame.height
    except (pa.ArrowException, OSError) as error:
        raise FileRefusedError(
            FileReason.BAD_CONTAINER, "the Parquet file is damaged", "Copy or export it again."
        ) from error


def _as_json(frame: pl.DataFrame, first: int, rows: set[int]) -> dict[int, str]:
    return {row: json.dumps(frame.row(row - first, named=True), default=str, ensure_ascii=False) for row in rows}
