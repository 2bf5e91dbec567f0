"""The page: whole on any house, closed to the outside, accessible, and its figures those of the marts."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pipelines.report import render_report
from pipelines.report.blocks import Page as RunPage
from pipelines.report.registry import PAGES, RUN_PAGE
from pipelines.report.render import render_page

Page = tuple[str, Any]
"""HTML, and what it consists of (`conftest.Reader`)."""
CHARTS = (
    "waterfall",
    "channels",
    "months",
    "retention-cohorts",
    "retention-curve",
    "retention-channel",
    "value-by-age",
    "value-projection",
    "value-calibration",
    "silence-calibration",
    "segments-map",
    "segments-grid",
    "states-map",
    "cut-points",
    "identity-sizes",
    "account-book",
    "coverage",
    "ledger",
    "ledger-months",
    "realised",
    "migration",
)


def _only(*keys: str) -> RunPage:
    """The page with some of its sections."""
    return replace(RUN_PAGE, sections=tuple(section for section in RUN_PAGE.sections if section.key in keys))


def _dollars(text: str) -> Decimal:
    return Decimal(text.replace("−", "-").replace("$", "").replace(",", ""))


def _whole(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)


def _one(path: Path, sql: str) -> list[Any]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.mark.parametrize("name", ["full_page", "no_cost_page", "empty_page", "hostile_page"])
def test_the_page_names_no_address_outside_itself(name: str, request: pytest.FixtureRequest) -> None:
    html, reader = request.getfixturevalue(name)
    assert "http" not in html.lower()
    assert "//" not in html
    assert "@import" not in html
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", html)
    for tag, attributes in reader.tags:
        assert tag not in ("script", "iframe", "object", "embed", "img", "form", "base"), tag
        for key in ("href", "src", "srcset", "action", "data"):
            value = attributes.get(key)
            assert value is None or value.startswith("#") or value == "data:,", (tag, key, value)
        assert not any(key.startswith("on") for key in attributes), attributes


@pytest.mark.parametrize("name", ["full_page", "no_cost_page", "empty_page", "hostile_page"])
def test_every_section_stands_on_every_house(name: str, request: pytest.FixtureRequest) -> None:
    _, reader = request.getfixturevalue(name)
    ids = reader.ids()
    assert len(ids) == len(set(ids))
    for section in RUN_PAGE.sections:
        assert section.key in ids
    links = [attributes["href"] for tag, attributes in reader.tags if tag == "a"]
    assert {link.removeprefix("#") for link in links if link} <= set(ids) | {"content"}


def test_the_full_house_shows_every_chart_and_no_excuse(full_page: Page) -> None:
    html, reader = full_page
    for chart in CHARTS:
        assert chart in reader.ids(), chart
    assert "cannot be shown" not in html
    assert len(html) < 3_000_000


def test_every_figure_has_a_caption_a_description_and_its_figures_as_a_table(full_page: Page) -> None:
    html, _ = full_page
    figures = re.findall(r"<figure.*?</figure>", html, flags=re.S)
    assert len(figures) == len(CHARTS)
    for figure in figures:
        assert re.search(r"<figcaption><strong>[^<]{8,}</strong><span>[^<]{20,}</span>", figure)
        assert re.search(r'<svg[^>]*role="img"[^>]*aria-label="[^"]{20,}"', figure)
        assert re.search(r"<details.*<table>.*<caption>[^<]+</caption>.*<th scope=\"col\"", figure, flags=re.S)
        assert re.search(r"<tbody>\s*<tr", figure)


def test_the_ledger_is_the_marts_and_adds_up(full_page: Page, full_file: Path) -> None:
    table = full_page[1].tables["The ledger, line by line"]
    shown = {row[0]: _dollars(row[1]) for row in table[1:]}
    stored = dict(
        duckdb.connect(str(full_file), read_only=True)
        .execute(
            "select line, sum(amount) from marts.asset_ledger where dim = 'total' and basis = 'contribution' "
            "and period_on in (select distinct period_on from marts.asset_ledger order by period_on desc limit 12) "
            "group by line"
        )
        .fetchall()
    )
    assert shown["Acquired"] == round(stored["acquired"])
    assert shown["Gone silent"] == round(stored["lapsed"])
    moved = sum(amount for line, amount in shown.items() if line not in ("Opening value", "Closing value"))
    assert abs(shown["Opening value"] + moved - shown["Closing value"]) <= len(shown)


def test_the_waterfall_is_the_marts_to_the_cent_before_rounding(full_page: Page, full_file: Path) -> None:
    table = full_page[1].tables["Profit waterfall"]
    shown = {row[0]: _dollars(row[1]) for row in table[1:] if row[1] != "unknown"}
    stored = _one(
        full_file,
        "select line, sum(amount) from marts.profit_waterfall where dating = 'order' and dim = 'total' "
        "and month between date '2024-06-01' and date '2025-05-01' group by line",
    )
    from pipelines.marts.profit.lines import LINES

    labels = {line.name: line.label for line in LINES}
    assert len(shown) == len(stored)
    for line, amount in stored:
        assert shown[labels[line]] == _whole(amount), line


def test_headline_cards_are_core_counted_another_way(full_page: Page, full_file: Path) -> None:
    html, _ = full_page
    cards = dict(re.findall(r"<dt>([^<]+)</dt>\s*<dd class=\"value[^\"]*\">([^<]+?)\s*(?:<span|</dd>)", html))
    window = "ordered_on >= date '2024-06-01' and ordered_on < date '2025-06-01'"
    ((net, contribution),) = _one(
        full_file,
        "select sum(net_revenue_reporting), sum(contribution_reporting) from core.fct_order_line_economics "
        f"where {window}",
    )
    ((orders,),) = _one(full_file, f"select count(*) from core.fct_order where is_kept and {window}")
    ((people,),) = _one(full_file, "select count(*) from core.dim_customer where is_identified and not is_test")
    assert _dollars(cards["Net revenue, last 12 months"]) == _whole(net)
    assert _dollars(cards["Contribution, last 12 months"]) == _whole(contribution)
    assert cards["Kept orders, last 12 months"] == f"{orders:,}"
    assert cards["Customers identified"] == f"{people:,}"
    assert cards["Headline basis"] == "Contribution"
    assert cards["As of"] == "20 June 2025"
    assert cards["Gates"] == "All open"


def test_the_forecast_stands_beside_how_earlier_ones_came_out(full_page: Page, full_file: Path) -> None:
    coming = full_page[1].tables["What the coming months are expected to bring"][1:]
    stored = _one(
        full_file,
        "select strftime(period_on, '%b %Y'), round(est)::bigint from marts.asset_forecast "
        "where part = 'total' and basis = 'contribution' and forecast_on = as_of_on order by period_on",
    )
    assert [(row[0], row[3]) for row in coming] == [(month, f"${amount:,}") for month, amount in stored]
    assert len(stored) == 12
    record = full_page[1].tables["How such forecasts came out"][1:]
    ahead = "(year(period_on) - year(forecast_on)) * 12 + month(period_on) - month(forecast_on)"
    told = _one(
        full_file,
        f"select {ahead}, count(*), count_if(actual_amount between lo and hi) from marts.asset_forecast "
        "where part = 'total' and basis = 'contribution' and actual_amount is not null and lo is not null "
        "group by 1 having count(*) >= 3 order by 1",
    )
    assert [tuple(row[:3]) for row in record] == [tuple(str(value) for value in row) for row in told]
    assert len(record) > 3


def test_segments_and_states_count_every_customer_once(full_page: Page, full_file: Path) -> None:
    tables = full_page[1].tables
    ((scored,),) = _one(full_file, "select count(*) from marts.customer_rfm where segment is not null")
    ((people,),) = _one(full_file, "select count(*) from marts.customer_360")
    assert sum(int(row[1].replace(",", "")) for row in tables["Segments"][1:]) == scored
    assert sum(int(row[1].replace(",", "")) for row in tables["States"][1:]) == people


def test_money_of_the_states_adds_up_to_that_of_all_customers(full_page: Page, full_file: Path) -> None:
    table = full_page[1].tables["States"]
    to_date = "sum(contribution_reporting)"
    recent = "sum(contribution_reporting) filter (where ordered_on > date '2025-06-20' - 365)"
    stored = _one(
        full_file,
        f"select state, {to_date}, coalesce({recent}, 0) from core.fct_order_line_economics "
        "join marts.customer_360 using (customer_id) where state <> 'prospect' group by state having count(*) > 0",
    )
    shown = {row[0]: (row[3], row[4]) for row in table[1:]}
    people = dict(_one(full_file, "select state, count(*) from marts.customer_360 group by state"))
    for state, amount, lately in stored:
        if people[state] >= 5:
            cells = shown[state.replace("_", " ").capitalize()]
            assert (_dollars(cells[0]), _dollars(cells[1])) == (_whole(amount), _whole(lately)), state


def test_value_by_age_is_a_mean_over_whole_cohorts(full_page: Page, full_file: Path) -> None:
    html, reader = full_page
    ((least,),) = _one(
        full_file,
        "select min(share) from (select count(amount) / count(*) as share from marts.customer_ltv_historical "
        "where basis = 'contribution' and is_reached group by age_days)",
    )
    basis = "contribution" if least >= 0.95 else "net_revenue"
    assert f"at equal age ({basis.replace('_', ' ')})" in html
    table = reader.tables["Mean money per customer by age"]
    assert len(table) > 3
    for row in table[1:]:
        year, half = row[0].split(" ")
        start = date(int(year), 1 if half.startswith("Jan") else 7, 1)
        end = date(start.year + (start.month == 7), 7 if start.month == 1 else 1, 1)
        for place, age in enumerate((0, 30, 60, 90, 180, 365, 720)):
            ((all_there, mean),) = _one(
                full_file,
                "select bool_and(is_reached), sum(amount) / count(amount) from marts.customer_ltv_historical "
                f"where basis = '{basis}' and age_days = {age} and first_order_on >= date '{start}' "
                f"and first_order_on < date '{end}'",
            )
            cell = row[3 + place] if 3 + place < len(row) else ""
            assert (cell != "") == all_there, (row[0], age)
            if cell:
                assert abs(float(_dollars(cell)) - mean) <= 0.0051


def test_retention_cells_are_the_marts_and_only_mature_ones(full_page: Page, full_file: Path) -> None:
    table = full_page[1].tables["Retention by cohort"]
    stored = _one(
        full_file,
        "select cohort_on, period_n, kept_n, n from marts.cohort_retention where dim = 'total' "
        "and measure = 'customers' and retention_kind = 'exact' and cohort <> '(all)' and n >= 5 and est is not null",
    )
    shown = {(row[0], row[1]): (row[3], row[4]) for row in table[1:]}
    assert shown == {(f"{month:%b %Y}", str(period)): (f"{kept:,}", f"{n:,}") for month, period, kept, n in stored}
    for month, period, _, _ in stored:
        last_day_of_month = (month.replace(day=28) + (date(2025, 1, 5) - date(2025, 1, 1))).replace(day=1)
        assert (date(2025, 6, 20) - last_day_of_month).days + 1 >= 30 * period


def test_the_account_book_ties_out_in_rows(full_page: Page) -> None:
    _, reader = full_page
    table = reader.tables["Account book by source"]
    for row in table[1:]:
        read, accepted, quarantined, duplicate = (int(cell.replace(",", "")) for cell in row[3:7])
        assert read == accepted + quarantined + duplicate
    assert "173,756 rows read = 121,622 accepted + 20 quarantined + 52,114 duplicate" in reader.text
    assert "The amounts tie out as well." in reader.text


def test_a_house_without_costs_says_so_and_leads_with_net_revenue(no_cost_page: Page) -> None:
    html, reader = no_cost_page
    text: str = reader.text
    assert "It ends at net revenue, because no cost is known." in text
    assert "Not known for any order line: cost of goods sold, platform fees" in text
    assert "net revenue leads on this page" in text
    assert re.search(r"<dt>Headline basis</dt>\s*<dd class=\"value[^\"]*\">Net revenue", html)
    assert re.search(r"<dt>Contribution, last 12 months</dt>\s*<dd class=\"value[^\"]*\">unknown", html)
    for chart in CHARTS:
        assert chart in reader.ids(), chart


def test_an_empty_house_gives_sentences_instead_of_charts(empty_page: Page) -> None:
    html, reader = empty_page
    assert "<svg" not in html
    text: str = reader.text
    assert "No order line has reached the warehouse" in text
    assert "The account book holds no file yet." in text
    assert "There are too few figures in this file to say what to look at." in text
    assert "As of 20 June 2025" in text


def test_a_file_with_no_marts_at_all_still_renders(tmp_path: Path) -> None:
    path = tmp_path / "bare.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("create schema marts")
    html = render_report(path, tmp_path / "bare.html").read_text()
    assert "This file has no table meta.run_context yet, so this part cannot be shown." in html
    assert "What the words mean" in html
    assert "<svg" not in html


def test_a_mart_of_another_shape_is_told_and_leaves_the_rest(full_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    path.write_bytes(full_file.read_bytes())
    with duckdb.connect(str(path)) as con:
        con.execute("alter table marts.cohort_retention rename column est to estimate")
    html = render_page(path, tmp_path / "other.html", _only("stay", "book")).read_text()
    assert "do not fit this part of the report" in html
    assert 'id="account-book"' in html


def test_a_missing_file_is_an_error_and_leaves_no_page(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        render_report(tmp_path / "none.duckdb", tmp_path / "none.html")
    assert list(tmp_path.iterdir()) == []


def test_names_that_try_to_be_markup_stay_names(hostile_page: Page) -> None:
    html, reader = hostile_page
    assert "<script" not in html
    assert "alert('x')" in reader.text
    assert "</style><b>v" not in html
    assert "<script>alert('x')<" in reader.text
    assert "Http://evil.example" in reader.text


def test_files_appear_by_their_base_name_only(hostile_page: Page, full_page: Page) -> None:
    assert "landing" not in hostile_page[0]
    assert "users" not in hostile_page[0]
    assert "orders_export_1 (copy).csv" in full_page[0]
    assert "web/2024" not in full_page[0]


def test_no_customer_appears(full_page: Page, full_core: dict[str, pl.DataFrame]) -> None:
    html, _ = full_page
    for key in full_core["dim_customer"]["customer_id"]:
        assert key not in html
    assert re.search(r"\bc_[0-9a-f]{16}\b", html) is None


def test_equal_files_give_equal_bytes_and_are_not_touched(full_file: Path, full_page: Page, tmp_path: Path) -> None:
    copy = tmp_path / "house" / "copy.duckdb"
    copy.parent.mkdir()
    copy.write_bytes(full_file.read_bytes())
    before = copy.stat().st_mtime_ns
    assert render_report(copy, tmp_path / "deep" / "copy.html").read_text() == full_page[0]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["copy.html"]
    assert (copy.stat().st_mtime_ns, copy.read_bytes()) == (before, full_file.read_bytes())
    assert list(copy.parent.iterdir()) == [copy]


def test_gates_that_did_not_pass_are_named_first(
    write: Callable[..., Page], full_core: dict[str, pl.DataFrame]
) -> None:
    from support.report_warehouse import House

    house = House(full_core, date(2025, 6, 20), marts=(), outcomes=("passed", "failed", "errored"))
    _, reader = write(house, _only("glance", "gates"))
    text: str = reader.text
    assert "4 did not pass" in text
    odd = reader.tables["Checks that did not pass"]
    assert len(odd) == 1 + 8
    assert {row[3] for row in odd[1:]} == {"failed (warning)", "errored (blocks)"}
    assert "profit_waterfall" in odd[1][5]


def test_growth_without_profit_is_called_out(write: Callable[..., Page], full_core: dict[str, pl.DataFrame]) -> None:
    from support.report_warehouse import House

    from pipelines.marts.profit import mart_coverage, profit_waterfall

    def more_sold_less_earned(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        now = (pl.col("month") >= date(2024, 6, 1)) & (pl.col("month") < date(2025, 6, 1))
        factor = pl.when(now & (pl.col("line") == "net_revenue")).then(3)
        factor = factor.when(now & (pl.col("line") == "contribution")).then(0).otherwise(1)
        changed = (pl.col("amount") * factor.cast(pl.Decimal(18, 0))).cast(pl.Decimal(18, 4)).alias("amount")
        return {**frames, "profit_waterfall": frames["profit_waterfall"].with_columns(changed)}

    marts = (mart_coverage.MART, profit_waterfall.MART)
    house = House(full_core, date(2025, 6, 20), marts=marts, change_marts=more_sold_less_earned)
    _, reader = write(house, _only("look", "stay"))
    assert "more is sold, less is earned" in reader.text
    assert "This file has no table marts.cohort_retention" in reader.text


def test_importing_the_report_leaves_the_chart_library_alone() -> None:
    """Every command of the program imports this package; only drawing may cost seconds."""
    script = "import sys, pipelines.report; sys.exit('altair' in sys.modules or 'vl_convert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_sections_and_pages_are_a_registry() -> None:
    assert RUN_PAGE in PAGES
    keys = [section.key for page in PAGES for section in page.sections]
    assert len(keys) == len(set(keys))
    for section in RUN_PAGE.sections:
        assert section.builds
