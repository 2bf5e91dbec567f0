"""Why a row or a file was not taken: reason codes, and the errors that carry them.

Lives here: every reason code with its meaning, the refusal of a file, and how a bad value may be shown.
Stays out: finding what is wrong (`cells`, `structure`, `header`, `container`).

No message here ever contains a direct identifier: a value is shown only when it is made of the characters of numbers
and dates and is no telephone number; otherwise its shape is shown (letters as x, digits as 9).
"""

from __future__ import annotations

import re
from enum import StrEnum

from pipelines.contracts.errors import CawError, ExitCode


class RowReason(StrEnum):
    """Why a row is in quarantine."""

    FIELD_COUNT = "FIELD_COUNT"  # more or fewer fields than the header
    UNTERMINATED_QUOTE = "UNTERMINATED_QUOTE"  # a quotation mark is opened and not closed on the row
    BAD_QUOTES = "BAD_QUOTES"  # text follows the closing quotation mark of a field
    BAD_CHARACTER = "BAD_CHARACTER"  # a NUL byte
    BAD_VALUE = "BAD_VALUE"  # not a number, date, time, flag or code of the column
    BAD_ENUM = "BAD_ENUM"  # not one of the column's values
    MISSING_REQUIRED = "MISSING_REQUIRED"  # a column that must have a value is blank
    KEY_MISSING = "KEY_MISSING"  # a column of the record's key is blank
    AMOUNT_RANGE = "AMOUNT_RANGE"  # a number too large to be an amount of money or goods
    FUTURE_DATE = "FUTURE_DATE"  # an event more than a day after the extract that states it
    HEAD_MISSING = "HEAD_MISSING"  # following lines of an order whose first line is not in the file
    RECORD_CONFLICT = "RECORD_CONFLICT"  # one file states the same order twice, differently
    RECORD_BROKEN = "RECORD_BROKEN"  # another row of the same record is in quarantine


class FileReason(StrEnum):
    """Why a file is refused as a whole."""

    EMPTY_FILE = "EMPTY_FILE"
    TRUNCATED = "TRUNCATED"
    BAD_CONTAINER = "BAD_CONTAINER"
    BAD_ENCODING = "BAD_ENCODING"
    UNKNOWN_HEADER = "UNKNOWN_HEADER"
    SCHEMA_DRIFT = "SCHEMA_DRIFT"
    NOT_REGULAR = "NOT_REGULAR"
    NO_SOURCE = "NO_SOURCE"
    TOO_LARGE = "TOO_LARGE"
    TOO_MANY_BAD_ROWS = "TOO_MANY_BAD_ROWS"


class SourceError(CawError):
    """A `_source.yml`, or the name of a source's folder, cannot be used."""

    exit_code = ExitCode.USAGE


class FileRefusedError(CawError):
    """A file that cannot be taken as a whole; `code` is its reason."""

    exit_code = ExitCode.INPUT_REFUSED

    def __init__(self, code: FileReason, message: str, fix: str | None = None, line: int | None = None) -> None:
        super().__init__(f"{code.value}: {message}", fix)
        self.code = code
        self.line = line


_PLAIN = re.compile(r"[-+0-9.,:;/%$€£¥()' TZe]{1,32}")
_DIGITS = re.compile(r"\D+")


def shown(value: str | None, identifier: str | None = None) -> str:
    """A bad value as a message may show it."""
    if value is None or value == "":
        return "blank"
    if identifier:
        return f"<{identifier.split(':')[0]}>"
    if _PLAIN.fullmatch(value) and len(_DIGITS.sub("", value.split(".")[0])) < 9:
        return repr(value)
    shape = re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", value[:40]))
    return f"text shaped {shape!r}" + (" …" if len(value) > 40 else "")
