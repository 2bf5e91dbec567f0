"""The corpus of bad input: each case has an exact outcome, and no row is ever unaccounted for."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import polars as pl
import pytest

HEADER = (
    "Name,Email,Financial Status,Paid at,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Created at,"
    "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Billing Phone,Id"
)
GOOD = (
    "#1,a@shop.test.org,paid,2024-03-01 10:00:00 +0000,USD,10.00,0.00,0.00,10.00,0.00,2024-03-01 10:00:00 +0000,"
    "1,Thing,10.00,SKU-1,Ann Lee,+14155550101,9001"
)
LAST = GOOD.replace("#1,", "#9,").replace("9001", "9009")


def changed(column: str, value: str) -> str:
    """The good row as order #2 with one cell changed."""
    cells = GOOD.replace("#1,", "#2,").replace("9001", "9002").split(",")
    cells[HEADER.split(",").index(column)] = value
    return ",".join(cells)


@dataclass(frozen=True)
class Case:
    """A file and what must come of it: counts (read, accepted, quarantined, duplicate), reasons, or a file's code."""

    name: str
    content: str | bytes
    counts: tuple[int, int, int, int] = (0, 0, 0, 0)
    quarantine: tuple[tuple[int, str | None, str], ...] = ()
    code: str | None = None
    declared: str | None = None


def text(*rows: str, header: str = HEADER, end: str = "\n") -> str:
    return end.join((header, *rows)) + end


def row_case(name: str, row: str, column: str | None, reason: str, declared: str | None = None) -> Case:
    """A bad row between two good ones."""
    return Case(name, text(GOOD, row, LAST), (3, 2, 1, 0), ((3, column, reason),), declared=declared)


def fine(name: str, row: str, declared: str | None = None) -> Case:
    """A strange row that is good all the same."""
    return Case(name, text(GOOD, row, LAST), (3, 3, 0, 0), declared=declared)


CASES = [
    # container
    Case("zero bytes", b"", code="EMPTY_FILE"),
    Case("blank space", "\n \n", code="EMPTY_FILE"),
    Case("header only", text(), code="EMPTY_FILE"),
    Case("header without newline", HEADER, code="EMPTY_FILE"),
    Case("cut in the middle of a row", text(GOOD) + LAST[:60], (2, 1, 1, 0), ((3, None, "FIELD_COUNT"),)),
    Case("cut in the middle of a quote", text(GOOD) + '#9,"a@sho', (2, 1, 1, 0), ((3, None, "UNTERMINATED_QUOTE"),)),
    Case("no final newline", text(GOOD, LAST).rstrip("\n"), (2, 2, 0, 0)),
    Case("a workbook", b"PK\x03\x04rest", code="BAD_CONTAINER"),
    Case("parquet without footer", b"PAR1garbage", code="BAD_CONTAINER"),
    # encoding
    Case("byte order mark", b"\xef\xbb\xbf" + text(GOOD, LAST).encode(), (2, 2, 0, 0)),
    Case("utf-16 with mark", text(GOOD, LAST).encode("utf-16"), (2, 2, 0, 0)),
    Case("utf-16 without mark", text(GOOD, LAST).encode("utf-16-le"), (2, 2, 0, 0)),
    Case("latin-1, not declared", text(changed("Billing Name", "Zoë")).encode("latin-1"), code="BAD_ENCODING"),
    Case(
        "latin-1, declared", text(changed("Billing Name", "Zoë")).encode("latin-1"), (1, 1, 0, 0),
        declared="encoding: latin-1",
    ),
    # header
    Case("columns reordered", text(",".join(reversed(GOOD.split(","))), header=",".join(reversed(HEADER.split(",")))),
         (1, 1, 0, 0)),
    Case("column renamed", text(GOOD, header=HEADER.replace("Total", "Totals")), code="SCHEMA_DRIFT"),
    Case("column named twice", text(GOOD + ",1", header=HEADER + ",Total"), code="SCHEMA_DRIFT"),
    Case("column added", text(GOOD + ",blue", header=HEADER + ",Colour"), (1, 1, 0, 0)),
    Case("column added, frozen", text(GOOD + ",blue", header=HEADER + ",Colour"), code="SCHEMA_DRIFT",
         declared="schema_policy: freeze"),
    Case("optional column removed", "\n".join(",".join(line.split(",")[:-1]) for line in (HEADER, GOOD)) + "\n",
         (1, 1, 0, 0)),
    Case("no header", text(LAST, header=GOOD), code="UNKNOWN_HEADER"),
    Case("another delimiter", text(GOOD, LAST).replace(",", ";"), (2, 2, 0, 0)),
    Case("separator line", "sep=;\n" + text(GOOD, LAST).replace(",", ";"), (2, 2, 0, 0)),
    Case("header in capitals", text(GOOD, header=HEADER.upper()), (1, 1, 0, 0)),
    Case("header repeated below", text(GOOD, HEADER, LAST), (3, 2, 1, 0), ((3, "paid_at", "BAD_VALUE"),)),
    # rows
    row_case("a field too many", changed("Name", "#2,extra"), None, "FIELD_COUNT"),
    row_case("a field too few", changed("Name", "#2").rsplit(",", 1)[0], None, "FIELD_COUNT"),
    row_case("a stray quote", changed("Email", '"a@shop.test.org'), None, "UNTERMINATED_QUOTE"),
    row_case("text after a quote", changed("Lineitem name", '"Thing" big'), None, "BAD_QUOTES"),
    row_case("a NUL", changed("Lineitem name", "Th\x00ing"), None, "BAD_CHARACTER"),
    row_case("only delimiters", "," * HEADER.count(","), "order_name", "KEY_MISSING"),
    Case("blank lines", text("", GOOD, "", "", LAST, ""), (2, 2, 0, 0)),
    Case("mixed line ends", HEADER + "\r\n" + GOOD + "\r" + LAST + "\n", (2, 2, 0, 0)),
    Case("quoted newline", text(GOOD, changed("Lineitem name", '"Th\ning"'), LAST), (3, 3, 0, 0)),
    fine("a quote inside a word", changed("Lineitem name", '5" pipe')),
    fine("formulas are text", changed("Lineitem name", "=cmd|' /C calc'!A0")),
    # numbers
    row_case("letters in a number", changed("Total", "12O.5x"), "total", "BAD_VALUE"),
    row_case("semicolon for a decimal mark", changed("Total", "12;50"), "total", "BAD_VALUE"),
    row_case("NaN", changed("Total", "NaN"), "total", "BAD_VALUE"),
    row_case("infinity", changed("Total", "inf"), "total", "BAD_VALUE"),
    row_case("1e400", changed("Total", "1e400"), "total", "BAD_VALUE"),
    row_case("five decimals", changed("Lineitem price", "1.23456"), "lineitem_price", "BAD_VALUE"),
    row_case("an amount out of range", changed("Total", "123456789012.00"), "total", "AMOUNT_RANGE"),
    row_case("decimal comma, not declared", changed("Total", '"12,50"'), "total", "BAD_VALUE"),
    row_case("a quantity in words", changed("Lineitem quantity", "two"), "lineitem_quantity", "BAD_VALUE"),
    row_case("two bad cells: the first is told", changed("Total", "x").replace("2024-03-01 10:00:00 +0000,1", "y,1"),
             "total", "BAD_VALUE"),
    fine("a dollar sign and grouping", changed("Total", '"$1,240.00"')),
    fine("an amount in brackets", changed("Total", "(12.00)")),
    fine("full-width digits", changed("Total", "１２．５０")),
    fine("a negative amount", changed("Total", "-10.00")),
    fine("quantity zero", changed("Lineitem quantity", "0")),
    Case("decimal comma, declared", text(GOOD.replace(".00", ",00"), header=HEADER).replace(",00,", "#00,")
         .replace(",", ";").replace("#00;", ",00;"), (1, 1, 0, 0), declared='decimal: ","'),
    # times
    row_case("a day that is none", changed("Created at", "2025-02-31 10:00:00 -0500"), "created_at", "BAD_VALUE"),
    row_case("a time that is none", changed("Created at", "2025-02-01 25:61:00 +0000"), "created_at", "BAD_VALUE"),
    row_case("seconds since 1970", changed("Created at", "1704448872"), "created_at", "BAD_VALUE"),
    row_case("the year 2240", changed("Created at", "2240-01-01 00:00:00 +0000"), "created_at", "BAD_VALUE"),
    row_case("beyond the extract", changed("Created at", "2024-05-03 10:00:00 +0000"), "created_at", "FUTURE_DATE",
             "extract_date: 2024-05-01"),
    fine("another spelling of a time", changed("Created at", "2024/3/1 10:00")),
    # keys and required
    row_case("no key", changed("Name", ""), "order_name", "KEY_MISSING"),
    row_case("no amount", changed("Lineitem price", ""), "lineitem_price", "MISSING_REQUIRED"),
    row_case("no total on the first line", changed("Total", ""), "total", "MISSING_REQUIRED"),
    row_case("a currency that is none", changed("Currency", "US$"), "currency", "BAD_VALUE"),
    row_case("a following line alone", "#2" + "," * 11 + "1,Thing,5.00,SKU-2,,,", None, "HEAD_MISSING"),
    fine("a masked e-mail", changed("Email", "a***@shop.test.org")),
    # repeats
    Case("the same order twice", text(GOOD, GOOD, LAST), (3, 2, 0, 1)),
    Case("the same order twice, differently", text(GOOD, GOOD.replace("Thing", "Other"), LAST), (3, 1, 2, 0),
         ((2, None, "RECORD_CONFLICT"), (3, None, "RECORD_CONFLICT"))),
    Case("equal lines of one order", text(GOOD, "#1" + "," * 11 + "1,Thing,5.00,S,,,", "#1" + "," * 11
         + "1,Thing,5.00,S,,,"), (3, 3, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(house, case: Case) -> None:
    suffix = "gz" if isinstance(case.content, bytes) and case.content.startswith(b"\x1f\x8b") else "csv"
    house.put(f"web/f.{suffix}", case.content, case.declared)
    report = house.ingest()
    row = house.book().row(0, named=True)
    assert row["code"] == case.code, row["reason"]
    if case.code is not None:
        assert [entry.code for entry in report.refused] == [case.code]
        assert row["outcome"] == "refused"
        assert row["reason"].startswith(case.code + ": ")
        assert house.raw("shopify__orders").is_empty()
        return
    assert house.counts(f"web/f.{suffix}") == case.counts
    assert tuple(house.quarantine()) == case.quarantine
    assert house.raw("shopify__orders").height == case.counts[1]
    assert row["money_read"] == row["money_accepted"] + row["money_quarantined"] + row["money_duplicate"]


def test_the_original_row_lies_in_quarantine(house) -> None:
    bad = changed("Total", "12O.5x")
    torn = '#3,"x\ny",z'
    house.put("web/f.csv", text(GOOD, bad, torn, LAST))
    house.ingest()
    rows = house.private_rows("quarantine")
    assert rows.select("source_row", "value", "original").rows() == [(3, "12O.5x", bad), (4, None, torn)]
    files = list(house.settings.quarantine_dir.rglob("*.parquet"))
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert {path.parent.stat().st_mode & 0o777 for path in files} == {0o700}
    assert house.settings.quarantine_dir.stat().st_mode & 0o777 == 0o700


def test_a_broken_line_takes_its_whole_order_along(house, texts) -> None:
    house.put(
        "web/f.csv",
        texts.shopify(
            texts.order(1), texts.more_of(1), texts.more_of(1, price="5.oo"),
            texts.order(2), "#2,too,few",
            texts.order(3), texts.more_of(3),
        ),
    )  # fmt: skip
    house.ingest()
    assert house.quarantine() == [
        (2, None, "RECORD_BROKEN"),
        (3, None, "RECORD_BROKEN"),
        (4, "lineitem_price", "BAD_VALUE"),
        (5, None, "RECORD_BROKEN"),
        (6, None, "FIELD_COUNT"),
    ]
    assert house.raw("shopify__orders")["order_name"].to_list() == ["#3", "#3"]
    assert house.book()["money_quarantined"].sum() == 20


def test_a_file_of_mostly_bad_rows_is_refused_whole(house, texts) -> None:
    rows = [texts.order(i, total="?" if i % 3 == 0 else "10.00") for i in range(90)]
    house.put("web/f.csv", texts.shopify(*rows))
    report = house.ingest()
    entry = report.refused[0]
    assert entry.code == "TOO_MANY_BAD_ROWS"
    assert "30 of 90 rows" in entry.reason
    assert "line 2, column 'Subtotal': BAD_VALUE" in entry.reason
    assert house.counts("web/f.csv") == (90, 0, 90, 0)
    assert house.raw("shopify__orders").is_empty()
    assert len(house.quarantine()) == 30


def test_a_handful_of_bad_rows_refuses_nothing(house, texts) -> None:
    house.put("web/f.csv", texts.shopify(*(texts.order(i, total="?" if i < 20 else "1") for i in range(30))))
    assert not house.ingest().refused
    assert house.counts("web/f.csv") == (30, 10, 20, 0)


def test_gzip_is_read_as_what_it_holds(house, texts) -> None:
    house.put("web/f.csv.gz", gzip.compress(texts.shopify(texts.order(1), texts.order(2)).encode()))
    house.ingest()
    assert house.counts("web/f.csv.gz") == (2, 2, 0, 0)
    assert house.book()["encoding"].to_list() == ["utf-8 in gzip"]


def test_links_and_strays_are_refused_before_they_are_read(house, texts, tmp_path) -> None:
    house.put("web/f.csv", texts.shopify(texts.order(1)))
    secret = tmp_path / "secret.csv"
    secret.write_text(texts.shopify(texts.order(2)))
    (house.settings.landing_dir / "web" / "link.csv").symlink_to(secret)
    (house.settings.landing_dir / "stray.csv").write_text("a,b\n1,2\n")
    (house.settings.landing_dir / "web" / "_notes.txt").write_text("not an export")
    report = house.ingest()
    assert sorted((entry.source_file, entry.code) for entry in report.refused) == [
        ("stray.csv", "NO_SOURCE"),
        ("web/link.csv", "NOT_REGULAR"),
    ]
    assert house.raw("shopify__orders").height == 1


def test_a_typed_parquet_file_is_cast_and_judged_like_text(house: object, tmp_path) -> None:
    rows = {
        "sku": ["A", "B", None], "valid_from": ["2024-01-01", "2024-13-01", "2024-01-01"],
        "unit_cost": [1.1, 2.0, float("nan")], "currency": ["EUR"] * 3,
    }  # fmt: skip
    path = house.settings.landing_dir / "erp" / "cost.parquet"
    path.parent.mkdir(parents=True)
    pl.DataFrame(rows).write_parquet(path)
    house.ingest()
    assert house.counts("erp/cost.parquet") == (3, 1, 2, 0)
    assert house.quarantine() == [(2, "valid_from", "BAD_VALUE"), (3, "sku", "KEY_MISSING")]
    assert str(house.raw("canonical__product_cost")["unit_cost"][0]) == "1.1000"
