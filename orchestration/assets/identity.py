"""The identity asset: which person each account belongs to.

Lives here: the wiring of `pipelines.identity` between the two dbt stretches: what is read of build, vault and state,
and what is written into the build. Stays out: how people are unified.
"""

from collections.abc import Iterator

import duckdb
from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, multi_asset

from orchestration.console import step
from orchestration.house import House
from pipelines.contracts.keys import load_pepper
from pipelines.contracts.settings import Settings
from pipelines.identity import ASSIGNMENT, OUTPUTS, Facts, Unified, account_names, unify
from pipelines.ingest import vault_values
from pipelines.warehouse import open_build, read_overrides, read_past, read_run_context, write_table

EVIDENCE = AssetKey(["intermediate", "int_identity_evidence"])
ACCOUNTS = AssetKey(["intermediate", "int_accounts"])
NAMES = AssetKey(["intermediate", "int_account_name"])


def identity_key(name: str) -> AssetKey:
    """The asset key of a table of schema `identity`."""
    return AssetKey(["identity", name])


@multi_asset(
    name="unify_accounts",
    specs=[
        AssetSpec(
            identity_key(table.name),
            deps=[EVIDENCE, ACCOUNTS, NAMES],
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


def read_facts(settings: Settings, con: duckdb.DuckDBPyConnection) -> Facts:
    """What the build knows of accounts, with their names from the vault, which stay in memory."""
    evidence = con.sql(
        "select account_key, id_type, value_key, source_system, first_seen_at, last_seen_at, is_linking "
        "from intermediate.int_identity_evidence"
    ).pl()
    accounts = con.sql(
        "select account_key, source_system, first_seen_at, city, birth_year from intermediate.int_accounts"
    ).pl()
    keys = con.sql("select account_key, name_key, given_name_key, family_name_key from intermediate.int_account_name")
    names = account_names(keys.pl(), vault_values(settings, ["name"]))
    return Facts(evidence, accounts, names, read_overrides(settings))


def unify_build(settings: Settings, con: duckdb.DuckDBPyConnection) -> Unified:
    """Unify the accounts of the build as of its day and write the tables of schema `identity`."""
    as_of = read_run_context(con)["cutoff_at"]
    unified = unify(read_facts(settings, con), read_past(settings), load_pepper(settings), as_of)
    for table in OUTPUTS.values():
        write_table(con, "identity", table, unified.tables[table.name])
    return unified
