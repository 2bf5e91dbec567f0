"""What a simulated world must contain, however small: every format, every quirk, every fault, and the same bytes."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import yaml
from support import simulated_files as files

from pipelines.contracts.entities import ENTITIES
from pipelines.simulate import SimulationSummary, simulate

START = date(2023, 7, 1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SimulationSummary:
    return simulate(tmp_path_factory.mktemp("tiny"), customers=500, months=30, seed=11, start=START)


@pytest.fixture(scope="module")
def broken(world: SimulationSummary) -> pl.DataFrame:
    return pl.read_parquet(world.truth / "broken_rows.parquet")


def truth(world: SimulationSummary, table: str) -> pl.DataFrame:
    return pl.read_parquet(world.truth / f"{table}.parquet")


def lines_of(world: SimulationSummary, path: str) -> list[str]:
    encoding = "gb18030" if path.startswith("tmall/") else "utf-8-sig"
    return re.split(r"\r?\n", (world.landing / path).read_bytes().decode(encoding))


def rows(
    world: SimulationSummary, broken: pl.DataFrame, pattern: str, encoding: str = "utf-8-sig"
) -> Iterator[files.Row]:
    skip = set(zip(broken["source_file"], broken["source_row"], strict=True))
    return files.records(world.landing, pattern, skip, encoding)


def test_the_summary_counts_what_lies_there(world: SimulationSummary, broken: pl.DataFrame) -> None:
    assert world.files == len(list(world.landing.rglob("*.csv")))
    assert world.orders == truth(world, "orders").height
    assert 4 * world.people < world.orders < 9 * world.people
    assert world.broken_rows == broken.height
    assert (world.first_on, world.last_on, world.extract_on) == (START, date(2025, 12, 31), date(2026, 1, 1))


def test_every_file_is_the_one_that_is_told(world: SimulationSummary) -> None:
    told = truth(world, "files")
    assert sorted(told["source_file"]) == sorted(
        p.relative_to(world.landing).as_posix() for p in world.landing.rglob("*.csv")
    )
    for row in told.iter_rows(named=True):
        data = (world.landing / row["source_file"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        assert row["bytes"] == len(data)
    copies = told.drop_nulls("copy_of")
    originals = dict(zip(told["source_file"], told["sha256"], strict=True))
    assert copies.height == 1
    assert all(originals[row["copy_of"]] == row["sha256"] for row in copies.iter_rows(named=True))
    assert copies["broken_rows"].sum() == 0


@pytest.mark.parametrize(
    ("source", "keys"),
    [("web", {"adapter": "shopify", "currency": "USD"}), ("tmall", {"encoding": "gb18030", "currency": "CNY"}),
     ("pos", {"adapter": "square"}), ("crm", {"adapter": "canonical"}), ("ops", {"time_zone": "UTC"}),
     ("finance", {"adapter": "canonical"})],
)  # fmt: skip
def test_every_source_declares_itself(world: SimulationSummary, source: str, keys: dict[str, str]) -> None:
    declared = yaml.safe_load((world.landing / source / "_source.yml").read_text())
    assert declared["complete_to"] == "2025-12-31"
    assert keys.items() <= declared.items()


def test_broken_lines_are_broken_as_told(world: SimulationSummary, broken: pl.DataFrame) -> None:
    for row in broken.iter_rows(named=True):
        lines = lines_of(world, row["source_file"])
        header, line = next(csv.reader([lines[0]])), lines[row["source_row"] - 1]
        if row["reason"] == "UNTERMINATED_QUOTE":
            assert line.count('"') % 2 == 1
            assert lines[row["source_row"] :] == [""]
            continue
        cells = next(csv.reader([line]))
        if row["reason"] == "FIELD_COUNT":
            assert len(cells) != len(header)
            continue
        value = cells[header.index(row["column"])]
        assert len(cells) == len(header)
        assert (value == "") == (row["reason"] in ("MISSING_REQUIRED", "KEY_MISSING"))


def test_every_format_has_faults_of_several_kinds(broken: pl.DataFrame) -> None:
    kinds = {key[0]: set(part["reason"]) for key, part in broken.group_by("raw_table")}
    assert {"shopify__orders", "tmall__orders", "tmall__order_lines", "square__transactions", "square__items"} <= set(
        kinds
    )
    for table in ("shopify__orders", "tmall__orders", "square__transactions", "square__items"):
        assert {"BAD_VALUE", "FIELD_COUNT"} < kinds[table], table
    assert {"BAD_ENUM", "MISSING_REQUIRED", "KEY_MISSING", "UNTERMINATED_QUOTE"} <= set(broken["reason"])
    assert len([table for table in kinds if table.startswith("canonical__")]) >= 9


def test_no_fact_rests_on_a_broken_record(world: SimulationSummary, broken: pl.DataFrame) -> None:
    known = set(truth(world, "orders")["order_id"])
    for row in broken.filter(
        pl.col("raw_table").is_in(["shopify__orders", "tmall__orders", "square__transactions"])
    ).iter_rows(named=True):
        line = lines_of(world, row["source_file"])[row["source_row"] - 1]
        assert not any(key in known for key in re.findall(r"[0-9A-Z]{13,22}", line))


def test_shopify_fills_order_columns_on_the_first_line_only(world: SimulationSummary, broken: pl.DataFrame) -> None:
    followers, notes = 0, 0
    seen = set()
    for row in rows(world, broken, "web/orders_export_2025-01.csv"):
        if row["Name"] in seen:
            followers += 1
            line_level = {k for k in row if k.startswith("Lineitem")} | {"Name", "Vendor"}
            assert not any(value for name, value in row.items() if name not in line_level)
        else:
            assert row["Id"]
            assert row["Created at"]
        seen.add(row["Name"])
        notes += "\n" in row["Notes"]
    assert followers > 20
    assert notes > 0


def test_shopify_states_and_refunds_are_all_there(world: SimulationSummary, broken: pl.DataFrame) -> None:
    heads = [row for row in rows(world, broken, "web/orders_export_20*-*.csv") if row.get("Id")]
    states = Counter(row["Financial Status"] for row in heads)
    assert set(states) == {"paid", "partially_refunded", "refunded", "voided", "pending"}
    inside = [row for row in heads if Decimal(row["Taxes"]) and
              Decimal(row["Total"]) == Decimal(row["Subtotal"]) + Decimal(row["Shipping"])]  # fmt: skip
    cancelled = [row for row in heads if row.get("Cancelled at")]
    assert {row["Financial Status"] for row in cancelled} == {"voided", "refunded"}
    assert all((row["Refunded Amount"] == row["Total"]) == bool(row["Paid at"]) for row in cancelled)
    stood = [datetime.fromisoformat(row["Cancelled at"]) - datetime.fromisoformat(row["Paid at"])
             for row in cancelled if row["Paid at"]]  # fmt: skip
    assert min(stood) < timedelta(days=2)
    assert max(stood) >= timedelta(days=7)
    assert inside
    assert {row["Tax 1 Name"] for row in inside} == {"VAT 20%"}
    assert all(row["Financial Status"] != "partially_refunded" for row in inside)
    assert any(not row["Email"] and row["Phone"] for row in heads)
    assert any(not row["Email"] and not row["Phone"] for row in heads)
    assert any(not row.get("Lineitem sku", "-") for row in heads)
    assert "Lineitem compare-at price" in lines_of(world, "web/orders_export_2023-07.csv")[0]


def test_an_overlapping_re_export_repeats_records(world: SimulationSummary, broken: pl.DataFrame) -> None:
    again = list(rows(world, broken, "web/orders_export_again.csv"))
    first = {tuple(row.values()) for row in rows(world, broken, "web/orders_export_20*-*.csv")}
    assert again
    assert all(tuple(row.values()) in first for row in again)


def test_customers_come_in_two_layouts(world: SimulationSummary) -> None:
    assert lines_of(world, "web/customers_export.csv")[0].startswith(
        "Customer ID,First Name,Last Name,Email,Accepts Email"
    )
    assert lines_of(world, "web/customers_export_old.csv")[0].startswith("First Name,Last Name,Email,Company,Address1")


def test_tmall_keeps_its_quirks(world: SimulationSummary, broken: pl.DataFrame) -> None:
    orders = list(rows(world, broken, "tmall/ExportOrderList20240*.csv", "gb18030"))
    late = list(rows(world, broken, "tmall/ExportOrderList202507.csv", "gb18030"))
    assert all(row["订单编号"].startswith('="') and row["联系手机"].startswith("'") for row in orders)
    assert all(row["总金额"].endswith("元") and not row["买家应付货款"].endswith("元") for row in orders)
    assert any("，" in row["订单状态"] for row in late)
    assert not any("*" in row["买家会员名"] for row in orders)
    masked = [row for row in late if "*" in row["买家会员名"]]
    assert 0 < len(masked) < len(late)
    assert all("****" in row["联系手机"] for row in masked)
    lent = [row for row in late if re.fullmatch(r"'170\d{8}-\d{4}", row["联系手机"])]
    assert lent
    assert not any("*" in row["买家会员名"] for row in lent)
    closed = [row for row in orders + late if row["订单状态"] == "交易关闭"]
    assert {bool(row["订单付款时间"]) for row in closed} == {True, False}
    headers = {len(next(csv.reader([lines_of(world, p)[0]]))) for p in (
        "tmall/ExportOrderList202307.csv", "tmall/ExportOrderList202507.csv")}  # fmt: skip
    assert headers == {36, 41}
    assert any(Decimal(row["天猫卡券抵扣"]) for row in orders)
    lines = list(rows(world, broken, "tmall/ExportOrderDetailList*.csv", "gb18030"))
    assert {row["子订单编号"] == row["主订单编号"] for row in lines} == {True, False}


def test_square_keeps_its_quirks(world: SimulationSummary, broken: pl.DataFrame) -> None:
    sales = list(rows(world, broken, "pos/transactions-20*.csv"))
    items = list(rows(world, broken, "pos/items-20*.csv"))
    back = [row for row in sales if row["Event Type"] == "Refund"]
    assert back
    assert all(row["Net Sales"].startswith("-$") for row in back)
    assert any("," in row["Gross Sales"] for row in sales)
    assert {bool(row["Customer ID"]) for row in sales} == {True, False}
    assert any(row["Customer Reference ID"] for row in sales)
    assert any(not row["SKU"] and row["Item"] == "Custom Amount" for row in items)
    assert {row["Time Zone"] for row in sales} == {"Eastern Time (US & Canada)"}
    assert any(row["Fees"] == "$0.00" and row["Event Type"] == "Payment" for row in sales)
    paid = {row["Transaction ID"]: row["Date"] for row in sales if row["Event Type"] == "Payment"}
    assert all(row["Date"] > paid[row["Transaction ID"]] for row in back)


def test_canonical_files_have_the_columns_of_their_entity(world: SimulationSummary) -> None:
    seen = set()
    for row in truth(world, "files").filter(pl.col("raw_table").str.starts_with("canonical__")).iter_rows(named=True):
        entity = row["raw_table"].removeprefix("canonical__")
        assert tuple(next(csv.reader([lines_of(world, row["source_file"])[0]]))) == ENTITIES[entity].names
        seen.add(entity)
    assert seen == set(ENTITIES) - {"order", "order_line"}


def test_refunds_are_late_restated_and_of_every_kind(world: SimulationSummary, broken: pl.DataFrame) -> None:
    feed = list(rows(world, broken, "ops/refund.csv"))
    assert any(row["known_at"][:10] > row["at"][:10] for row in feed)
    assert {row["kind"] for row in feed} == {"refund_only", "return_refund", "chargeback"}
    assert {bool(row["order_line_id"]) for row in feed} == {True, False}
    versions = Counter(row["refund_id"] for row in feed)
    assert max(versions.values()) == 2
    assert {row["restocked"] for row in feed if row["kind"] == "return_refund"} == {"true", "false"}


def test_costs_cover_most_of_net_revenue_but_not_all(world: SimulationSummary) -> None:
    lines = truth(world, "order_line_economics")
    covered = lines.filter("is_costed")["net_revenue_reporting"].sum() / lines["net_revenue_reporting"].sum()
    assert Decimal("0.95") < covered < Decimal("0.99")


def test_the_truth_knows_every_buyer(world: SimulationSummary, broken: pl.DataFrame) -> None:
    keys = truth(world, "account_person")
    people = set(truth(world, "persons")["person_id"])
    assert set(keys["person_id"]) <= people
    assert (
        keys.group_by("source_system", "key_kind", "native_key").agg(pl.col("person_id").n_unique())["person_id"].max()
        == 1
    )
    nicks = set(keys.filter(source_system="tmall", key_kind="account")["native_key"])
    shown = {row["买家会员名"] for row in rows(world, broken, "tmall/ExportOrderList*.csv", "gb18030")}
    assert {nick for nick in shown if "*" not in nick} == nicks
    emails = set(keys.filter(source_system="web", key_kind="email")["native_key"])
    typed = {row["Email"].lower() for row in rows(world, broken, "web/orders_export_20*-*.csv") if row["Email"]}
    assert typed == emails
    several = keys.filter(pl.col("key_kind") != "order").group_by("person_id").agg(pl.col("source_system").n_unique())
    assert (several["source_system"] > 1).sum() > 100


def test_people_are_acquired_in_every_month_and_more_of_them_later(world: SimulationSummary) -> None:
    months = truth(world, "persons").group_by(pl.col("acquired_on").dt.truncate("1mo")).len().sort("acquired_on")
    assert months.height == 30
    assert months["len"][15:].sum() > months["len"][:15].sum()


def digest(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(root.rglob("*")) if path.is_file()}  # fmt: skip


def test_the_same_seed_writes_the_same_bytes_and_another_others(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        simulate(tmp_path / name, customers=120, months=9, seed=seed, start=START)
    first, second, other = (digest(tmp_path / name) for name in "abc")
    assert first == second
    same = {name for name in first if first[name] == other.get(name)}
    assert {name for name in same if not name.endswith("_source.yml")} <= {
        "landing/crm/campaign.csv", "landing/finance/period_cost.csv"
    }  # fmt: skip


def test_costs_of_the_month_are_those_of_a_company_of_its_size(tmp_path: Path) -> None:
    first_month = {}
    for customers in (200, 2_000):
        simulate(tmp_path, customers=customers, months=2, seed=3, start=START)
        costs = pl.read_csv(tmp_path / "landing" / "finance" / "period_cost.csv")
        first_month[customers] = dict(
            costs.filter(pl.col("month") == START.isoformat()).select("category", "amount").iter_rows()
        )
    assert first_month[2_000]["staff"] == 1_900.0
    assert first_month[200] == {name: amount / 10 for name, amount in first_month[2_000].items()}


def test_a_later_run_replaces_an_earlier_one(tmp_path: Path) -> None:
    simulate(tmp_path, customers=60, months=9, seed=3, start=START)
    stray = tmp_path / "landing" / "web" / "left over.csv"
    stray.write_text("x")
    simulate(tmp_path, customers=60, months=2, seed=3, start=START)
    assert not stray.exists()


@pytest.mark.parametrize("customers", [1, 7])
def test_the_smallest_worlds_can_be_written(tmp_path: Path, customers: int) -> None:
    assert simulate(tmp_path, customers=customers, months=1, seed=1, start=START).orders >= customers


@pytest.mark.parametrize("wrong", [{"world": "flat"}, {"customers": 0}, {"months": 0}, {"start": date(2024, 1, 2)}])
def test_wrong_arguments_are_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"world|people|months|start"):
        simulate(tmp_path, **({"customers": 10, "months": 1} | wrong))  # type: ignore[arg-type]
