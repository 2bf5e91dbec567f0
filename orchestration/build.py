"""Definitions for one house, so that the command line, the UI and the tests run the same graph.

Lives here: `build_definitions`. Stays out: the assets themselves.
"""

from __future__ import annotations

from dagster import AssetSelection, Definitions, define_asset_job, in_process_executor

from orchestration.assets.dbt import dbt_stretches
from orchestration.assets.identity import identity_tables
from orchestration.assets.marts import marts
from orchestration.assets.publish import published, run_report
from orchestration.assets.raw import RAW_ASSETS
from orchestration.checks import gate_checks
from orchestration.house import house_resource
from pipelines.contracts.progress import Progress
from pipelines.contracts.settings import Settings

EVERYTHING = "everything"
"""Name of the job that walks the whole path."""


def build_definitions(settings: Settings, progress: Progress | None = None) -> Definitions:
    """The graph of one house: assets by floor, gates as checks, one job for everything, one process."""
    return Definitions(
        assets=[*RAW_ASSETS, *dbt_stretches(settings), identity_tables, marts, published, run_report],
        asset_checks=gate_checks(),
        jobs=[define_asset_job(EVERYTHING, selection=AssetSelection.all(), description="From landing to published.")],
        resources={"house": house_resource(settings, progress)},
        executor=in_process_executor,
    )
