"""Survivorship: which value of a field wins, and why."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from pipelines.identity.golden import CLAIMS, PROVENANCE, contact_points, golden_fields

OLD, NEW = datetime(2023, 1, 1), datetime(2024, 1, 1)  # noqa: DTZ001
ASSIGNMENT = pl.DataFrame({"account_key": ["a", "b", "c"], "customer_id": ["x", "x", "y"]})


def claims(*rows: tuple[str, str, str | None, str, bool, datetime]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=CLAIMS, orient="row")


@pytest.mark.parametrize(
    ("first", "second", "winner", "strategy"),
    [
        (("a", "city", "上海", "crm", True, OLD), ("b", "city", "北京", "web", False, NEW), "上海", "verified"),
        (("a", "city", "上海", "web", False, NEW), ("b", "city", "北京", "crm", False, OLD), "北京", "source_priority"),
        (("a", "city", "上海", "web", False, OLD), ("b", "city", "北京", "web", False, NEW), "北京", "most_recent"),
        (("a", "city", "zz", "web", False, NEW), ("b", "city", "aaa", "web", False, NEW), "aaa", "most_complete"),
        (("a", "city", "aa", "web", False, NEW), ("b", "city", "bb", "web", False, NEW), "bb", "tie"),
        (("a", "city", "上海", "web", False, OLD), ("b", "city", "上海", "web", False, NEW), "上海", "only"),
    ],
)
def test_the_first_criterion_that_differs_decides(first: tuple, second: tuple, winner: str, strategy: str) -> None:
    for rows in ((first, second), (second, first)):
        won = golden_fields(claims(*rows), ASSIGNMENT, {"crm": 1, "web": 2}).row(0, named=True)
        assert (won["customer_id"], won["value"], won["strategy"]) == ("x", winner, strategy)
        assert won["n_conflicts"] == (strategy != "only")


def test_each_field_wins_for_itself_and_nulls_say_nothing() -> None:
    rows = claims(
        ("a", "city", None, "crm", True, NEW), ("b", "city", "北京", "web", False, OLD),
        ("a", "name", "k1", "crm", False, OLD), ("c", "city", "成都", "web", False, OLD),
    )  # fmt: skip
    won = golden_fields(rows, ASSIGNMENT, {})
    assert won.select("customer_id", "field", "value", "account_key").sort("customer_id", "field").rows() == [
        ("x", "city", "北京", "b"), ("x", "name", "k1", "a"), ("y", "city", "成都", "c"),
    ]  # fmt: skip


def test_all_contact_points_are_kept() -> None:
    rows = claims(
        ("a", "email", "e1", "crm", False, OLD), ("b", "email", "e1", "web", True, NEW),
        ("b", "phone", "p1", "web", False, NEW), ("b", "city", "北京", "web", False, NEW),
    )  # fmt: skip
    assert contact_points(rows, ASSIGNMENT).rows() == [
        ("x", "email", "e1", True, OLD, NEW),
        ("x", "phone", "p1", False, NEW, NEW),
    ]


def test_alone_and_contested_fields_come_out_in_the_same_columns_once_each() -> None:
    rows = claims(
        ("a", "city", "上海", "crm", False, NEW), ("b", "city", "上海", "web", False, OLD),
        ("c", "city", "成都", "web", False, OLD),
    )  # fmt: skip
    won = golden_fields(rows, ASSIGNMENT, {"crm": 1})
    assert won.schema == PROVENANCE
    found = won.select("customer_id", "account_key", "strategy", "n_conflicts").sort("customer_id").rows()
    assert found == [("x", "a", "only", 0), ("y", "c", "only", 0)]
