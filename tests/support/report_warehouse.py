"""A file shaped as a published warehouse, for tests of the report: core made up, marts really computed from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.core import CORE
from pipelines.contracts.marts import Mart, MartParams
from pipelines.marts import MARTS, compute_all
from pipelines.warehouse.context import RUN_CONTEXT
from pipelines.warehouse.meta import headline_sql
from pipelines.warehouse.meta_tables import CHECK_RESULTS, FILES, HEADLINE, VERSIONS
from pipelines.warehouse.tables import write_table

Change = Callable[[dict[str, pl.DataFrame]], dict[str, pl.DataFrame]]


@dataclass(frozen=True)
class FileRow:
    """A file of the account book."""

    source: str
    table: str | None
    name: str
    read: int
    quarantined: int = 0
    duplicate: int = 0
    money: Decimal | None = None
    outcome: str = "accepted"
    reason: str | None = None


FILE_ROWS = (
    FileRow("web", "shopify__orders", "web/2024/orders_export_1.csv", 52_114, 12, 0, Decimal("812345.6700")),
    FileRow("web", "shopify__orders", "web/2024/orders_export_1 (copy).csv", 52_114, 0, 52_114, Decimal("812345.6700")),
    FileRow("web", "shopify__customers", "web/customers_export.csv", 18_200, 3),
    FileRow("tmall", "tmall__orders", "tmall/ExportOrderList.csv", 30_008, 4, 0, Decimal("990012.1200")),
    FileRow("pos", "square__transactions", "pos/transactions-2025.csv", 11_870, 1, 0, Decimal("301234.5500")),
    FileRow("crm", "canonical__member", "crm/members.csv", 9_450),
    FileRow("crm", None, "crm/letters.docx", 0, outcome="refused", reason="Not a table: no header was found."),
)
LAYERS = ("raw", "canonical", "core", "marts")


@dataclass(frozen=True)
class House:
    """What stands in the file; `core` may lack tables, `marts` may be any part of the registry."""

    core: Mapping[str, pl.DataFrame]
    as_of: date
    marts: tuple[Mart, ...] = MARTS
    files: tuple[FileRow, ...] = FILE_ROWS
    outcomes: tuple[str, ...] = ("passed", "passed", "passed", "skipped")
    currency: str = "USD"
    version: str = "20250620T091500Z-3f2a"
    change_marts: Change = field(default=lambda frames: frames)


def write_house(path: Path, house: House) -> Path:
    """Write the file at `path` and return it."""
    params = MartParams(as_of=house.as_of, reporting_currency=house.currency)
    core = {name: house.core[name] if name in house.core else _nothing(table) for name, table in CORE.items()}
    frames = house.change_marts(compute_all(house.marts, {name: frame.lazy() for name, frame in core.items()}, params))
    con = duckdb.connect(str(path))
    try:
        for name, frame in core.items():
            write_table(con, "core", CORE[name], frame)
        for mart in house.marts:
            if mart.name in frames:
                write_table(con, "marts", mart.table, frames[mart.name])
        _write_meta(con, path.stem, house)
    finally:
        con.close()
    return path


def _nothing(table: Table) -> pl.DataFrame:
    return pl.DataFrame(schema=table.polars_schema)


def _write_meta(con: duckdb.DuckDBPyConnection, catalog: str, house: House) -> None:
    end = datetime.combine(house.as_of, time(23, 59))
    _write(con, RUN_CONTEXT, [(house.as_of, end, house.currency, 365, Decimal("0.1"), None)])
    if any(mart.name == "mart_coverage" for mart in house.marts):
        write_table(con, "meta", HEADLINE, con.sql(headline_sql(f'"{catalog}"')).pl())
    _write(con, VERSIONS, [(house.version, None, True, end, house.as_of, "run", "content", "definition")])
    _write(con, FILES, (_file(at, row, house) for at, row in enumerate(house.files)))
    _write(con, CHECK_RESULTS, _checks(house))


def _write(con: duckdb.DuckDBPyConnection, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    write_table(con, "meta", table, pl.DataFrame(list(rows), schema=table.polars_schema, orient="row"))


def _file(at: int, row: FileRow, house: House) -> tuple[Any, ...]:
    known = {
        "source_system": row.source,
        "raw_table": row.table,
        "source_file": row.name,
        "file_sha256": f"{at:064x}",
        "bytes": row.read * 120,
        "outcome": row.outcome,
        "reason": row.reason,
        "read_n": row.read,
        "accepted_n": row.read - row.quarantined - row.duplicate,
        "quarantined_n": row.quarantined,
        "duplicate_n": row.duplicate,
        "currency": house.currency if row.money is not None else None,
        "first_version_id": house.version,
    }
    if row.money is not None:
        whole = row.money if row.duplicate == row.read else Decimal(0)
        known |= {
            "money_read": row.money,
            "money_accepted": row.money - whole,
            "money_quarantined": Decimal(0),
            "money_duplicate": whole,
        }
    return tuple(known.get(name) for name in FILES.names)


def _checks(house: House) -> Iterable[tuple[Any, ...]]:
    for layer in LAYERS:
        for at, outcome in enumerate(house.outcomes):
            known = {
                "layer": layer,
                "check_name": f"{layer}_rule_{at}",
                "table_name": f"{layer}.some_table",
                "column_name": "amount",
                "expectation": "expect_column_values_to_be_between",
                "outcome": outcome,
                "severity": "warn" if at % 2 else "block",
                "message": f"Looked at rule {at}.",
                "evaluated_n": 100,
                "unexpected_n": 0 if outcome == "passed" else 7,
                "endangered_marts": None if outcome == "passed" else "profit_waterfall",
            }
            yield tuple(known.get(name) for name in CHECK_RESULTS.names)
