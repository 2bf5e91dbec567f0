"""What a mart reads as sums is the same whether DuckDB adds it up in a build or Polars in a frame."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import polars as pl
from polars.testing import assert_frame_equal

from pipelines.contracts.columns import Table, integer, money, text
from pipelines.contracts.marts import Inputs, Mart, MartParams, Sums
from pipelines.marts import PartsOfBuild
from pipelines.marts.runner import compute, compute_rows
from pipelines.marts.sums import finished, query, summed

BIG = Decimal("45000000000000.1234")
ROWS = pl.DataFrame(
    {
        "customer_id": ["c_00", "c_00", "c_80", "c_ff", "c_ff"],
        "kind": ["a", None, "a", None, "b"],
        "amount": [BIG, Decimal("-0.0001"), BIG, Decimal("0.0000"), Decimal("2.5000")],
        "head_n": [1, -1, 0, 1, 1],
    },
    schema_overrides={"amount": pl.Decimal(18, 4)},
)
SUMS = Sums(("kind",), ("amount", "head_n"), counted=("amount",))
EXPECTED = pl.DataFrame(
    {
        "kind": ["a", "b", None],
        "amount": [900_000_000_000_002_468, 25_000, -1],
        "head_n": [1, 1, 0],
        "amount_n": [2, 1, 1],
        "row_n": [2, 1, 2],
    }
)


def _sums_of(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    return inputs["deed"].select(pl.col("kind").fill_null("none"), pl.col("amount"), pl.col("row_n").alias("n"))


MART = Mart(
    code="T1",
    domain="test",
    table=Table("deed_sum", "Sums.", ("kind",), (text("kind", "k"), money("amount", "a", unit="u"), integer("n", "n"))),
    questions=(),
    inputs=("deed",),
    reads={"deed": ("customer_id", "kind", "amount", "head_n")},
    sums={"deed": SUMS},
    local=_sums_of,
    partial=lambda rows, _: rows,
    finalize=lambda parts, _: parts.group_by("kind").agg(pl.col("amount", "n").sum()),
)


def _build() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.register("incoming", ROWS.to_arrow())
    con.execute("create schema marts; create table marts.deed as select * from incoming")
    return con


def test_duckdb_and_polars_add_up_alike_to_the_last_ten_thousandth() -> None:
    found = finished(SUMS, _build().sql(query(SUMS, "marts.deed", "true")).pl())
    assert_frame_equal(found.sort("kind", nulls_last=True), EXPECTED)
    assert_frame_equal(summed(SUMS, ROWS.lazy()).collect().sort("kind", nulls_last=True), EXPECTED)


def test_a_mart_of_sums_is_the_same_from_a_build_and_from_any_number_of_buckets() -> None:
    params = MartParams(as_of=date(2026, 1, 31))
    whole = compute_rows(MART, PartsOfBuild(_build(), MART, most=2), params).whole()
    assert whole.rows() == [("a", 2 * BIG, 2), ("b", Decimal("2.5000"), 1), ("none", Decimal("-0.0001"), 2)]
    for buckets in (1, 3):
        assert_frame_equal(compute(MART, {"deed": ROWS.lazy()}, params, buckets), whole)
