"""Tokens: no identifier enters raw in clear; equal people have equal keys in every table; the vault can tell who."""

from __future__ import annotations

import polars as pl

from pipelines.contracts.keys import value_key
from pipelines.contracts.settings import Settings

CUSTOMERS = (
    "source_customer_id,email,phone,member_no,name,birth_date,buyer_key_kind\n"
    "c1,Ann@Shop.Test.org,(415) 555-0101,m-1,Ann Lee,1980-02-29,real\n"
    "c2,a***@x.org,415****0102,,A**,,masked\n"
    "c3,noreply@x.org,+1 415 555 0101,M 1,,,real\n"
    "NULL,x@y.org,,,,,real\n"
)
DECLARED = "phone_region: US"


def key(settings: Settings, id_type: str, value: str) -> str:
    assert settings.pepper is not None
    return value_key(settings.pepper.get_secret_value().encode(), id_type, value)


def test_identifiers_become_keys_and_statuses(house) -> None:
    house.put("crm/c.csv", CUSTOMERS, DECLARED)
    house.ingest()
    first, masked, third = house.raw("canonical__source_customer").iter_rows(named=True)
    assert first["source_customer_id_key"] == key(house.settings, "crm:account", "c1")
    assert first["email_key"] == key(house.settings, "email", "ann@shop.test.org")
    assert first["phone_key"] == third["phone_key"] == key(house.settings, "phone", "+14155550101")
    assert first["member_no_key"] == third["member_no_key"] == key(house.settings, "member_no", "M1")
    assert first["birth_year"] == 1980
    assert (masked["email_key"], masked["email_status"]) == (None, "masked")
    assert (masked["phone_key"], masked["phone_status"]) == (None, "masked")
    assert (masked["member_no_status"], masked["name_key"]) == ("missing", None)
    assert third["email_status"] == "blocked"
    assert house.quarantine() == [(5, "source_customer_id", "KEY_MISSING")]


def test_the_vault_knows_the_clear_values_and_is_private(house) -> None:
    house.put("crm/c.csv", CUSTOMERS, DECLARED)
    house.ingest()
    vault = {row[:2]: row[2] for row in house.private_rows("vault").select("id_type", "normalised", "value_key").rows()}
    assert vault["email", "ann@shop.test.org"] == key(house.settings, "email", "ann@shop.test.org")
    assert ("phone", "+14155550101") in vault
    assert ("name", "ann lee") in vault
    assert not any(value is None or "*" in value for _, value in vault)
    files = list(house.settings.vault_dir.rglob("*.parquet"))
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert {path.parent.stat().st_mode & 0o777 for path in files} == {0o700}


def test_what_a_mask_shows_is_keyed_apart_from_every_identifier(house) -> None:
    header = "source_customer_id,phone,name,buyer_key_kind\n"
    rows = "c1,138****5678,刘**,masked\nc2,'138＊＊＊＊5678,劉**,masked\nc3,13800005678,刘洋,real\n"
    rows += "c4,138****5679,**,masked\n"
    house.put(
        "crm/c.csv", header + rows + "c5,13800005678-1234,刘先生,masked\nc6,41****78,,masked\n", "phone_region: CN"
    )
    house.ingest()
    rows = house.raw("canonical__source_customer").to_dicts()
    phones, names = ([row[f"{name}_mask_key"] for row in rows] for name in ("phone", "name"))
    shown = [key(house.settings, "phone_mask", mask) for mask in ("138*5678", "138*5679")]
    assert phones == [shown[0], shown[0], None, shown[1], None, None], "a lent number and odd masks show nothing"
    surname = key(house.settings, "name_mask", "刘")
    assert names == [surname, surname, None, None, surname, None]
    assert [row["phone_key"] for row in rows if row["phone_status"] != "valid"] == [None] * 5
    assert [row["name_key"] is None for row in rows] == [True, True, False, True, True, True]
    vault = house.private_rows("vault")
    assert vault.filter(vault["id_type"] == "phone")["normalised"].to_list() == ["+8613800005678"]
    assert set(vault.filter(vault["id_type"] == "phone_mask")["normalised"]) == {"138*5678", "138*5679"}
    told = "".join(path.read_bytes().decode("latin-1") for path in house.settings.raw_dir.rglob("*") if path.is_file())
    assert not [text for text in ("13800005678", "138*", "****") if text in told]


def test_a_link_has_the_keys_that_the_identifiers_have_elsewhere(house, texts) -> None:
    house.put("crm/c.csv", CUSTOMERS, DECLARED)
    house.put("web/o.csv", texts.shopify(texts.order(7)))
    house.put(
        "crm/l.csv",
        "id_type_a,id_value_a,id_type_b,id_value_b,evidence,seen_at\n"
        "email, ANN@shop.test.org,crm:account,c1,login,2024-01-01\n"
        "phone,(415) 555-0101,web:order,#7,checkout,2024-01-01\n"
        "shoe,42,member_no,m1,import,2024-01-01\n",
    )
    house.ingest()
    customer = house.raw("canonical__source_customer").row(0, named=True)
    links = house.raw("canonical__identity_link")
    pairs = links.select("id_value_a_key", "id_value_b_key").rows()
    assert pairs == [(customer["email_key"], customer["source_customer_id_key"]), (customer["phone_key"], "#7")]
    assert (4, "id_type_a", "BAD_ENUM") in house.quarantine()
    assert not [kind for kind in house.private_rows("vault")["id_type"].to_list() if kind.endswith(":order")]


def test_a_native_id_is_of_the_source_that_the_row_names(house) -> None:
    house.put(
        "crm/consent.csv",
        "account_source,source_customer_id,purpose,channel,status,at\n"
        "web,7,marketing,email,granted,2024-01-01\n,7,marketing,email,granted,2024-01-01\n",
    )
    house.ingest()
    keys = house.raw("canonical__consent")["source_customer_id_key"].to_list()
    assert sorted(keys) == sorted([key(house.settings, "web:account", "7"), key(house.settings, "crm:account", "7")])


def test_an_event_keeps_no_identifier_of_its_visitor(house) -> None:
    head = "event_id,account_source,anonymous_id,source_customer_id,at,name,device,url,utm_campaign,session_id\n"
    pages = {
        "https://ann@shop.test/login?email=ann@x.org": "shop.test/login",
        "shop.test/u/ann%40x.org/orders#top": "shop.test/u/*/orders",
        "https://shop.test/call/+1-415-555-0101": "shop.test/call/*",
        "https://shop.test/products/sku-0042;jsessionid=0123456789abcdef": "shop.test/products/sku-0042",
        "https://shop.test/reset/9f86d081884c7d659a2feaa0": "shop.test/reset/*",
    }
    rows = [f"e{n},web,v1,7,2024-01-01,login,D-{n},{url},mail-ann@x.org,s1" for n, url in enumerate(pages)]
    rows.append("e9,,anonymous,,2024-01-01,page_view,00000000-0000-0000-0000-000000000000,,spring,")
    house.put("site/e.csv", head + "\n".join(rows) + "\n")
    house.ingest()
    raw = house.raw("canonical__event").sort("event_id")
    assert raw["url"].to_list() == [*pages.values(), None]
    assert raw["utm_campaign"].to_list() == ["*"] * len(pages) + ["spring"]
    first, last = raw.row(0, named=True), raw.row(-1, named=True)
    assert first["anonymous_id_key"] == key(house.settings, "anonymous_id", "v1")
    assert first["device_key"] == key(house.settings, "device_id", "D-0")
    assert first["source_customer_id_key"] == key(house.settings, "web:account", "7")
    assert (last["anonymous_id_key"], last["anonymous_id_status"]) == (None, "blocked")
    assert (last["device_key"], last["device_status"]) == (None, "blocked")
    assert not [text for text in raw.select(pl.col(pl.String)).to_series().to_list() if "@" in (text or "")]
    told = b"".join(path.read_bytes() for path in house.settings.raw_dir.rglob("*") if path.is_file())
    assert b"ann@" not in told


def test_masked_keys_still_tell_records_apart(house) -> None:
    rows = "".join(f"t**{i},masked,t**{i}@x.org\n" for i in range(3))
    house.put("crm/c.csv", "source_customer_id,buyer_key_kind,email\n" + rows + rows)
    house.ingest()
    assert house.counts("crm/c.csv") == (6, 3, 0, 3)
    raw = house.raw("canonical__source_customer")
    assert raw["source_customer_id_key"].null_count() == 3
    assert raw["record_key"].n_unique() == 3
    assert not any("*" in name for name in raw["record_key"].to_list())


def test_columns_of_one_type_that_mostly_agree_are_still_told_apart(house, texts) -> None:
    header = texts.header + ",Shipping Phone,Phone,Shipping Name"
    rows = []
    for i in range(9):
        own, shipping, contact = f"+1415555{i:04}", f"+1415555{i:04}", f"+1415555{i:04}"
        if i == 3:
            shipping = "+14155559993"
        if i in {3, 5}:
            contact = f"+1415555888{i}"
        if i == 7:
            shipping, contact = "", "415****0107"
        rows.append(texts.order(i, phone=own) + f",{shipping},{contact},Ann Lee{i % 2}")
    house.put("web/o.csv", "\n".join((header, *rows)) + "\n", DECLARED)
    house.ingest()
    raw = house.raw("shopify__orders")
    for i, row in enumerate(raw.iter_rows(named=True)):
        cells = rows[i].split(",")
        for name, text in (("billing_phone", cells[16]), ("shipping_phone", cells[18]), ("phone", cells[19])):
            expected = key(house.settings, "phone", text) if text.startswith("+") else None
            assert row[f"{name}_key"] == expected, (i, name)
            assert row[f"{name}_status"] == ("valid" if expected else "masked" if text else "missing")
        assert row["shipping_name_key"] == key(house.settings, "name", f"ann lee{i % 2}")


def test_old_customer_exports_are_keyed_by_what_they_have(house) -> None:
    header = "First Name,Last Name,Email,Phone,Accepts Marketing,Total Spent,Total Orders,Tags\n"
    rows = "Ann,Lee,ann@shop.test.org,,yes,10.00,1,\nBob,Ray,,+14155550102,no,5.00,1,\nNo,Body,,,no,0,0,\n"
    house.put("web/c.csv", header + rows)
    house.ingest()
    raw = house.raw("shopify__customers")
    assert raw["record_key"].to_list() == [raw["email_key"][0], raw["phone_key"][1]]
    assert house.quarantine() == [(4, "customer_id", "KEY_MISSING")]


def test_no_clear_identifier_outside_vault_quarantine_and_landing(house, texts) -> None:
    canaries = {"email": "canary@shop.test.org", "phone": "+14155550199", "person": "Canary Birdwhistle"}
    rows = [texts.order(1, **canaries), texts.order(2, total="canary@shop.test.org", **canaries)]
    rows += [texts.order(i, total="415-555-0199", **canaries) for i in range(3, 40)]
    house.put("web/o.csv", texts.shopify(rows[0]))
    house.put("web/p.csv", texts.shopify(*rows))
    house.put("crm/c.csv", CUSTOMERS.replace("Ann@Shop.Test.org", canaries["email"]).replace("c1", "x-canary-1"))
    report = house.ingest()
    assert report.refused
    told = str(report) + str(house.book().rows())
    allowed = {house.settings.landing_dir, house.settings.vault_dir, house.settings.quarantine_dir}
    for path in house.settings.home.rglob("*"):
        if path.is_file() and not any(path.is_relative_to(folder) for folder in allowed):
            told += path.read_bytes().decode("latin-1")
    raw = [house.raw(name) for name in ("shopify__orders", "canonical__source_customer")]
    told += "".join(str(frame.rows()) for frame in raw)
    for canary in ("canary@", "4155550199", "415-555-0199", "birdwhistle", "x-canary"):
        assert canary not in told.lower()
