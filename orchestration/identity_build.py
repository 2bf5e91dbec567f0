"""Identity and the build: what is read of build, vault and state, and what is written into the build.

Lives here: plain functions on an open build, for the asset, the verbs and the tests.
Stays out: how people are unified (`pipelines.identity`).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import polars as pl

from pipelines.contracts.identity import MODEL_TABLE
from pipelines.contracts.keys import load_pepper
from pipelines.contracts.settings import Probabilistic, Settings
from pipelines.identity import OUTPUTS, Facts, Unified, account_contacts, account_names, unify
from pipelines.identity.policy import Policy, default_policy
from pipelines.identity.probabilistic import account_people, check_installed, exclusive_ids, find_links
from pipelines.identity.probabilistic_model import Model
from pipelines.identity.resolve import Resolution
from pipelines.ingest import vault_values
from pipelines.warehouse import (
    end_of_day,
    model_table,
    read_model,
    read_overrides,
    read_past,
    read_run_context,
    write_table,
)


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


@dataclass
class ProbabilisticStage:
    """The probabilistic stage of a run: the model in use before, and the one that the run uses."""

    kept: Model | None
    used: Model | None = None

    def __call__(self, facts: Facts, resolution: Resolution, clusters: pl.DataFrame) -> pl.DataFrame:
        """Possible links among accounts that stand alone, with the name of the model."""
        people = account_people(facts.accounts, facts.names, facts.contacts, clusters)
        ids = exclusive_ids(resolution, clusters)
        found = find_links(people, ids, resolution.policy.possible_floor, self.kept)
        self.used = found.model
        return found.links.with_columns(model=pl.lit(found.model.name))


def probabilistic_stage(settings: Settings) -> ProbabilisticStage | None:
    """The stage as the settings want it; None where it is off. Raises CawError where its extra is missing."""
    if settings.probabilistic is Probabilistic.off:
        return None
    check_installed()
    return ProbabilisticStage(None if settings.probabilistic is Probabilistic.retrain else read_model(settings))


def unify_build(settings: Settings, con: duckdb.DuckDBPyConnection) -> Unified:
    """Unify the accounts of the build as of its day and write the tables of schema `identity`.

    A model that the probabilistic stage had to train is kept for later runs once the build is published; one of
    starting values is not.
    """
    stage = probabilistic_stage(settings)
    context = read_run_context(con)
    day = context["identity_as_of_on"]
    unified = unify(
        read_facts(settings, con),
        read_past(settings),
        load_pepper(settings),
        context["cutoff_at"],
        policy_in_force(settings),
        believed_at=end_of_day(day, settings) if day else None,
        scorer=stage,
    )
    trained = stage.used if stage and stage.used and stage.used.is_trained else None
    write_table(con, "identity", MODEL_TABLE, model_table(trained))
    for table in OUTPUTS.values():
        write_table(con, "identity", table, unified.tables[table.name])
    return unified
