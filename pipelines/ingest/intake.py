"""Intake of one file: opened, read, judged, and either written or refused as a whole.

Lives here: the steps from a path to a `Judged` file, and committing it to the store.
Stays out: the steps themselves (`container`, `header`, `reading`, `records`, `store`) and the walk over files (`run`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from pipelines.channels.base import RawTable
from pipelines.channels.registry import ADAPTERS
from pipelines.contracts.columns import DataType
from pipelines.contracts.keys import pepper_id
from pipelines.contracts.progress import Progress, Quiet
from pipelines.contracts.settings import Settings
from pipelines.ingest.batches import originals, parquet_headers
from pipelines.ingest.container import Content, inspect, text_head
from pipelines.ingest.errors import FileReason, FileRefusedError, RowReason, shown
from pipelines.ingest.header import Layout, read_header, read_names
from pipelines.ingest.reading import BAD_ROWS, Reading, salt_of
from pipelines.ingest.records import SLIM, decide
from pipelines.ingest.sources import Source
from pipelines.ingest.store import QUARANTINE, Entry, Store
from pipelines.ingest.tokens import KnownTokens, Tokeniser

READER_VERSION = 2
"""Raised when the same bytes would be read differently, so that files are read again."""

HANDFUL = 20
"""So many quarantined rows never refuse a file, whatever their share."""

SHOWN_PROBLEMS = 5
STEP = "ingest"


@dataclass(frozen=True)
class Opened:
    """A file that was recognised: what it is, how its columns map, and its source with defaults filled in."""

    content: Content
    layout: Layout
    source: Source


@dataclass
class Judged:
    """A file that was read: its entry, the fate of every row, and what is to be written."""

    entry: Entry
    opened: Opened
    decided: pl.DataFrame
    quarantine: pl.DataFrame
    vault: pl.DataFrame
    parts: list[pl.DataFrame] | list[Path]


def open_file(path: Path, source: Source) -> Opened:
    """Recognise a file; FileRefusedError says why it cannot be taken."""
    tables = source.tables
    freeze = source.schema_policy == "freeze"
    content = inspect(path, source.encoding, _known_encodings(source), lambda head: _recognises(head, tables))
    if content.kind == "parquet":
        layout = read_names(parquet_headers(content), tables, freeze)
    else:
        layout = read_header(text_head(content), tables, freeze)
    return Opened(content, layout, source.with_defaults(ADAPTERS[layout.table.adapter]))


def _known_encodings(source: Source) -> list[str]:
    adapters = [ADAPTERS[source.adapter]] if source.adapter else list(ADAPTERS.values())
    return sorted({encoding for adapter in adapters for encoding in adapter.encodings})


def _recognises(head: bytes, tables: tuple[RawTable, ...]) -> bool:
    try:
        read_header(head, tables)
    except FileRefusedError:
        return False
    return True


def signature(table: RawTable, source: Source, pepper: bytes, settings: Settings) -> str:
    """Changes whenever the file would be read differently."""
    source = source.with_defaults(ADAPTERS[table.adapter])
    schema = [(column.name, column.type.value) for column in table.table.columns]
    told = (READER_VERSION, table.version, schema, source.signature, pepper_id(pepper), settings.reporting_tz)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def refused_entry(name: str, source: str, size: int, sha256: str, error: FileRefusedError) -> Entry:
    """The entry of a file that is refused before its rows are read."""
    return Entry(source, name, sha256, size, "refused", "", code=error.code.value, reason=str(error))


def judge(
    opened: Opened,
    name: str,
    pepper: bytes,
    settings: Settings,
    versions: pl.DataFrame,
    spool: Path | None,
    extract_on: date | None,
    progress: Progress | None = None,
    known: KnownTokens | None = None,
) -> Judged:
    """Read the whole file and decide on every row. Wide columns are spooled to `spool`, or kept in memory without.

    `known` are tokens of other files of the source; `versions` is what other files of the same table state. Raises
    FileRefusedError when the file cannot be read on.
    """
    content, layout, source = opened.content, opened.layout, opened.source
    tokeniser = Tokeniser(pepper, source, known)
    reading = Reading(content, layout, source, tokeniser, salt_of(pepper), settings.reporting_tz, extract_on)
    listener = progress or Quiet()
    slims, bads, broken = [], [], set()
    kept: list[pl.DataFrame] = []
    spooled: list[Path] = []
    for part in reading.parts():
        slims.append(part.slim)
        bads.append(part.bad)
        broken |= reading.main_keys(part.unreadable)
        if part.slim.height and spool is not None:
            spooled.append(spool / f"{len(spooled):05}.ipc")
            part.columns.write_ipc(spooled[-1], compression="uncompressed")
        elif part.slim.height:
            kept.append(part.columns)
        listener.advance(STEP, part.size)
    slim = pl.concat(slims) if slims else pl.DataFrame(schema=SLIM)
    bad = pl.concat(bads) if bads else pl.DataFrame(schema=BAD_ROWS)
    decided = decide(slim, layout.table, versions, broken)
    entry = _entry(opened, name, decided, bad.height - int(slim["is_bad"].sum()), extract_on)
    entry.signature = signature(layout.table, source, pepper, settings)
    entry.warnings = _warnings(reading)
    quarantine = _quarantine(reading, entry, decided, bad)
    entry.problems = problems_in_words(quarantine, layout.table)
    if entry.read_n == 0:
        raise FileRefusedError(FileReason.EMPTY_FILE, "the file has a header and no rows", "Export it again.")
    _refuse_if_too_bad(entry, settings.quarantine_limit_rate)
    return Judged(entry, opened, decided, quarantine, tokeniser.vault(), spooled if spool is not None else kept)


def commit(judged: Judged, store: Store, settings: Settings) -> None:
    """Write what the file became; the entry last."""
    store.write_private(settings.quarantine_dir, judged.quarantine)
    if not judged.entry.is_refused:
        store.write_private(settings.vault_dir, judged.vault)
        store.write_raw(raw_frame(judged))
    store.write_entry(judged.entry)


def raw_frame(judged: Judged) -> pl.LazyFrame:
    """The accepted rows as they stand in raw: the format's own columns, then the envelope."""
    table, source, entry = judged.opened.layout.table, judged.opened.source, judged.entry
    schema = table.table.polars_schema
    constants = {
        "source_system": source.name,
        "channel": source.channel,
        "source_file": entry.source_file,
        "file_sha256": entry.file_sha256,
        "op": "upsert",
        "source_currency": source.currency,
        "source_store_id": source.store_id,
    }
    envelope = judged.decided.select("record_key", "record_hash", "event_at", "event_on", "known_at", "outcome")
    is_whole = bool((envelope["outcome"] == "accepted").all())
    frames, at = [], 0
    for part in judged.parts:
        wide = pl.scan_ipc(part) if isinstance(part, Path) else part.lazy()
        height = wide.select(pl.len()).collect().item() if isinstance(part, Path) else part.height
        frames.append(pl.concat([wide, envelope[at : at + height].lazy()], how="horizontal"))
        at += height
    if not frames:
        return pl.DataFrame(schema=schema).lazy()
    rows = pl.concat(frames)
    rows = (rows if is_whole else rows.filter(pl.col("outcome") == "accepted")).drop("outcome")
    present = set(rows.collect_schema().names())
    missing = [pl.lit(value, pl.String()).alias(name) for name, value in constants.items() if name not in present]
    return rows.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _entry(opened: Opened, name: str, decided: pl.DataFrame, unreadable_n: int, extract_on: date | None) -> Entry:
    content, table, source = opened.content, opened.layout.table, opened.source
    entry = Entry(source.name, name, content.sha256, content.size, "accepted", "")
    entry.channel, entry.adapter, entry.raw_table = source.channel, table.adapter, table.name
    entry.encoding = (content.encoding or content.kind) + (" in gzip" if content.is_gzip else "")
    sums = decided.group_by("outcome").agg(pl.len().alias("n"), pl.col("money").sum())
    for row in sums.iter_rows(named=True):
        setattr(entry, f"{row['outcome']}_n", row["n"])
        setattr(entry, f"money_{row['outcome']}", row["money"])
    entry.quarantined_n += unreadable_n
    entry.read_n = decided.height + unreadable_n
    entry.money_read = int(decided["money"].sum())
    if table.money is not None:
        codes = decided["currency"].drop_nulls().unique().to_list()
        entry.currency = codes[0] if len(codes) == 1 else "mixed" if codes else source.currency
    accepted = decided.filter(pl.col("outcome") == "accepted")
    first, last, last_on = accepted.select(
        pl.col("event_at").min().alias("first"), pl.col("event_at").max().alias("last"), pl.col("event_on").max()
    ).row(0)
    entry.first_event_at, entry.last_event_at, entry.last_event_on = (
        None if value is None else value.isoformat() for value in (first, last, last_on)
    )
    entry.extract_on = extract_on.isoformat() if extract_on else None
    entry.complete_to = source.complete_to.isoformat() if source.complete_to else None
    return entry


def _warnings(reading: Reading) -> tuple[str, ...]:
    counted = (text if count == 1 else f"{text} ({count:,} times)" for text, count in sorted(reading.warnings.items()))
    return (*reading.layout.warnings, *counted)


def _quarantine(reading: Reading, entry: Entry, decided: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    """Rows that are bad by themselves, and the rows that fall with them; sorted by line."""
    mates = decided.filter((pl.col("outcome") == "quarantined") & pl.col("reason").is_not_null())
    if bad.is_empty() and mates.is_empty():
        return pl.DataFrame(schema=QUARANTINE)
    texts = originals(reading.content, reading.layout, set(mates["source_row"].to_list())) if mates.height else {}
    fallen = pl.DataFrame(
        {
            "source_row": mates["source_row"],
            "column": [None] * mates.height,
            "reason": mates["reason"],
            "value": [None] * mates.height,
            "original": [texts.get(row) for row in mates["source_row"].to_list()],
        },
        schema=BAD_ROWS,
    )
    constants = {
        "source_system": entry.source_system,
        "raw_table": entry.raw_table,
        "source_file": entry.source_file,
        "file_sha256": entry.file_sha256,
    }
    rows = pl.concat([bad, fallen]).with_columns(pl.lit(value).alias(name) for name, value in constants.items())
    return rows.select(QUARANTINE.names()).cast(QUARANTINE).sort("source_row")


def problems_in_words(quarantine: pl.DataFrame, table: RawTable) -> tuple[str, ...]:
    """The first bad rows, without identifiers."""
    told = quarantine.filter(pl.col("reason") != RowReason.RECORD_BROKEN.value).head(SHOWN_PROBLEMS)
    return tuple(_in_words(row, table) for row in told.iter_rows(named=True))


def _in_words(row: dict[str, object], table: RawTable) -> str:
    where = f"line {row['source_row']}"
    if row["column"] is None:
        return f"{where}: {row['reason']}"
    field = table.field(str(row["column"]))
    text = shown(None if row["value"] is None else str(row["value"]), field.identifier)
    about = field.type.value if field.type is not DataType.TEXT else "text"
    wanted = f"one of {', '.join(field.values)}" if field.values else about
    return f"{where}, column {field.headers[0]!r}: {row['reason']}: {text}, wanted {wanted}"


def _refuse_if_too_bad(entry: Entry, limit: float) -> None:
    if entry.quarantined_n <= HANDFUL or entry.quarantined_n <= limit * entry.read_n:
        return
    first = "; ".join(entry.problems[:3])
    entry.outcome, entry.code = "refused", FileReason.TOO_MANY_BAD_ROWS.value
    entry.reason = (
        f"{entry.code}: {entry.quarantined_n:,} of {entry.read_n:,} rows cannot be read, more than {limit:.0%}. "
        f"First: {first}. Correct the export or its declaration in _source.yml (`caw check` shows how it is read)."
    )
    entry.quarantined_n, entry.accepted_n, entry.duplicate_n = entry.read_n, 0, 0
    entry.money_quarantined, entry.money_accepted, entry.money_duplicate = entry.money_read, 0, 0
    entry.first_event_at = entry.last_event_at = entry.last_event_on = None
