"""Times: from the texts of an export to UTC, and to the local business day.

Lives here: the usual spellings as fast expressions, zones (declared, by column, by offset) and the rule for times that
a change of clocks makes ambiguous or skips.
Stays out: unusual spellings (`texts.moment`).

A time that occurs twice is taken as the earlier one. A time that is skipped counts on from before the gap (02:30 on
the day the clocks go forward is 03:30 summer time). Both are counted in the file's warnings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from pipelines.channels.base import Field, RawTable
from pipelines.ingest import texts
from pipelines.ingest.columns import constant, replaced, unread
from pipelines.ingest.errors import RowReason
from pipelines.ingest.sources import Source

if TYPE_CHECKING:
    from pipelines.ingest.cells import Cast

STAMP = pl.Datetime("us")
_FIRST, _END = pl.datetime(texts.FIRST_YEAR, 1, 1), pl.datetime(texts.LAST_YEAR, 1, 1)
_GAP_SHIFT = pl.duration(hours=6)

_LOCAL_AND_OFFSET = "%Y-%m-%d %H:%M:%S %z"
_SPELLINGS: tuple[tuple[str, str, bool], ...] = (
    (r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-](?:[01][0-9]|2[0-3])[0-5][0-9]$", _LOCAL_AND_OFFSET, True),
    (r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", "%Y-%m-%d %H:%M:%S", False),
    (r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$", "%Y-%m-%dT%H:%M:%S", False),
    (r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", "%Y-%m-%dT%H:%M:%SZ", True),
    (r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$", "%Y-%m-%dT%H:%M:%S%:z", True),
    (r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.]\d{6}$", "%Y-%m-%d %H:%M:%S%.6f", False),
    (r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d$", "%Y/%m/%d %H:%M:%S", False),
    (r"^\d{4}-\d\d-\d\d \d\d:\d\d$", "%Y-%m-%d %H:%M", False),
    (r"^\d\d/\d\d/\d{4} \d\d:\d\d:\d\d$", "%m/%d/%Y %H:%M:%S", False),
)
"""Pattern, format, and whether the spelling says where it is (an offset)."""


def cast_times(cast: Cast, position: int, this: Field, table: RawTable, tidy: pl.DataFrame, source: Source) -> None:
    """Add `this` as UTC, and its local day when it is called `x_at`."""
    given = tidy[this.name]
    zones = _zones(cast, position, this, table, tidy, source)
    if given.dtype == pl.String:
        if f"{this.name}__time" in tidy.columns:
            clock = tidy[f"{this.name}__time"].cast(pl.String)
            given = pl.select(pl.concat_str(given, pl.lit(" "), clock.fill_null("00:00:00"))).to_series()
        stamp, is_utc = _read(cast, position, this, table, given)
    else:
        stamp, is_utc = _physical(given)
    utc = _to_utc(cast, stamp, is_utc, zones, this.utc)
    cast.columns[this.name] = utc.alias(this.name)
    if this.name.endswith("_at"):
        on = this.name.removesuffix("_at") + "_on"
        cast.columns[on] = local_day(utc, zones).alias(on)


def local_day(utc: pl.Series, zones: pl.Series | str) -> pl.Series:
    """The calendar day of an instant in its zone (one for all, or one a row)."""
    if isinstance(zones, str):
        local = utc if zones == "UTC" else utc.dt.replace_time_zone("UTC").dt.convert_time_zone(zones)
        return local.dt.date()
    days = constant(None, len(utc), pl.Date)
    for zone in zones.drop_nulls().unique().to_list():
        rows = (zones == zone).fill_null(False).arg_true()
        days = replaced(days, rows, local_day(utc.gather(rows), zone))
    return days


def day_start(days: pl.Series, zone: str) -> pl.Series:
    """The instant (UTC) at which each local day begins."""
    return _localise(days.cast(STAMP), zone)[0]


def _zones(
    cast: Cast, position: int, this: Field, table: RawTable, tidy: pl.DataFrame, source: Source
) -> pl.Series | str:
    """The zone of every row, or the one zone of all."""
    declared = source.time_zone or "UTC"
    name = f"{this.name}__zone"
    if name not in tidy.columns or tidy[name].null_count() == tidy.height:
        return declared
    text = tidy[name].cast(pl.String)
    known = {value: _zone(value, table) for value in text.drop_nulls().unique().to_list()}
    bad = text.is_in([value for value, zone in known.items() if zone is None]).fill_null(False).arg_true()
    cast.blame(bad, position, this.name, RowReason.BAD_VALUE, text.gather(bad))
    if len(known) == 1 and not text.null_count():
        return next(iter(known.values())) or declared
    return text.replace_strict(known, default=None, return_dtype=pl.String).fill_null(declared)


def _zone(text: str, table: RawTable) -> str | None:
    plain = texts.plain(text)
    name = table.zones.get(plain.casefold(), plain)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return name


def _read(cast: Cast, position: int, this: Field, table: RawTable, given: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Stamps as written, and which of them are UTC already."""
    stamp, is_utc = _fast(given, table.date_order)
    left = unread(given, stamp)
    if len(left):
        leftover = given.gather(left)
        distinct = leftover.unique()
        parsed = [texts.moment(value, table.date_order) for value in distinct.to_list()]
        known = pl.DataFrame(
            {
                "text": distinct,
                "stamp": [p[0] for p in parsed],
                "is_utc": [p[1] for p in parsed],
                "reason": [p[2] and p[2].value for p in parsed],
            },
            schema={"text": pl.String, "stamp": pl.String, "is_utc": pl.Boolean, "reason": pl.String},
        ).with_columns(pl.col("stamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f", time_unit="us"))
        found = pl.DataFrame({"row": left, "text": leftover}).join(known, on="text", how="left", maintain_order="left")
        failed = found.filter(pl.col("reason").is_not_null())
        cast.blame(failed["row"], position, this.name, failed["reason"], failed["text"])
        stamp = replaced(stamp, found["row"], found["stamp"])
        is_utc = replaced(is_utc, found["row"], found["is_utc"])
    return stamp, is_utc


def _fast(given: pl.Series, date_order: str | None) -> tuple[pl.Series, pl.Series]:
    if given.null_count() == len(given):
        return constant(None, len(given), STAMP), constant(False, len(given), pl.Boolean)
    frame = given.alias("text").to_frame()
    usual = frame.select(pl.col("text").drop_nulls().first()).to_series()
    for pattern, spelling, says_where in _SPELLINGS:
        if ("%m/%d" in spelling and date_order != "mdy") or not usual.str.contains(pattern).item():
            continue
        matching = frame.select(pl.when(pl.col("text").str.contains(pattern)).then("text"))
        stamps = matching.select(stamp=_stamp(pl.col("text"), spelling))
        in_range = pl.col("stamp").is_between(_FIRST, _END, closed="left")
        read = stamps.select(pl.when(in_range).then("stamp")).to_series()
        return read, constant(says_where, len(given), pl.Boolean)
    return constant(None, len(given), STAMP), constant(False, len(given), pl.Boolean)


def _stamp(text: pl.Expr, spelling: str) -> pl.Expr:
    """The text as a stamp, in UTC where the spelling says where it is; null where there is no such time."""
    if spelling == _LOCAL_AND_OFFSET:
        # Half the work of reading both at once: a local time has a reader of its own, and an offset is a number.
        offset = text.str.tail(5).cast(pl.Int32)
        minutes = offset.sign() * (offset.abs() // 100 * 60 + offset.abs() % 100)
        return _stamp(text.str.head(19), "%Y-%m-%d %H:%M:%S") - pl.duration(minutes=minutes)
    stamp = text.str.to_datetime(spelling, strict=False, time_unit="us")
    if "%z" in spelling or "%:z" in spelling:
        return stamp.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return stamp


def _physical(given: pl.Series) -> tuple[pl.Series, pl.Series]:
    aware = isinstance(given.dtype, pl.Datetime) and given.dtype.time_zone is not None
    stamp = given.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if aware else given
    return stamp.cast(STAMP), constant(aware, len(given), pl.Boolean)


def _to_utc(cast: Cast, stamp: pl.Series, is_utc: pl.Series, zones: pl.Series | str, naive_is_utc: bool) -> pl.Series:
    if naive_is_utc or is_utc.all():
        return stamp
    if isinstance(zones, str):
        if zones == "UTC":
            return stamp
        local, skipped, doubled = _localise(stamp, zones)
    else:
        local, skipped, doubled = stamp, 0, 0
        for zone in zones.unique().to_list():
            rows = (zones == zone).arg_true()
            part, gaps, folds = _localise(stamp.gather(rows), zone)
            local, skipped, doubled = replaced(local, rows, part), skipped + gaps, doubled + folds
    cast.warn("times skipped by a change of clocks, counted on from before it", skipped)
    cast.warn("times that a change of clocks makes ambiguous, taken as the earlier", doubled)
    return pl.select(pl.when(is_utc).then(stamp).otherwise(local)).to_series()


def _localise(naive: pl.Series, zone: str) -> tuple[pl.Series, int, int]:
    """Local stamps as UTC, and how many were skipped and ambiguous."""
    frame = pl.DataFrame({"naive": naive}).select(
        "naive",
        utc=pl.col("naive").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null"),
        late=pl.col("naive").dt.replace_time_zone(zone, ambiguous="latest", non_existent="null"),
        before=(pl.col("naive") - _GAP_SHIFT).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null"),
    )
    skipped = frame["naive"].is_not_null() & frame["utc"].is_null()
    doubled = int((frame["utc"] != frame["late"]).fill_null(False).sum())
    utc = frame.select(pl.coalesce(pl.col("utc"), pl.col("before") + _GAP_SHIFT)).to_series()
    return utc.dt.convert_time_zone("UTC").dt.replace_time_zone(None), int(skipped.sum()), doubled
