"""Mart assets: made from the registry, so that a new mart needs no line here.

Lives here: one op that computes the selected marts. Stays out: any formula (`pipelines.marts`).
"""

from collections.abc import Iterator

import polars as pl
from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, MetadataValue, multi_asset

from orchestration.house import House
from pipelines.contracts.core import CORE
from pipelines.contracts.marts import Mart
from pipelines.marts import MARTS, PartsOfBuild, compute_ready, read_previous
from pipelines.warehouse import ROWS_AT_ONCE, mart_params, open_build, served_path, write_table


def mart_key(name: str) -> AssetKey:
    """The asset key of a mart."""
    return AssetKey(["marts", name])


def input_key(name: str) -> AssetKey:
    """The asset key of a mart's input: a core table or another mart."""
    return AssetKey(["core", name]) if name in CORE else mart_key(name)


def _spec(mart: Mart) -> AssetSpec:
    questions = "\n".join(f"- {question}" for question in mart.questions)
    return AssetSpec(
        mart_key(mart.name),
        deps=[input_key(name) for name in mart.inputs],
        group_name="marts",
        kinds={"polars", "duckdb"},
        skippable=True,
        description=f"{mart.table.description}\n\nAnswers:\n{questions}",
        metadata={"code": mart.code, "domain": mart.domain, "grain": ", ".join(mart.table.grain)},
    )


@multi_asset(
    name="compute_marts",
    specs=[_spec(mart) for mart in MARTS],
    can_subset=True,
    required_resource_keys={"house"},
    description="Compute the selected marts, each from core and from marts before it.",
)
def marts(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
    """Compute the selected marts, each once those before it are written, and write them into the build."""
    house: House = context.resources.house
    selected = [mart for mart in MARTS if mart_key(mart.name) in context.selected_asset_keys]
    with open_build(house.settings) as con:

        def read(mart: Mart) -> PartsOfBuild:
            house.progress.start(_label(mart))
            return PartsOfBuild(con, mart, read_previous(con, mart, served_path(house.settings)))

        params = mart_params(con, house.settings)
        for mart, rows in compute_ready(selected, read, params, house.settings.threads):
            write_table(con, "marts", mart.table, rows.slices(ROWS_AT_ONCE))
            house.progress.finish(_label(mart), len(rows))
            yield MaterializeResult(
                asset_key=mart_key(mart.name),
                metadata={"rows": len(rows), "preview": MetadataValue.md(_preview(rows.head(5)))},
            )
            del rows  # before the next ones are waited for


def _label(mart: Mart) -> str:
    return f"mart {mart.name}"


def _preview(head: pl.DataFrame) -> str:
    lines = ["| " + " | ".join(head.columns) + " |", "|" + "---|" * len(head.columns)]
    lines += ["| " + " | ".join("" if value is None else str(value) for value in row) + " |" for row in head.rows()]
    return "\n".join(lines)
