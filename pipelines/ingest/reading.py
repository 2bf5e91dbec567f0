"""Reading: from batches of cells to parts with typed, tokenised columns and a narrow frame for decisions.

Lives here: putting casts and tokens together, keys and times of records, and the problems of single rows.
Stays out: cells (`batches`), casts (`cells`, `times`), what becomes of records (`records`), writing (`store`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.channels.base import RawTable
from pipelines.contracts.columns import DataType
from pipelines.contracts.money import to_units
from pipelines.ingest.batches import Batch, batches, prefetched
from pipelines.ingest.cells import Cast, cast_cells
from pipelines.ingest.columns import constant, replaced
from pipelines.ingest.container import Content
from pipelines.ingest.errors import RowReason
from pipelines.ingest.header import Layout, leading_cells
from pipelines.ingest.records import SLIM
from pipelines.ingest.sources import Source
from pipelines.ingest.structure import CHUNK_BYTES, BadRow
from pipelines.ingest.texts import MIDNIGHT_OF_NO_DAY
from pipelines.ingest.times import day_start, local_day
from pipelines.ingest.tokens import Tokeniser

FUTURE_GRACE = timedelta(days=2)

BAD_ROWS = pl.Schema(
    {
        "source_row": pl.Int64(),
        "column": pl.String(),
        "reason": pl.String(),
        "value": pl.String(),
        "original": pl.String(),
    }
)
"""A row that is bad by itself: its first problem, and the row as it stands in the file."""


@dataclass
class Part:
    """Readable rows of a stretch of the file: typed columns, the narrow frame, and the rows that are bad."""

    columns: pl.DataFrame
    slim: pl.DataFrame
    bad: pl.DataFrame
    unreadable: list[BadRow] = field(default_factory=list)
    size: int = 0


@dataclass
class Reading:
    """What one file needs while it is read; `warnings` fill up on the way."""

    content: Content
    layout: Layout
    source: Source
    tokeniser: Tokeniser
    salt: str
    reporting_zone: str = "UTC"
    extract_on: date | None = None
    warnings: dict[str, int] = field(default_factory=dict)
    row_n: int = 0

    @property
    def table(self) -> RawTable:
        """The raw table that the file feeds."""
        return self.layout.table

    def parts(self) -> Iterator[Part]:
        """The file, part by part."""
        found = batches(self.content, self.layout, self.salt)
        # What is a single batch has nothing to be read ahead.
        is_one = self.content.kind == "text" and not self.content.is_gzip and self.content.size < CHUNK_BYTES
        for batch in found if is_one else prefetched(found):
            if batch.cells.width:
                part = self._part(batch)
            else:
                part = Part(pl.DataFrame(), pl.DataFrame(schema=SLIM), pl.DataFrame(schema=BAD_ROWS))
            part.bad = pl.concat([part.bad, _unreadable(batch.unreadable)])
            part.unreadable, part.size = batch.unreadable, batch.size
            for warning in batch.warnings:
                self.warnings[warning] = 1
            yield part

    def _part(self, batch: Batch) -> Part:
        table, lines, row_hash = self.table, batch.lines, batch.row_hash
        cast = cast_cells(batch.cells, table, self.source)
        is_head = self._heads(cast)
        stand_ins = self.tokeniser.tokenise(cast, table)
        slim = self._slim(cast, stand_ins, lines, row_hash, is_head)
        self._required(cast, is_head, slim["record_key"])
        self._future(cast, slim)
        for text, count in cast.warnings.items():
            self.warnings[text] = self.warnings.get(text, 0) + count
        bad = pl.DataFrame(schema=BAD_ROWS)
        if cast.problems:
            problems = cast.problem_table.unique("row", keep="first", maintain_order=True)
            slim = slim.with_columns(
                is_bad=replaced(slim["is_bad"], problems["row"], constant(True, len(problems), pl.Boolean))
            )
            bad = _bad(problems, lines.gather(problems["row"]), batch)
        own = [column.name for column in table.own_columns]
        frame = pl.DataFrame(cast.columns).select(own).with_columns(lines.alias("source_row"))
        if "op" in cast.columns:
            frame = frame.with_columns(cast.columns["op"].fill_null("upsert").alias("op"))
        self.row_n += slim.height
        return Part(frame, slim, bad)

    def _heads(self, cast: Cast) -> pl.Series:
        """Which rows are the first line of their block; every row where the format knows no such thing."""
        height = len(next(iter(cast.columns.values())))
        is_head = constant(not self.table.head_marks, height, pl.Boolean)
        for name in self.table.head_marks:
            is_head |= cast.columns[name].is_not_null()
        return is_head

    def _slim(
        self, cast: Cast, stand_ins: dict[str, pl.Series], lines: pl.Series, row_hash: pl.Series, is_head: pl.Series
    ) -> pl.DataFrame:
        table, height = self.table, len(lines)
        parts = [stand_ins[name] if name in stand_ins else cast.columns[name].cast(pl.String) for name in table.key]
        nothing = constant(None, height, pl.String)
        money = cast.columns[table.money] if table.money else None
        currency = cast.columns[table.currency] if table.currency else nothing
        frame = pl.DataFrame(
            {
                "row": pl.Series(range(self.row_n, self.row_n + height), dtype=pl.Int64),
                "source_row": lines,
                "record_key": _record_key(parts, table),
                "main_key": parts[0],
                "row_hash": row_hash,
                "is_head": is_head,
                "is_bad": constant(False, height, pl.Boolean),
                **self._dates(cast, height),
                "money": _units(money) if money is not None else nothing.cast(pl.Int64),
                "currency": currency,
            }
        )
        return frame.cast(SLIM)

    def _dates(self, cast: Cast, height: int) -> dict[str, pl.Series]:
        """When it happened and when it was learnt, by the rule of `contracts.shared.KNOWN_AT`."""
        zone = self.source.time_zone or "UTC"
        event_at = constant(None, height, pl.Datetime("us"))
        event_on = constant(None, height, pl.Date)
        if self.table.event is not None:
            own = cast.columns[self.table.event]
            if self.table.field(self.table.event).type is DataType.DATE:
                event_at, event_on = day_start(own, zone), own
            else:
                day_name = self.table.event.removesuffix("_at") + "_on"
                event_at, event_on = own, cast.columns.get(day_name, local_day(own, zone))
        known = cast.columns.get("known_at", event_at.clear().extend_constant(None, height))
        if self.extract_on is not None:
            known = known.fill_null(self._close_of_extract(zone))
        else:
            known = (
                pl.select(pl.coalesce(known, event_at)).to_series().fill_null(MIDNIGHT_OF_NO_DAY.replace(tzinfo=None))
            )
        return {"event_at": event_at, "event_on": event_on, "known_at": known}

    def _close_of_extract(self, zone: str) -> datetime:
        """What an extract drawn on a day states was known at the close of the day before, wherever one looks."""
        assert self.extract_on is not None
        closes = [
            datetime.combine(self.extract_on, time(), ZoneInfo(name)).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
            for name in (zone, self.reporting_zone)
        ]
        return min(closes) - timedelta(microseconds=1)

    def _required(self, cast: Cast, is_head: pl.Series, record_key: pl.Series) -> None:
        """Blame blanks: KEY_MISSING in the record's key, MISSING_REQUIRED elsewhere."""
        table = self.table
        problems = cast.problem_table
        for position, this in enumerate(table.fields):
            if not this.required:
                continue
            if f"{this.name}_status" in cast.columns:
                blank = cast.columns[f"{this.name}_status"] == "missing"
            elif not cast.columns[this.name].null_count():
                continue
            else:
                blank = cast.columns[this.name].is_null()
                unread = problems.filter(pl.col("position") == position)["row"]
                blank = replaced(blank, unread, constant(False, len(unread), pl.Boolean))
            rows = (blank & (is_head if this.head else True)).arg_true()
            reason = RowReason.KEY_MISSING if this.name in table.key else RowReason.MISSING_REQUIRED
            cast.blame(rows, position, this.name, reason, constant(None, len(rows), pl.String))
        keyless = record_key.is_null().arg_true()
        nothing = constant(None, len(keyless), pl.String)
        cast.blame(keyless, len(table.fields), table.key[0], RowReason.KEY_MISSING, nothing)

    def _future(self, cast: Cast, slim: pl.DataFrame) -> None:
        """Blame events that lie beyond the extract that states them."""
        table = self.table
        if self.extract_on is None or table.event is None or not table.dates_activity:
            return
        limit = datetime.combine(self.extract_on, time()) + FUTURE_GRACE
        rows = (slim["event_at"] >= limit).fill_null(False).arg_true()
        position = [f.name for f in table.fields].index(table.event)
        cast.blame(rows, position, table.event, RowReason.FUTURE_DATE, slim["event_at"].gather(rows).cast(pl.String))

    def main_keys(self, unreadable: list[BadRow]) -> set[str]:
        """First parts of record keys that can still be read from damaged rows, so that their records fall with them."""
        main = self.table.field(self.table.key[0])
        place = self.layout.positions.get(main.name)
        if not self.table.block or place is None or main.identifier:
            return set()
        found = set()
        for row in unreadable:
            cells = leading_cells(row.text.encode(), self.layout.delimiter.encode())
            if len(cells) > place and cells[place].strip():
                found.add(cells[place].strip())
        return found


def salt_of(pepper: bytes) -> str:
    """What row hashes start with, so that nobody without the pepper can try out contents."""
    return hmac.new(pepper, b"row hash", hashlib.sha256).hexdigest()


def _bad(problems: pl.DataFrame, at: pl.Series, batch: Batch) -> pl.DataFrame:
    """`BAD_ROWS` of the first problem of each bad row, which stand `at` these lines."""
    texts = batch.original(set(at.to_list()))
    return pl.DataFrame(
        {
            "source_row": at,
            "column": problems["column"],
            "reason": problems["reason"],
            "value": problems["value"],
            "original": [texts.get(row) for row in at.to_list()],
        },
        schema=BAD_ROWS,
    )


def _unreadable(rows: list[BadRow]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "source_row": [row.line for row in rows],
            "column": [None] * len(rows),
            "reason": [row.reason.value for row in rows],
            "value": [None] * len(rows),
            "original": [row.text for row in rows],
        },
        schema=BAD_ROWS,
    )


def _record_key(parts: list[pl.Series], table: RawTable) -> pl.Series:
    """The parts joined by `|` (escaped inside a part); null where a required part is missing."""
    if len(parts) == 1:
        return parts[0].alias("record_key")
    frame = pl.DataFrame({str(i): part for i, part in enumerate(parts)})
    if table.key_any:
        return frame.select(pl.coalesce(pl.all())).to_series().alias("record_key")
    must = [str(i) for i, name in enumerate(table.key) if table.field(name).required]
    escaped = [
        pl.col(name).str.replace_all("\\", "\\\\", literal=True).str.replace_all("|", "\\|", literal=True)
        for name in frame.columns
    ]
    joined = pl.concat_str([part.fill_null("") for part in escaped], separator="|")
    is_whole = pl.all_horizontal(pl.col(name).is_not_null() for name in must) if must else pl.lit(True)
    return frame.select(pl.when(is_whole).then(joined)).to_series().alias("record_key")


def _units(money: pl.Series) -> pl.Series:
    return money.alias("money").to_frame().select(to_units("money")).to_series()
