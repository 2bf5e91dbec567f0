"""Texts: numbers, times and flags are read exactly or refused with a reason; nothing is rounded or guessed."""

from __future__ import annotations

import pytest

from pipelines.ingest import RowReason
from pipelines.ingest.texts import day, flag, integer, moment, number

BAD, RANGE = RowReason.BAD_VALUE, RowReason.AMOUNT_RANGE


def money(text: str, mark: str = ".") -> str | RowReason | None:
    value, reason = number(text, 11, 4, mark)
    return reason or value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.50", "12.5"), ("-0.5", "-0.5"), (".5", "0.5"), ("0012", "12.0"), ("1.23000000", "1.23"),
        ("$1,240.00", "1240.0"), ("(12.00)", "-12.0"), ("($1,200.50)", "-1200.5"), ("-$5", "-5.0"), ("$-5", "-5.0"),
        ("12-", "-12.0"), ("−3", "-3.0"), ("+3", "3.0"), ("US$5", "5.0"), ("5 USD", "5.0"), ("12.5元", "12.5"),
        ("￥１２３．４", "123.4"), ("'12", "12.0"), ('="12.30"', "12.3"), ("\t5 ", "5.0"), ("1 240.00", "1240.0"),
        ("1'240.00", "1240.0"), ("", None), ("-", None), ("null", None),
    ],
)  # fmt: skip
def test_amounts_as_exports_spell_them(text: str, value: str | None) -> None:
    assert money(text) == value


@pytest.mark.parametrize(
    "text",
    ["12;50", "1,5", "12,34,567", "1.2.3", "12O.5", "--5", "+-5", "-(5)", "1e5", "1e400", "inf", "NaN", "12 50",
     "1.23456", "twelve", "٣", "0x10", "1_000", "5%"],
)  # fmt: skip
def test_amounts_that_are_none_are_refused(text: str) -> None:
    assert money(text) is BAD


def test_amounts_out_of_range_have_their_own_reason() -> None:
    assert money("99999999999.9999") == "99999999999.9999"
    assert money("100000000000") is RANGE
    assert number("1234567890", 9, 6)[1] is RANGE


@pytest.mark.parametrize(("text", "value"), [("1.234,56", "1234.56"), ("1.234.567,5", "1234567.5"), ("12,5", "12.5")])
def test_a_declared_decimal_comma(text: str, value: str) -> None:
    assert money(text, ",") == value


def test_a_decimal_comma_is_never_guessed() -> None:
    assert money("1.234,56") is BAD
    assert money("12.50", ",") is BAD


def test_rates_are_rounded_half_away_from_zero_at_six_decimals() -> None:
    assert number("0.0067125", 4, 6, may_round=True) == ("0.006713", None)
    assert number("2.6%", 4, 6, may_round=True) == ("0.026000", None)


def test_whole_numbers() -> None:
    assert integer("1,200") == ("1200.0", None)
    assert integer("1.5")[1] is BAD


@pytest.mark.parametrize(("text", "value"), [("Yes", "true"), ("否", "false"), ("0", "false"), ("", None)])
def test_flags(text: str, value: str | None) -> None:
    assert flag(text) == (value, None)


def test_a_flag_that_is_none_is_refused() -> None:
    assert flag("maybe")[1] is BAD


@pytest.mark.parametrize(
    ("text", "stamp", "is_utc"),
    [
        ("2024-01-05 10:11:12 +0800", "2024-01-05T02:11:12.000000", True),
        ("2024-01-05T10:11:12Z", "2024-01-05T10:11:12.000000", True),
        ("2024-01-05T10:11:12.5-05:30", "2024-01-05T15:41:12.500000", True),
        ("2024/1/5 9:05", "2024-01-05T09:05:00.000000", False),
        ("2024年1月5日", "2024-01-05T00:00:00.000000", False),
        ("20240105", "2024-01-05T00:00:00.000000", False),
        ("5.1.2024", "2024-01-05T00:00:00.000000", False),
        ("2024-01-05 1:05 PM", "2024-01-05T13:05:00.000000", False),
        ("2024-01-05 12:00 am", "2024-01-05T00:00:00.000000", False),
    ],
)
def test_times_as_exports_spell_them(text: str, stamp: str, is_utc: bool) -> None:
    assert moment(text) == (stamp, is_utc, None)


@pytest.mark.parametrize(
    "text",
    ["2024-02-30", "2024-13-01", "2024-01-05 25:00", "1/5/2024", "0024-01-01", "2240-01-01", "1704448872",
     "2024-01-05 13:00 pm", "2024-01-05T10:00:00+19:00", "yesterday", "45296.4"],
)  # fmt: skip
def test_times_that_are_none_are_refused(text: str) -> None:
    assert moment(text)[2] is BAD


def test_the_order_of_day_and_month_is_the_formats() -> None:
    assert moment("1/5/24", "mdy")[0] == "2024-01-05T00:00:00.000000"
    assert moment("1/5/24", "dmy")[0] == "2024-05-01T00:00:00.000000"


def test_days() -> None:
    assert day("2024-01-05 23:59:59") == ("2024-01-05", None)
    assert day("1947-06-30", first_year=1900) == ("1947-06-30", None)
    assert day("1947-06-30")[1] is BAD
    assert day("1850-06-30", first_year=1900)[1] is BAD
    assert day("2025-02-30", first_year=1900)[1] is BAD
