"""Files of any dialect become the same day log, and every row is accounted for."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.science.backtest_input import InputError, read_transactions

PLAIN = """who,when,paid
b,2024-01-31,10.5
a,2024-02-01,-3
,2024-02-01,7
  ,2024-02-02,1
a,,5
a,2024-02-03,
b,never,1
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_left_out_are_counted(tmp_path: Path) -> None:
    log, count = read_transactions(write(tmp_path / "log.csv", PLAIN), "who", "when", "paid")
    assert count.as_dict() == {
        "read": 7, "used": 2, "without_customer": 2, "without_date": 2, "without_amount": 1, "returns": 1,
    }  # fmt: skip
    assert count.read == count.used + count.without_customer + count.without_date + count.without_amount
    assert log.select("customer", "is_purchase", "spent", "returned").rows() == [
        ("a", False, 0, 30_000),
        ("b", True, 105_000, 0),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "who;when;paid\nb;31.01.2024;1.234,50\na;01.02.2024;-3,00\n".replace("1.234,50", "10,5").replace(
            "-3,00", "-3,0"
        ),
        "who\twhen\tpaid\nb\t2024/01/31\t10.50\na\t2024/02/01\t-3.00\n",
        "who,when,paid\nb,20240131,10.5\na,20240201,-3\n",
        "who,when,paid\nb,2024-01-31 23:10:00,$10.50\na,2024-02-01T00:00:01Z,($3.00)\n",
        "who,when,paid\nb,01/31/2024,10.50\na,02/01/2024,-3\n",
    ],
)
def test_dialects(tmp_path: Path, text: str) -> None:
    log, count = read_transactions(write(tmp_path / "log.csv", text), "who", "when", "paid")
    assert count.used == 2
    expected, _ = read_transactions(write(tmp_path / "plain.csv", PLAIN), "who", "when", "paid")
    assert_frame_equal(log, expected)


def test_thousands(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", 'who,when,paid\na,2024-01-01,"1,234.50"\na,2024-01-02,"12,345,678.9"\n')
    log, _ = read_transactions(path, "who", "when", "paid")
    assert log["spent"].to_list() == [12_345_000, 123_456_789_000]


def test_parquet_with_types(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "who": [7, None, 9],
            "when": [datetime(2024, 1, 1, 23, 59), datetime(2024, 1, 2), datetime(2024, 1, 3)],  # noqa: DTZ001
            "paid": [1.5, 2.0, float("nan")],
        }
    )
    frame.write_parquet(tmp_path / "log.parquet")
    log, count = read_transactions(tmp_path / "log.parquet", "who", "when", "paid")
    assert (count.used, count.without_customer, count.without_amount) == (1, 1, 1)
    assert log["customer"].to_list() == ["7"]
    assert log.select(pl.col("day").cast(pl.Date)).item() == date(2024, 1, 1)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("log.csv", "a,b,c\n1,2,3\n", "no column who, when, paid; it has a, b, c"),
        ("log.csv", "who,when,paid\n", "no row with a customer"),
        ("log.csv", "", "cannot be read"),
        ("log.parquet", "not parquet", "cannot be read"),
    ],
)
def test_unreadable_files_say_why(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_transactions(write(tmp_path / name, text), "who", "when", "paid")
    with pytest.raises(InputError, match="does not exist"):
        read_transactions(tmp_path / "nothing.csv", "who", "when", "paid")
