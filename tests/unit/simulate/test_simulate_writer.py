"""Files, faults and the lines on which they stand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.simulate.writer import (
    BAD_VALUE,
    FIELD_COUNT,
    MISSING_REQUIRED,
    ROWS_PER_FAULT,
    UNTERMINATED_QUOTE,
    Fault,
    Landing,
    Layout,
    cents,
    dollars,
    only,
    spoil,
    units,
)

FAULTS = (Fault(BAD_VALUE, "b", "x"), Fault(MISSING_REQUIRED, "a"), Fault(FIELD_COUNT, fields=-1),
          Fault(FIELD_COUNT, fields=2), Fault(UNTERMINATED_QUOTE))  # fmt: skip


def frame(rows: int) -> pl.DataFrame:
    notes = [f"one\nof {n}" if n % 7 == 0 else None for n in range(rows)]
    return pl.DataFrame({"a": [f"k{n}" for n in range(rows)], "b": [str(n) for n in range(rows)], "note": notes})


@pytest.mark.parametrize("layout", [Layout(folded="note"), Layout("gb18030", "\r\n", folded="note"), Layout(mark=True)])
def test_broken_records_stand_on_the_lines_that_are_told(tmp_path: Path, layout: Layout) -> None:
    data = frame(200) if layout.folded else frame(200).with_columns(note=pl.lit(None, dtype=pl.String))
    landing = Landing(tmp_path)
    keys = [{"a": f"bad{n}"} for n in range(len(FAULTS))]
    landing.write("s", "f.csv", "t", data, layout, spoil(data, np.arange(200), FAULTS, keys))
    text = (tmp_path / "s/f.csv").read_bytes().decode("utf-8-sig" if layout.mark else layout.encoding)
    lines = text.split(layout.newline) if layout.newline == "\n" else text.replace("\r\n", "\n").split("\n")
    found = {row["reason"] + str(row["column"]): lines[int(str(row["source_row"])) - 1] for row in landing.broken}
    assert len(landing.broken) == len(FAULTS)
    assert found["BAD_VALUEb"].startswith("bad0,x,")
    assert found["MISSING_REQUIREDa"].startswith(",")
    assert sorted(line.count(",") for line in (lines[int(str(r["source_row"])) - 1] for r in landing.broken
                  if r["reason"] == FIELD_COUNT)) == [1, 4]  # fmt: skip
    assert found["UNTERMINATED_QUOTENone"].startswith("bad4,")
    assert found["UNTERMINATED_QUOTENone"].count('"') == 1
    assert lines.index(found["UNTERMINATED_QUOTENone"]) == len(lines) - 2


def test_good_records_survive_between_the_broken_ones(tmp_path: Path) -> None:
    data, landing = frame(100), Landing(tmp_path)
    keys = [{"a": f"bad{n}"} for n in range(3)]
    landing.write("s", "f.csv", "t", data, Layout(folded="note"), spoil(data, np.arange(100), FAULTS[:3], keys))
    broken = {int(str(row["source_row"])) for row in landing.broken}
    lines = (tmp_path / "s/f.csv").read_text().splitlines(keepends=True)
    good = list(csv.reader(line for n, line in enumerate(lines, 1) if n not in broken))
    assert good[1:] == [["" if cell is None else cell for cell in row] for row in map(list, data.rows())]


def test_a_small_file_gets_few_faults_and_an_empty_one_is_not_written(tmp_path: Path) -> None:
    assert spoil(frame(ROWS_PER_FAULT - 1), np.arange(24), FAULTS, [{}] * 5) == []
    assert len(spoil(frame(ROWS_PER_FAULT * 2), np.arange(50), FAULTS, [{}] * 5)) == 2
    landing = Landing(tmp_path)
    landing.write("s", "f.csv", "t", frame(0))
    landing.copy("s", "g.csv", "f.csv")
    assert landing.files == []


def test_a_file_sent_twice_has_the_same_bytes(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    landing.write("s", "f.csv", "t", frame(3))
    landing.copy("s", "f (1).csv", "f.csv")
    assert (tmp_path / "s/f.csv").read_bytes() == (tmp_path / "s/f (1).csv").read_bytes()
    assert landing.files[0]["sha256"] == landing.files[1]["sha256"]
    assert landing.files[1]["copy_of"] == "s/f.csv"


def test_amounts_are_spelt_as_the_formats_do() -> None:
    values = np.array([0, 5, 123_456, 99_999, 100_000, -9, -123_456_789])
    assert cents(values).to_list() == ["0.00", "0.05", "1234.56", "999.99", "1000.00", "-0.09", "-1234567.89"]
    assert dollars(values[:6]).to_list() == ["$0.00", "$0.05", "$1,234.56", "$999.99", "$1,000.00", "-$0.09"]
    many = np.concatenate([values[:5], np.arange(40_000)])
    assert cents(many)[:5].to_list() == ["0.00", "0.05", "1234.56", "999.99", "1000.00"]
    assert dollars(many)[:5].to_list() == ["$0.00", "$0.05", "$1,234.56", "$999.99", "$1,000.00"]
    assert units(np.array([7, 123_456])).to_list() == ["0.0007", "12.3456"]
    assert only(pl.Series(["a", "b"]), np.array([True, False])).to_list() == ["a", None]
