"""The seasonal clock: finds a planted season, finds none where there is none, and sees nothing of the future."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pipelines.science.season import MIN_HISTORY_DAYS, Clock, find_clock
from pipelines.science.transactions import day_log, day_number
from tests.support.science_worlds import START, loyal, peak

ORIGIN = day_number(START)


@pytest.fixture(scope="module")
def peak_log() -> tuple[pl.DataFrame, int, int]:
    world = peak(100, 1500)
    return day_log(world.log, "customer", "date", "amount"), day_number(world.end), world.horizon


def test_finds_the_planted_peak(peak_log: tuple[pl.DataFrame, int, int]) -> None:
    log, end, horizon = peak_log
    clock = find_clock(log, end, horizon)
    assert not clock.is_calendar
    days = np.arange(ORIGIN + 365, ORIGIN + 730)
    speed = np.exp(clock.log_index(days))
    height = speed.max() / np.median(speed)
    assert height > 1.8
    assert 310 <= int(np.argmax(speed)) <= 360
    assert clock.between(end, end + horizon) > 1.4 * horizon
    assert 0.0 < clock.log_sd < 0.2


def test_the_future_is_not_read(peak_log: tuple[pl.DataFrame, int, int]) -> None:
    log, end, horizon = peak_log
    full, cut = find_clock(log, end, horizon), find_clock(log.filter(pl.col("day") <= end), end, horizon)
    assert (full.speed == cut.speed).all()


def test_no_season_no_clock() -> None:
    world = loyal(100, 1000)
    log = day_log(world.log, "customer", "date", "amount")
    assert find_clock(log, day_number(world.end), 180).is_calendar


def test_short_histories_keep_the_calendar(peak_log: tuple[pl.DataFrame, int, int]) -> None:
    log, _, horizon = peak_log
    assert find_clock(log, ORIGIN + MIN_HISTORY_DAYS - 10, horizon).is_calendar
    assert find_clock(log.clear(), ORIGIN, 30).is_calendar


def test_clock_arithmetic() -> None:
    clock = Clock(100, np.array([2.0, 0.5, 0.5]))
    assert clock.between(99, 100) == pytest.approx(2.0)
    assert clock.between(99, 102) == pytest.approx(3.0)
    assert clock.between(90, 99) == pytest.approx(9.0)
    assert clock.between(102, 110) == pytest.approx(8.0)
    assert clock.between(101, 100) == 0.0
    assert Clock.calendar().between([3, 5], 10) == pytest.approx([7, 5])
