"""`caw check` tells how a file would be read and writes nothing; `caw init` writes what can be read back."""

from __future__ import annotations

import yaml

from pipelines.ingest import check_files, init_home, read_source
from pipelines.ingest.sources import DECLARATION


def test_a_good_file_is_explained(house, texts, tmp_path) -> None:
    path = tmp_path / "orders_export.csv"
    header = texts.header + ",Notes,Shoe size"
    path.write_text("\n".join((header, texts.order(1) + ",,", texts.order(2, total="?") + ",,")) + "\n")
    (check,) = check_files(house.settings, [path])
    assert (check.raw_table, check.encoding, check.delimiter, check.channel) == (
        "shopify__orders", "utf-8", ",", "web_store",
    )  # fmt: skip
    assert (check.is_refused, check.read_n, check.accepted_n, check.quarantined_n) == (False, 2, 1, 1)
    uses = {use.header: use for use in check.columns}
    assert uses["Email"].columns == ("email_key", "email_status")
    assert uses["Created at"].columns == ("created_at", "created_on")
    assert uses["Notes"].note.startswith("left out: free text")
    assert uses["Shoe size"].note == "left out: unknown to the format"
    assert check.problems == ("line 3, column 'Subtotal': BAD_VALUE: text shaped '?', wanted decimal(18,4)",)
    assert not house.settings.home.exists()


def test_the_declaration_beside_the_file_counts(house, texts) -> None:
    path = house.put("web/2024/a.csv", texts.shopify(texts.order(1)))
    (house.settings.landing_dir / "web" / DECLARATION).write_text("time_zone: Asia/Tokyo\nchannel: outlet")
    (check,) = check_files(house.settings, [path])
    assert (check.source_system, check.time_zone, check.channel) == ("web", "Asia/Tokyo", "outlet")


def test_what_would_be_refused_is_told_with_its_reason(house, tmp_path) -> None:
    for name, content in (("a.csv", b""), ("b.csv", b"x,y\n1,2\n"), ("c.csv", b"sku,title\n")):
        (tmp_path / name).write_bytes(content)
    checks = check_files(house.settings, [tmp_path / name for name in ("a.csv", "b.csv", "c.csv")])
    assert [(check.code, check.is_refused) for check in checks] == [
        ("EMPTY_FILE", True), ("UNKNOWN_HEADER", True), ("EMPTY_FILE", True),
    ]  # fmt: skip
    assert checks[2].raw_table == "canonical__product"


def test_a_folder_stands_for_its_files(house, texts) -> None:
    house.put("web/a.csv", texts.shopify(texts.order(1)), "channel: outlet")
    house.put("web/b.csv", texts.shopify(texts.order(2)))
    checks = check_files(house.settings, [house.settings.landing_dir / "web"])
    assert [check.path.name for check in checks] == ["a.csv", "b.csv"]


def test_init_writes_declarations_that_say_nothing_until_uncommented(house, tmp_path) -> None:
    made = init_home(house.settings, ["web", "pos"])
    folder = house.settings.landing_dir / "web"
    assert folder / DECLARATION in made
    before = read_source(folder)
    assert before == type(before)("web")
    text = (folder / DECLARATION).read_text()
    loud = "\n".join(
        line[2:] for line in text.splitlines() if line.startswith("# ") and ": " in line.split("#")[1][:20]
    )
    (folder / DECLARATION).write_text(loud)
    declared = read_source(folder)
    assert (declared.adapter, declared.currency, declared.decimal) == ("shopify", "EUR", ",")
    assert set(yaml.safe_load(loud)) == {name for name in vars(before) if name != "name"}
