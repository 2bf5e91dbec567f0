"""The identity asset: which person each account belongs to.

Lives here: the wiring of `pipelines.identity` between the two dbt stretches. Stays out: how people are unified.
"""

from dagster import AssetExecutionContext, AssetKey, MaterializeResult, asset

from orchestration.console import step
from orchestration.house import House
from pipelines.contracts.keys import load_pepper
from pipelines.identity import ASSIGNMENT, assign
from pipelines.warehouse import open_build, read_run_context, write_table

EVIDENCE = AssetKey(["intermediate", "int_identity_evidence"])
ACCOUNTS = AssetKey(["intermediate", "int_accounts"])


@asset(
    key=AssetKey(["identity", "identity_assignment"]),
    group_name="identity",
    deps=[EVIDENCE, ACCOUNTS],
    required_resource_keys={"house"},
    kinds={"polars", "duckdb"},
    description=ASSIGNMENT.description,
)
def identity_assignment(context: AssetExecutionContext) -> MaterializeResult:
    """Unify accounts into people."""
    house: House = context.resources.house
    settings = house.settings
    with step(house.progress, "identity") as rows, open_build(settings) as con:
        evidence = con.sql("from intermediate.int_identity_evidence").pl().lazy()
        accounts = con.sql("from intermediate.int_accounts").pl().lazy()
        cutoff = read_run_context(con)["cutoff_at"]
        frame = assign(evidence, accounts, load_pepper(settings), cutoff).collect()
        write_table(con, "identity", ASSIGNMENT, frame)
        rows.append(len(frame))
    return MaterializeResult(metadata={"accounts": len(frame), "customers": frame["customer_id"].n_unique()})
