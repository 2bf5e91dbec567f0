"""From transactions to sufficient statistics: days, returns, order of rows, and nothing from the future."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.science.transactions import (
    afterwards,
    day_log,
    day_number,
    every_kth,
    purchases_by_day,
    summarise,
)

ROWS = [
    ("b", date(2024, 1, 1), 10.10),
    ("b", date(2024, 1, 1), 5.05),  # the same day: one purchase
    ("b", date(2024, 1, 11), 20.0),
    ("b", date(2024, 1, 15), -20.0),  # a return is no purchase
    ("b", date(2024, 2, 10), 7.0),
    ("a", date(2024, 1, 5), 0.0),  # free, still a purchase
    ("a", date(2024, 1, 20), -3.0),
    ("c", date(2024, 1, 3), -9.0),  # only a return: not a customer yet
    ("c", date(2024, 2, 1), 4.0),
]
END = day_number(date(2024, 1, 31))


def frame(rows: list) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["customer", "day", "amount"], orient="row")


def test_summary() -> None:
    summary = summarise(day_log(frame(ROWS)), END)
    assert summary["customer"].to_list() == ["a", "b"]
    assert summary["code"].to_list() == [0, 1]
    assert summary["x"].to_list() == [0, 1]
    assert summary["t_x"].to_list() == [0, 10]
    assert summary["age"].to_list() == [26, 30]
    assert summary["spent"].to_list() == pytest.approx([0.0, 35.15])
    assert summary["first_spent"].to_list() == pytest.approx([0.0, 15.15])
    assert summary["spent_square"].to_list() == pytest.approx([0.0, 15.15**2 + 400.0])
    assert summary["returned"].to_list() == pytest.approx([3.0, 20.0])


def test_afterwards() -> None:
    log = day_log(frame(ROWS))
    after = afterwards(log, summarise(log, END), END, 10)
    assert after.rows() == [("a", 0, 0.0, 0.0, 0.0), ("b", 1, 7.0, 0.0, 7.0)]
    assert afterwards(log, summarise(log, END), END, 9)["orders"].to_list() == [0, 0]


def test_rows_in_any_order_give_equal_frames() -> None:
    log = day_log(frame(ROWS))
    for seed in range(5):
        shuffled = day_log(frame(ROWS).sample(fraction=1.0, shuffle=True, seed=seed))
        assert_frame_equal(shuffled, log)
        assert_frame_equal(summarise(shuffled, END), summarise(log, END))


def test_the_future_changes_no_past_summary() -> None:
    future = [*ROWS, ("a", date(2024, 3, 1), 99.0), ("b", date(2024, 2, 1), -35.0), ("d", date(2024, 2, 2), 1.0)]
    before, now = summarise(day_log(frame(ROWS)), END), summarise(day_log(frame(future)), END)
    assert_frame_equal(before.drop("code"), now.drop("code"))


def test_purchases_by_day_counts_first_and_repeat() -> None:
    daily = purchases_by_day(day_log(frame(ROWS)), day_number(date(2024, 12, 31)))
    assert daily["born_n"].sum() == 3
    assert daily["repeat_n"].sum() == 2


def test_every_kth_keeps_whole_customers() -> None:
    rows = [(f"{place:03d}", date(2024, 1, 1 + day), 1.0) for place in range(100) for day in range(3)]
    log = day_log(frame(rows))
    kept = every_kth(log.lazy(), 30).collect()
    assert kept["code"].unique().sort().to_list() == list(range(0, 100, 4))
    assert kept.group_by("code").len()["len"].unique().to_list() == [3]
    assert_frame_equal(every_kth(log.lazy(), 100).collect(), log)
