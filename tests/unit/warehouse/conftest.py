"""A house with a small synthetic build: every declared table by its contract, and stored passes of every gate."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.contracts.canonical import CANONICAL
from pipelines.contracts.columns import Column, DataType, Table
from pipelines.contracts.core import CORE
from pipelines.contracts.settings import Settings
from pipelines.marts import MARTS
from pipelines.warehouse import begin_build, layer_digest, open_build, publish, write_run_context, write_table
from pipelines.warehouse.gates import LAYERS, CheckRecord, GateRecord, Outcome, Severity, store_gate
from pipelines.warehouse.meta_tables import BOOK

AS_OF = date(2026, 3, 31)


def value(column: Column, row: int) -> Any:
    """A value of the column's type that depends on the row only; text stays within an enumeration."""
    if column.values:
        return column.values[row % len(column.values)]
    return {
        DataType.TEXT: f"{column.name} {row}",
        DataType.INTEGER: row,
        DataType.MONEY: Decimal(row * 10) / 4,
        DataType.QUANTITY: Decimal(row),
        DataType.RATE: Decimal("0.25"),
        DataType.FLOAT: row / 3,
        DataType.BOOLEAN: row % 2 == 0,
        DataType.DATE: AS_OF - timedelta(days=row),
        DataType.TIMESTAMP: datetime.combine(AS_OF, time()) - timedelta(hours=row),
    }[column.type]


def rows(table: Table, count: int) -> pl.DataFrame:
    """`count` rows of `table`; nullable columns are null in the last one."""
    return pl.DataFrame(
        [
            tuple(None if row == count - 1 and not column.required else value(column, row) for column in table.columns)
            for row in range(count)
        ],
        schema=table.polars_schema,
        orient="row",
    )


def coverage_rows(table: Table) -> pl.DataFrame:
    """The mart of coverage with its one row for the whole."""
    return rows(table, 2).head(1).with_columns(dim=pl.lit("total"), dim_value=pl.lit("total"))


def make_build(settings: Settings, count: int = 20) -> None:
    """A build with every declared table, `count` rows each."""
    begin_build(settings, fresh=True)
    raw = settings.raw_dir / "web" / "shopify__orders"
    raw.mkdir(parents=True, exist_ok=True)
    sha = hashlib.sha256(b"orders").hexdigest()
    pl.DataFrame({"file_sha256": [sha] * count, "source_row": range(count)}).write_parquet(raw / f"{sha}.parquet")
    with open_build(settings) as con:
        con.execute("create schema raw")
        con.execute(f"create view raw.shopify__orders as select * from read_parquet('{raw}/*.parquet')")
        for table in CANONICAL.values():
            write_table(con, "intermediate", table, rows(table, count))
        for table in CORE.values():
            write_table(con, "core", table, rows(table, count))
        for mart in MARTS:
            frame = coverage_rows(mart.table) if mart.name == "mart_coverage" else rows(mart.table, count)
            write_table(con, "marts", mart.table, frame)
        write_run_context(con, settings, AS_OF, "USD")


def store_passes(settings: Settings, layers: tuple[str, ...] = LAYERS) -> None:
    """Store a pass of each of `layers` for the build as it is."""
    with open_build(settings, read_only=True) as con:
        digests = {layer: layer_digest(con, layer) for layer in LAYERS}
    for layer in layers:
        check = CheckRecord(
            f"{layer}.looked", layer, f"{layer}.some_table", "expect_table_row_count_to_be_between", Outcome.PASSED,
            Severity.BLOCK, "Rows are there.", evaluated_n=1,
        )  # fmt: skip
        upstream = {name: digests[name] for name in LAYERS[: LAYERS.index(layer)]}
        store_gate(settings, GateRecord(layer, digests[layer], 1, (check,), upstream, "suite"))


@pytest.fixture
def book() -> pl.DataFrame:
    """An account book of three files."""
    table = Table("book", "Files.", (), BOOK)
    return rows(table, 3)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of an empty house."""
    return Settings(home=tmp_path / "home", keep_versions=3, threads=1, memory_limit="500MB")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a house with a gated build, nothing published; it is copied, never changed."""
    settings = Settings(home=tmp_path_factory.mktemp("warehouse") / "home", threads=1)
    make_build(settings)
    store_passes(settings)
    return settings.home


@pytest.fixture
def house(settings: Settings, template: Path) -> Settings:
    """A house with a gated build, nothing published."""
    shutil.copytree(template, settings.home)
    return settings


@pytest.fixture(scope="session")
def published_template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same house with one version published, whose products are titled 'version 0'."""
    home = tmp_path_factory.mktemp("published") / "home"
    shutil.copytree(template, home)
    settings = Settings(home=home, threads=1)
    with open_build(settings) as con:
        con.execute("update core.dim_product set title = 'version 0'")
    store_passes(settings)
    publish(settings, "run 0", rows(Table("book", "Files.", (), BOOK), 3))
    return home


@pytest.fixture
def served_house(settings: Settings, published_template: Path, change: Callable[..., None]) -> Settings:
    """A house that serves one version, with a gated build whose products are titled 'new'."""
    shutil.copytree(published_template, settings.home, symlinks=True)
    change("update core.dim_product set title = 'new'")
    return settings


@pytest.fixture
def change(settings: Settings) -> Callable[..., None]:
    """A function that changes the build and gates it again."""

    def do(*statements: str, gated: bool = True) -> None:
        with open_build(settings) as con:
            for statement in statements:
                con.execute(statement)
        if gated:
            store_passes(settings)

    return do


@pytest.fixture
def publish_n(house: Settings, change: Callable[..., None], book: pl.DataFrame) -> Callable[[int], list[str]]:
    """A function that publishes `n` versions that differ, and returns their ids."""

    def do(n: int) -> list[str]:
        ids = []
        for number in range(n):
            change(f"update core.dim_product set title = 'version {number}'")
            ids.append(publish(house, f"run {number}", book).version.id)
        return ids

    return do
