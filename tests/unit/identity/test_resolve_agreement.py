"""Which names and birth dates may be one person's."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.identity.agreement import NameJudge, births_agree, edits_at_most_one

COMMON = ["david dubois"] * 20 + ["anna smith"] * 9 + ["anne smith"] * 9 + ["dubois dvid", "john smith", "j smith"]
JUDGE = NameJudge(pl.Series(COMMON), typo_share=0.2)


@pytest.mark.parametrize(
    ("left", "right", "agrees"),
    [
        ("张伟", "张伟", True),
        ("张伟", "张玮", False),
        ("莫辉琳", "莫辉玲", False),
        ("david dubois", "dubois dvid", True),
        ("anna smith", "anne smith", False),
        ("j smith", "john smith", True),
        ("j smith", "anna smith", False),
        ("daviddubois", "david dubois", True),
        ("dubois", "david dubois", False),
        ("carlos david dubois", "david dubois", True),
        ("david dubois", "peter novak", False),
        ("刘*", "刘洋", True),
        ("刘*", "王洋", False),
        ("d*", "david dubois", True),
        ("x*", "david dubois", False),
        ("张伟", "david dubois", False),
    ],
)
def test_names(left: str, right: str, agrees: bool) -> None:
    assert JUDGE.agree(left, right) is agrees
    assert JUDGE.agree(right, left) is agrees


@pytest.mark.parametrize(
    ("left", "right", "agrees"),
    [
        ("1985-04-07", "1985-04-07", True), ("1985-04-07", "1985-04-01", True), ("1985-04-07", "1985-07-04", True),
        ("1985-04-07", "1985", True), ("1985-04-07", "1986-05-07", False), ("1985", "1986", False),
    ],
)  # fmt: skip
def test_births(left: str, right: str, agrees: bool) -> None:
    assert births_agree(left, right) is agrees
    assert births_agree(right, left) is agrees


def test_one_edit_is_an_insertion_deletion_substitution_or_swap() -> None:
    assert all(
        edits_at_most_one("robert", other) for other in ("robert", "robet", "roberts", "rohert", "orbert", "robetr")
    )
    assert not any(edits_at_most_one("robert", other) for other in ("robe", "rbot", "rubart", "trebor"))
