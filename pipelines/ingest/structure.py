"""Structure: from a stream of text to whole records, with every damaged row cut out and its neighbours unharmed.

Lives here: the judgement which physical lines are records of the right number of fields. One regular expression says
what a well-formed row is; lines that match it go to the CSV reader as they are. Everything else is judged by hand:
records that span lines, and rows that are damaged. A quotation mark that is never closed costs only its own line:
the next physical line is judged afresh.
Stays out: what the cells say (`cells`), encodings (`container`).

A blank line is no record. Rows are counted as records: `regular + by hand + bad`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa

from pipelines.ingest.container import MAX_LINE_BYTES
from pipelines.ingest.errors import FileReason, FileRefusedError, RowReason
from pipelines.ingest.header import cell_pattern, split_record

CHUNK_BYTES = 32 << 20


@dataclass(frozen=True)
class BadRow:
    """A record that cannot be split into fields: its first physical line, how many it spans, why, and its text."""

    line: int
    line_n: int
    reason: RowReason
    text: str


@dataclass
class Chunk:
    """Records of a stretch of the file.

    `text` holds the regular records, one a line, and `lines` their physical line numbers. `odd` are well-formed
    records that span lines or hold stray quotes, already split. `original` returns the text of any record here.
    """

    text: bytes
    lines: np.ndarray
    odd: list[tuple[int, list[str]]] = field(default_factory=list)
    odd_text: dict[int, str] = field(default_factory=dict)
    bad: list[BadRow] = field(default_factory=list)
    size: int = 0

    @property
    def row_n(self) -> int:
        """Records of the stretch, bad ones included."""
        return len(self.lines) + len(self.odd) + len(self.bad)

    def original(self, wanted: set[int]) -> dict[int, str]:
        """The text of the records that start on the given physical lines, as far as they are in this chunk."""
        found = {line: self.odd_text[line] for line in wanted & self.odd_text.keys()}
        rest = np.flatnonzero(np.isin(self.lines, np.fromiter(wanted, np.int64, len(wanted))))
        if len(rest):
            ends = np.flatnonzero(np.frombuffer(self.text, np.uint8) == 10)
            for i in rest.tolist():
                start = int(ends[i - 1]) + 1 if i else 0
                found[int(self.lines[i])] = self.text[start : int(ends[i])].decode()
        return found


class Scanner:
    """Judges the lines of one file; `warnings` tells what was noticed on the way."""

    def __init__(self, delimiter: str, width: int, first_line: int) -> None:
        mark, cell = delimiter.encode(), cell_pattern(delimiter.encode())
        self._mark, self._width, self._line = mark, width, first_line
        more = b"(?:" + re.escape(mark) + cell + b")"
        self._record = re.compile(cell + more + b"{%d}" % (width - 1) + rb"(?=\n)")
        self._any_record = re.compile(cell + more + rb"*+(?=\n)")
        before = b"(?:" + cell + re.escape(mark) + b")*+"
        self._open = re.compile(before + rb'"[^"\x00]*+(?:""[^"\x00]*+)*+\Z')
        escaped = "\\t" if delimiter == "\t" else re.escape(delimiter)
        simple = rf'(?:[^"{escaped}\n\x00]*|"(?:[^"\n\x00]|"")*")'
        self._regular = rf"^{simple}(?:{escaped}{simple}){{{width - 1}}}\n$"
        self.warnings: list[str] = []

    def chunks(self, blocks: Iterator[bytes], skip: int) -> Iterator[Chunk]:
        """Chunks of the text after its first `skip` bytes (the header)."""
        held: list[bytes] = []
        size = 0
        for block in blocks:
            if skip:
                block, skip = block[skip:], max(0, skip - len(block))  # noqa: PLW2901
            held.append(block)
            size += len(block)
            if size < CHUNK_BYTES:
                continue
            chunk, rest = self._chunk(b"".join(held), is_last=False)
            held, size = [rest], len(rest)
            yield chunk
        text = b"".join(held)
        if text:
            if not text.endswith(b"\n"):
                self.warnings.append("NO_FINAL_NEWLINE: the last line has no end; the file may be cut")
                text += b"\n"
            chunk, _ = self._chunk(text, is_last=True)
            yield chunk

    def _chunk(self, text: bytes, is_last: bool) -> tuple[Chunk, bytes]:
        """Judge the whole lines of `text`; the remainder belongs to the next chunk."""
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == 10)
        starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else np.empty(0, np.int64)
        longest = int((ends - starts).max(initial=0))
        tail = len(text) - (int(ends[-1]) + 1 if len(ends) else 0)
        if max(longest, tail) > MAX_LINE_BYTES:
            far = int(np.argmax(ends - starts)) if longest > MAX_LINE_BYTES else len(ends)
            raise FileRefusedError(
                FileReason.TOO_LARGE,
                f"a line is longer than {MAX_LINE_BYTES:,} bytes",
                "Look for a quotation mark or line end that is missing.",
                line=self._line + far,
            )
        is_regular = self._match_lines(text, starts, ends)
        chunk = Chunk(b"", np.empty(0, np.int64))
        upto = self._by_hand(text, starts, ends, is_regular, chunk, is_last)
        is_regular = is_regular[:upto]
        chunk.lines = np.flatnonzero(is_regular) + self._line
        stop = int(starts[upto]) if upto < len(starts) else (int(ends[-1]) + 1 if len(ends) else 0)
        chunk.text = _kept(text[:stop], starts[:upto], ends[:upto], is_regular)
        chunk.size = stop
        self._line += upto
        return chunk, text[stop:]

    def _match_lines(self, text: bytes, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Which physical lines are well-formed rows of the right width."""
        if not len(ends):
            return np.empty(0, bool)
        offsets = pa.py_buffer(np.concatenate((starts, [ends[-1] + 1])).astype(np.int64))
        lines = pl.Series(pa.LargeStringArray.from_buffers(len(ends), offsets, pa.py_buffer(text)))
        return lines.str.contains(self._regular).to_numpy().copy()

    def _by_hand(
        self, text: bytes, starts: np.ndarray, ends: np.ndarray, is_regular: np.ndarray, chunk: Chunk, is_last: bool
    ) -> int:
        """Judge the lines that are not regular; returns how many lines of the chunk are settled."""
        resume = 0
        for i in np.flatnonzero(~is_regular & (ends > starts)).tolist():
            if i < resume:
                continue
            start, end = int(starts[i]), int(ends[i])
            found = self._record.match(text, start, start + MAX_LINE_BYTES)
            if found is None and not is_last and self._may_go_on(text, start, end):
                return i
            if found is not None:
                resume = int(np.searchsorted(ends, found.end())) + 1
                chunk.odd.append((self._line + i, split_record(found.group(), self._mark)))
                chunk.odd_text[self._line + i] = found.group().decode()
            else:
                resume = self._bad(text, i, starts, ends, is_regular, chunk)
            is_regular[i:resume] = False
        return len(ends)

    def _may_go_on(self, text: bytes, start: int, end: int) -> bool:
        """Whether a quoted field that is open at the end of the line could still be closed by text not yet read."""
        return len(text) - start < MAX_LINE_BYTES and self._open.match(text, start, end) is not None

    def _bad(
        self, text: bytes, i: int, starts: np.ndarray, ends: np.ndarray, is_regular: np.ndarray, chunk: Chunk
    ) -> int:
        """Book line `i` (or the whole record, when it is closed and its lines are no rows) as bad."""
        start, end, resume = int(starts[i]), int(ends[i]), i + 1
        line = text[start:end]
        whole = self._any_record.match(text, start, start + MAX_LINE_BYTES)
        if b"\x00" in line:
            reason = RowReason.BAD_CHARACTER
        elif whole is not None and whole.end() == end:
            reason = RowReason.FIELD_COUNT
        elif whole is not None:
            after = int(np.searchsorted(ends, whole.end())) + 1
            if is_regular[i + 1 : after].any():
                reason = RowReason.UNTERMINATED_QUOTE
            else:
                reason, resume = RowReason.FIELD_COUNT, after
                line = text[start : int(ends[after - 1])]
        else:
            is_open = self._open.match(text, start, end) is not None
            reason = RowReason.UNTERMINATED_QUOTE if is_open else RowReason.BAD_QUOTES
        chunk.bad.append(BadRow(self._line + i, resume - i, reason, line.decode()))
        return resume


def _kept(text: bytes, starts: np.ndarray, ends: np.ndarray, is_kept: np.ndarray) -> bytes:
    """The lines marked in `is_kept`, copied in runs."""
    if is_kept.all():
        return text
    edges = np.flatnonzero(np.diff(np.concatenate(([0], is_kept.view(np.int8), [0]))))
    view = memoryview(text)
    return b"".join(view[int(starts[a]) : int(ends[b - 1]) + 1] for a, b in zip(edges[::2], edges[1::2], strict=True))
