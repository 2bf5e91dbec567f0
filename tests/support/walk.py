"""The path from a landing folder to marts, by its plain functions: no Dagster, no gates, nothing published.

For tests that walk it several times and compare digests.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from orchestration.dbt_run import invoke
from orchestration.identity_build import unify_build
from pipelines.contracts.settings import Settings
from pipelines.ingest import create_raw_views, ingest_landing
from pipelines.marts import MARTS, PartsOfBuild, digest
from pipelines.marts.runner import compute_rows
from pipelines.warehouse import begin_build, mart_params, open_build, write_run_context, write_table


def walk(home: Path, landing: Path, as_of: date) -> dict[str, str]:
    """Digest of every mart computed from `landing` as of a day, in a house of its own."""
    settings = Settings(home=home, landing=landing)
    begin_build(settings)
    ingest_landing(settings)
    with open_build(settings) as con:
        create_raw_views(con, settings)
        write_run_context(con, settings, as_of, settings.reporting_currency or "USD")
    build(settings, "tag:pre_identity")
    with open_build(settings) as con:
        unify_build(settings, con)
    build(settings, "tag:post_identity")
    with open_build(settings) as con:
        params = mart_params(con, settings)
        digests = {}
        for mart in MARTS:
            frame = compute_rows(mart, PartsOfBuild(con, mart), params).whole()
            write_table(con, "marts", mart.table, frame)
            digests[mart.name] = digest(frame)
    return digests


def build(settings: Settings, select: str) -> None:
    """Build one stretch of dbt without its data tests."""
    kinds = ["--resource-type", "model", "--resource-type", "seed"]
    result = invoke(settings, ["build", "--select", select, *kinds])
    assert result.success, result.exception or [node.message for node in result.result.results if node.message]


def published_digests(settings: Settings) -> dict[str, str]:
    """Digest of every mart of the version that is served, from its Parquet copy."""
    from pipelines.warehouse import current_version

    folder = current_version(settings).folder / "marts"
    return {mart.name: digest(pl.read_parquet(folder / f"{mart.name}.parquet")) for mart in MARTS}
