"""Publishing: what is copied, who may publish, equal content, retention, rollback, verify."""

from __future__ import annotations

import json
import os
import stat
import struct
from collections.abc import Callable

import duckdb
import polars as pl
import pytest

from pipelines.contracts.settings import Settings
from pipelines.marts import MARTS
from pipelines.warehouse import (
    current_version,
    headline,
    list_versions,
    publish,
    query_published,
    rollback,
    state_log,
    verify,
)
from pipelines.warehouse.catalogue import published_tables, relationships
from pipelines.warehouse.errors import (
    BuildMissingError,
    ContractError,
    NothingPublishedError,
    PublishRefusedError,
    VersionDamagedError,
    VersionMissingError,
)
from pipelines.warehouse.gates import LAYERS, CheckRecord, GateRecord, Outcome, Severity, load_gate, store_gate
from pipelines.warehouse.versions import remove_versions, versions_dir


def served_file(settings: Settings) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(settings.warehouse_dir / "warehouse.duckdb"), read_only=True)


def test_a_published_file_holds_every_declared_table_and_nothing_else(house: Settings, book: pl.DataFrame) -> None:
    publish(house, "run", book)
    with served_file(house) as con:
        found = set(con.execute("select schema_name, table_name from duckdb_tables()").fetchall())
    assert found == {(schema, table.name) for schema, tables in published_tables().items() for table in tables}


def test_a_published_file_is_of_the_format_that_clients_from_1_0_on_open(house: Settings, book: pl.DataFrame) -> None:
    publish(house, "run", book)
    files = [current_version(house).path, house.build_path]
    formats = [struct.unpack_from("<8x4sQ", path.read_bytes()) for path in files]
    assert formats[0] == (b"DUCK", 64)
    assert formats[1] > formats[0], "the build is private and of a newer format"


def test_every_published_table_and_column_has_its_contract_comment_and_type(
    house: Settings, book: pl.DataFrame
) -> None:
    publish(house, "run", book)
    with served_file(house) as con:
        tables = dict(con.execute("select schema_name || '.' || table_name, comment from duckdb_tables()").fetchall())
        columns = {
            tuple(row[:3]): row[3:]
            for row in con.execute(
                "select schema_name, table_name, column_name, lower(data_type), comment from duckdb_columns() "
                "where not internal"
            ).fetchall()
        }
    declared = 0
    for schema, group in published_tables().items():
        for table in group:
            assert tables[f"{schema}.{table.name}"].startswith(table.description.rstrip("."))
            for column in table.columns:
                kind, comment = columns[schema, table.name, column.name]
                assert (kind, comment) == (column.type.duckdb, column.comment)
                declared += 1
    assert declared == len(columns)


def test_the_copy_equals_the_build_and_the_manifest_counts_it(house: Settings, book: pl.DataFrame) -> None:
    version = publish(house, "run", book).version
    assert version.rows["core.fct_order"] == 20
    with served_file(house) as con:
        assert con.execute("select count(*), sum(list_value) from core.fct_order").fetchone()[0] == 20
        listed = dict(con.execute("select schema_name || '.' || table_name, row_n from meta.tables").fetchall())
        for name, count in listed.items():
            assert con.execute(f"select count(*) from {name}").fetchone() == (count,)
    marts = {path.stem: len(pl.read_parquet(path)) for path in (version.folder / "marts").glob("*.parquet")}
    assert marts == {name.removeprefix("marts."): n for name, n in version.rows.items() if name.startswith("marts.")}


def test_parquet_lies_in_grain_order_however_the_build_lies(
    house: Settings, book: pl.DataFrame, change: Callable[..., None]
) -> None:
    marts = {mart.name: mart.table.grain for mart in MARTS if len(mart.table.grain) > 1}
    for turn, order in enumerate(("asc nulls last", "desc", "asc nulls first")):
        keys = {name: ", ".join(f"{key} {order}" for key in grain) for name, grain in marts.items()}
        sort = [f"create or replace table marts.{name} as from marts.{name} order by {by}" for name, by in keys.items()]
        change(f"update core.dim_product set title = 'turn {turn}'", *sort)
        folder = publish(house, f"run {turn}", book).version.folder / "marts"
        for name, grain in marts.items():
            written = pl.read_parquet(folder / f"{name}.parquet")
            assert written.equals(written.sort(grain, nulls_last=True)), (name, order)
            assert len(written)


def test_a_version_is_read_only_and_its_files_are_in_the_manifest(house: Settings, book: pl.DataFrame) -> None:
    version = publish(house, "run", book).version
    assert stat.S_IMODE(version.path.stat().st_mode) == 0o444
    on_disk = {str(path.relative_to(version.folder)) for path in version.folder.rglob("*") if path.is_file()}
    assert on_disk == set(version.manifest["files"]) | {"manifest.json"}
    assert not list(house.warehouse_dir.rglob("*.wal"))


def test_meta_tells_runs_versions_checks_files_and_relations(house: Settings, book: pl.DataFrame) -> None:
    version = publish(house, "run 1", book).version
    runs = query_published(house, "select run_id, outcome, version_id from meta.runs")
    assert runs.rows() == [("run 1", "published", version.id)]
    assert query_published(house, "select version_id, is_this from meta.versions").rows() == [(version.id, True)]
    checks = query_published(house, "select layer, outcome from meta.check_results order by layer")
    assert set(checks["layer"]) == set(LAYERS)
    files = query_published(house, "select file_sha256, first_version_id from meta.files")
    assert len(files) == len(book)
    assert set(files["first_version_id"]) == {version.id}
    assert headline(house).basis in ("contribution", "net_revenue")


def test_relationships_name_columns_that_exist(house: Settings) -> None:
    columns = {
        (schema, table.name, name)
        for schema, tables in published_tables().items()
        for table in tables
        for name in table.names
    }
    found = list(relationships())
    assert ("core", "fct_order", "customer_id", "core", "dim_customer", "customer_id") in found
    for relation in found:
        assert relation[:3] in columns
        assert relation[3:] in columns


def test_equal_content_is_published_once(house: Settings, book: pl.DataFrame) -> None:
    first = publish(house, "run 1", book)
    second = publish(house, "run 2", book)
    assert first.is_new
    assert not second.is_new
    assert second.version.id == first.version.id
    assert len(list_versions(house)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update core.dim_product set title = 'new' where sku = 'sku 3'",
        "update meta.run_context set as_of_on = date '2026-04-01'",
        "delete from marts.customer_channel where channel = 'channel 2'",
    ],
)
def test_other_content_is_a_new_version(
    house: Settings, book: pl.DataFrame, change: Callable[..., None], statement: str
) -> None:
    first = publish(house, "run 1", book)
    change(statement)
    second = publish(house, "run 2", book)
    assert second.is_new
    assert second.version.id > first.version.id
    assert second.version.parent == first.version.id


def test_another_account_book_is_a_new_version(house: Settings, book: pl.DataFrame) -> None:
    publish(house, "run 1", book)
    second = publish(house, "run 2", book.head(2))
    assert second.is_new
    assert query_published(house, "select count(*) from meta.files").item() == 2


def test_nothing_is_published_without_verdicts(house: Settings, book: pl.DataFrame) -> None:
    for path in (house.build_path.parent / "gates").glob("*.json"):
        path.unlink()
    with pytest.raises(PublishRefusedError) as refused:
        publish(house, "run", book)
    for layer in LAYERS:
        assert f"gate {layer}: has no stored verdict" in str(refused.value)
    with pytest.raises(NothingPublishedError):
        current_version(house)


def test_a_build_changed_after_gating_is_refused(
    house: Settings, book: pl.DataFrame, change: Callable[..., None]
) -> None:
    change("update core.fct_order set is_kept = not is_kept where order_key = 'order_key 1'", gated=False)
    with pytest.raises(PublishRefusedError, match="the core layer changed after it was judged"):
        publish(house, "run", book)


def test_a_gate_judged_against_another_layer_below_is_refused(house: Settings, book: pl.DataFrame) -> None:
    record = load_gate(house, "marts")
    assert record is not None
    upstream = {**record.upstream, "core": "another"}
    store_gate(house, GateRecord("marts", record.digest, 1, record.checks, upstream, "suite"))
    with pytest.raises(PublishRefusedError, match="gate marts: was judged against another core layer"):
        publish(house, "run", book)


def check(outcome: Outcome, severity: Severity = Severity.BLOCK) -> CheckRecord:
    return CheckRecord(
        "core.channel_orders", "core", "core.fct_order", "expect_column_values_to_be_between", outcome, severity,
        "pos has 20 orders too many", evaluated_n=3, endangered=("customer_rfm", "profit_waterfall"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("checks", "declared", "words"),
    [
        ((check(Outcome.FAILED),), 1, "failed: pos has 20 orders too many (endangers customer_rfm, profit_waterfall)"),
        ((check(Outcome.ERRORED, Severity.WARN),), 1, "core.channel_orders on core.fct_order errored"),
        ((check(Outcome.PASSED),), 2, "2 checks are declared but 1 have an outcome"),
        ((), 0, "no check evaluated anything"),
        ((check(Outcome.SKIPPED),), 1, "no check evaluated anything"),
    ],
)
def test_a_gate_that_is_not_a_pass_is_refused_in_words(
    house: Settings, book: pl.DataFrame, checks: tuple[CheckRecord, ...], declared: int, words: str
) -> None:
    record = load_gate(house, "core")
    assert record is not None
    store_gate(house, GateRecord("core", record.digest, declared, checks, record.upstream, "suite"))
    with pytest.raises(PublishRefusedError) as refused:
        publish(house, "run", book)
    assert words in str(refused.value)


def test_a_failed_warning_does_not_stop_the_publish(house: Settings, book: pl.DataFrame) -> None:
    record = load_gate(house, "core")
    assert record is not None
    checks = (check(Outcome.FAILED, Severity.WARN), check(Outcome.PASSED))
    store_gate(house, GateRecord("core", record.digest, 2, checks, record.upstream, "suite"))
    assert publish(house, "run", book).is_new


def test_an_unreadable_verdict_is_no_verdict(house: Settings, book: pl.DataFrame) -> None:
    (house.build_path.parent / "gates" / "raw.json").write_text('{"layer": "raw"')
    with pytest.raises(PublishRefusedError, match="gate raw: has no stored verdict"):
        publish(house, "run", book)


def test_a_missing_table_and_a_column_beside_the_contract_are_refused(
    house: Settings, book: pl.DataFrame, change: Callable[..., None]
) -> None:
    change("alter table core.dim_customer add column email varchar")
    with pytest.raises(ContractError, match="email is not in the contract"):
        publish(house, "run", book)
    change("alter table core.dim_customer drop column email", "drop table core.fct_refund")
    with pytest.raises((BuildMissingError, KeyError), match="fct_refund"):
        publish(house, "run", book)


def test_versions_beyond_the_limit_go_and_state_keeps_their_story(
    publish_n: Callable[[int], list[str]], house: Settings
) -> None:
    ids = publish_n(4)
    assert [version.id for version in list_versions(house)] == ids[:0:-1]
    assert sorted(path.name for path in versions_dir(house).iterdir()) == ids[1:]
    assert query_published(house, "select version_id from meta.versions order by 1")["version_id"].to_list() == ids
    assert [record["version_id"] for record in state_log(house, "versions")] == ids


def test_rollback_moves_only_what_is_served(publish_n: Callable[[int], list[str]], house: Settings) -> None:
    first, second, third = publish_n(3)
    assert rollback(house, first).id == first
    assert current_version(house).id == first
    assert os.readlink(house.warehouse_dir / "warehouse.duckdb") == f"versions/{first}/warehouse.duckdb"
    assert query_published(house, "select distinct title from core.dim_product").item() == "version 0"
    assert [version.id for version in list_versions(house)] == [third, second, first]
    assert [(move["from_version"], move["to_version"]) for move in state_log(house, "moves")] == [(third, first)]
    with pytest.raises(VersionMissingError, match=second):
        rollback(house, "20000101T000000Z-00000000")


def test_after_a_rollback_the_newer_content_is_published_again(
    publish_n: Callable[[int], list[str]], house: Settings, book: pl.DataFrame
) -> None:
    first, second = publish_n(2)
    rollback(house, first)
    again = publish(house, "again", book)
    assert again.is_new
    assert again.version.parent == first
    assert again.version.content_digest == next(v for v in list_versions(house) if v.id == second).content_digest


def test_verify_finds_a_flipped_byte_and_a_missing_file(publish_n: Callable[[int], list[str]], house: Settings) -> None:
    first, second = publish_n(2)
    version = verify(house)
    assert version.id == second
    mart = next(iter(sorted((version.folder / "marts").iterdir())))
    mart.unlink()
    version.path.chmod(0o644)
    data = bytearray(version.path.read_bytes())
    data[len(data) // 2] ^= 1
    version.path.write_bytes(data)
    with pytest.raises(VersionDamagedError) as damaged:
        verify(house)
    assert "warehouse.duckdb was changed" in str(damaged.value)
    assert f"marts/{mart.name} is missing" in str(damaged.value)
    assert verify(house, first).id == first
    with pytest.raises(VersionDamagedError):
        rollback(house, second)


def test_no_version_but_the_kept_ones_is_left_lying(publish_n: Callable[[int], list[str]], house: Settings) -> None:
    ids = publish_n(1)
    (versions_dir(house) / ".unfinished-x").mkdir()
    (versions_dir(house) / "20990101T000000Z-orphan00").mkdir()
    remove_versions(house, ids)
    assert [path.name for path in versions_dir(house).iterdir()] == ids


def test_the_manifest_names_digests_gates_and_tools(house: Settings, book: pl.DataFrame) -> None:
    version = publish(house, "run", book).version
    manifest = json.loads((version.folder / "manifest.json").read_text())
    assert set(manifest["layers"]) == set(manifest["gates"]) == set(LAYERS)
    assert version.id.endswith(manifest["content_digest"][:8])
    assert manifest["made_with"]["duckdb"] == duckdb.__version__
