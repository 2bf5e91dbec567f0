"""Unify: the whole of identity for one run of the warehouse, from its evidence and its past to its tables.

Lives here: the order of the work, and the tables in the columns of `contracts.identity`.
Stays out: reading build, vault and state (the caller), the guards (`resolve`), ids over time (`carry_over`).

Time has two sides. A run as of a day knows the history recorded up to that day and adds to it. A run as of an earlier
day than the latest recorded one looks back: it sees the ids as they were believed then and adds nothing, so that a
look back changes no id, whatever is asked and in whatever order. `believed_at` looks back at identity alone: today's
facts of the people that an earlier day believed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import polars as pl

from pipelines.contracts.identity import (
    ASSIGNMENT,
    EVENT_TABLE,
    GROUP_TABLE,
    HISTORY_TABLE,
    POLICY_TABLE,
    POSSIBLE_TABLE,
    PROVENANCE_TABLE,
    REDIRECT_TABLE,
    SHOWN_FIELDS,
    VERDICT_TABLE,
)
from pipelines.identity.candidates import refused_links
from pipelines.identity.carry_over import CarryOver, assignment_table, believe, carry_over
from pipelines.identity.case import Case
from pipelines.identity.evidence import case_from_evidence, policy_of
from pipelines.identity.explain import causes
from pipelines.identity.golden import CLAIMS, golden_fields
from pipelines.identity.households import households, rings
from pipelines.identity.masks import CONTACTS, masked_accounts
from pipelines.identity.people import Roster, named_by_anchor
from pipelines.identity.policy import Policy, default_policy, loose_policy, strict_policy
from pipelines.identity.possible import accept_links
from pipelines.identity.resolve import Resolution, resolve_case
from pipelines.identity.review import open_questions, possible_table

OTHER_POLICIES = {"strict": strict_policy, "loose": loose_policy}


@dataclass(frozen=True)
class Facts:
    """What the warehouse knows of accounts as of a day.

    evidence: columns of int_identity_evidence. accounts: account_key, source_system, first_seen_at, city, birth_year of
    every account. names: account_key, name (normal forms). overrides: manual decisions (columns of OVERRIDES).
    claims: what accounts state of their people (columns of CLAIMS; identifiers by their keys). source_priority: rank
    of sources, 1 for the one believed first. contacts: what accounts state of receivers (columns of CONTACTS).
    """

    evidence: pl.DataFrame
    accounts: pl.DataFrame
    names: pl.DataFrame
    overrides: pl.DataFrame
    claims: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CLAIMS))
    source_priority: Mapping[str, int] = field(default_factory=dict)
    contacts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CONTACTS))

    @cached_property
    def roster(self) -> Roster:
        """The accounts, ready to be given the people of a resolution."""
        return Roster(self.accounts)


Scorer = Callable[[Facts, Resolution, pl.DataFrame], pl.DataFrame]
"""From facts, their resolution and people so far (account_key, cluster): possible links, with their `model`."""


@dataclass(frozen=True)
class Past:
    """What earlier runs recorded: the history of assignments, and events (columns of HISTORY_TABLE, EVENT_TABLE)."""

    history: pl.DataFrame
    events: pl.DataFrame

    def up_to(self, instant: datetime) -> Past:
        """What had been recorded at an as-of instant."""
        then = pl.col("recorded_at") <= instant
        return Past(self.history.filter(then), self.events.filter(then))


@dataclass(frozen=True)
class Unified:
    """What a run says of who is whom: tables by the names of `contracts.identity`, and the resolution behind them."""

    tables: dict[str, pl.DataFrame]
    resolution: Resolution


def no_past() -> Past:
    """Before the first run."""
    return Past(pl.DataFrame(schema=HISTORY_TABLE.polars_schema), pl.DataFrame(schema=EVENT_TABLE.polars_schema))


def resolve_facts(facts: Facts, policy: Policy, case: Case | None = None, like: Resolution | None = None) -> Resolution:
    """The accounts of the warehouse under a policy, as far as they share evidence with others.

    `like` is a resolution of the same case under another policy, where there is one (see `resolve_case`).
    """
    return resolve_case(case or case_of(facts, policy), policy_of(facts.evidence, policy), facts.overrides, like)


def case_of(facts: Facts, policy: Policy, also: Sequence[str] = ()) -> Case:
    """The case that the warehouse's facts make, with the accounts `also`; the same for every policy of equal rules."""
    asked = pl.Series(also, dtype=pl.String)
    named = pl.concat([facts.overrides["a"], facts.overrides["b"], asked]).drop_nulls()
    return case_from_evidence(facts.evidence, facts.accounts, facts.names, policy, named)


def unify(
    facts: Facts,
    past: Past,
    pepper: bytes,
    as_of: datetime,
    policy: Policy | None = None,
    believed_at: datetime | None = None,
    scorer: Scorer | None = None,
) -> Unified:
    """Give every account its person as of the instant `as_of` (the end of the as-of day).

    With `believed_at` the accounts recorded by that instant belong to whom they belonged then, and accounts that came
    later to whom they belong as of `as_of`; such a run adds nothing to the history. `scorer` finds more possible links.
    Raises ValueError for an account without a key or a first sign, and for manual decisions that contradict each other.
    """
    if facts.accounts.select(pl.col("account_key", "first_seen_at").null_count()).sum_horizontal().item():
        raise ValueError("an account needs a key and a first sign")
    facts = replace(facts, accounts=facts.accounts.sort("account_key"))  # texts sort slowly, and once is enough
    known = past.up_to(as_of)
    resolution, possible = reviewed(facts, policy or default_policy(), scorer)
    clusters = facts.roster.people(resolution)
    done = carry_over(clusters, known.history, pepper, as_of, lambda: causes(resolution))
    latest = past.history["recorded_at"].max()
    adds = believed_at is None and (latest is None or as_of >= latest)  # type: ignore[operator]
    if believed_at is not None:
        known = known.up_to(believed_at)
        done = believe(done, known.history, as_of)
        clusters = named_by_anchor(done.assignment, facts.accounts)
    history = pl.concat([known.history, done.appended])
    tables = {
        ASSIGNMENT.name: assignment_table(history, facts.accounts),
        HISTORY_TABLE.name: done.appended if adds else done.appended.clear(),
        EVENT_TABLE.name: pl.concat([known.events, _events(done, as_of)]),
        REDIRECT_TABLE.name: done.redirects,
        VERDICT_TABLE.name: verdicts(resolution),
        POLICY_TABLE.name: _other_policies(facts, resolution, clusters),
        POSSIBLE_TABLE.name: possible_table(possible),
        GROUP_TABLE.name: groups(resolution, clusters, done.assignment),
        PROVENANCE_TABLE.name: provenance(facts, done.assignment),
    }
    return Unified(tables, resolution)


def reviewed(facts: Facts, policy: Policy, scorer: Scorer | None = None) -> tuple[Resolution, pl.DataFrame]:
    """The accounts under a policy, and the possible links it leaves open or accepts (see `accept_links`)."""
    resolution = resolve_facts(facts, policy)
    clusters = facts.roster.people(resolution)
    found = [
        refused_links(resolution),
        masked_accounts(facts.contacts, facts.names, clusters, resolution, policy.possible_floor),
    ]
    if scorer is not None:
        found.append(scorer(facts, resolution, clusters))
    links = open_questions(pl.concat(found, how="diagonal"), clusters, facts.overrides)
    threshold = policy.possible_posterior
    if threshold is None or not (links["posterior"] >= threshold).any():
        return resolution, links
    return settle(facts, policy, links, threshold)


def settle(facts: Facts, policy: Policy, links: pl.DataFrame, threshold: float) -> tuple[Resolution, pl.DataFrame]:
    """The accounts under a policy with the links of at least `threshold` made, and what became of each link.

    Accounts that share nothing are not in a case by themselves, so they are resolved again with those of the links.
    """
    likely = links.filter(pl.col("posterior") >= threshold)
    also = [*likely["account_key"], *likely["candidate_cluster"]]
    return accept_links(resolve_facts(facts, policy, case_of(facts, policy, also)), links, threshold)


def verdicts(resolution: Resolution) -> pl.DataFrame:
    """What the guards said of shared values, counted: columns of VERDICT_TABLE."""
    shared = resolution.judged_values.filter(pl.col("n_accounts") > 1)
    return (
        shared.group_by("id_type", "verdict", "reason")
        .agg(
            value_n=pl.len().cast(pl.Int64),
            account_n=pl.col("n_accounts").sum(),
            largest_n=pl.col("n_accounts").max(),
        )
        .select(VERDICT_TABLE.names)
        .sort("id_type", "verdict", "reason")
    )


def provenance(facts: Facts, assignment: pl.DataFrame) -> pl.DataFrame:
    """Which account tells each field of each customer, without direct identifiers: columns of PROVENANCE_TABLE."""
    won = golden_fields(facts.claims, assignment, facts.source_priority)
    shown = pl.when(pl.col("field").is_in(list(SHOWN_FIELDS))).then(pl.col("value"))
    return won.rename({"source": "source_system"}).with_columns(value=shown).select(PROVENANCE_TABLE.names)


def groups(resolution: Resolution, clusters: pl.DataFrame, assignment: pl.DataFrame) -> pl.DataFrame:
    """Households and rings of customers, each named after its smallest customer id: columns of GROUP_TABLE."""
    named = resolution.clusters.join(clusters.select("account_key"), on="account_key", how="semi")
    ids = named.join(assignment, on="account_key").select("cluster", "customer_id").unique()
    found = []
    for frame, label, prefix in ((households(resolution), "household", "h"), (rings(resolution), "ring", "r")):
        members = frame.join(ids, on="cluster").select("customer_id", label)
        least = pl.col("customer_id").min().over(label)
        several = members.filter(pl.len().over(label) > 1) if label == "household" else members
        found.append(several.select("customer_id", (pl.lit(prefix) + least.str.slice(1)).alias(f"{label}_id")).unique())
    both = found[0].join(found[1], on="customer_id", how="full", coalesce=True)
    return both.select(GROUP_TABLE.names).sort("customer_id")


def _events(done: CarryOver, as_of: datetime) -> pl.DataFrame:
    numbered = done.events.with_row_index("n", offset=1)
    return numbered.with_columns(
        event_id=pl.format("{}-{}", "run_n", "n"), recorded_at=pl.lit(as_of, pl.Datetime("us"))
    ).select(pl.col(name).cast(kind) for name, kind in EVENT_TABLE.polars_schema.items())


def _other_policies(facts: Facts, resolution: Resolution, clusters: pl.DataFrame) -> pl.DataFrame:
    """Accounts whose person under another policy is named by another account: columns of POLICY_TABLE."""
    now = clusters["cluster"]
    frames = []
    for name, make in OTHER_POLICIES.items():
        other = facts.roster.people(resolve_facts(facts, make(), resolution.case, like=resolution))
        differs = other.filter(other["cluster"] != now)  # both in the order of the keys
        frames.append(differs.select("account_key", policy=pl.lit(name), cluster="cluster"))
    return pl.concat(frames).sort(POLICY_TABLE.grain)
