"""Raw assets: one per raw table of every channel, and the run's context.

Lives here: the wiring of ingest into assets. Stays out: how files are read (`pipelines.ingest`).
"""

from collections.abc import Iterator
from datetime import date

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    Config,
    Failure,
    MaterializeResult,
    MetadataValue,
    asset,
    multi_asset,
)
from pydantic import Field

from expectations import prepare_gates
from orchestration.console import step
from orchestration.house import House
from pipelines.channels.registry import RAW_TABLES
from pipelines.ingest import account_book, create_raw_views, currency_of_exports, default_as_of, ingest_landing
from pipelines.warehouse import open_build, reporting_currency, write_run_context

KINDS = {"parquet", "polars"}


class IngestConfig(Config):
    """What the run does with files that it cannot take."""

    allow_refused: bool = Field(False, description="Go on without the files that are refused as a whole.")


class RunContextConfig(Config):
    """The day as of which the warehouse is computed."""

    as_of: str | None = Field(
        None, description="Day as of which everything is computed, YYYY-MM-DD. Default: the last complete business day."
    )


class InputRefusedError(Exception):
    """Files were refused as a whole; nothing was built from them."""


def raw_key(table: str) -> AssetKey:
    """The asset key of a raw table."""
    return AssetKey(["raw", table])


@multi_asset(
    name="ingest",
    specs=[
        AssetSpec(raw_key(table.name), group_name="raw", kinds=KINDS, skippable=True, description=table.description)
        for table in RAW_TABLES
    ],
    can_subset=True,
    required_resource_keys={"house"},
    description="Read the landing folder: accept, quarantine or recognise every row, and keep account of it.",
)
def ingest(context: AssetExecutionContext, config: IngestConfig) -> Iterator[MaterializeResult]:
    """Ingest what is new in the landing folder and put views on everything ingested so far."""
    house: House = context.resources.house
    settings = house.settings
    selected = {key.path[-1] for key in context.selected_asset_keys}
    prepare_gates()
    report = ingest_landing(settings, house.progress, tables=selected)
    if report.refused and not config.allow_refused:
        lines = [f"{entry.source_file}: {entry.reason}" for entry in report.refused]
        raise Failure("Refused: " + "; ".join(lines)) from InputRefusedError("; ".join(lines))
    with open_build(settings) as con:
        create_raw_views(con, settings)
    book = account_book(settings)
    for table in sorted(selected):
        rows = book.filter(book["raw_table"] == table)
        metadata = {
            "files": len(rows),
            **{
                f"{name}_rows": int(rows[f"{name}_n"].sum())
                for name in ("read", "accepted", "quarantined", "duplicate")
            },
        }
        yield MaterializeResult(asset_key=raw_key(table), metadata=metadata)


@asset(
    key=AssetKey(["meta", "run_context"]),
    group_name="context",
    deps=[raw_key(table.name) for table in RAW_TABLES],
    required_resource_keys={"house"},
    kinds={"duckdb"},
    description="One row: the as-of day and the parameters of the run, for SQL.",
)
def run_context(context: AssetExecutionContext, config: RunContextConfig) -> MaterializeResult:
    """Fix the as-of day and the reporting currency of the run."""
    house: House = context.resources.house
    settings = house.settings
    as_of = date.fromisoformat(config.as_of) if config.as_of else default_as_of(settings)
    currency = reporting_currency(settings, currency_of_exports(settings))
    with step(house.progress, f"as of {as_of}, in {currency}"), open_build(settings) as con:
        write_run_context(con, settings, as_of, currency)
    return MaterializeResult(metadata={"as_of": MetadataValue.text(as_of.isoformat())})


RAW_ASSETS: list[AssetsDefinition] = [ingest, run_context]
