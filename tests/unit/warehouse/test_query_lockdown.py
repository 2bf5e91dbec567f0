"""Queries on the published file: what an analyst asks is answered, what reaches anywhere else is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.contracts.settings import Settings
from pipelines.warehouse import current_version, publish, query_published
from pipelines.warehouse.errors import NothingPublishedError, QueryError
from pipelines.warehouse.query import published_connection

SECRET = "the pepper"


@pytest.fixture(scope="module")
def served(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A house with a published version and, beside it, files that nobody may read through it."""
    import shutil

    home = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(template, home)
    settings = Settings(home=home, threads=1, memory_limit="500MB")
    from pipelines.contracts.columns import Table
    from pipelines.warehouse.meta_tables import BOOK

    publish(settings, "run", pl.DataFrame(schema=Table("book", "", (), BOOK).polars_schema))
    (home / "vault").mkdir()
    (home / "vault" / "pepper").write_text(SECRET)
    pl.DataFrame({"clear": [SECRET]}).write_parquet(home / "vault" / "clear.parquet")
    pl.DataFrame({"clear": [SECRET]}).write_csv(home / "vault" / "clear.csv")
    with duckdb.connect(str(home / "vault" / "vault.duckdb")) as con:
        con.execute(f"create table clear as select '{SECRET}' as clear")
    (home / "link.csv").symlink_to(home / "vault" / "clear.csv")
    return settings


HOSTILE = (
    "select * from read_csv('{vault}/clear.csv')",
    "select * from read_csv_auto('{vault}/clear.csv')",
    "select * from '{vault}/clear.csv'",
    "from '{vault}/clear.parquet'",
    "select * from read_parquet('{vault}/clear.parquet')",
    "select * from parquet_scan('{vault}/clear.parquet')",
    "select * from parquet_metadata('{vault}/clear.parquet')",
    "select * from parquet_schema('{vault}/clear.parquet')",
    "select * from read_text('{vault}/pepper')",
    "select * from read_blob('{vault}/pepper')",
    "select * from read_json('{vault}/pepper')",
    "select * from read_ndjson_objects('{vault}/pepper')",
    "select * from sniff_csv('{vault}/clear.csv')",
    "select * from glob('{vault}/*')",
    "select * from read_csv('{home}/warehouse/../vault/clear.csv')",
    "select * from read_csv('{home}/link.csv')",
    "select * from read_csv('file://{vault}/clear.csv')",
    "select * from read_csv('http://127.0.0.1:9/x.csv')",
    "select * from query('select * from read_text(''{vault}/pepper'')')",
    "select * from query_table('{vault}/clear.parquet')",
    "with x as (select * from read_text('{vault}/pepper')) select * from x",
    "select (select content from read_text('{vault}/pepper'))",
    "describe select * from read_csv('{vault}/clear.csv')",
    "summarize '{vault}/clear.parquet'",
    "explain analyze select * from read_text('{vault}/pepper')",
    "attach '{vault}/vault.duckdb' as v",
    "attach '{vault}/vault.duckdb' as v (read_only)",
    "attach ':memory:' as m",
    "detach warehouse",
    "use memory",
    "copy core.dim_customer to '{home}/out.csv'",
    "copy (select 1) to '{home}/out.parquet' (format parquet)",
    "copy core.dim_customer from '{vault}/clear.csv'",
    "export database '{home}/out'",
    "import database '{vault}'",
    "create table core.x as select 1",
    "create temp table x as select 1",
    "create view v as select 1",
    "create macro f() as 1",
    "create secret s (type s3)",
    "insert into core.dim_product select * from core.dim_product",
    "update core.dim_customer set city = 'x'",
    "delete from core.fct_order",
    "truncate core.fct_order",
    "drop table core.fct_order",
    "drop schema core cascade",
    "alter table core.fct_order drop column status",
    "comment on table core.fct_order is 'x'",
    "install httpfs",
    "load httpfs",
    "load '{vault}/evil.duckdb_extension'",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "reset enable_external_access",
    "set memory_limit = '1TB'",
    "set temp_directory = '{vault}'",
    "pragma enable_profiling = 'json'",
    "pragma profiling_output = '{home}/out.json'",
    "set search_path = 'memory'",
    "call pragma_version()",
    "checkpoint",
    "vacuum",
    "begin transaction",
    "prepare p as select 1",
    "select 1; select * from read_text('{vault}/pepper')",
    "explain analyze copy (select 1) to '{home}/out.csv'",
    "select * from secret_frame",
    "from duckdb_secrets()",
)


@pytest.fixture(scope="module")
def reader(served: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with published_connection(served, current_version(served).path) as con:
        yield con


@pytest.mark.parametrize("statement", HOSTILE)
def test_a_hostile_statement_is_refused(served: Settings, statement: str) -> None:
    secret_frame = pl.DataFrame({"clear": [SECRET]})
    before = sorted(path for path in served.home.rglob("*"))
    with pytest.raises(QueryError):
        query_published(served, statement.format(home=served.home, vault=served.vault_dir))
    assert sorted(path for path in served.home.rglob("*")) == before
    assert len(secret_frame) == 1


BEHIND = [statement for statement in HOSTILE if "vault" in statement or "home" in statement]


@pytest.mark.parametrize("statement", BEHIND)
def test_the_connection_alone_reaches_no_file_either(
    served: Settings, reader: duckdb.DuckDBPyConnection, statement: str
) -> None:
    before = sorted(path for path in served.home.rglob("*"))
    with pytest.raises(duckdb.Error):
        reader.execute(statement.format(home=served.home, vault=served.vault_dir)).fetchall()
    assert sorted(path for path in served.home.rglob("*")) == before


@pytest.mark.parametrize("statement", ["set enable_external_access = true", "set lock_configuration = false"])
def test_the_locks_cannot_be_opened(reader: duckdb.DuckDBPyConnection, statement: str) -> None:
    with pytest.raises(duckdb.Error, match="locked"):
        reader.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "select count(*) from core.fct_order",
        "from marts.customer_channel limit 1",
        "with a as (select 1 as x) select x from a",
        "show all tables",
        "describe core.fct_order",
        "summarize core.dim_product",
        "explain select * from core.fct_order",
        "select * from meta.headline;",
        "-- a remark\nselect 1",
        "select table_name, comment from duckdb_tables()",
        "pivot core.fct_order on status in ('paid', 'pending') using count(*)",
    ],
)
def test_questions_are_answered(served: Settings, statement: str) -> None:
    assert len(query_published(served, statement)) >= 1


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("select * from core.orders", "Table with name orders does not exist"),
        ("selec 1", "syntax error"),
        ("select nothing from core.fct_order", 'Referenced column "nothing" not found'),
        ("", "There is no statement"),
        ("select 1; select 2", "One statement at a time"),
        ("drop table core.fct_order", "Only statements that read"),
        ("select * from read_text('/etc/passwd')", "reaches outside the published warehouse"),
    ],
)
def test_errors_are_sentences(served: Settings, statement: str, words: str) -> None:
    with pytest.raises(QueryError) as error:
        query_published(served, statement)
    assert words in str(error.value)
    assert "Traceback" not in str(error.value)


def test_before_the_first_publish_there_is_a_next_step(settings: Settings) -> None:
    with pytest.raises(NothingPublishedError, match="caw run"):
        query_published(settings, "select 1")


def test_money_comes_as_decimals(served: Settings) -> None:
    frame = query_published(served, "select list_value from core.fct_order limit 1")
    assert frame.schema["list_value"] == pl.Decimal(18, 4)
