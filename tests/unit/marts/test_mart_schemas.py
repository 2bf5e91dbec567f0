"""What every mart promises: questions, units, keys, comments, the columns it reads, the order of the registry."""

from __future__ import annotations

import re

import duckdb
import polars as pl
import pytest
from support.marts_core import Shape, lazy, make_core

from pipelines.contracts.columns import DataType
from pipelines.contracts.core import CORE
from pipelines.contracts.marts import Mart, MartParams
from pipelines.marts import MARTS, PartsOfBuild, compute_all, compute_ready, digest, required_columns
from pipelines.marts.runner import compute_rows
from pipelines.marts.sums import SUMMED

SHAPE = Shape(customers=120, seed=21, days=400, no_rate_share=0.01)
PARAMS = MartParams(as_of=SHAPE.as_of)


@pytest.fixture(scope="module")
def core() -> dict[str, pl.DataFrame]:
    """A small core."""
    return make_core(SHAPE)


@pytest.fixture(scope="module")
def frames(core: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Every mart, computed from no more columns than the marts say they read."""
    needed = required_columns(MARTS)
    narrow = {name: frame.select(needed[name]) for name, frame in lazy(core).items() if name in needed}
    return compute_all(MARTS, narrow, PARAMS)


def test_marts_computed_side_by_side_are_equal(core: dict[str, pl.DataFrame], frames: dict[str, pl.DataFrame]) -> None:
    written = {name: frame.lazy() for name, frame in core.items()}
    for mart, rows in compute_ready(MARTS, lambda mart: [{name: written[name] for name in mart.inputs}], PARAMS, 2):
        frame = rows.whole()
        assert digest(frame) == digest(frames[mart.name]), mart.name
        written[mart.name] = frame.lazy()
    assert set(frames) <= set(written)


def test_names_are_unique_and_inputs_come_first() -> None:
    known = set(CORE)
    for mart in MARTS:
        assert mart.name not in known
        assert set(mart.inputs) <= known, mart.name
        assert set(mart.reads) == set(mart.inputs), mart.name
        assert set(mart.once) <= {*mart.inputs, *(f"previous.{table.name}" for table in mart.previous)}
        known.add(mart.name)


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
class TestEveryMart:
    """The schema of one mart."""

    def test_it_answers_questions_and_says_its_grain(self, mart: Mart) -> None:
        assert len(mart.questions) >= 3
        assert all(question.endswith("?") for question in mart.questions)
        names = [column.name for column in mart.columns]
        assert len(set(names)) == len(names)
        assert set(mart.table.grain) <= set(names)
        assert mart.domain in mart.local.__module__

    def test_columns_are_named_with_their_unit_and_commented(self, mart: Mart) -> None:
        money = [column for column in mart.columns if column.type is DataType.MONEY]
        names = {column.name for column in mart.columns}
        assert "as_of_on" in names
        assert "currency" in names or not money
        for column in mart.columns:
            assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name)
            assert len(column.description) >= 4
            assert "likewise" not in column.comment
            assert not column.required or not column.null_means
            assert column.required or column.null_means, f"{mart.name}.{column.name}: what does null mean?"
            ending = {DataType.DATE: ("_on", "month"), DataType.BOOLEAN: ("is_", "has_")}.get(column.type)
            if column.type is DataType.DATE:
                assert column.name.endswith(ending)
            if column.type is DataType.BOOLEAN:
                assert column.name.startswith(ending)

    def test_inputs_and_columns_it_reads_exist(self, mart: Mart) -> None:
        tables = {**CORE, **{other.name: other.table for other in MARTS}}
        for name, columns in mart.reads.items():
            assert set(columns) <= set(tables[name].names)

    def test_relationships_point_at_columns(self, mart: Mart) -> None:
        tables = {**CORE, **{other.name: other.table for other in MARTS}}
        for column, target in mart.relationships.items():
            table, other = target.split(".")
            assert mart.table.column(column)
            assert tables[table].column(other)

    def test_the_frame_keeps_the_schema(self, mart: Mart, frames: dict[str, pl.DataFrame]) -> None:
        frame = frames[mart.name]
        assert frame.schema == mart.table.polars_schema
        assert frame.height > 0
        assert frame.select(mart.table.grain).is_unique().all()
        assert frame.equals(frame.sort(mart.table.grain, nulls_last=True))
        for column in mart.columns:
            values = frame[column.name]
            assert not column.required or values.null_count() == 0, column.name
            assert not column.values or set(values.drop_nulls()) <= set(column.values), column.name
            if column.type is DataType.FLOAT:
                assert not values.is_nan().any()
            if column.type is DataType.RATE or column.name.endswith("_rate"):
                assert values.drop_nulls().is_between(-1, 2).all(), column.name


def test_customer_marts_count_identified_people_only(
    core: dict[str, pl.DataFrame], frames: dict[str, pl.DataFrame]
) -> None:
    people = core["dim_customer"].filter(pl.col("is_identified") & ~pl.col("is_test"))["customer_id"]
    assert len(people) < core["dim_customer"].height
    for name, frame in frames.items():
        if "customer_id" in frame.columns:
            assert frame["customer_id"].is_in(people.implode()).all(), name
    assert frames["customer_360"].height == len(people)


@pytest.fixture(scope="module")
def stored(core: dict[str, pl.DataFrame], frames: dict[str, pl.DataFrame]) -> duckdb.DuckDBPyConnection:
    """Core and marts in a database."""
    con = duckdb.connect()
    con.execute("create schema core; create schema marts")
    for schema, tables in (("core", core), ("marts", frames)):
        for name, frame in tables.items():
            con.register("incoming", frame.to_arrow())
            con.execute(f'create table {schema}."{name}" as from incoming')
            con.unregister("incoming")
    return con


def test_examples_run_on_a_published_file(stored: duckdb.DuckDBPyConnection) -> None:
    for mart in MARTS:
        assert stored.sql(mart.example_sql).fetchall(), mart.name


def test_marts_read_in_parts_are_equal_and_read_narrow(
    stored: duckdb.DuckDBPyConnection, frames: dict[str, pl.DataFrame]
) -> None:
    """Stretches of customers at a time, wherever a mart reads the rows of an earlier one of more than forty."""
    widths = {}
    for mart in MARTS:
        added_up = {SUMMED + name for name in mart.sums}
        parts = PartsOfBuild(stored, mart, most=40)
        columns = [{name: tuple(rows.collect_schema().names()) for name, rows in part.items()} for part in parts]
        rows = {name: read for name, read in mart.reads.items() if name not in mart.sums}
        assert all({name: read[name] for name in read if name not in added_up} == rows for read in columns)
        widths[mart.name] = len(columns)
        assert digest(compute_rows(mart, parts, PARAMS).whole()) == digest(frames[mart.name]), mart.name
    assert widths["asset_movement"] > 9
    assert widths["asset_ledger"] == 1, "a table that is added up where it lies needs no parts"
    assert widths["customer_asset"] == 1, "what it carries of the version served is of all customers"
