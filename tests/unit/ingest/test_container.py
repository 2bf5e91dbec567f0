"""Containers and encodings: what a file's bytes are is found out over the whole file, and never guessed."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zlib
from pathlib import Path

import pytest

from pipelines.ingest import FileReason, FileRefusedError, container
from pipelines.ingest.container import Content, inspect, text_blocks

TEXT = "order,buyer\r\n1,李雷 façade\r\n2,O’Neil\n3,last\r4,end\n"
LINES = TEXT.replace("\r\n", "\n").replace("\r", "\n").encode()


def look(path: Path, content: bytes, declared: str | None = None, candidates: tuple[str, ...] = ()) -> Content:
    path.write_bytes(content)
    return inspect(path, declared, candidates, lambda head: head.startswith("订单编号".encode()))


def refusal(path: Path, content: bytes, **more: object) -> FileRefusedError:
    with pytest.raises(FileRefusedError) as caught:
        list(text_blocks(look(path, content, **more)))  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
    ],
)
@pytest.mark.parametrize("block", [1, 3, 7, 1 << 20])
def test_unicode_becomes_utf8_with_line_feeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, encoding: str, block: int
) -> None:
    monkeypatch.setattr(container, "BLOCK_BYTES", block)
    found = look(tmp_path / "f.csv", content)
    assert found.encoding == encoding
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert b"".join(text_blocks(found)) == LINES


def test_a_declared_encoding_is_used_when_the_file_is_not_utf8(tmp_path: Path) -> None:
    found = look(tmp_path / "f.csv", "a,façade\n".encode("latin-1"), declared="latin-1")
    assert b"".join(text_blocks(found)) == "a,façade\n".encode()


def test_a_formats_encoding_is_used_only_when_its_header_comes_out(tmp_path: Path) -> None:
    content = "订单编号,买家\n1,李雷\n".encode("gb18030")
    assert look(tmp_path / "f.csv", content, candidates=("gb18030",)).encoding == "gb18030"
    other = refusal(tmp_path / "g.csv", "编号,买家\n1,李雷\n".encode("gb18030"), candidates=("gb18030",))
    assert other.code is FileReason.BAD_ENCODING


def test_the_first_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    error = refusal(tmp_path / "f.csv", b"a,b\n1,2\n3,\xff\xfe\n")
    assert (error.code, error.line) == (FileReason.BAD_ENCODING, 3)
    assert "_source.yml" in str(error)


def test_a_character_cut_off_at_the_end_is_noticed(tmp_path: Path) -> None:
    assert refusal(tmp_path / "f.csv", "a,b\n1,é".encode()[:-1]).code is FileReason.BAD_ENCODING


def test_a_declaration_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "f.csv", b"a,\x81\n", declared="ascii").code is FileReason.BAD_ENCODING


def test_gzip_members_are_one_text(tmp_path: Path) -> None:
    found = look(tmp_path / "f.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0) + gzip.compress(b"3,4\n"))
    assert found.is_gzip
    assert b"".join(text_blocks(found)) == b"a,b\n1,2\n3,4\n"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("f.csv", b"", FileReason.EMPTY_FILE),
        ("f.csv", b" \n\n \n", FileReason.EMPTY_FILE),
        ("f.csv.gz", gzip.compress(b"", mtime=0)[:0] + b"a,b\n1,2\n", FileReason.BAD_CONTAINER),
        ("f.csv.gz", gzip.compress(b"a,b\n" * 1000, mtime=0)[:-12], FileReason.TRUNCATED),
        ("f.csv.gz", gzip.compress(b"a,b\n" * 1000, mtime=0)[:20] + b"\xff" * 20, FileReason.BAD_CONTAINER),
        ("f.parquet", b"a,b\n1,2\n", FileReason.BAD_CONTAINER),
        ("f.xlsx", b"PK\x03\x04" + b"\0" * 100, FileReason.BAD_CONTAINER),
    ],
)
def test_containers_that_are_refused(tmp_path: Path, name: str, content: bytes, code: FileReason) -> None:
    assert refusal(tmp_path / name, content).code is code


def test_a_decompression_bomb_is_stopped_early(tmp_path: Path) -> None:
    bomb = zlib.compressobj(wbits=31)
    packed = b"".join(bomb.compress(b"0" * (1 << 20)) for _ in range(64)) + bomb.flush()
    assert len(packed) < 200_000
    assert refusal(tmp_path / "f.csv.gz", packed).code is FileReason.TOO_LARGE


def test_a_missing_last_newline_is_seen(tmp_path: Path) -> None:
    assert not look(tmp_path / "f.csv", b"a,b\n1,2").ends_with_newline
    assert look(tmp_path / "g.csv", b"a,b\n1,2\r\n").ends_with_newline
