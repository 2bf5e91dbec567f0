"""Normal forms and statuses of telephone numbers, e-mail addresses and ids."""

from __future__ import annotations

import hashlib

import polars as pl
import pytest

from pipelines.channels.identifier_types import IdentifierType, load_rules, parse_rules
from pipelines.channels.identifiers import STATUSES, normalise, phone_mask, sha256_hex


def judged(id_type: str, *values: str | None, region: str = "CN") -> dict[str | None, tuple[str | None, str]]:
    frame = normalise(id_type, pl.Series(values, dtype=pl.String), region)
    assert set(frame["status"]) <= set(STATUSES)
    return {original: (form, status) for original, form, status in frame.iter_rows()}


@pytest.mark.parametrize(
    "written",
    [
        "13812345678", " 138 1234 5678 ", "138-1234-5678", "+86 138 1234 5678", "+86-138-1234-5678", "8613812345678",
        "008613812345678", "0138 1234 5678", "１３８１２３４５６７８",
        "００８６１３８１２３４５６７８", "'13812345678", '="13812345678"',
        "\t13812345678", "(138)12345678",
    ],
)  # fmt: skip
def test_every_way_of_writing_a_home_mobile_is_one_number(written: str) -> None:
    assert judged("phone", written)[written] == ("+8613812345678", "valid")


@pytest.mark.parametrize(
    ("written", "region", "form"),
    [
        ("+44 20 7946 0018", "CN", "+442079460018"),
        ("0044 20 7946 0018", "CN", "+442079460018"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("010-62345678", "CN", "+861062345678"),
        ("+1 (415) 555-2671", "CN", "+14155552671"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("+86 13812345678", "US", "+8613812345678"),
    ],
)
def test_numbers_of_the_world_are_e164(written: str, region: str, form: str) -> None:
    assert judged("phone", written, region=region)[written] == (form, "valid")


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("138****1234", "masked"), ("138xxxx1234", "masked"), ("＊＊＊＊", "masked"), ("~AgAAAAKx8shm~0~", "masked"),
        ("17105260225-5326", "virtual"), ("13812345678转1234", "virtual"), ("13812345678 ext. 123", "virtual"),
        ("13800138000", "blocked"), ("11111111111", "blocked"), ("0", "blocked"), ("13000000000", "blocked"),
        ("12345678901", "blocked"), ("12345", "invalid"), ("call me", "invalid"),
        ("13812345678/13912345678", "invalid"),
        ("", "missing"), ("null", "missing"), ("N/A", "missing"), (None, "missing"), ("-", "missing"),
    ],
)  # fmt: skip
def test_what_identifies_nobody_says_why(written: str | None, status: str) -> None:
    assert judged("phone", written)[written] == (None, status)


def test_prefixes_of_virtual_operators_prove_nothing() -> None:
    assert judged("phone", "17012345678", "16212345678") == {
        "17012345678": ("+8617012345678", "valid"),
        "16212345678": ("+8616212345678", "valid"),
    }


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("A.B+c@Gmail.com", "ab@gmail.com"),
        ("ab@googlemail.com", "ab@gmail.com"),
        ("x.y+tag@outlook.com", "x.y@outlook.com"),
        ("x.y+tag@163.com", "x.y+tag@163.com"),
        ("Foo <foo@bar.org>", "foo@bar.org"),
        ("mailto:zz@yy.de", "zz@yy.de"),
        (" ＦＯＯ＠ｂａｒ．ｏｒｇ ", "foo@bar.org"),
        ("jürgen@müller.de", "jürgen@müller.de"),
    ],
)
def test_mail_addresses(written: str, form: str) -> None:
    assert judged("email", written)[written] == (form, "valid")


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("test@test.com", "blocked"), ("none@none.com", "blocked"), ("noreply@shop.com", "blocked"),
        ("123@qq.com", "blocked"), ("admin@admin.com", "blocked"), ("j***@qq.com", "masked"), ("a b@c.de", "invalid"),
        ("foo@bar", "invalid"), ("@bar.de", "invalid"), ("none", "missing"),
    ],
)  # fmt: skip
def test_mail_addresses_of_nobody(written: str, status: str) -> None:
    assert judged("email", written)[written] == (None, status)


def test_member_numbers_lose_spaces_and_hyphens_and_other_ids_stay() -> None:
    assert judged("member_no", "m-12 3", "0000", "12**34") == {
        "m-12 3": ("M123", "valid"), "0000": (None, "blocked"), "12**34": (None, "masked"),
    }  # fmt: skip
    assert judged("web:account", " Ab-1 ") == {" Ab-1 ": ("Ab-1", "valid")}


def test_one_row_per_distinct_value() -> None:
    frame = normalise("phone", pl.Series(["13812345678"] * 3 + [None, None]))
    assert frame.height == 2
    assert normalise("phone", pl.Series([], dtype=pl.String)).height == 0


def test_hash_is_sha256_of_the_normal_form() -> None:
    digest = hashlib.sha256(b"+8613812345678").hexdigest()
    assert sha256_hex(pl.Series(["+8613812345678"])).to_list() == [digest]


def test_masks_keep_three_and_four_digits() -> None:
    values = ["138****1234", "+86 138****1234", "138xxxx1234", "13812345678", "1**1"]
    masks = pl.select(phone_mask(pl.lit(pl.Series(values)))).to_series().to_list()
    assert masks == ["138*1234", "138*1234", "138*1234", None, None]


def test_the_seed_is_complete_and_bad_seeds_are_named() -> None:
    types = load_rules().types
    assert {"member_no", "wechat_unionid", "shop_buyer_uid", "email", "phone", "device_id", "account"} <= set(types)
    assert [types[name].limit for name in ("member_no", "wechat_unionid", "shop_buyer_uid")] == [1, 1, 1]
    with pytest.raises(ValueError, match=r"thing.*scope"):
        parse_rules("types: {thing: {scope: universe, strength: personal, priority: 1}}")
    with pytest.raises(ValueError, match=r"thing.*colour"):
        parse_rules("types: {thing: {scope: global, strength: personal, priority: 1, colour: red}}")
    with pytest.raises(ValueError, match="at least 1"):
        IdentifierType("x", "global", "personal", 1, hub_limit=0)
