"""Containers and encodings: from a file's bytes to UTF-8 text with line feeds.

Lives here: the caps against decompression bombs, gzip, the look at a whole file (hash, size, encoding) and the stream
of its text. An encoding is never guessed: byte order mark, else strict UTF-8, else the pattern of UTF-16, else the
declared encoding, else an encoding of a format whose header the decoded text has; each over the whole file.
Stays out: lines and fields (`structure`), headers (`header`).
"""

from __future__ import annotations

import codecs
import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.ingest.errors import FileReason, FileRefusedError

BLOCK_BYTES = 8 << 20
HEAD_BYTES = 1 << 20
MAX_FILE_BYTES = 8 << 30
MAX_RATIO = 200
RATIO_FREE_BYTES = 16 << 20
MAX_LINE_BYTES = 2 << 20

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Content:
    """What a file's bytes are: `kind` text or parquet, `encoding` null for Parquet, `bom` bytes to skip."""

    path: Path
    sha256: str
    size: int
    kind: str
    is_gzip: bool = False
    encoding: str | None = None
    bom: int = 0
    ends_with_newline: bool = True


@dataclass(frozen=True)
class _Sight:
    """What one pass over the bytes saw: `bad_utf8_line` is the first line that is not UTF-8."""

    sha256: str
    size: int
    head: bytes
    last: bytes
    bad_utf8_line: int | None


def inspect(
    path: Path, declared: str | None, candidates: Sequence[str], recognises: Callable[[bytes], bool]
) -> Content:
    """Look at the whole file once and say what it is; FileRefusedError when it cannot be read as text or Parquet.

    `candidates` are encodings of formats, tried only when the file is not UTF-8 and nothing is declared; one is taken
    when `recognises` accepts the head of the text decoded by it (given as UTF-8).
    """
    size = path.stat().st_size
    if size == 0:
        raise FileRefusedError(FileReason.EMPTY_FILE, "the file has no bytes", "Export it again.")
    if size > MAX_FILE_BYTES:
        raise FileRefusedError(FileReason.TOO_LARGE, f"{size:,} bytes; the limit is {MAX_FILE_BYTES:,}", "Split it.")
    with path.open("rb") as file:
        magic = file.read(8)
    kind, is_gzip = _kind(path, magic)
    if kind == "parquet":
        with path.open("rb") as file:
            return Content(path, hashlib.file_digest(file, "sha256").hexdigest(), size, kind)
    sight = _look(path, is_gzip)
    if not sight.head.strip():
        raise FileRefusedError(FileReason.EMPTY_FILE, "the file holds nothing but blank space", "Export it again.")
    encoding, bom = _encoding(path, is_gzip, sight, declared, candidates, recognises)
    newline = "\n".encode(encoding), "\r".encode(encoding)
    return Content(path, sight.sha256, size, kind, is_gzip, encoding, bom, sight.last.endswith(newline))


def text_blocks(content: Content, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The text as UTF-8 with line feeds and without byte order mark, in blocks of about `size` bytes."""
    encoding = content.encoding or "utf-8"
    decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)("strict")
    held, skip = b"", content.bom
    for block in _raw_blocks(content.path, content.is_gzip, size):
        raw, skip = block[skip:], max(0, skip - len(block))
        text = held + (raw if decoder is None else decoder.decode(raw).encode())
        held = b""
        if text.endswith(b"\r"):
            text, held = text[:-1], b"\r"
        yield _line_feeds(text)
    rest = held + (decoder.decode(b"", final=True).encode() if decoder else b"")
    if rest:
        yield _line_feeds(rest)


def text_head(content: Content, size: int = HEAD_BYTES) -> bytes:
    """The first bytes of the text, as it comes from `text_blocks`."""
    head = b""
    for block in text_blocks(content, size):
        head += block[: size - len(head)]
        if len(head) >= size:
            break
    return head


def _line_feeds(text: bytes) -> bytes:
    if b"\r" not in text:
        return text
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _kind(path: Path, magic: bytes) -> tuple[str, bool]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if magic.startswith(b"PAR1"):
        return "parquet", False
    if suffixes[-1:] == [".parquet"]:
        raise FileRefusedError(FileReason.BAD_CONTAINER, "named .parquet, but it is not Parquet", "Export it again.")
    if magic.startswith(b"\x1f\x8b"):
        return "text", True
    if suffixes[-1:] == [".gz"]:
        raise FileRefusedError(FileReason.BAD_CONTAINER, "named .gz, but it is not gzip", "Rename or export it again.")
    if magic.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"7z\xbc\xaf", b"Rar!", b"SQLite f")):
        raise FileRefusedError(
            FileReason.BAD_CONTAINER,
            "a workbook, archive or document is not read",
            "Save it as CSV (UTF-8), or unpack it first.",
        )
    return "text", False


def _raw_blocks(path: Path, is_gzip: bool, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    with path.open("rb") as file:
        if not is_gzip:
            while block := file.read(size):
                yield block
            return
        yield from _unzipped(iter(lambda: file.read(1 << 20), b""))


def _unzipped(packed: Iterator[bytes]) -> Iterator[bytes]:
    """Members of a gzip stream, expanded block by block under the caps."""
    engine, taken, given = zlib.decompressobj(wbits=31), 0, 0
    for piece in packed:
        taken += len(piece)
        rest = piece
        while rest:
            try:
                block = engine.decompress(rest, BLOCK_BYTES)
            except zlib.error as error:
                raise FileRefusedError(
                    FileReason.BAD_CONTAINER, "the gzip stream is damaged", "Copy it again."
                ) from error
            given += len(block)
            if given > MAX_FILE_BYTES or (given > RATIO_FREE_BYTES and given > taken * MAX_RATIO):
                raise FileRefusedError(
                    FileReason.TOO_LARGE,
                    f"expands more than {MAX_RATIO}:1 or beyond {MAX_FILE_BYTES:,} bytes",
                    "If it is honest data, unpack and split it.",
                )
            if block:
                yield block
            rest = engine.unconsumed_tail
            if engine.eof:
                rest = engine.unused_data.lstrip(b"\0")
                engine = zlib.decompressobj(wbits=31) if rest else engine
                if not rest:
                    break
    while not engine.eof and (block := engine.decompress(b"", BLOCK_BYTES)):
        yield block
    if not engine.eof:
        raise FileRefusedError(FileReason.TRUNCATED, "the gzip stream ends too early", "Copy the file again.")


def _look(path: Path, is_gzip: bool) -> _Sight:
    """One pass: the hash of the bytes on disk, and whether the text is strict UTF-8."""
    digest, size, head, last = hashlib.sha256(), 0, b"", b""
    if is_gzip:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    strict = _StrictUtf8()
    for block in _raw_blocks(path, is_gzip):
        if not is_gzip:
            digest.update(block)
        head += block[: HEAD_BYTES - len(head)]
        last = (last + block[-4:])[-4:]
        size += len(block)
        strict.feed(block)
    bad_at = strict.finish()
    bad_line = None if bad_at is None else _line_at(path, is_gzip, bad_at)
    return _Sight(digest.hexdigest(), size, head, last, bad_line)


class _StrictUtf8:
    """Judges a stream of blocks; blocks of plain ASCII, the most of them, cost next to nothing."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._seen = 0
        self._bad_at: int | None = None

    def feed(self, block: bytes) -> None:
        """Judge one more block."""
        is_whole = not self._decoder.getstate()[0]
        if self._bad_at is None and not (is_whole and block.isascii()):
            try:
                self._decoder.decode(block)
            except UnicodeDecodeError as error:
                self._bad_at = self._seen + max(error.start, 0)
        self._seen += len(block)

    def finish(self) -> int | None:
        """Where the text stops to be UTF-8, or None."""
        is_cut = bool(self._decoder.getstate()[0])
        return self._seen if self._bad_at is None and is_cut else self._bad_at


def _line_at(path: Path, is_gzip: bool, offset: int) -> int:
    """The physical line of a byte of the text."""
    line = 1
    for block in _raw_blocks(path, is_gzip):
        line += block[:offset].count(b"\n")
        offset -= len(block)
        if offset <= 0:
            break
    return line


def _encoding(
    path: Path,
    is_gzip: bool,
    sight: _Sight,
    declared: str | None,
    candidates: Sequence[str],
    recognises: Callable[[bytes], bool],
) -> tuple[str, int]:
    for mark, name in _BOMS:
        if sight.head.startswith(mark):
            _must_decode(path, is_gzip, sight, name)
            return name, len(mark)
    wide = _utf16_without_mark(sight.head)
    if wide is not None and _decodes(path, is_gzip, wide):
        return wide, 0
    if sight.bad_utf8_line is None:
        return "utf-8", 0
    if declared is not None and codecs.lookup(declared).name != "utf-8":
        _must_decode(path, is_gzip, sight, declared)
        return codecs.lookup(declared).name, 0
    for name in candidates:
        if recognises(_decoded_head(sight.head, name)) and _decodes(path, is_gzip, name):
            return name, 0
    raise FileRefusedError(
        FileReason.BAD_ENCODING,
        f"line {sight.bad_utf8_line} is not UTF-8, and no encoding is declared that fits",
        "Save it as UTF-8, or declare the file's encoding (such as `encoding: gb18030`) in _source.yml.",
        line=sight.bad_utf8_line,
    )


def _decoded_head(head: bytes, name: str) -> bytes:
    return _line_feeds(head.decode(name, errors="ignore").encode())


def _utf16_without_mark(head: bytes) -> str | None:
    """UTF-16 of mostly Latin text has a zero in every second byte."""
    sample = head[:4096]
    if len(sample) < 8 or sample.count(0) < 0.3 * len(sample):
        return None
    return "utf-16-le" if sample[1::2].count(0) >= sample[::2].count(0) else "utf-16-be"


def _decodes(path: Path, is_gzip: bool, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)("strict")
    try:
        for block in _raw_blocks(path, is_gzip):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _must_decode(path: Path, is_gzip: bool, sight: _Sight, name: str) -> None:
    fits = sight.bad_utf8_line is None if name == "utf-8" else _decodes(path, is_gzip, name)
    if not fits:
        raise FileRefusedError(
            FileReason.BAD_ENCODING,
            f"the file is marked or declared as {name}, but its bytes are not",
            "Export it again, or correct `encoding` in _source.yml.",
            line=sight.bad_utf8_line,
        )
