"""Small warehouse files for the tests of the report: full, empty, without costs, and one with hostile names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.marts_core import COSTS, Shape, make_core
from support.report_warehouse import FileRow, House, write_house

from pipelines.report.blocks import Page
from pipelines.report.registry import RUN_PAGE
from pipelines.report.render import render_page

AS_OF = date(2025, 6, 20)
HOSTILE = "<script>alert('x')</script> & \"Söhne\" Http://evil.example"


class Reader(HTMLParser):
    """What a page consists of: tags with attributes, text, and the rows of its tables by caption."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.texts: list[str] = []
        self._open: list[str] = []
        self._caption = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag == "table":
            self._caption = ""
        elif tag == "tr" and self._caption:
            self.tables[self._caption].append([])
        elif tag in ("td", "th") and self._caption:
            self.tables[self._caption][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.texts.append(data)
        if self._open and self._open[-1] == "caption":
            self._caption += data
            self.tables[self._caption] = []
        elif self._open and self._open[-1] in ("td", "th") and self._caption and self.tables[self._caption]:
            self.tables[self._caption][-1][-1] += data

    @property
    def text(self) -> str:
        """All text of the page."""
        return " ".join(" ".join(self.texts).split())

    def ids(self) -> list[str]:
        """Every id, in order."""
        return [attributes["id"] or "" for _, attributes in self.tags if "id" in attributes]


def page(path: Path, what: Page = RUN_PAGE) -> tuple[str, Reader]:
    """The report about the file at `path`: its HTML, and what it consists of."""
    html = render_page(path, path.with_suffix(".html"), what).read_text(encoding="utf-8")
    return html, Reader(html)


@pytest.fixture(scope="session")
def report_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's files lie."""
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="session")
def full_core() -> dict[str, pl.DataFrame]:
    """The core of a company of 30 months with every cost known of nearly all money."""
    return make_core(Shape(customers=300, as_of=AS_OF, days=900, seed=5, cost_known_share=0.995))


@pytest.fixture(scope="session")
def full_file(report_dir: Path, full_core: dict[str, pl.DataFrame]) -> Path:
    """A warehouse file with everything."""
    return write_house(report_dir / "full.duckdb", House(full_core, AS_OF))


@pytest.fixture(scope="session")
def full_page(full_file: Path) -> tuple[str, Reader]:
    """The report of it."""
    return page(full_file)


@pytest.fixture(scope="session")
def no_cost_core(full_core: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The same company without a single cost."""
    nothing = pl.lit(None, dtype=pl.Decimal(18, 4))
    lines = full_core["fct_order_line_economics"].with_columns(
        *(nothing.alias(f"{name}{end}") for name in (*COSTS, "contribution") for end in ("", "_reporting")),
        *(pl.lit(False).alias(f"is_{name}") for name in ("cogs_known", "fees_known", "fulfilment_known", "costed")),
    )
    orders = full_core["fct_order"].with_columns(
        nothing.alias("contribution"),
        nothing.alias("contribution_reporting"),
        pl.lit("0").cast(pl.Decimal(18, 4)).alias("costed_net_revenue_reporting"),
    )
    return {
        **full_core,
        "fct_order_line_economics": lines,
        "fct_order": orders,
        "fct_period_cost": full_core["fct_period_cost"].clear(),
    }


@pytest.fixture(scope="session")
def no_cost_page(report_dir: Path, no_cost_core: dict[str, pl.DataFrame]) -> tuple[str, Reader]:
    """The report of a company without costs."""
    return page(write_house(report_dir / "no_cost.duckdb", House(no_cost_core, AS_OF)))


@pytest.fixture(scope="session")
def empty_page(report_dir: Path) -> tuple[str, Reader]:
    """The report of a file in which every table is there and empty."""
    return page(write_house(report_dir / "empty.duckdb", House({}, AS_OF, files=(), outcomes=())))


@pytest.fixture(scope="session")
def hostile_page(report_dir: Path, full_core: dict[str, pl.DataFrame]) -> tuple[str, Reader]:
    """The report of a company whose channels, sources and files bear names that try to be markup."""
    core = {
        name: frame.with_columns(
            pl.when(pl.col("channel") == "pos").then(pl.lit(HOSTILE)).otherwise("channel").alias("channel")
        )
        if "channel" in frame.columns
        else frame
        for name, frame in full_core.items()
    }
    core["dim_customer"] = core["dim_customer"].with_columns(
        pl.when(pl.col("acquisition_channel") == "ads")
        .then(pl.lit(HOSTILE))
        .otherwise("acquisition_channel")
        .alias("acquisition_channel")
    )
    files = (
        FileRow(HOSTILE, "shopify__orders", f"C:\\users\\me\\landing/web/{HOSTILE.replace('/', '')}.csv", 100, 1, 2),
    )
    return page(write_house(report_dir / "hostile.duckdb", House(core, AS_OF, files=files, version="</style><b>v")))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[House, Page], tuple[str, Reader]]:
    """A function that writes a house of the test's own and renders a page of it."""
    return lambda house, what: page(write_house(tmp_path / "own.duckdb", house), what)
