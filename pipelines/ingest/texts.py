"""Texts: what one cell says, exactly, for the spellings that the fast expressions do not take.

Lives here: plain functions from a text to a canonical text, or to the reason why it cannot be: numbers with currency
signs, grouping, brackets, full-width digits; days and times in the spellings of exports; flags.
Stays out: columns (`cells`), which hand over distinct leftovers only.

Numbers are never rounded on reading: more decimals than the column holds are BAD_VALUE, unless they are zeros. Rates
alone are rounded, half away from zero, at six decimals.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from pipelines.ingest.errors import RowReason

Parsed = tuple[str | None, RowReason | None]
"""A canonical text (null when the cell says there is nothing), or the reason of failure."""

ABSENT = frozenset({"", "-", "--", "—", "null", "none", "n/a", "na", "#n/a", "nil", "无"})
"""Texts that say that there is no number, day or flag. NaN is none of them: it is BAD_VALUE."""

MONEY_DIGITS, MONEY_DECIMALS = 11, 4
QUANTITY_DIGITS, QUANTITY_DECIMALS = 9, 6
RATE_DIGITS, RATE_DECIMALS = 4, 6
"""Digits before and after the decimal mark that a value may have; more digits before it are AMOUNT_RANGE."""

FIRST_YEAR, LAST_YEAR = 1990, 2100
FIRST_BIRTH_YEAR = 1900

_CURRENCY = re.compile(
    r"^(?:[a-z]{0,3}[$€£¥₩₹]|rmb|cny|usd|eur|gbp|jpy|hkd)\s*(?=[\d.,(+-])|\s*(?:元|圆|块|[$€£¥₩₹]|rmb|cny|usd|eur)$",
    re.I,
)
_ARMOUR = re.compile(r'^="(.*)"$')
_THIN_GROUPS = re.compile(r"(?<=\d)[\s'’](?=\d{3})")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+")


def plain(text: str) -> str:
    """NFKC, trimmed, out of spreadsheet armour (`="…"`, a leading apostrophe)."""
    tidy = unicodedata.normalize("NFKC", text).strip()
    return _ARMOUR.sub(r"\1", tidy).lstrip("'").strip()


def number(text: str, digits: int, decimals: int, mark: str = ".", may_round: bool = False) -> Parsed:
    """A number of at most `digits` before and `decimals` after the decimal `mark`, as plain decimal text."""
    tidy = plain(text)
    if tidy.casefold() in ABSENT:
        return None, None
    sign, tidy = _sign(tidy)
    bare = _CURRENCY.sub("", _CURRENCY.sub("", tidy)).strip()
    if bare != tidy and sign == 1:
        sign, bare = _sign(bare)
    percent = bare.endswith("%") and may_round
    tidy = bare.removesuffix("%" if percent else "").strip()
    if mark == ",":
        tidy = tidy.translate(str.maketrans(",.", ".,"))
    tidy = _THIN_GROUPS.sub(",", tidy)
    if not _GROUPED.fullmatch(tidy) or not tidy.isascii():
        return None, RowReason.BAD_VALUE
    whole, _, fraction = tidy.replace(",", "").partition(".")
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    if len(whole) > digits:
        return None, RowReason.AMOUNT_RANGE
    value = Decimal(f"{whole}.{fraction or 0}") / (100 if percent else 1)
    if may_round:
        value = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    elif len(fraction) > decimals:
        return None, RowReason.BAD_VALUE
    return f"{value * sign:f}", None


def _sign(text: str) -> tuple[int, str]:
    """The sign of a number and the number without it: -1, −1, 1-, (1)."""
    tidy = text.replace("−", "-").replace("–", "-").strip()
    if tidy.startswith("(") and tidy.endswith(")"):
        return -1, tidy[1:-1].strip()
    if tidy.startswith("-"):
        return -1, tidy[1:].strip()
    if tidy.endswith("-") and tidy[:-1].strip()[-1:].isdigit():
        return -1, tidy[:-1].strip()
    return 1, tidy.removeprefix("+").strip()


def integer(text: str, mark: str = ".") -> Parsed:
    """A whole number; `12.0` and `1,200` are ones."""
    value, reason = number(text, 17, 0, mark)
    return value, reason


_FLAGS = {
    **dict.fromkeys(("yes", "y", "true", "t", "1", "on", "是", "有", "手机订单"), "true"),
    **dict.fromkeys(("no", "n", "false", "f", "0", "off", "否"), "false"),
}


def flag(text: str) -> Parsed:
    """`true` or `false` for the usual words."""
    tidy = plain(text).casefold()
    if tidy in _FLAGS:
        return _FLAGS[tidy], None
    return (None, None) if tidy in ABSENT else (None, RowReason.BAD_VALUE)


_YEAR_FIRST = r"(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?"
_COMPACT = r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})"
_MONTH_FIRST = r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}|\d{2})"
_DAY_FIRST = r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4}|\d{2})"
_DOTTED = r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})"
_CLOCK = (
    r"(?P<H>\d{1,2})[:时](?P<M>\d{1,2})分?(?:[:]?(?P<S>\d{1,2})秒?(?:[.,](?P<f>\d{1,9}))?)?\s*(?P<half>[ap]\.?m\.?)?"
)
_OFFSET = r"(?P<offset>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?"


def moment(text: str, date_order: str | None = None) -> tuple[str | None, bool, RowReason | None]:
    """A time as ISO text to the microsecond, whether it is UTC already (an offset was stated), or the reason.

    A day alone is its midnight. Days that do not start with the year are read only in the order the format declares
    (dots mean day first). Years outside 1990 to 2100 are BAD_VALUE.
    """
    tidy = plain(text)
    if tidy.casefold() in ABSENT:
        return None, False, None
    days = [_YEAR_FIRST, _COMPACT, _DOTTED]
    days += {"mdy": [_MONTH_FIRST], "dmy": [_DAY_FIRST]}.get(date_order or "", [])
    for day in days:
        found = re.fullmatch(rf"{day}(?:[T\s]\s*{_CLOCK}\s*{_OFFSET})?", tidy, re.I)
        if found:
            return _moment(found.groupdict())
    return None, False, RowReason.BAD_VALUE


def _moment(parts: dict[str, str | None]) -> tuple[str | None, bool, RowReason | None]:
    year = int(parts["y"] or 0)
    hour = int(parts["H"] or 0)
    half = (parts["half"] or "").replace(".", "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None, False, RowReason.BAD_VALUE
        hour = hour % 12 + (12 if half == "pm" else 0)
    micros = int((parts["f"] or "0").ljust(6, "0")[:6])
    try:
        read = datetime(  # noqa: DTZ001  local time of the source; the zone is applied to the column
            year + 2000 if len(parts["y"] or "") == 2 else year,
            int(parts["m"] or 0),
            int(parts["d"] or 0),
            hour,
            int(parts["M"] or 0),
            int(parts["S"] or 0),
            micros,
        )
        is_utc = parts["offset"] is not None
        if is_utc:
            read -= _offset(parts["offset"] or "")
    except (ValueError, OverflowError):
        return None, False, RowReason.BAD_VALUE
    if not FIRST_YEAR <= read.year < LAST_YEAR:
        return None, False, RowReason.BAD_VALUE
    return read.isoformat(timespec="microseconds"), is_utc, None


def _offset(text: str) -> timedelta:
    if text.upper() in {"Z", "UTC", "GMT"}:
        return timedelta()
    digits = re.sub(r"\D", "", text).ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if size > timedelta(hours=15):
        raise ValueError("no such offset")
    return -size if text.startswith("-") else size


def day(text: str, date_order: str | None = None, first_year: int = FIRST_YEAR) -> Parsed:
    """A day as ISO text; a time beside it is dropped."""
    tidy = plain(text)
    if tidy.casefold() in ABSENT:
        return None, None
    if first_year < FIRST_YEAR and (found := re.fullmatch(_YEAR_FIRST, tidy)):
        try:
            read = date(int(found["y"]), int(found["m"]), int(found["d"]))
        except ValueError:
            return None, RowReason.BAD_VALUE
        return (read.isoformat(), None) if first_year <= read.year < LAST_YEAR else (None, RowReason.BAD_VALUE)
    value, _, reason = moment(text, date_order)
    return (value[:10] if value else None), reason


MIDNIGHT_OF_NO_DAY = datetime(1970, 1, 1, tzinfo=UTC)
"""When undated rows of sources without an extract date count as known: ever since."""
