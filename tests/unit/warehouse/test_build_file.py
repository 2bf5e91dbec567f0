"""The build file: it begins as the last good build, and tables are written as their contracts say."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import polars as pl
import pytest

from pipelines.contracts.columns import Table, integer, money, text
from pipelines.contracts.settings import Settings
from pipelines.warehouse import begin_build, layer_digest, mart_params, open_build, read_run_context, write_table
from pipelines.warehouse.build import mark_good
from pipelines.warehouse.context import write_run_context
from pipelines.warehouse.errors import BuildMissingError, ContractError

from datetime import date, datetime  # isort: skip

PURSE = Table("purse", "A purse.", ("owner",), (text("owner", "Owner", required=True), money("amount", "It's amount")))
FRAME = pl.DataFrame({"amount": [1.5, None], "owner": ["a", "b"]}).with_columns(
    pl.col("amount").cast(pl.Decimal(18, 4))
)


def tables(settings: Settings) -> set[str]:
    with open_build(settings, read_only=True) as con:
        return {row[0] for row in con.execute("select table_name from duckdb_tables()").fetchall()}


def test_a_run_begins_with_the_last_good_build_however_it_was_left(settings: Settings) -> None:
    begin_build(settings)
    with open_build(settings) as con:
        write_table(con, "core", PURSE, FRAME)
    mark_good(settings, "v1")
    begin_build(settings)
    assert tables(settings) == {"purse"}
    with open_build(settings) as con:
        con.execute("create table core.half as select 1 as x")
    begin_build(settings)
    assert tables(settings) == {"purse"}
    settings.build_path.unlink()
    begin_build(settings)
    assert tables(settings) == {"purse"}


def test_a_left_over_that_never_was_good_is_thrown_away(settings: Settings) -> None:
    begin_build(settings)
    with open_build(settings) as con:
        write_table(con, "core", PURSE, FRAME)
    assert not begin_build(settings).exists()
    with pytest.raises(BuildMissingError, match="caw run"), open_build(settings, read_only=True):
        pass


def test_a_build_with_a_log_beside_it_is_not_trusted(settings: Settings) -> None:
    begin_build(settings)
    with open_build(settings) as con:
        write_table(con, "core", PURSE, FRAME)
    mark_good(settings, "v1")
    settings.build_path.with_name("current.duckdb.wal").write_bytes(b"rows of somebody else")
    begin_build(settings)
    assert tables(settings) == {"purse"}
    assert not settings.build_path.with_name("current.duckdb.wal").exists()


def test_one_good_copy_is_kept_and_half_copies_go(settings: Settings) -> None:
    for version in ("v1", "v2"):
        begin_build(settings)
        with open_build(settings) as con:
            write_table(con, "core", PURSE, FRAME.head(1 if version == "v1" else 2))
        mark_good(settings, version)
    half = settings.build_path.with_name(".good-v3.duckdb.partial")
    half.touch()
    begin_build(settings)
    assert [path.name[:7] for path in settings.build_path.parent.glob("good-*.duckdb")] == ["good-v2"]
    assert not half.exists()


def test_the_good_build_is_not_copied_until_somebody_writes_and_is_never_written(settings: Settings) -> None:
    begin_build(settings)
    with open_build(settings) as con:
        write_table(con, "core", PURSE, FRAME)
    mark_good(settings, "v1")
    (good,) = settings.build_path.parent.glob("good-*.duckdb")
    content = good.read_bytes()
    with open_build(settings, read_only=True):
        assert good.samefile(settings.build_path)
    with open_build(settings) as con:
        con.execute("insert into core.purse values ('c', 3)")
    assert not good.samefile(settings.build_path)
    assert good.read_bytes() == content
    begin_build(settings)
    assert settings.build_path.read_bytes() == content
    assert settings.build_path.stat().st_nlink == 1  # dbt opens the file by itself


def test_without_links_the_good_build_is_copied(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    begin_build(settings)
    with open_build(settings) as con:
        write_table(con, "core", PURSE, FRAME)
    mark_good(settings, "v1")
    (good,) = settings.build_path.parent.glob("good-*.duckdb")
    assert good.read_bytes() == settings.build_path.read_bytes()
    assert not good.samefile(settings.build_path)


def test_fresh_begins_with_nothing_and_a_failed_fresh_run_falls_back(settings: Settings) -> None:
    begin_build(settings)
    with open_build(settings) as con:
        write_table(con, "core", PURSE, FRAME)
    mark_good(settings, "v1")
    assert not begin_build(settings, fresh=True).exists()
    begin_build(settings)
    assert tables(settings) == {"purse"}


def test_a_table_is_written_by_its_contract(settings: Settings) -> None:
    with open_build(settings) as con:
        assert write_table(con, "core", PURSE, FRAME) == 2
        assert con.execute("select owner, amount from core.purse order by 1").fetchall() == [
            ("a", Decimal("1.5000")),
            ("b", None),
        ]
        columns = con.execute("select column_name, data_type, comment from duckdb_columns() where table_name = 'purse'")
        assert columns.fetchall() == [("owner", "VARCHAR", "Owner."), ("amount", "DECIMAL(18,4)", "It's amount.")]
        write_table(con, "core", PURSE, FRAME.head(1))
        assert con.execute("select count(*) from core.purse").fetchone() == (1,)
    assert not list(settings.build_path.parent.glob("*.wal"))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (FRAME.drop("amount"), "purse lacks the columns amount"),
        (FRAME.with_columns(owner=pl.lit(None, pl.String)), "null in owner"),
        (FRAME.with_columns(amount=pl.lit("much")), "does not fit its types"),
    ],
)
def test_a_frame_against_its_contract_is_refused(settings: Settings, frame: pl.DataFrame, words: str) -> None:
    with open_build(settings) as con, pytest.raises(ContractError, match=words):
        write_table(con, "core", PURSE, frame)


def test_limits_are_set_on_purpose(settings: Settings) -> None:
    with open_build(settings) as con:
        names = "current_setting('threads'), current_setting('max_temp_directory_size'), current_setting('TimeZone')"
        assert con.execute(f"select {names}").fetchone() == (1, "18.6 GiB", "UTC")


def test_the_run_context_ends_the_day_in_the_reporting_zone(settings: Settings) -> None:
    east = settings.model_copy(update={"reporting_tz": "Asia/Shanghai", "reporting_currency": "CNY"})
    with open_build(east) as con:
        with pytest.raises(BuildMissingError):
            read_run_context(con)
        write_run_context(con, east, date(2026, 3, 31), "CNY")
        context = read_run_context(con)
        params = mart_params(con, east)
    assert context["cutoff_at"] == datetime(2026, 3, 31, 16)  # noqa: DTZ001  UTC without zone
    assert (params.as_of, params.reporting_currency, params.discount_rate) == (date(2026, 3, 31), "CNY", 0.1)


def digests(settings: Settings) -> dict[str, str]:
    with open_build(settings, read_only=True) as con:
        return {layer: layer_digest(con, layer) for layer in ("canonical", "core")}


def test_the_layer_stamp_sees_changes_and_not_order(settings: Settings) -> None:
    table = Table("numbers", "Numbers.", ("n",), (integer("n", "N"), text("word", "Word")))
    frame = pl.DataFrame({"n": [1, 2, 3], "word": ["a", None, ""]})

    def stamp(changed: pl.DataFrame) -> str:
        with open_build(settings) as con:
            write_table(con, "core", table, changed)
        return digests(settings)["core"]

    first = stamp(frame)
    assert stamp(frame.reverse()) == first
    assert stamp(frame.with_columns(word=pl.lit(""))) != first
    assert stamp(pl.concat([frame, frame])) != first
    assert stamp(pl.concat([frame, frame, frame])) != first
    assert stamp(frame.with_columns(n=pl.col("n").sort(descending=True))) != first
    assert stamp(frame) == first


def test_the_stamp_of_a_view_is_its_sql(settings: Settings) -> None:
    with open_build(settings) as con:
        con.execute("create schema intermediate")
        con.execute("create view intermediate.int_order__unioned as select 1 as x")
    first = digests(settings)["canonical"]
    with open_build(settings) as con:
        con.execute("create or replace view intermediate.int_order__unioned as select 2 as x")
    second = digests(settings)["canonical"]
    assert second != first
    with open_build(settings) as con:
        con.execute("create table intermediate.int_made_later as select 1 as x")
    assert digests(settings)["canonical"] == second


def test_two_processes_never_write_the_build_together(settings: Settings) -> None:
    with open_build(settings) as con:
        con.execute("create table t as select 1")
        code = f"import duckdb; duckdb.connect({str(settings.build_path)!r})"
        import subprocess
        import sys

        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "lock" in other.stderr
    assert duckdb.connect(str(settings.build_path), read_only=True).execute("from t").fetchall() == [(1,)]
