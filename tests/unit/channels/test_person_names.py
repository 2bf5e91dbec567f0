"""Normal forms of names."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.channels.person_names import normalise_names


def judged(*names: str | None) -> dict[str | None, tuple[str | None, str, str | None]]:
    frame = normalise_names(pl.Series(names, dtype=pl.String))
    return {original: (form, status, surname) for original, form, status, surname in frame.iter_rows()}


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("趙娟磊", "赵娟磊"), ("金　敏志", "金敏志"), (" 王 伟 ", "王伟"), ("許軒", "许轩"),
        ("Robert Silva", "robert silva"), ("SILVA robert", "robert silva"), ("Silva, Robert", "robert silva"),
        ("Dr. Jürgen O'Neil-Müller", "jurgen muller oneil"), ("Mr Łukasz Weiß", "lukasz weiss"),
        ("Ｒｏｂｅｒｔ　Ｓｉｌｖａ", "robert silva"),
    ],
)  # fmt: skip
def test_a_name_written_twice_is_equal(written: str, form: str) -> None:
    assert judged(written)[written][:2] == (form, "valid")


@pytest.mark.parametrize(
    ("written", "status", "surname"),
    [
        ("刘**", "masked", "刘"), ("i**", "masked", "i"), ("王先生", "masked", "王"), ("李某", "masked", "李"),
        ("王", "masked", "王"), ("**", "masked", None), ("guest", "blocked", None), ("匿名用户", "blocked", None),
        ("Test Customer", "blocked", None), ("散客01", "blocked", None), ("", "missing", None), (None, "missing", None),
    ],
)  # fmt: skip
def test_names_that_name_nobody(written: str | None, status: str, surname: str | None) -> None:
    assert judged(written)[written] == (None, status, surname)


def test_whole_chinese_names_show_their_surname() -> None:
    assert judged("趙娟磊")["趙娟磊"] == ("赵娟磊", "valid", "赵")
