"""Structure: damaged rows are cut out with their own lines; every other row is what Python's csv reads."""

from __future__ import annotations

import csv
import io
import random

import pytest

from pipelines.ingest import FileRefusedError, RowReason, structure
from pipelines.ingest.structure import Chunk, Scanner


def scan(text: bytes, width: int = 3, delimiter: str = ",", blocks: int | None = None) -> list[Chunk]:
    scanner = Scanner(delimiter, width, 2)
    pieces = [text] if blocks is None else [text[i : i + blocks] for i in range(0, len(text), blocks)]
    return list(scanner.chunks(iter(pieces), 0))


def rows_of(chunks: list[Chunk]) -> dict[int, list[str]]:
    """Good rows by physical line."""
    rows = {}
    for chunk in chunks:
        texts = chunk.text.decode().splitlines()
        rows |= {int(line): next(csv.reader([text])) for line, text in zip(chunk.lines, texts, strict=True)}
        rows |= dict(chunk.odd)
    return dict(sorted(rows.items()))


def bad_of(chunks: list[Chunk]) -> list[tuple[int, int, str]]:
    return sorted((row.line, row.line_n, row.reason.value) for chunk in chunks for row in chunk.bad)


def test_rows_and_their_lines() -> None:
    chunks = scan(b'a,b,c\n"1,5","x ""y""",\n\n,,\n"two\nlines",e,f\ng,h,i\n')
    assert rows_of(chunks) == {
        2: ["a", "b", "c"],
        3: ["1,5", 'x "y"', ""],
        5: ["", "", ""],
        6: ["two\nlines", "e", "f"],
        8: ["g", "h", "i"],
    }
    assert bad_of(chunks) == []


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"1,2", RowReason.FIELD_COUNT),
        (b"1,2,3,4", RowReason.FIELD_COUNT),
        (b"1", RowReason.FIELD_COUNT),
        (b"  ", RowReason.FIELD_COUNT),
        (b'1,"2,3', RowReason.UNTERMINATED_QUOTE),
        (b'"', RowReason.UNTERMINATED_QUOTE),
        (b'1,2,"', RowReason.UNTERMINATED_QUOTE),
        (b'1,"2"x,3', RowReason.BAD_QUOTES),
        (b'1,"2" ,3', RowReason.BAD_QUOTES),
        (b"1,\x00,3", RowReason.BAD_CHARACTER),
    ],
)
def test_a_damaged_row_costs_only_itself(damaged: bytes, reason: RowReason) -> None:
    neighbours = [b'a,"b, c",d', b"e,f,g", b'h,"i\ni",j']
    for place in range(4):
        lines = [*neighbours[:place], damaged, *neighbours[place:]]
        chunks = scan(b"\n".join(lines) + b"\n")
        line = 2 + sum(text.count(b"\n") + 1 for text in lines[:place])
        assert bad_of(chunks) == [(line, 1, reason.value)]
        assert list(rows_of(chunks).values()) == [["a", "b, c", "d"], ["e", "f", "g"], ["h", "i\ni", "j"]]
        assert chunks[0].bad[0].text == damaged.decode()


def test_a_quote_inside_a_plain_field_is_text() -> None:
    assert rows_of(scan(b'1,5" pipe,x\n2,b,c\n')) == {2: ["1", '5" pipe', "x"], 3: ["2", "b", "c"]}


def test_a_record_over_lines_with_too_few_fields_is_one_bad_row() -> None:
    chunks = scan(b'1,"two\nlines"\n2,b,c\n')
    assert bad_of(chunks) == [(2, 2, "FIELD_COUNT")]
    assert rows_of(chunks) == {4: ["2", "b", "c"]}


def test_an_open_quote_that_a_later_row_happens_to_close_costs_only_its_own_row() -> None:
    chunks = scan(b'a,"b\nd,e,f\ng",h,i\nj,k,l\n')
    assert bad_of(chunks) == [(2, 1, "UNTERMINATED_QUOTE")]
    assert rows_of(chunks) == {3: ["d", "e", "f"], 4: ['g"', "h", "i"], 5: ["j", "k", "l"]}


def test_the_last_row_without_newline() -> None:
    scanner = Scanner(",", 3, 2)
    chunks = list(scanner.chunks(iter([b"1,2,3\n4,5,6"]), 0))
    assert rows_of(chunks) == {2: ["1", "2", "3"], 3: ["4", "5", "6"]}
    assert scanner.warnings[0].startswith("NO_FINAL_NEWLINE")
    assert bad_of(scan(b"1,2,3\n4,5")) == [(3, 1, "FIELD_COUNT")]
    assert bad_of(scan(b'1,2,3\n4,"5')) == [(3, 1, "UNTERMINATED_QUOTE")]


def test_the_text_of_any_row_can_be_had_again() -> None:
    chunk = scan(b'a,b,c\n"two\nlines",e,f\ng,h,i\n')[0]
    assert chunk.original({2, 3, 5, 99}) == {2: "a,b,c", 3: '"two\nlines",e,f', 5: "g,h,i"}


def test_wide_rows_and_other_delimiters() -> None:
    wide = b";".join(b"%d" % i for i in range(400))
    chunks = scan(wide + b"\n" + wide + b";1\n", 400, ";")
    assert len(chunks[0].lines) == 1
    assert bad_of(chunks) == [(3, 1, "FIELD_COUNT")]
    assert rows_of(scan(b'a\t"b\tc"\td\n', 3, "\t"))[2] == ['a\t"b\tc"\td']  # split here by commas: one cell


def test_a_line_beyond_the_cap_is_refused_with_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "MAX_LINE_BYTES", 100)
    with pytest.raises(FileRefusedError) as caught:
        scan(b"1,2,3\n4," + b"x" * 200 + b",6\n")
    assert caught.value.line == 3


def random_text(seed: int, row_n: int) -> bytes:
    chance = random.Random(seed)
    cells = ["", "x", '"q"', '"a,b"', '"two\nlines"', '"esc ""x"" y"', "12.50", "李雷", '"end\n"', '""', "5' pipe"]
    return "".join(",".join(chance.choice(cells) for _ in range(3)) + "\n" for _ in range(row_n)).encode()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("chunk_bytes", [1, 40, 1 << 20])
def test_an_independent_reader_agrees_wherever_chunks_end(
    monkeypatch: pytest.MonkeyPatch, seed: int, chunk_bytes: int
) -> None:
    monkeypatch.setattr(structure, "CHUNK_BYTES", chunk_bytes)
    text = random_text(seed, 60)
    chunks = scan(text, blocks=17)
    expected = [row for row in csv.reader(io.StringIO(text.decode(), newline="")) if row]
    assert list(rows_of(chunks).values()) == expected
    assert sum(chunk.row_n for chunk in chunks) == len(expected)
    assert bad_of(chunks) == []


@pytest.mark.parametrize("seed", range(8))
def test_chunks_do_not_change_what_is_bad(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = random.Random(seed)
    lines = random_text(seed, 40).split(b"\n")
    for _ in range(6):
        lines[chance.randrange(len(lines) - 1)] += chance.choice([b',"', b",x", b'"', b"\x00"])
    text = b"\n".join(lines)
    whole = scan(text)
    monkeypatch.setattr(structure, "CHUNK_BYTES", 50)
    parts = scan(text, blocks=23)
    assert bad_of(parts) == bad_of(whole)
    assert rows_of(parts) == rows_of(whole)
