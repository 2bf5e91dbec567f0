"""Batches: reading ahead keeps order and errors; damaged Parquet is refused, not half read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from pipelines.ingest.batches import prefetched


def test_items_come_in_order_and_once() -> None:
    assert list(prefetched(iter(range(100)))) == list(range(100))
    assert list(prefetched(iter(()))) == []


def test_an_error_arrives_where_the_items_are_used() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("in the middle")

    items = prefetched(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="in the middle"):
        next(items)


def test_a_reader_that_stops_early_leaves_no_thread_behind() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    items = prefetched(endless())
    assert next(items) == 0
    before = {thread.name for thread in threading.enumerate()}
    items.close()
    assert "ingest-read-ahead" in before
    assert "ingest-read-ahead" not in {thread.name for thread in threading.enumerate()}


def costs(path: Path, row_n: int = 500) -> bytes:
    frame = pl.DataFrame(
        {"sku": [f"S{i}" for i in range(row_n)], "valid_from": ["2024-01-01"] * row_n, "unit_cost": [1.0] * row_n,
         "currency": ["EUR"] * row_n}
    )  # fmt: skip
    frame.write_parquet(path)
    return path.read_bytes()


def test_damaged_parquet_is_refused(house, tmp_path: Path) -> None:
    good = costs(tmp_path / "good.parquet")
    cut, garbage = good[:-100], good[:4] + b"x" * 200
    house.put("erp/cut.parquet", cut)
    house.put("erp/garbage.parquet", garbage)
    house.put("erp/good.parquet", good)
    report = house.ingest()
    assert sorted((entry.source_file, entry.code) for entry in report.refused) == [
        ("erp/cut.parquet", "BAD_CONTAINER"),
        ("erp/garbage.parquet", "BAD_CONTAINER"),
    ]
    assert house.counts("erp/good.parquet") == (500, 500, 0, 0)


def test_parquet_without_rows_or_with_another_schema_is_refused(house, tmp_path: Path) -> None:
    house.put("erp/none.parquet", costs(tmp_path / "none.parquet", 0))
    pl.DataFrame({"alpha": [1], "beta": [2]}).write_parquet(tmp_path / "other.parquet")
    house.put("erp/other.parquet", (tmp_path / "other.parquet").read_bytes())
    assert [entry.code for entry in house.ingest().refused] == ["EMPTY_FILE", "UNKNOWN_HEADER"]
