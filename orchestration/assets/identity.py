"""The identity asset: which person each account belongs to.

Lives here: the assets between the two dbt stretches. Stays out: what is read for them (`orchestration.identity_build`)
and how people are unified (`pipelines.identity`).
"""

from collections.abc import Iterator

from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, multi_asset

from orchestration.console import step
from orchestration.house import House
from orchestration.identity_build import unify_build
from pipelines.identity import ASSIGNMENT, OUTPUTS
from pipelines.warehouse import open_build

EVIDENCE = AssetKey(["intermediate", "int_identity_evidence"])
ACCOUNTS = AssetKey(["intermediate", "int_accounts"])
NAMES = AssetKey(["intermediate", "int_account_name"])
CONTACTS = AssetKey(["intermediate", "int_account_contact"])
CLAIMS = AssetKey(["intermediate", "int_account_claim"])


def identity_key(name: str) -> AssetKey:
    """The asset key of a table of schema `identity`."""
    return AssetKey(["identity", name])


@multi_asset(
    name="unify_accounts",
    specs=[
        AssetSpec(
            identity_key(table.name),
            deps=[EVIDENCE, ACCOUNTS, NAMES, CONTACTS, CLAIMS],
            group_name="identity",
            kinds={"polars", "duckdb"},
            description=table.description,
        )
        for table in OUTPUTS.values()
    ],
    required_resource_keys={"house"},
    description="Unify accounts into people: guarded resolution, ids carried over, events, redirects.",
)
def identity_tables(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
    """Unify accounts into people and write every table of schema `identity` into the build."""
    house: House = context.resources.house
    with step(house.progress, "identity") as rows, open_build(house.settings) as con:
        unified = unify_build(house.settings, con)
        assignment = unified.tables[ASSIGNMENT.name]
        rows.append(assignment["account_key"].n_unique())
    for table in OUTPUTS.values():
        metadata = {"rows": len(unified.tables[table.name])}
        if table is ASSIGNMENT:
            current = assignment.filter(assignment["recorded_to"].is_null())
            metadata |= {"accounts": len(current), "customers": current["customer_id"].n_unique()}
        yield MaterializeResult(asset_key=identity_key(table.name), metadata=metadata)
