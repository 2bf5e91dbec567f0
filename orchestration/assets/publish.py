"""The published warehouse and the report of the run.

Lives here: the wiring of publish and report. Stays out: versions, manifest, pointer (`pipelines.warehouse`).
"""

from dagster import AssetExecutionContext, AssetKey, MaterializeResult, MetadataValue, asset

from orchestration.assets.marts import mart_key
from orchestration.console import step
from orchestration.house import House
from pipelines.contracts.core import CORE
from pipelines.ingest import account_book
from pipelines.marts import MARTS
from pipelines.report import prepare_report, render_report
from pipelines.warehouse import current_version, publish

PUBLISHED = AssetKey(["warehouse", "published"])


@asset(
    key=PUBLISHED,
    group_name="publish",
    deps=[*(mart_key(mart.name) for mart in MARTS), *(AssetKey(["core", name]) for name in CORE)],
    required_resource_keys={"house"},
    kinds={"duckdb"},
    description="The version that readers are served: immutable file, Parquet marts, manifest, pointer.",
)
def published(context: AssetExecutionContext) -> MaterializeResult:
    """Publish the build, or say that nothing is new; refuses without a stored pass of every gate."""
    house: House = context.resources.house
    prepare_report()
    with step(house.progress, "publish"):
        outcome = publish(house.settings, run_id=context.run_id, book=account_book(house.settings))
    return MaterializeResult(
        metadata={
            "version": outcome.version.id,
            "is_new": outcome.is_new,
            "path": MetadataValue.path(str(outcome.version.path)),
        }
    )


@asset(
    key=AssetKey(["reports", "run_report"]),
    group_name="publish",
    deps=[PUBLISHED],
    required_resource_keys={"house"},
    kinds={"html"},
    description="One self-contained HTML page with the charts of the published version.",
)
def run_report(context: AssetExecutionContext) -> MaterializeResult:
    """Draw the report of the version that is served."""
    house: House = context.resources.house
    version = current_version(house.settings)
    with step(house.progress, "report"):
        path = render_report(version.path, house.settings.reports_dir / f"{version.id}.html")
        latest = house.settings.reports_dir / "latest.html"
        latest.write_bytes(path.read_bytes())
    return MaterializeResult(metadata={"report": MetadataValue.path(str(path)), "bytes": path.stat().st_size})
