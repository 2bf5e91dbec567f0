"""The documentation that is made from the contracts says what the contracts say."""

from __future__ import annotations

import pytest

from orchestration.dictionary import dictionary_markdown, rendered
from pipelines.contracts.errors import CawError
from pipelines.marts import MARTS


def test_the_pages_on_disk_are_those_of_the_contracts():
    for path, text in rendered().items():
        assert path.read_text() == text, f"run `python -m orchestration.dictionary`: {path.name} has drifted"


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_a_mart_tells_its_questions_columns_and_units(mart):
    text = dictionary_markdown(f"marts.{mart.name}")
    assert len(mart.questions) >= 3
    assert all(question in text for question in mart.questions)
    assert all(f"`{column.name}`" in text for column in mart.columns)


def test_an_unknown_table_is_an_error_that_lists_the_known_ones():
    with pytest.raises(CawError, match="customer_360"):
        dictionary_markdown("marts.nothing")
