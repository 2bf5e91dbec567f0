"""Days, zones and texts of the simulated calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pipelines.simulate.clock import DAY, NEW_YORK, SHANGHAI, Clock, add_months, stream


@pytest.mark.parametrize("zone", [NEW_YORK, SHANGHAI])
def test_local_times_survive_the_way_to_utc_and_back_on_every_day(zone: str) -> None:
    clock = Clock(date(2024, 1, 1), 14)
    for second in (6 * 3600, 12 * 3600 + 1, DAY - 1):
        day = np.arange(clock.n_days)
        utc = clock.utc(zone, day, np.full(clock.n_days, second))
        back = clock.local(zone, utc)
        assert (back[0] == day).all()
        assert (back[1] == second).all()


def test_utc_and_offsets_agree_with_the_zone_database() -> None:
    clock = Clock(date(2024, 1, 1), 14)
    day = np.arange(clock.n_days)
    utc = clock.utc(NEW_YORK, day, np.full(clock.n_days, 21 * 3600))
    texts = clock.local_text(NEW_YORK, utc, with_offset=True)
    for n, text in zip(day.tolist(), texts, strict=True):
        expected = datetime(2024, 1, 1, 21, tzinfo=ZoneInfo(NEW_YORK)) + timedelta(days=n)
        assert text == expected.strftime("%Y-%m-%d %H:%M:%S %z")
        assert clock.instants(utc[n : n + 1])[0].replace(tzinfo=UTC) == expected


def test_months_start_where_the_calendar_says() -> None:
    clock = Clock(date(2023, 7, 1), 30)
    assert [clock.day(int(d)) for d in clock.month_starts[:3]] == [date(2023, 7, 1), date(2023, 8, 1), date(2023, 9, 1)]
    assert clock.extract_on == date(2026, 1, 1) == add_months(date(2023, 7, 1), 30)
    assert clock.month_of[0] == 0
    assert clock.month_of[-1] == 29


@pytest.mark.parametrize(("start", "months"), [(date(2024, 1, 2), 3), (date(2024, 1, 1), 0)])
def test_a_clock_refuses_half_months(start: date, months: int) -> None:
    with pytest.raises(ValueError, match=r"start|months"):
        Clock(start, months)


def test_streams_differ_by_name_and_seed_only() -> None:
    assert stream(1, "a").random() == stream(1, "a").random()
    assert len({stream(s, n).random() for s in (1, 2) for n in ("a", "b")}) == 4
