"""The book ties out, the views have every column of the contract, and the default as-of day is the last whole one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from pipelines.channels.registry import RAW_TABLES, raw_table
from pipelines.ingest import BOOK, NoDataError, create_raw_views, default_as_of


def test_an_empty_house_has_an_empty_book_and_typed_empty_views(house) -> None:
    assert house.book().schema == BOOK
    assert house.book().is_empty()
    assert house.quarantine() == []
    with duckdb.connect() as connection:
        create_raw_views(connection, house.settings)
        create_raw_views(connection, house.settings)
        for table in RAW_TABLES:
            told = connection.execute(f"describe raw.{table.name}").fetchall()
            expected = [(column.name, column.type.duckdb.upper()) for column in table.table.columns]
            assert [row[:2] for row in told] == expected


def test_rows_and_money_tie_out(house, texts) -> None:
    rows = [texts.order(1, total="12.34"), texts.order(2, total="5.00", qty="?")]
    house.put("web/a.csv", texts.shopify(*rows, rows[0], texts.order(3, total="1,00")))
    house.ingest()
    row = house.book().row(0, named=True)
    assert [row[f"{name}_n"] for name in ("read", "accepted", "quarantined", "duplicate")] == [4, 1, 2, 1]
    amounts = [row[f"money_{name}"] for name in ("read", "accepted", "quarantined", "duplicate")]
    assert amounts == [Decimal(text) for text in ("29.68", "12.34", "5.00", "12.34")]
    assert (row["currency"], row["bytes"]) == ("USD", (house.settings.landing_dir / "web/a.csv").stat().st_size)


def test_currencies_that_mix_are_told(house) -> None:
    house.put("erp/c.csv", "sku,valid_from,unit_cost,currency\nA,2024-01-01,1,EUR\nB,2024-01-01,2,USD\n")
    house.ingest()
    assert house.book()["currency"].to_list() == ["mixed"]


def test_a_column_that_an_old_file_lacks_is_null_in_the_view(house, texts) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1)))
    house.put("web/b.csv", texts.shopify(texts.order(2)))
    house.ingest()
    path = sorted(house.settings.raw_dir.glob("web/shopify__orders/*.parquet"))[0]
    pl.read_parquet(path).drop("vendor").with_columns(old=pl.lit(1)).write_parquet(path)
    raw = house.raw("shopify__orders")
    assert raw.schema == raw_table("shopify__orders").table.polars_schema
    assert raw.height == 2


def test_files_without_entry_are_not_seen(house, texts) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1)))
    house.ingest()
    next(house.settings.raw_dir.glob("web/shopify__orders/*.json")).unlink()
    assert house.raw("shopify__orders").is_empty()


def test_the_default_as_of_day(house, texts) -> None:
    with pytest.raises(NoDataError, match="--as-of"):
        default_as_of(house.settings)
    house.put("erp/price.csv", "sku,valid_from,list_price,currency\nA,2030-01-01,1,EUR\n")
    house.ingest()
    with pytest.raises(NoDataError):
        default_as_of(house.settings)
    house.put("web/a.csv", texts.shopify(texts.order(1, created="2024-03-10 10:00:00 +0000")))
    house.ingest()
    assert default_as_of(house.settings) == date(2024, 3, 9)
    house.put("pop/a.csv", texts.shopify(texts.order(1)), "extract_date: 2024-03-20")
    house.ingest()
    assert default_as_of(house.settings) == date(2024, 3, 19)
    house.put("app/a.csv", texts.shopify(texts.order(1)), "complete_to: 2024-03-25")
    house.ingest()
    assert default_as_of(house.settings) == date(2024, 3, 25)
