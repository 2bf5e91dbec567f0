"""The run: replays are recorded no-ops, re-sent rows add nothing, and what would be read differently is read again."""

from __future__ import annotations

import os
from datetime import date

import polars as pl
import pytest

from pipelines.channels.registry import raw_table
from pipelines.contracts.keys import MissingPepperError
from pipelines.ingest import SourceError, intake, store


class Listener:
    """A progress listener that remembers."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.done = 0
        self.rows: int | None = None

    def start(self, step: str, total: int | None = None) -> None:
        self.total = total

    def advance(self, step: str, amount: int = 1) -> None:
        self.done += amount

    def finish(self, step: str, rows: int | None = None) -> None:
        self.rows = rows


def snapshot(house) -> dict[str, bytes]:
    """Every file below raw, vault and quarantine."""
    folders = (house.settings.raw_dir, house.settings.vault_dir, house.settings.quarantine_dir)
    return {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_a_second_run_changes_nothing(house, texts) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1), texts.order(2, total="?")))
    first = house.ingest()
    before = snapshot(house)
    second = house.ingest()
    assert (len(first.read), len(second.read), len(second.replayed)) == (1, 0, 1)
    assert snapshot(house) == before


def test_the_same_bytes_under_another_name_are_a_copy(house, texts) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1), texts.order(2)))
    house.put("web/b.csv", texts.shopify(texts.order(1), texts.order(2)))
    house.ingest()
    assert house.counts("web/a.csv") == (2, 2, 0, 0)
    assert house.counts("web/b.csv") == (2, 0, 0, 2)
    row = house.book().row(by_predicate=pl.col("source_file") == "web/b.csv", named=True)
    assert (row["outcome"], row["code"], row["money_duplicate"]) == ("replayed", "SAME_BYTES", 20)
    assert house.raw("shopify__orders").height == 2
    assert not house.ingest().read


def test_a_renamed_file_is_no_copy(house, texts) -> None:
    path = house.put("web/a.csv", texts.shopify(texts.order(1)))
    house.ingest()
    path.rename(path.with_name("b.csv"))
    house.ingest()
    assert house.book()["source_file"].to_list() == ["web/a.csv"]


def test_rows_sent_again_in_another_file_are_duplicates(house, texts) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1), texts.more_of(1), texts.order(2)))
    house.put(
        "web/b.csv", texts.shopify(texts.order(3), texts.more_of(1), texts.order(1), texts.order(2, total="11.00"))
    )
    house.ingest()
    assert house.counts("web/b.csv") == (4, 2, 0, 2)
    raw = house.raw("shopify__orders")
    assert sorted(raw["order_name"].to_list()) == ["#1", "#1", "#2", "#2", "#3"]


def test_two_sources_never_share_records(house, texts) -> None:
    for source in ("east", "west"):
        house.put(f"{source}/a.csv", texts.shopify(texts.order(1)))
    house.ingest()
    assert house.book()["accepted_n"].to_list() == [1, 1]


def test_a_refused_file_is_tried_again_and_its_entry_replaced(house, texts) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1, created="03/04/2024 10:00:00")) * 1)
    bad = [texts.order(i, total="x") for i in range(30)]
    house.put("web/b.csv", texts.shopify(*bad))
    assert [entry.code for entry in house.ingest().refused] == ["TOO_MANY_BAD_ROWS"]
    assert len(house.ingest().refused) == 1
    house.settings = house.settings.model_copy(update={"quarantine_limit_rate": 1.0})
    assert not house.ingest().refused
    assert house.counts("web/b.csv") == (30, 0, 30, 0)
    assert house.book().height == 2


def test_a_changed_declaration_reads_the_file_again(house, texts) -> None:
    rows = [texts.order(1, created="2024-03-01 22:00:00"), texts.order(2, created="2024-03-02 22:00:00")]
    house.put("web/a.csv", texts.shopify(*rows))
    house.put("web/b.csv", texts.shopify(rows[0]))
    house.ingest()
    assert house.raw("shopify__orders")["created_on"].to_list() == [date(2024, 3, 1), date(2024, 3, 2)]
    house.put("web/a.csv", texts.shopify(*rows), "time_zone: Asia/Tokyo")
    again = house.ingest()
    assert len(again.read) == 2
    assert house.counts("web/a.csv") == (2, 2, 0, 0)
    assert house.counts("web/b.csv") == (1, 0, 0, 1)
    assert house.raw("shopify__orders")["created_at"][0].hour == 13


def test_files_read_again_are_not_repeats_of_what_they_were(house, texts) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1), texts.order(2)))
    house.put("web/b.csv", texts.shopify(texts.order(2), texts.order(3)))
    house.ingest()
    before = house.book().select("source_file", "accepted_n", "duplicate_n").rows()
    (house.settings.landing_dir / "web" / "_source.yml").write_text("channel: outlet")
    assert len(house.ingest().read) == 2
    assert house.book().select("source_file", "accepted_n", "duplicate_n").rows() == before
    assert house.raw("shopify__orders")["channel"].to_list() == ["outlet"] * 3


def test_another_pepper_or_reader_reads_everything_again(house, texts, monkeypatch: pytest.MonkeyPatch) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1)))
    house.ingest()
    old = house.raw("shopify__orders")["email_key"][0]
    house.settings = house.settings.model_copy(update={"pepper": type(house.settings.pepper)("another pepper, " * 3)})
    assert len(house.ingest().read) == 1
    assert house.raw("shopify__orders")["email_key"][0] != old
    monkeypatch.setattr(intake, "READER_VERSION", 99)
    assert len(house.ingest().read) == 1


def test_the_extract_date_is_kept_at_first_sight(house, texts) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1)), "extract_date: 2024-03-05")
    house.ingest()
    house.put("web/b.csv", texts.shopify(texts.order(2)), "extract_date: 2024-04-05")
    assert len(house.ingest().read) == 1
    assert house.book()["extract_on"].to_list() == [date(2024, 3, 5), date(2024, 4, 5)]
    raw = house.raw("shopify__orders")
    assert [str(known) for known in raw["known_at"]] == ["2024-03-04 23:59:59.999999", "2024-04-04 23:59:59.999999"]


def test_a_later_state_is_a_new_version_and_an_old_one_may_come_back(house, texts) -> None:
    states = ("pending", "paid", "pending")
    for month, state in enumerate(states, 4):
        house.put(f"web/{month}.csv", texts.shopify(texts.order(1, status=state), texts.order(2, item=str(month))),
                  f"extract_date: 2024-0{month}-05")  # fmt: skip
        house.ingest()
    raw = house.raw("shopify__orders").filter(pl.col("order_name") == "#1").sort("known_at")
    assert raw["financial_status"].to_list() == list(states)


def test_known_at_is_the_rows_own_then_the_extracts_then_the_events_then_ever(house) -> None:
    header = "sku,valid_from,unit_cost,currency,known_at\n"
    house.put("a/cost.csv", header + "A,2024-01-01,1,EUR,2024-02-01\nB,2024-01-01,1,EUR,\n")
    house.put("b/cost.csv", header + "A,2024-01-01,1,EUR,2024-02-01\nB,2024-01-01,1,EUR,\n", "extract_date: 2024-06-01")
    house.put("c/product.csv", "sku,title\nA,Thing\n")
    house.ingest()
    known = [str(value)[:10] for value in house.raw("canonical__product_cost")["known_at"].to_list()]
    assert known == ["2024-02-01", "2024-01-01", "2024-02-01", "2024-05-31"]
    product = house.raw("canonical__product")
    assert (str(product["known_at"][0]), product["event_at"][0]) == ("1970-01-01 00:00:00", None)


@pytest.mark.parametrize(
    ("reporting", "local", "closes"),
    [
        ("America/New_York", "UTC", "2024-03-04 23:59:59.999999"),
        ("Asia/Tokyo", "UTC", "2024-03-04 14:59:59.999999"),
        ("UTC", "Asia/Tokyo", "2024-03-04 14:59:59.999999"),
    ],
)
def test_an_extract_is_known_before_the_day_begins_wherever_it_begins_first(
    house, texts, reporting, local, closes
) -> None:
    house.settings = house.settings.model_copy(update={"reporting_tz": reporting})
    house.put("web/a.csv", texts.shopify(texts.order(1)), f"extract_date: 2024-03-05\ntime_zone: {local}")
    house.ingest()
    assert {str(known) for known in house.raw("shopify__orders")["known_at"]} == {closes}


def test_only_the_tables_asked_for_are_read(house, texts) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1)))
    house.put("erp/p.csv", "sku,title\nA,Thing\n")
    report = house.ingest({"canonical__product"})
    assert [entry.source_file for entry in report.read] == ["erp/p.csv"]
    assert house.raw("shopify__orders").is_empty()


def test_progress_tells_bytes_and_rows(house, texts) -> None:
    from pipelines.ingest import ingest_landing

    path = house.put("web/a.csv", texts.shopify(*(texts.order(i) for i in range(50))))
    listener = Listener()
    ingest_landing(house.settings, listener)
    assert listener.total == path.stat().st_size
    assert 0.5 * listener.total < listener.done <= listener.total
    assert listener.rows == 50


def test_without_pepper_nothing_is_read(make_house, texts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAW_PEPPER", raising=False)
    house = make_house(pepper=None)
    house.put("web/a.csv", texts.shopify(texts.order(1)))
    with pytest.raises(MissingPepperError, match="caw init"):
        house.ingest()
    assert not house.settings.raw_dir.exists()


@pytest.mark.parametrize(
    "declared",
    ["shoe: 42", "time_zone: Mars/Base", "currency: euro", "adapter: sap", "extract_date: soon", "- a", "a: ["],
)
def test_a_declaration_that_cannot_be_used_stops_the_run_with_its_place(house, texts, declared: str) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1)), declared)
    with pytest.raises(SourceError, match=r"_source\.yml"):
        house.ingest()


def test_a_folder_that_cannot_be_a_source_stops_the_run(house, texts) -> None:
    house.put("Web Store/a.csv", texts.shopify(texts.order(1)))
    with pytest.raises(SourceError, match="Rename the folder"):
        house.ingest()


def test_an_interrupted_file_leaves_nothing_and_is_read_whole_next_time(
    house, texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1), texts.order(2, total="?")))
    steps = ["write_private", "write_raw", "write_entry"]
    for step in steps:
        with monkeypatch.context() as broken:
            broken.setattr(store.Store, step, _fail)
            with pytest.raises(OSError, match="disk"):
                house.ingest()
        assert house.book().is_empty()
        assert house.raw("shopify__orders").is_empty()
    litter = house.settings.raw_dir / "web" / "shopify__orders" / ".killed.1.tmp"
    litter.mkdir(parents=True, exist_ok=True)
    house.ingest()
    assert house.counts("web/a.csv") == (2, 1, 1, 0)
    assert not litter.exists()
    assert not [name for _, _, names in os.walk(house.settings.raw_dir) for name in names if name.endswith(".tmp")]


def _fail(*_: object, **__: object) -> None:
    raise OSError("the disk is full")


def test_sources_side_by_side_become_what_they_do_one_after_another(make_house, texts) -> None:
    def fill(name: str, threads: int):
        house = make_house(name, threads=threads)
        for source in ("web", "shop", "outlet"):
            house.put(f"{source}/a.csv", texts.shopify(*(texts.order(n) for n in range(1, 40))))
            house.put(f"{source}/b.csv", texts.shopify(*(texts.order(n) for n in range(20, 60)), texts.order(60, "?")))
            house.put(f"{source}/notes.csv", "who,what\n")
        house.put("lost.csv", "who,what\n")
        return house, house.ingest()

    (alone, one), (beside, several) = fill("alone", 1), fill("beside", 2)
    assert one == several
    assert [entry.source_file for entry in several.read] == sorted(entry.source_file for entry in several.read)
    home = str(alone.settings.home), str(beside.settings.home)
    assert snapshot(alone) == {path.replace(home[1], home[0]): content for path, content in snapshot(beside).items()}


def test_what_breaks_in_one_source_stops_the_run_and_loses_nothing(
    house, texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.put("shop/a.csv", texts.shopify(texts.order(1)))
    house.put("web/a.csv", texts.shopify(texts.order(1), texts.order(2)))
    write_raw = store.Store.write_raw

    def full(self: store.Store, frame: pl.LazyFrame) -> None:
        if "web" in str(self.raw_path):
            raise OSError("no room")
        write_raw(self, frame)

    with monkeypatch.context() as patched:
        patched.setattr(store.Store, "write_raw", full)
        with pytest.raises(OSError, match="no room"):
            house.ingest()
    assert [entry.source_file for entry in house.ingest().read] == ["web/a.csv"]
    assert house.raw("shopify__orders").height == 3


def test_big_files_are_spooled_to_disk_with_the_same_result(make_house, texts, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [line for i in range(200) for line in (texts.order(i), texts.more_of(i))]
    rows[100] = texts.order(50, total="?")
    frames = []
    for name, spool, chunk in (("memory", 1 << 40, 1 << 25), ("disk", 0, 2000)):
        monkeypatch.setattr("pipelines.ingest.run.SPOOL_FROM_BYTES", spool)
        monkeypatch.setattr("pipelines.ingest.structure.CHUNK_BYTES", chunk)
        monkeypatch.setattr("pipelines.ingest.container.BLOCK_BYTES", 500)
        house = make_house(name)
        house.put("web/a.csv", texts.shopify(*rows))
        house.ingest()
        frames.append(house.raw("shopify__orders"))
        assert house.quarantine() == [(102, "subtotal", "BAD_VALUE"), (103, None, "RECORD_BROKEN")]
        assert house.private_rows("quarantine")["original"].to_list() == [rows[100], rows[101]]
    assert frames[0].equals(frames[1])
    assert frames[0].height == 398


def test_raw_has_the_columns_of_its_contract(house, texts) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1)), "currency: EUR\nstore_id: main\nchannel: outlet")
    house.ingest()
    raw = house.raw("shopify__orders")
    assert raw.schema == raw_table("shopify__orders").table.polars_schema
    row = raw.row(0, named=True)
    assert (row["channel"], row["source_currency"], row["source_store_id"]) == ("outlet", "EUR", "main")
    assert (row["source_file"], row["source_row"], row["op"]) == ("web/a.csv", 2, "upsert")


def test_canonical_rows_take_currency_and_channel_from_the_declaration_where_blank(house) -> None:
    house.put(
        "app/order.csv",
        "order_id,channel,ordered_at,status\n1,,2024-01-01,paid\n2,kiosk,2024-01-01,PAID\n",
        "currency: EUR\nchannel: app",
    )
    house.ingest()
    rows = house.raw("canonical__order").select("channel", "currency", "status").rows()
    assert rows == [("app", "EUR", "paid"), ("kiosk", "EUR", "paid")]


def test_a_row_can_ask_for_deletion(house) -> None:
    house.put("erp/p.csv", "sku,title,op\nA,Thing,\nB,Other,DELETE\nC,Third,erase\n")
    house.ingest()
    assert house.raw("canonical__product")["op"].to_list() == ["upsert", "delete"]
    assert house.quarantine() == [(4, "op", "BAD_ENUM")]
