"""Formatting: how figures are written for people, in one place.

Lives here: money, counts, rates, days and dates as text, rounded half-even at display and nowhere else.
Stays out: HTML (the template escapes), charts, and any arithmetic on the figures themselves.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal

UNKNOWN = "unknown"
MINUS = "\u2212"
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "CN¥", "JPY": "¥", "INR": "₹", "KRW": "₩"}
_WITHOUT_CENTS = frozenset({"JPY", "KRW"})
_STEPS = ((Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k"))

Number = Decimal | int | float


def symbol(currency: str) -> str:
    """The sign in front of an amount: `$` for USD, the code and a narrow space for currencies without a sign."""
    return _SYMBOLS.get(currency, f"{currency}\u202f")


def _exact(value: Number) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _rounded(value: Number, places: int) -> Decimal:
    return _exact(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)


def decimal(value: Number | None, places: int = 0) -> str:
    """A number with thousands separators and a true minus sign; null is "unknown"."""
    if value is None:
        return UNKNOWN
    rounded = _rounded(value, places)
    sign = MINUS if rounded < 0 else ""
    return f"{sign}{abs(rounded):,.{places}f}"


def count(value: int | None) -> str:
    """A count with thousands separators; null is "unknown"."""
    return decimal(value, 0)


def money(value: Number | None, currency: str, places: int = 0) -> str:
    """An amount with its currency sign, rounded half-even to `places` decimals; null is "unknown"."""
    if value is None:
        return UNKNOWN
    text = decimal(value, 0 if currency in _WITHOUT_CENTS else places)
    return f"{MINUS}{symbol(currency)}{text[1:]}" if text.startswith(MINUS) else f"{symbol(currency)}{text}"


def compact_money(value: Number | None, currency: str) -> str:
    """An amount in three significant digits: $1.24M, $310k, $42; null is "unknown"."""
    if value is None:
        return UNKNOWN
    amount = _exact(value)
    sign, size = (MINUS if amount < 0 else ""), abs(amount)
    for step, letter in _STEPS:
        if _rounded(size / step, 3) >= 1:
            return f"{sign}{symbol(currency)}{_three_digits(size / step)}{letter}"
    return money(value, currency, 0 if size >= 100 or size == 0 else 2)


def _three_digits(size: Decimal) -> str:
    places = 2 if size < 10 else 1 if size < 100 else 0
    text = f"{_rounded(size, places):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(value: Number | None, places: int = 1) -> str:
    """A rate from 0 to 1 as a percentage; null is "unknown". Never 100 % or 0 % unless it is exactly that."""
    if value is None:
        return UNKNOWN
    rate = _exact(value)
    shown = _rounded(rate * 100, places)
    edge = Decimal(1).scaleb(-places)
    if shown == 100 and rate < 1:
        return f"{100 - edge:.{places}f}%"
    if rate in (0, 1):
        return f"{rate * 100:.0f}%"
    if shown == 0 and rate > 0:
        return f"<{edge:.{places}f}%"
    return f"{MINUS if shown < 0 else ''}{abs(shown):.{places}f}%"


def change(now: Number | None, before: Number | None) -> str | None:
    """Relative change as +12.3% or −4.0%; None when it cannot be said (missing, or nothing positive before)."""
    if now is None or before is None or _exact(before) <= 0:
        return None
    rate = (_exact(now) - _exact(before)) / _exact(before)
    shown = _rounded(rate * 100, 1)
    return f"{'+' if shown > 0 else MINUS if shown < 0 else '±'}{abs(shown):,.1f}%"


def share(part: Number | None, whole: Number | None) -> Decimal | None:
    """`part` / `whole` for display; None when either is missing or `whole` is 0."""
    if part is None or whole is None or _exact(whole) == 0:
        return None
    return _exact(part) / _exact(whole)


def day(value: date | datetime | None) -> str:
    """30 June 2026; null is "unknown"."""
    if value is None:
        return UNKNOWN
    return f"{value.day} {value:%B %Y}"


def month(value: date | None) -> str:
    """Jun 2026; null is "unknown"."""
    return UNKNOWN if value is None else f"{value:%b %Y}"


def days(value: Number | None) -> str:
    """1 day, 43 days, 12.5 days; null is "unknown"."""
    if value is None:
        return UNKNOWN
    exact = _rounded(value, 1)
    text = decimal(exact, 0 if exact == exact.to_integral_value() else 1)
    return f"{text} day" if exact == 1 else f"{text} days"


def counted(value: int, one: str, many: str | None = None) -> str:
    """1 file, 7 files: a count with its noun."""
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def words(name: str) -> str:
    """A technical name as words: `at_risk` -> "at risk"."""
    return name.replace("_", " ").strip()


def title(name: str) -> str:
    """A technical name as a label: `payment_fee` -> "Payment fee"."""
    text = words(name)
    return text[:1].upper() + text[1:]


def listing(items: list[str]) -> str:
    """a, b and c."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""
