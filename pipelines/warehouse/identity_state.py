"""The state of identity: the history of assignments and events, and the manual decisions of people.

Lives here: what a version adds to the history, written with it and completed after it like other state; decisions,
written when they are taken; and models, written like the history. Stays out: what history, decisions and models mean
(`pipelines.identity`).

    state/identity_history/<version>.parquet   accounts that are new, have another person, or left the data
    state/identity_event/<version>.parquet     what happened to customer ids
    state/identity_override/<moment>.jsonl     one decision
    state/identity_model/<version>.jsonl       a model of the probabilistic stage; the last one is in use. <version>_<n>
                                               where a run trained it and changed nothing that is published

A version's folder carries the files it adds. Rolling back moves what is served and undoes no history: ids that were
given once are never given to somebody else.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.identity import EVENT_TABLE, HISTORY_TABLE, MODEL_TABLE
from pipelines.contracts.settings import Settings
from pipelines.identity.overrides import OVERRIDES, no_overrides
from pipelines.identity.probabilistic_model import Model
from pipelines.identity.unify import Past
from pipelines.warehouse import state
from pipelines.warehouse.files import sync

LOGS = (HISTORY_TABLE, EVENT_TABLE)
OVERRIDE_LOG = "identity_override"
MODEL_LOG = "identity_model"


def read_past(settings: Settings) -> Past:
    """What every published version recorded, in the order of runs."""
    history, events = (_read(settings, table.name, table.polars_schema) for table in LOGS)
    return Past(history.sort("run_n", "account_key"), events.sort("run_n", "event_id"))


def write_added(settings: Settings, con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write what the build in `con` adds to the history into a version's folder; nothing where it adds nothing.

    What is recorded already (a build that is published again) is not recorded twice.
    """
    if not _has(con, *LOGS):
        return
    recorded = read_past(settings).history["run_n"].max() or 0
    added = con.sql(f"from identity.{HISTORY_TABLE.name}").pl().filter(pl.col("run_n") > recorded)
    if added.is_empty():
        return
    events = con.sql(f"from identity.{EVENT_TABLE.name}").pl().filter(pl.col("run_n").is_in(added["run_n"].unique()))
    for table, frame in zip(LOGS, (added, events), strict=True):
        path = folder / f"{table.name}.parquet"
        frame.select(pl.col(name).cast(kind) for name, kind in table.polars_schema.items()).sort(
            table.grain
        ).write_parquet(path)
        path.chmod(0o444)
        sync(path)


def complete_history(settings: Settings, version_folder: Path) -> None:
    """Copy the history that a version carries into the state, where it is not there yet."""
    for table in LOGS:
        source = version_folder / f"{table.name}.parquet"
        target = settings.state_dir / table.name / source.parent.name
        target = target.with_name(target.name + ".parquet")
        if not source.exists() or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        shutil.copyfile(source, partial)
        sync(partial)
        partial.replace(target)
        sync(target.parent)


def read_overrides(settings: Settings) -> pl.DataFrame:
    """Every manual decision, in the order in which they were taken: columns of OVERRIDES."""
    records = state.read(settings, OVERRIDE_LOG)
    if not records:
        return no_overrides()
    frame = pl.DataFrame(records, schema=dict.fromkeys(OVERRIDES.names(), pl.String))
    return (
        frame.with_columns(pl.col("decided_at").str.to_datetime(time_unit="us"))
        .cast(OVERRIDES)
        .sort("decided_at", "override_id")
    )


def add_override(settings: Settings, decision: pl.DataFrame) -> None:
    """Keep a decision (one row of OVERRIDES) for all runs to come. The caller holds the writer's lock."""
    row = decision.row(0, named=True)
    record = {**row, "decided_at": row["decided_at"].isoformat()}
    state.append(settings, OVERRIDE_LOG, f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}", [record])


def read_model(settings: Settings) -> Model | None:
    """The probabilistic model in use, or None before the first was kept."""
    records = state.read(settings, MODEL_LOG)
    return Model.from_record(records[-1]) if records else None


def trained_model(settings: Settings, con: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    """What a version of the build in `con` adds to the log of models: the one its run trained, unless it is in use."""
    if not _has(con, MODEL_TABLE):
        return {}
    told = con.execute(f"select record from identity.{MODEL_TABLE.name}").fetchall()
    records = [json.loads(record) for (record,) in told]
    in_use = read_model(settings)
    return {MODEL_LOG: records} if records and (not in_use or Model.from_record(records[0]).name != in_use.name) else {}


def add_model(settings: Settings, con: duckdb.DuckDBPyConnection, version_id: str) -> None:
    """Add the model that the run of the build in `con` trained where the version that is served says the same."""
    for log, records in trained_model(settings, con).items():
        known = len(list((settings.state_dir / log).glob(f"{version_id}*.jsonl")))
        state.append(settings, log, f"{version_id}_{known:02}", records)


def model_table(model: Model | None) -> pl.DataFrame:
    """A trained model, or none, in the columns of MODEL_TABLE."""
    rows = [(model.name, json.dumps(model.to_record(), sort_keys=True))] if model else []
    return pl.DataFrame(rows, schema=MODEL_TABLE.polars_schema, orient="row")


def _read(settings: Settings, log: str, schema: pl.Schema) -> pl.DataFrame:
    paths = sorted((settings.state_dir / log).glob("*.parquet"))
    frames = [pl.read_parquet(path).cast(schema) for path in paths]
    return pl.concat([pl.DataFrame(schema=schema), *frames]).unique()


def _has(con: duckdb.DuckDBPyConnection, *tables: Table) -> bool:
    names = ", ".join(f"'{table.name}'" for table in tables)
    found = con.execute(
        f"select count(*) from duckdb_tables() where schema_name = 'identity' and table_name in ({names})"
    ).fetchall()
    return bool(found[0][0] == len(tables))
