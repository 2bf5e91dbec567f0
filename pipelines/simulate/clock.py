"""The simulated calendar: days, months, seasons, zones and the texts of dates.

Lives here: `Clock`, which turns day indexes and seconds into UTC seconds, local days and the strings of exports, and
`stream`, the named random streams of a world.
Stays out: what happens on a day.

Time is counted as whole seconds UTC since midnight UTC of the first day, days as an index from the first day.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

DAY, HOUR = 86_400, 3_600
NEW_YORK, SHANGHAI, UTC_ZONE = "America/New_York", "Asia/Shanghai", "UTC"
BEFORE = 400
"""Days before the start that the calendar can also name (grants, prices and rates older than the first order)."""

_MONTHS = (0.85, 0.84, 0.95, 0.96, 1.02, 1.06, 0.94, 0.95, 1.0, 1.04, 1.36, 1.30)
_WEEKDAYS = (0.94, 0.93, 0.95, 0.98, 1.05, 1.12, 1.03)


def stream(seed: int, name: str) -> np.random.Generator:
    """A random stream of its own for `name`: adding one stream leaves the others as they are."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def add_months(first: date, months: int) -> date:
    """The first day of the month `months` after that of `first`."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


@dataclass(frozen=True)
class Clock:
    """`months` whole months from `start`, the first of a month. ValueError for any other start or no months."""

    start: date
    months: int
    _offsets: dict[str, Ints] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.start.day != 1:
            raise ValueError(f"start must be the first day of a month, not {self.start}")
        if self.months < 1:
            raise ValueError("months must be at least 1")

    @cached_property
    def month_starts(self) -> Ints:
        """Day index of the first day of every month, and of the day after the last."""
        days = [(add_months(self.start, m) - self.start).days for m in range(self.months + 1)]
        return np.array(days, dtype=np.int64)

    @property
    def n_days(self) -> int:
        """Days of the world."""
        return int(self.month_starts[-1])

    @property
    def end(self) -> int:
        """First second after the world."""
        return self.n_days * DAY

    @cached_property
    def month_of(self) -> Ints:
        """Month index of every day."""
        return np.searchsorted(self.month_starts, np.arange(self.n_days), side="right").astype(np.int64) - 1

    def day(self, index: int) -> date:
        """The date of a day index, which may lie outside the world."""
        return self.start + timedelta(days=int(index))

    @property
    def last_day(self) -> date:
        """The last day of data, through which every export is complete."""
        return self.day(self.n_days - 1)

    @property
    def extract_on(self) -> date:
        """The day on which all exports were taken: the day after the last day of data."""
        return self.day(self.n_days)

    @cached_property
    def season(self) -> Floats:
        """Purchase intensity of every day, about 1 on average."""
        dates = [self.day(i) for i in range(self.n_days)]
        values = [_MONTHS[d.month - 1] * _WEEKDAYS[d.weekday()] * (1.9 if (d.month, d.day) == (11, 11) else 1.0)
                  for d in dates]  # fmt: skip
        return np.array(values)

    def offset(self, zone: str) -> Ints:
        """Seconds that local time is ahead of UTC at noon of every day, from `BEFORE` days before the start."""
        if zone not in self._offsets:
            info = ZoneInfo(zone)
            noon = datetime(self.start.year, self.start.month, 1, 12, tzinfo=UTC) - timedelta(days=BEFORE)
            days = ((noon + timedelta(days=n)).replace(tzinfo=info) for n in range(BEFORE + self.n_days + 3))
            self._offsets[zone] = np.array([_seconds(day.utcoffset()) for day in days], dtype=np.int64)
        return self._offsets[zone]

    def utc(self, zone: str, day: Ints, second: Ints) -> Ints:
        """UTC seconds of local times at or after 06:00 (by then a change of summer time is over)."""
        return day * DAY + second - self.offset(zone)[day + BEFORE]

    def local(self, zone: str, utc: Ints) -> tuple[Ints, Ints]:
        """Local day and second of UTC seconds."""
        local = utc + self._shift(zone, utc)
        return local // DAY, local % DAY

    def _shift(self, zone: str, utc: Ints) -> Ints:
        """Seconds that local time is ahead of UTC at each instant; zones change at full hours."""
        return self._hourly(zone)[utc // HOUR + BEFORE * 24]

    def _hourly(self, zone: str) -> Ints:
        key = f"{zone} by hour"
        if key not in self._offsets:
            info = ZoneInfo(zone)
            first = datetime(self.start.year, self.start.month, 1, tzinfo=UTC) - timedelta(days=BEFORE)
            hours = (first + timedelta(hours=n) for n in range((BEFORE + self.n_days + 3) * 24))
            self._offsets[key] = np.array([_seconds(h.astimezone(info).utcoffset()) for h in hours], dtype=np.int64)
        return self._offsets[key]

    @cached_property
    def _dates(self) -> pl.Series:
        return pl.Series([self.day(i - BEFORE).isoformat() for i in range(BEFORE + self.n_days + 3)])

    @cached_property
    def _times(self) -> pl.Series:
        return pl.Series([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(DAY)])

    def date_text(self, day: Ints) -> pl.Series:
        """ISO dates of day indexes."""
        return self._dates.gather(day + BEFORE)

    def time_text(self, second: Ints) -> pl.Series:
        """Times of day as HH:MM:SS."""
        return self._times.gather(second)

    def utc_text(self, utc: Ints) -> pl.Series:
        """ISO 8601 instants, such as 2024-05-01T12:00:00Z."""
        return self.date_text(utc // DAY) + "T" + self.time_text(utc % DAY) + "Z"

    def local_text(self, zone: str, utc: Ints, with_offset: bool = False) -> pl.Series:
        """Local date and time, with the offset as Shopify writes it (`-0400`) when asked for."""
        day, second = self.local(zone, utc)
        text = self.date_text(day) + " " + self.time_text(second)
        if not with_offset:
            return text
        hours = pl.Series([_offset_text(h) for h in range(-15, 16)])
        return text + " " + hours.gather(self._shift(zone, utc) // 3600 + 15)

    def dates(self, day: Ints) -> pl.Series:
        """Day indexes as a Date column."""
        first = (self.start - date(1970, 1, 1)).days
        return pl.Series(day + first).cast(pl.Int32).cast(pl.Date)

    def instants(self, utc: Ints) -> pl.Series:
        """UTC seconds as a Datetime column (microseconds, without zone)."""
        first = (self.start - date(1970, 1, 1)).days * DAY
        return pl.Series((utc + first) * 1_000_000).cast(pl.Datetime("us"))


def _seconds(shift: timedelta | None) -> int:
    return int(shift.total_seconds()) if shift else 0


def _offset_text(hours: int) -> str:
    return f"{'-' if hours < 0 else '+'}{abs(hours):02d}00"
