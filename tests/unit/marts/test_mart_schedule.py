"""The order of marts: inputs first, never more at work than allowed, what goes wrong is raised."""

from __future__ import annotations

import threading
import weakref
from datetime import date

import polars as pl
import pytest

from pipelines.contracts.columns import Table, integer
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts import compute_ready

PARAMS = MartParams(as_of=date(2025, 1, 31))


def _mart(name: str, *inputs: str, local=None) -> Mart:
    """A mart of one row: one more than the sum of its inputs."""

    def add(frames: Inputs, _: MartParams) -> pl.LazyFrame:
        return pl.LazyFrame({"n": [1 + sum(frame.collect()["n"].sum() for frame in frames.values())]})

    table = Table(name, "One row.", ("n",), (integer("n", "Marts below, itself included, by path"),))
    return Mart("X", "test", table, (), inputs, local or add)


def _walk(marts: list[Mart], threads: int, written: dict[str, pl.DataFrame] | None = None) -> dict[str, pl.DataFrame]:
    """Compute the marts; a mart reads what was yielded before, and nothing else is there."""
    written = {} if written is None else written

    def read(mart: Mart) -> list[Inputs]:
        return [{name: written[name].lazy() for name in mart.inputs}]

    for mart, rows in compute_ready(marts, read, PARAMS, threads):
        written[mart.name] = rows.whole()
    return written


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_mart_is_begun_once_what_it_reads_is_written(threads: int) -> None:
    marts = [_mart("a"), _mart("b"), _mart("c", "a"), _mart("d", "a", "c"), _mart("e", "b", "d")]
    written = _walk(marts, threads)
    assert {name: frame["n"].item() for name, frame in written.items()} == {"a": 1, "b": 1, "c": 2, "d": 4, "e": 6}


def test_the_mart_that_most_wait_for_comes_first() -> None:
    marts = [_mart("alone"), _mart("root"), _mart("middle", "root"), _mart("leaf", "middle")]
    assert list(_walk(marts, 1)) == ["root", "middle", "alone", "leaf"]


def test_marts_are_at_work_together_and_no_more_than_allowed() -> None:
    at_work, most, both = set(), [0], threading.Barrier(2, timeout=30)

    def local(name: str):
        def compute(_: Inputs, __: MartParams) -> pl.LazyFrame:
            at_work.add(name)
            most[0] = max(most[0], len(at_work))
            both.wait()
            at_work.discard(name)
            return pl.LazyFrame({"n": [1]})

        return compute

    names = ["a", "b", "c", "d"]
    assert set(_walk([_mart(name, local=local(name)) for name in names], 2)) == set(names)
    assert most == [2]


def test_rows_that_were_yielded_are_let_go_of() -> None:
    ready = compute_ready([_mart("a"), _mart("b")], lambda _: [{}], PARAMS, 1)
    _, rows = next(ready)
    held = weakref.ref(rows)
    del rows
    assert [mart.name for mart, _ in ready] == ["b"]
    assert held() is None


def test_what_a_mart_raises_is_raised_and_the_marts_before_it_stand() -> None:
    def fail(_: Inputs, __: MartParams) -> pl.LazyFrame:
        raise ArithmeticError("no such rate")

    written: dict[str, pl.DataFrame] = {}
    with pytest.raises(ArithmeticError, match="no such rate"):
        _walk([_mart("a"), _mart("b", "a", local=fail), _mart("c", "b")], 2, written)
    assert list(written) == ["a"]


def test_marts_that_read_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="b, a"):
        _walk([_mart("a", "b"), _mart("b", "a")], 2)
