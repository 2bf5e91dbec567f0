"""Records: which rows belong together, what is a repeat, and what counts as a new version."""

# ruff: noqa: DTZ001  (the warehouse stores UTC without zone)
from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from pipelines.channels.registry import raw_table
from pipelines.ingest.records import SLIM, VERSIONS, decide, hash_rows

ORDERS, COSTS, ITEMS = (raw_table(n) for n in ("shopify__orders", "canonical__product_cost", "square__items"))
NOTHING = pl.DataFrame(schema=VERSIONS)
DAYS = [datetime(2024, 1, day) for day in range(1, 10)]


def slim(*rows: tuple) -> pl.DataFrame:
    """Rows of (key, content, is_head, is_bad, day known)."""
    made = []
    for i, (key, content, is_head, is_bad, known) in enumerate(rows):
        digest = f"{hash(content) & (2**64 - 1):016x}" * 2 if content else None
        made.append(
            (i, i + 2, key, key, digest, is_head, is_bad, DAYS[known], DAYS[known].date(), DAYS[known], 10, "USD")
        )
    return pl.DataFrame(made, schema=SLIM, orient="row")


def fate(rows: pl.DataFrame, table=ORDERS, versions: pl.DataFrame = NOTHING, broken: set[str] | None = None) -> list:
    return decide(rows, table, versions, broken or set()).select("outcome", "reason").rows()


def versions_of(decided: pl.DataFrame) -> pl.DataFrame:
    return decided.filter(pl.col("outcome") == "accepted").select(VERSIONS.names()).unique()


def test_a_broken_row_breaks_its_block_and_no_other() -> None:
    rows = slim(("a", "1", True, False, 0), ("a", "2", False, True, 0), ("b", "3", True, False, 0))
    assert fate(rows) == [("quarantined", "RECORD_BROKEN"), ("quarantined", None), ("accepted", None)]


def test_a_row_too_damaged_to_read_breaks_the_block_whose_key_it_shows() -> None:
    rows = slim(("a", "1", True, False, 0), ("b", "3", True, False, 0))
    assert fate(rows, broken={"a"}) == [("quarantined", "RECORD_BROKEN"), ("accepted", None)]


def test_a_block_without_first_line_or_with_two_contradicting_ones_is_not_taken() -> None:
    rows = slim(
        ("a", "1", False, False, 0), ("b", "2", True, False, 0), ("b", "3", True, False, 0), ("b", "4", False, False, 0)
    )
    assert fate(rows) == [("quarantined", "HEAD_MISSING")] + [("quarantined", "RECORD_CONFLICT")] * 3


def test_a_block_stated_twice_is_taken_once() -> None:
    head, line = ("a", "1", True, False, 0), ("a", "2", False, False, 0)
    once = decide(slim(head, line, line), ORDERS, NOTHING, set())
    twice = decide(slim(head, line, line, head, line, line), ORDERS, NOTHING, set())
    assert twice["outcome"].to_list().count("accepted") == 3
    assert twice["outcome"].to_list().count("duplicate") == 3
    assert versions_of(once).equals(versions_of(twice))


def test_blocks_without_first_lines_keep_equal_rows() -> None:
    rows = slim(("a", "1", True, False, 0), ("a", "1", True, False, 0))
    assert fate(rows, ITEMS) == [("accepted", None)] * 2


def test_a_row_stated_twice_is_taken_once_and_a_changed_one_is_a_version() -> None:
    rows = slim(("a", "1", True, False, 0), ("a", "1", True, False, 0), ("a", "2", True, False, 0))
    assert fate(rows, COSTS) == [("accepted", None), ("duplicate", None), ("accepted", None)]


def test_the_hash_of_a_record_depends_on_its_set_of_rows_only() -> None:
    a, b, c = ("k", "1", True, False, 0), ("k", "2", False, False, 0), ("k", "3", False, False, 0)
    hashes = [versions_of(decide(slim(*rows), ORDERS, NOTHING, set()))["record_hash"].to_list() for rows in (
        (a, b, c), (c, a, b), (a, b), (a, b, b))]  # fmt: skip
    assert hashes[0] == hashes[1]
    assert len({tuple(found) for found in hashes}) == 3
    assert all(len(found[0]) == 32 for found in hashes)


@pytest.mark.parametrize(
    ("known", "now", "outcome"),
    [
        ([("1", 0)], ("1", 0), "duplicate"),
        ([("1", 0)], ("1", 3), "duplicate"),
        ([("1", 0)], ("2", 3), "accepted"),
        ([("1", 0), ("2", 2)], ("1", 4), "accepted"),  # a state that came back is a new version
        ([("1", 0), ("2", 2)], ("1", 1), "duplicate"),
        ([("1", 3)], ("1", 1), "accepted"),  # learnt earlier than we thought
        ([("1", 0), ("2", 0)], ("1", 0), "duplicate"),
    ],
)
def test_other_files_decide_by_the_version_that_holds_at_the_time(known: list, now: tuple, outcome: str) -> None:
    before = pl.concat(
        versions_of(decide(slim(("k", content, True, False, day)), COSTS, NOTHING, set())) for content, day in known
    )
    rows = slim(("k", now[0], True, False, now[1]), ("other", "9", True, False, 0))
    assert fate(rows, COSTS, before) == [(outcome, None), ("accepted", None)]


def test_no_rows_are_no_trouble() -> None:
    for table in (ORDERS, COSTS):
        assert decide(pl.DataFrame(schema=SLIM), table, NOTHING, set()).is_empty()


def test_content_hashes_alike_whatever_the_columns_order_and_extent() -> None:
    cells = pl.DataFrame({"sku": ["A", "two\nlines"], "unit_cost": ["1", None], "packaging": [None, None]})
    first = hash_rows(cells, COSTS, "salt")
    assert first.to_list() == hash_rows(cells.select("unit_cost", "sku"), COSTS, "salt").to_list()
    assert first[0] != first[1]
    assert first.to_list() != hash_rows(cells, COSTS, "other salt").to_list()
    shifted = pl.DataFrame({"sku": ["A"], "freight_in": ["1"]})
    assert hash_rows(shifted, COSTS, "salt")[0] != first[0]
