"""Identity and the build: what is read of build, vault and state, and what is written into the build.

Lives here: plain functions on an open build, for the asset, the verbs and the tests.
Stays out: how people are unified (`pipelines.identity`).
"""

from __future__ import annotations

import duckdb
import polars as pl

from pipelines.contracts.keys import load_pepper
from pipelines.contracts.settings import Settings
from pipelines.identity import OUTPUTS, Facts, Unified, account_contacts, account_names, unify
from pipelines.identity.policy import Policy, default_policy
from pipelines.ingest import vault_values
from pipelines.warehouse import end_of_day, read_overrides, read_past, read_run_context, write_table


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
    clear = vault_values(settings, ["name", "name_mask", "phone", "phone_mask"])
    names = account_names(keys.pl(), clear.filter(pl.col("id_type") == "name"))
    said = con.sql(
        "select account_key, phone_key, phone_mask_key, name_key, name_mask_key, city "
        "from intermediate.int_account_contact"
    ).pl()
    contacts = account_contacts(said, clear)
    claims = con.sql(
        "select account_key, field, value, source_system as source, is_verified, observed_at "
        "from intermediate.int_account_claim"
    ).pl()
    priority = dict(con.sql("select source_system, priority from seeds.identity_source_priority").fetchall())
    return Facts(evidence, accounts, names, read_overrides(settings), claims, priority, contacts)


def policy_in_force(settings: Settings) -> Policy:
    """The policy by which a run of this house unifies accounts."""
    return default_policy(possible_posterior=settings.possible_posterior)


def unify_build(settings: Settings, con: duckdb.DuckDBPyConnection) -> Unified:
    """Unify the accounts of the build as of its day and write the tables of schema `identity`."""
    context = read_run_context(con)
    day = context["identity_as_of_on"]
    unified = unify(
        read_facts(settings, con),
        read_past(settings),
        load_pepper(settings),
        context["cutoff_at"],
        policy_in_force(settings),
        believed_at=end_of_day(day, settings) if day else None,
    )
    for table in OUTPUTS.values():
        write_table(con, "identity", table, unified.tables[table.name])
    return unified
