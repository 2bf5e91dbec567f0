"""Times: UTC from declared zones, zones by row and offsets; changes of clocks by rule; local business days."""

# ruff: noqa: DTZ001  (the warehouse stores UTC without zone)
from __future__ import annotations

from datetime import date, datetime

import polars as pl

from pipelines.channels.registry import raw_table
from pipelines.ingest.cells import Cast, cast_cells
from pipelines.ingest.sources import Source

ORDERS, SQUARE = raw_table("shopify__orders"), raw_table("square__transactions")


def created(texts: list[str | None], zone: str) -> Cast:
    return cast_cells(pl.DataFrame({"created_at": texts}), ORDERS, Source("web", time_zone=zone))


def test_local_times_become_utc_and_keep_their_local_day() -> None:
    cast = created(["2024-01-15 23:30:00", "2024-07-15 23:30:00", None], "America/New_York")
    assert cast.columns["created_at"].to_list() == [
        datetime(2024, 1, 16, 4, 30),
        datetime(2024, 7, 16, 3, 30),
        None,
    ]
    assert cast.columns["created_on"].to_list() == [date(2024, 1, 15), date(2024, 7, 15), None]


def test_an_offset_beats_the_zone_and_the_day_is_still_the_zones() -> None:
    cast = created(["2024-01-15 23:30:00 +0000", "2024-01-15T23:30:00+08:00"], "Asia/Shanghai")
    assert cast.columns["created_at"].to_list() == [datetime(2024, 1, 15, 23, 30), datetime(2024, 1, 15, 15, 30)]
    assert cast.columns["created_on"].to_list() == [date(2024, 1, 16), date(2024, 1, 15)]


def test_spellings_may_mix_in_one_column() -> None:
    cast = created(["2024-01-15 10:00:00", "2024-01-15 10:00:00 +0200", "2024/1/15 10:00", "20240115"], "Europe/Berlin")
    hours = [stamp.hour for stamp in cast.columns["created_at"].to_list()]
    assert hours == [9, 8, 9, 23]
    assert not cast.problems


def test_skipped_and_doubled_times_follow_the_rule_and_are_counted() -> None:
    cast = created(["2024-03-31 02:30:00", "2024-10-27 02:30:00", "2024-06-01 12:00:00"], "Europe/Berlin")
    assert cast.columns["created_at"].to_list() == [
        datetime(2024, 3, 31, 1, 30),  # 03:30 summer time
        datetime(2024, 10, 27, 0, 30),  # the earlier of the two
        datetime(2024, 6, 1, 10, 0),
    ]
    assert sorted(cast.warnings.values()) == [1, 1]


def test_date_time_and_zone_in_columns_of_their_own() -> None:
    cells = pl.DataFrame(
        {
            "transacted_at": ["01/15/2024", "2024-07-15", "01/15/24", "2024-01-15"],
            "transacted_at__time": ["09:05:00", "21:00:00", "9:05 PM", None],
            "transacted_at__zone": [
                "Eastern Time (US & Canada)",
                "Pacific Time (US & Canada)",
                "Europe/Berlin",
                "Mars",
            ],
        }
    )
    cast = cast_cells(cells, SQUARE, Source("pos", time_zone="UTC"))
    assert cast.columns["transacted_at"].to_list()[:3] == [
        datetime(2024, 1, 15, 14, 5),
        datetime(2024, 7, 16, 4, 0),
        datetime(2024, 1, 15, 20, 5),
    ]
    assert cast.columns["transacted_on"].to_list()[:3] == [date(2024, 1, 15), date(2024, 7, 15), date(2024, 1, 15)]
    assert cast.problem_table.select("row", "column", "reason").rows() == [(3, "transacted_at", "BAD_VALUE")]


def test_times_of_parquet_are_zoned_like_texts() -> None:
    stamps = pl.Series([datetime(2024, 1, 15, 23, 30)], dtype=pl.Datetime("ns"))
    local = cast_cells(pl.DataFrame({"created_at": stamps}), ORDERS, Source("web", time_zone="America/New_York"))
    aware = pl.DataFrame({"created_at": stamps.dt.replace_time_zone("UTC")})
    fixed = cast_cells(aware, ORDERS, Source("web", time_zone="America/New_York"))
    assert local.columns["created_at"].to_list() == [datetime(2024, 1, 16, 4, 30)]
    assert fixed.columns["created_at"].to_list() == [datetime(2024, 1, 15, 23, 30)]


def test_offsets_and_zones_by_row_do_not_disturb_each_other() -> None:
    cells = pl.DataFrame(
        {
            "transacted_at": ["2024-01-15 09:00:00 +0000", "2024-01-15 09:00:00", "2024-01-15 09:00:00"],
            "transacted_at__zone": ["America/New_York", "America/New_York", "Europe/Berlin"],
        }
    )
    cast = cast_cells(cells, SQUARE, Source("pos", time_zone="UTC"))
    assert [stamp.hour for stamp in cast.columns["transacted_at"].to_list()] == [9, 14, 8]
