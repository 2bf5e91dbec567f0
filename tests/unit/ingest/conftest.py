"""A small house for tests of ingest: put bytes into landing, ingest, look at what came of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.contracts.settings import Settings
from pipelines.ingest import IngestReport, account_book, create_raw_views, ingest_landing, quarantined_rows

PEPPER = "a pepper for unit tests, thirty-two bytes or more"


@dataclass
class House:
    """Settings of a house below a temporary folder, and short words for what tests do with it."""

    settings: Settings

    def put(self, name: str, content: str | bytes, declared: str | None = None) -> Path:
        """Write a file below landing (`web/orders.csv`), and its source's declaration when given."""
        path = self.settings.landing_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if declared is not None:
            (self.settings.landing_dir / name.split("/", maxsplit=1)[0] / "_source.yml").write_text(declared)
        return path

    def ingest(self, tables: set[str] | None = None) -> IngestReport:
        """Run ingest."""
        return ingest_landing(self.settings, tables=tables)

    def book(self) -> pl.DataFrame:
        """The account book."""
        return account_book(self.settings)

    def counts(self, name: str) -> tuple[int, int, int, int]:
        """read, accepted, quarantined, duplicate of one file."""
        row = self.book().row(by_predicate=pl.col("source_file") == name, named=True)
        return tuple(row[f"{count}_n"] for count in ("read", "accepted", "quarantined", "duplicate"))

    def quarantine(self) -> list[tuple[int, str | None, str]]:
        """Quarantined rows: line, column, reason."""
        return quarantined_rows(self.settings).select("source_row", "column", "reason").rows()

    def raw(self, table: str) -> pl.DataFrame:
        """A raw view, sorted by file and line."""
        with duckdb.connect() as connection:
            create_raw_views(connection, self.settings)
            return connection.sql(f"select * from raw.{table}").pl().sort("source_file", "source_row")

    def private_rows(self, root: str) -> pl.DataFrame:
        """Everything in the vault or the quarantine."""
        folder = {"vault": self.settings.vault_dir, "quarantine": self.settings.quarantine_dir}[root]
        paths = sorted(folder.glob("*/*/*.parquet"))
        return pl.read_parquet(paths) if paths else pl.DataFrame()


@pytest.fixture
def make_house(tmp_path: Path) -> Callable[..., House]:
    """A function that makes another house, such as `make_house('b', quarantine_limit_rate=1)`."""

    def make(name: str = "home", **more: object) -> House:
        told = {"pepper": PEPPER, **more}
        return House(Settings(home=tmp_path / name, **told))  # type: ignore[arg-type]

    return make


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """An empty house."""
    return make_house()


SHOPIFY_HEADER = (
    "Name,Email,Financial Status,Paid at,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Created at,"
    "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Billing Phone,Id"
)


def order(number: int, total: str = "10.00", created: str = "2024-03-01 10:00:00 +0000", **more: str) -> str:
    """The first line of a Shopify order of one piece."""
    cells = {
        "name": f"#{number}", "email": f"person{number}@shop.test.org", "status": "paid", "paid": created,
        "currency": "USD", "subtotal": total, "shipping": "0.00", "taxes": "0.00", "total": total, "discount": "0.00",
        "created": created, "qty": "1", "item": "Thing", "price": "10.00", "sku": "SKU-1", "person": f"Ann Lee{number}",
        "phone": f"+1415555{number:04}", "id": str(9000 + number),
    }  # fmt: skip
    return ",".join((cells | more).values())


def more_of(number: int, price: str = "5.00", sku: str = "SKU-2") -> str:
    """A following line of a Shopify order."""
    return f"#{number},,,,,,,,,,,1,Thing,{price},{sku},,,"


def shopify(*lines: str) -> str:
    """A Shopify orders export of these lines."""
    return "\n".join((SHOPIFY_HEADER, *lines)) + "\n"


@pytest.fixture
def texts() -> object:
    """The builders above, for test modules (which cannot import a conftest)."""

    class Texts:
        header = SHOPIFY_HEADER
        order = staticmethod(order)
        more_of = staticmethod(more_of)
        shopify = staticmethod(shopify)

    return Texts
