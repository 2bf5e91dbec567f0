"""The whole path on the tiny world: what goes in is accounted for, and what is published can be trusted and read."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest
import sqlalchemy

from orchestration.run import run_everything
from pipelines.contracts.core import CORE
from pipelines.contracts.progress import Quiet
from pipelines.ingest import account_book, quarantined_rows
from pipelines.marts import MARTS
from pipelines.warehouse import current_version, list_versions, query_published

pytestmark = pytest.mark.world


def test_every_gate_passed_and_a_version_is_served(world):
    assert world.outcome.gates
    assert all(gate.passed for gate in world.outcome.gates)
    assert current_version(world.settings).id == world.outcome.version


def test_rows_and_money_tie_out_for_every_file(world):
    book = account_book(world.settings)
    assert len(book) > 10
    off_rows = book.filter(pl.col("read_n") != pl.col("accepted_n") + pl.col("quarantined_n") + pl.col("duplicate_n"))
    money = pl.col("money_accepted") + pl.col("money_quarantined") + pl.col("money_duplicate")
    off_money = book.filter(pl.col("money_read").is_not_null() & (pl.col("money_read") != money))
    assert off_rows.is_empty()
    assert off_money.is_empty()


def test_quarantine_is_exactly_what_was_planted(world):
    columns = ["source_system", "source_file", "source_row", "reason"]
    planted = world.truth("broken_rows").select(columns).sort(columns)
    found = quarantined_rows(world.settings).select(columns).unique().sort(columns)
    assert planted.height > 5
    assert found.rows() == planted.rows()


def test_every_mart_of_the_registry_is_published_and_not_empty(world):
    for mart in MARTS:
        counted = query_published(world.settings, f"select count(*) as n from marts.{mart.name}")
        assert counted["n"].item() > 0, mart.name


def test_every_published_column_has_a_comment(world):
    silent = query_published(
        world.settings,
        "select schema_name, table_name, column_name from duckdb_columns() "
        "where schema_name in ('core', 'marts', 'meta') and coalesce(comment, '') = ''",
    )
    assert silent.rows() == []


def test_published_columns_are_those_of_the_contracts(world):
    found = query_published(
        world.settings,
        "select schema_name, table_name, list(column_name || ' ' || lower(data_type) order by column_index) as columns "
        "from duckdb_columns() where schema_name in ('core', 'marts') group by all",
    )
    published = {(schema, table): columns for schema, table, columns in found.rows()}
    contracts = {("core", name): table for name, table in CORE.items()}
    contracts |= {("marts", mart.name): mart.table for mart in MARTS}
    promised = {
        key: [f"{column.name} {column.type.duckdb}" for column in table.columns] for key, table in contracts.items()
    }
    assert published == promised


def test_plain_duckdb_and_sqlalchemy_can_read_the_served_file(world):
    path = world.settings.warehouse_dir / "warehouse.duckdb"
    with duckdb.connect(path, read_only=True) as con:
        direct = con.execute("select count(*) from marts.customer_360").fetchone()
    engine = sqlalchemy.create_engine(f"duckdb:///{path}", connect_args={"read_only": True})
    with engine.connect() as con:
        through = con.execute(sqlalchemy.text("select count(*) from marts.customer_360")).one()
    engine.dispose()
    assert direct == tuple(through)


def test_a_second_run_on_unchanged_input_publishes_nothing_new(house_copy):
    settings = house_copy()
    before = [version.id for version in list_versions(settings)]
    as_of = current_version(settings).as_of
    outcome = run_everything(settings, Quiet(), as_of=as_of)
    assert outcome.succeeded
    assert not outcome.is_new
    assert [version.id for version in list_versions(settings)] == before
