"""The state of identity: history and models with their version, decisions when they are taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from pipelines.contracts.identity import EVENT_TABLE, HISTORY_TABLE, MODEL_TABLE
from pipelines.contracts.settings import Settings
from pipelines.identity.overrides import override
from pipelines.identity.probabilistic_model import Model
from pipelines.warehouse import (
    add_override,
    model_table,
    open_build,
    publish,
    read_model,
    read_overrides,
    read_past,
    write_table,
)
from pipelines.warehouse.identity_state import complete_history, write_added

DAY = datetime(2025, 6, 30)  # noqa: DTZ001


def _build(run_n: int, accounts: list[str]) -> duckdb.DuckDBPyConnection:
    """A build in memory whose identity step added these accounts."""
    con = duckdb.connect()
    history = pl.DataFrame(
        [(run_n, DAY, key, f"c_{key}") for key in accounts], schema=HISTORY_TABLE.polars_schema, orient="row"
    )
    events = pl.DataFrame(
        [(f"{number}-1", number, DAY, "created", None, f"c_{number}", 1, None, None) for number in range(1, run_n + 1)],
        schema=EVENT_TABLE.polars_schema,
        orient="row",
    )
    write_table(con, "identity", HISTORY_TABLE, history)
    write_table(con, "identity", EVENT_TABLE, events)
    return con


def test_history_follows_its_version_and_is_recorded_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    for version, (run_n, accounts) in {"v1": (1, ["a", "b"]), "v2": (2, ["c"])}.items():
        folder = tmp_path / version
        folder.mkdir()
        with _build(run_n, accounts) as con:
            write_added(settings, con, folder)
        assert "c" not in read_past(settings).history["account_key"].to_list()
        complete_history(settings, folder)
        complete_history(settings, folder)
    past = read_past(settings)
    assert past.history.select("run_n", "account_key").rows() == [(1, "a"), (1, "b"), (2, "c")]
    assert past.events["event_id"].to_list() == ["1-1", "2-1"]
    again = tmp_path / "v3"
    again.mkdir()
    with _build(2, ["c"]) as con:
        write_added(settings, con, again)
    assert list(again.iterdir()) == []


def test_a_build_without_identity_adds_nothing(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        write_added(Settings(home=tmp_path), con, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert read_past(Settings(home=tmp_path)).history.is_empty()


def test_decisions_are_kept_in_order(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert read_overrides(settings).is_empty()
    for action, day in (("must_link", 2), ("cannot_link", 3)):
        add_override(settings, override(action, "a", "b", "ann", "seen", DAY.replace(day=day)))
    found = read_overrides(settings)
    assert found["action"].to_list() == ["must_link", "cannot_link"]
    assert found["author"].to_list() == ["ann", "ann"]
    assert found["decided_at"].dt.day().to_list() == [2, 3]


MODEL = Model({"comparisons": []}, ("name", "city"), ("name",), 2_000, is_trained=True)


def test_a_model_is_in_use_once_the_run_that_trained_it_is_published(
    house: Settings, book: pl.DataFrame, change: Callable[..., None]
) -> None:
    def trained(model: Model | None) -> None:
        with open_build(house) as con:
            write_table(con, "identity", MODEL_TABLE, model_table(model))

    def segments() -> list[str]:
        return sorted(path.name for path in (house.state_dir / "identity_model").glob("*"))

    trained(MODEL)
    assert read_model(house) is None
    first = publish(house, "run 1", book).version.id
    assert read_model(house) == MODEL
    publish(house, "run 2", book)
    assert segments() == [f"{first}.jsonl"], "a build that is published again trains nothing"
    for record_n in (3_000, 4_000):
        trained(replace(MODEL, record_n=record_n))
        assert not publish(house, f"run {record_n}", book).is_new
        assert read_model(house) == replace(MODEL, record_n=record_n)
    trained(None)
    change("update core.dim_product set title = 'new'")
    assert publish(house, "run 5", book).is_new
    assert segments() == [f"{first}.jsonl", f"{first}_01.jsonl", f"{first}_02.jsonl"]
    assert read_model(house) == replace(MODEL, record_n=4_000)
