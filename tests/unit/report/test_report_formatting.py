"""Figures are written for people: signs, thousands, half-even, and no rate rounded into a lie."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from pipelines.report import formatting as fmt


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (Decimal("1234.5"), 0, "$1,234"),
        (Decimal("1235.5"), 0, "$1,236"),
        (Decimal("0.125"), 2, "$0.12"),
        (Decimal("-1234567.891"), 2, "−$1,234,567.89"),
        (Decimal("-0.2"), 0, "$0"),
        (None, 0, "unknown"),
    ],
)
def test_money_is_rounded_half_even_with_a_true_minus(value: Decimal | None, places: int, text: str) -> None:
    assert fmt.money(value, "USD", places) == text


@pytest.mark.parametrize(
    ("currency", "text"), [("EUR", "€12.34"), ("CHF", "CHF\u202f12.34"), ("JPY", "¥12"), ("CNY", "CN¥12.34")]
)
def test_money_carries_the_sign_of_its_currency(currency: str, text: str) -> None:
    assert fmt.money(Decimal("12.34"), currency, 2) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1240000"), "$1.24M"),
        (Decimal("999600"), "$1M"),
        (Decimal("999400"), "$999k"),
        (Decimal("310499"), "$310k"),
        (Decimal("-52000"), "−$52k"),
        (Decimal("4200000000"), "$4.2B"),
        (Decimal("42"), "$42.00"),
        (Decimal(0), "$0"),
    ],
)
def test_compact_money_has_three_digits(value: Decimal, text: str) -> None:
    assert fmt.compact_money(value, "USD") == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (Decimal("0.123449"), "12.3%"),
        (Decimal("0.99999"), "99.9%"),
        (Decimal("0.00001"), "<0.1%"),
        (Decimal(1), "100%"),
        (Decimal(0), "0%"),
        (Decimal("-0.071"), "−7.1%"),
        (Decimal("1.05"), "105.0%"),
        (None, "unknown"),
    ],
)
def test_a_percentage_is_never_rounded_to_all_or_nothing(rate: Decimal | None, text: str) -> None:
    assert fmt.percent(rate) == text


def test_change_is_not_told_where_it_has_no_meaning() -> None:
    assert fmt.change(Decimal(112), Decimal(100)) == "+12.0%"
    assert fmt.change(Decimal(96), Decimal(100)) == "−4.0%"
    assert fmt.change(Decimal(100), Decimal(100)) == "±0.0%"
    assert fmt.change(Decimal(5), Decimal(0)) is None
    assert fmt.change(Decimal(5), Decimal(-3)) is None
    assert fmt.change(None, Decimal(3)) is None


def test_words() -> None:
    assert fmt.title("at_risk") == "At risk"
    assert fmt.listing(["a", "b", "c"]) == "a, b and c"
    assert fmt.listing(["a"]) == "a"
    assert fmt.counted(1, "file") == "1 file"
    assert fmt.counted(1200, "file") == "1,200 files"
    assert fmt.day(date(2026, 6, 3)) == "3 June 2026"
    assert fmt.days(1) == "1 day"
    assert fmt.days(43) == "43 days"
