"""The account book: what was read of every file, and what it says about how far the data goes.

Lives here: the book, the quarantine and the default as-of day, all read from the entries on disk.
Stays out: writing entries (`store`, `run`).

For every file and in sum: read = accepted + quarantined + duplicate, in rows and in money. A file with the same bytes
as another is a line of its own, all of it duplicate. Money is the amount that the format's table books, as far as it
could be read.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.channels.registry import raw_table
from pipelines.contracts.errors import CawError
from pipelines.contracts.money import from_units
from pipelines.contracts.settings import Settings
from pipelines.ingest.store import QUARANTINE, Entry, entries

COUNTS = ("read", "accepted", "quarantined", "duplicate")
BOOK = pl.Schema(
    {
        "source_system": pl.String(),
        "channel": pl.String(),
        "adapter": pl.String(),
        "raw_table": pl.String(),
        "source_file": pl.String(),
        "file_sha256": pl.String(),
        "bytes": pl.Int64(),
        "encoding": pl.String(),
        "outcome": pl.String(),  # accepted, refused, replayed
        "code": pl.String(),
        "reason": pl.String(),
        **{f"{name}_n": pl.Int64() for name in COUNTS},
        "currency": pl.String(),
        **{f"money_{name}": pl.Decimal(18, 4) for name in COUNTS},
        "first_event_at": pl.Datetime("us"),
        "last_event_at": pl.Datetime("us"),
        "extract_on": pl.Date(),
        "warnings": pl.String(),
    }
)
"""One row per file. `code` and `reason` say why it was refused or is a copy; `warnings` are joined by semicolons."""


class NoDataError(CawError):
    """Nothing has been ingested that has a date."""


def account_book(settings: Settings) -> pl.DataFrame:
    """The book (`BOOK`), sorted by source and file."""
    rows = [row for _, entry in entries(settings) for row in _lines(entry)]
    if not rows:
        return pl.DataFrame(schema=BOOK)
    frame = pl.DataFrame(rows, infer_schema_length=None)
    money = [from_units(pl.col(f"money_{name}").cast(pl.Int64)).alias(f"money_{name}") for name in COUNTS]
    times = [pl.col(name).cast(pl.String).str.to_datetime(time_unit="us", strict=False) for name in _TIMES]
    days = pl.col("extract_on").cast(pl.String).str.to_date(strict=False)
    return frame.with_columns(*money, *times, days).select(BOOK.names()).cast(BOOK).sort("source_system", "source_file")


_TIMES = ("first_event_at", "last_event_at")


def _lines(entry: Entry) -> list[dict[str, Any]]:
    """The file's line, and one for each copy of it."""
    own = {name: getattr(entry, name) for name in BOOK.names() if name != "warnings"}
    own["warnings"] = "; ".join(entry.warnings) or None
    copies = []
    for name in entry.copies:
        copy = dict(own, source_file=name, outcome="replayed", code="SAME_BYTES", warnings=None)
        copy["reason"] = f"SAME_BYTES: the same bytes as {entry.source_file}"
        copy |= {"accepted_n": 0, "quarantined_n": 0, "duplicate_n": entry.read_n}
        copy |= {"money_accepted": 0, "money_quarantined": 0, "money_duplicate": entry.money_read}
        copies.append(copy)
    return [own, *copies]


def quarantined_rows(settings: Settings) -> pl.DataFrame:
    """Rows in quarantine without their text: source_system, raw_table, source_file, source_row, column, reason.

    Copies of a file and files that were refused before their rows were read have none.
    """
    names = ["source_system", "raw_table", "source_file", "source_row", "column", "reason"]
    booked = {entry.file_sha256 for _, entry in entries(settings)}
    paths = [path for path in sorted(settings.quarantine_dir.glob("*/*/*.parquet")) if path.stem in booked]
    if not paths:
        return pl.DataFrame(schema=QUARANTINE).select(names)
    return pl.read_parquet(paths, columns=names).sort("source_system", "source_file", "source_row")


def default_as_of(settings: Settings) -> date:
    """The last complete business day in the data: of all sources the latest.

    That is the day declared as `complete_to`, else the day before a declared extract, else the day before the last
    event. Plans and price lists do not count. NoDataError without data.
    """
    days = [day for _, entry in entries(settings) if (day := _last_complete_day(entry)) is not None]
    if not days:
        raise NoDataError(
            "Nothing with a date has been ingested.", "Put exports into landing/<source>/, or say --as-of."
        )
    return max(days)


def currency_of_exports(settings: Settings) -> str | None:
    """The one currency of all exports with dated activity; None when there are several, or none."""
    found = {entry.currency for _, entry in entries(settings) if _last_complete_day(entry) and entry.currency}
    return found.pop() if len(found) == 1 and "mixed" not in found else None


def _last_complete_day(entry: Entry) -> date | None:
    if entry.is_refused or entry.raw_table is None or entry.last_event_on is None:
        return None
    try:
        if not raw_table(entry.raw_table).dates_activity:
            return None
    except KeyError:
        return None
    if entry.complete_to is not None:
        return date.fromisoformat(entry.complete_to)
    last = date.fromisoformat(entry.extract_on or entry.last_event_on)
    return last - timedelta(days=1)
