"""Evidence: the warehouse's own evidence made into a case.

Lives here: identifier types of the warehouse (`crm:account`, `web:order`) as types of the rules, statements of sources
as nodes that are no accounts, and names, births and places of accounts as attributes.
Stays out: an extract's columns (`records`), reading build and vault (the caller), linking (`resolve`).

A statement ties two values ("this card and that login are one person's"). It enters the case as an account without a
name; equal statements are one. Accounts that share no value with anybody are left out: they are customers of their
own, and most buyers are.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl

from pipelines.channels.person_names import normalise_names
from pipelines.identity.case import ACCOUNTS, ATTRIBUTES, BIRTH, EVIDENCE, INSTANT, NAME, UNUSABLE, Case
from pipelines.identity.policy import Policy

PARTS = ("given_name_key", "family_name_key")
NODE = ["id_type", "scope_key", "value"]
NATIVE = "account"
SEPARATOR = "\x1f"
FAR_PAST = datetime(1990, 1, 1)  # noqa: DTZ001  instants of the warehouse are UTC without a zone


def case_from_evidence(
    evidence: pl.DataFrame, accounts: pl.DataFrame, names: pl.DataFrame, policy: Policy, kept: pl.Series | None = None
) -> Case:
    """Make a case of the accounts that share evidence with others, and those in `kept` (manual decisions name them).

    `evidence`: account_key, id_type, value_key, source_system, first_seen_at, last_seen_at, is_linking; rows whose
    account_key is no account are statements; rows that do not link are no evidence, but for devices, which tell
    households and rings (whether they link is the policy's to say, see `policy_of`). `accounts`: account_key,
    source_system, first_seen_at, city, birth_year. `names`: account_key, name (a normal form), any number a row.
    """
    numbered = accounts.with_row_index("who")
    typed = _typed(_usable(evidence, policy), policy).join(
        numbered.select("account_key", "who"), on="account_key", how="left"
    )
    stated = _statements(typed.filter(pl.col("who").is_null()).drop("who"))
    said = pl.col("account_key").rank("dense").cast(pl.UInt32) + (len(accounts) - 1)
    nodes = pl.concat([typed.drop_nulls("who"), stated.with_columns(who=said)], how="diagonal")
    is_chosen = np.zeros(len(accounts) + stated["account_key"].n_unique(), dtype=bool)
    is_chosen[_shared(nodes)["who"].to_numpy()] = True
    if kept is not None:
        is_chosen[numbered.filter(pl.col("account_key").is_in(kept.implode()))["who"].to_numpy()] = True
    nodes = nodes.filter(pl.Series(is_chosen[nodes["who"].to_numpy()]))
    known = numbered.filter(pl.Series(is_chosen[: len(accounts)]))
    return Case(
        _accounts(known, nodes),
        _attributes(known, names.join(known, on="account_key", how="semi")),
        nodes.select(EVIDENCE.names()),
        pl.DataFrame(schema=UNUSABLE),
    )


def policy_of(evidence: pl.DataFrame, policy: Policy) -> Policy:
    """The policy as the seeds of the warehouse have it: a type of device links only where its evidence is said to."""
    devices = [name for name, rule in policy.rules.types.items() if rule.strength == "device"]
    linking = evidence.filter(pl.col("id_type").is_in(devices) & pl.col("is_linking"))["id_type"].unique().to_list()
    types = {
        name: replace(rule, links=rule.links and name in linking) if name in devices else rule
        for name, rule in policy.rules.types.items()
    }
    return replace(policy, rules=replace(policy.rules, types=types))


def account_names(keys: pl.DataFrame, clear: pl.DataFrame) -> pl.DataFrame:
    """account_key, name: the normal forms behind the keys of `int_account_name`.

    `keys`: account_key, name_key, given_name_key, family_name_key. `clear`: value_key, normalised, from the vault. A
    name kept in two parts is put together: given name first, for Chinese ones the family name.
    """
    texts = clear.select("value_key", "normalised").unique("value_key")

    def looked_up(column: str) -> pl.DataFrame:
        return (
            keys.select("account_key", *PARTS, key=column)
            .drop_nulls("key")
            .join(texts.rename({"value_key": "key", "normalised": "text"}), on="key")
        )

    whole = looked_up("name_key").select("account_key", name="text")
    parts = looked_up("family_name_key").join(
        texts.rename({"value_key": "given_name_key", "normalised": "given"}), on="given_name_key"
    )
    if parts.is_empty():
        return whole.unique()
    is_cjk = pl.col("text").str.contains(r"\p{Han}")
    written = pl.when(is_cjk).then(pl.col("text") + pl.col("given")).otherwise(pl.col("given") + " " + pl.col("text"))
    joined = parts.select("account_key", original=written)
    judged = joined.join(normalise_names(joined["original"]), on="original").drop_nulls("normalised")
    return pl.concat([whole, judged.select("account_key", name="normalised")]).unique()


def _usable(evidence: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Evidence that links, and sightings of devices: a device's own rows, with what a source saw on it."""
    devices = pl.col("id_type").is_in([name for name, rule in policy.rules.types.items() if rule.strength == "device"])
    sightings = evidence.filter(devices).select("account_key").unique()
    if sightings.is_empty():
        return evidence.filter(pl.col("is_linking"))
    linking = evidence.filter(pl.col("is_linking"))
    seen = evidence.filter(~pl.col("is_linking")).join(sightings, on="account_key", how="semi")
    seen = seen.filter(devices | pl.col("id_type").is_in(linking["id_type"].unique().to_list()))
    return pl.concat([linking, seen])


def _typed(evidence: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Evidence with the types of the rules: a source's native ids are of type account within `source` or `source:kind`;
    types that mean something within a shop or an app mean it within the source that stated them."""
    id_type = pl.col("id_type")
    is_native = id_type.str.contains(":", literal=True)
    local = [name for name, rule in policy.rules.types.items() if rule.scope in ("shop", "app", "source")]
    scope = (
        pl.when(is_native)
        .then(id_type.str.strip_suffix(":account"))
        .when(id_type.is_in(local))
        .then(pl.col("source_system"))
        .otherwise(pl.lit(""))
    )
    return (
        evidence.with_columns(scope_key=scope, id_type=pl.when(is_native).then(pl.lit(NATIVE)).otherwise(id_type))
        .filter(pl.col("id_type").is_in(list(policy.rules.types)))
        .select(
            "account_key",
            "id_type",
            "scope_key",
            pl.col("value_key").alias("value"),
            *(_dated(name) for name in ("first_seen_at", "last_seen_at")),
        )
    )


def _dated(name: str) -> pl.Expr:
    """A time of evidence; the far past, which stands for a record that nobody dated, becomes unknown."""
    instant = pl.col(name).cast(INSTANT)
    return pl.when(instant >= FAR_PAST).then(instant).alias(name)


def _statements(stated: pl.DataFrame) -> pl.DataFrame:
    """Statements that tie two values, equal ones as one, named by the smallest key."""
    if stated.is_empty():
        return stated
    marked = stated.with_columns(node=pl.concat_str(NODE, separator=SEPARATOR))
    tied = marked.group_by("account_key").agg(
        said=pl.col("node").unique().sort().str.join(SEPARATOR * 2), n=pl.col("node").n_unique()
    )
    names = tied.filter(pl.col("n") > 1).with_columns(statement=pl.col("account_key").min().over("said"))
    return (
        stated.join(names.select("account_key", "statement"), on="account_key")
        .group_by("statement", *NODE)
        .agg(pl.col("first_seen_at").min(), pl.col("last_seen_at").max())
        .select(pl.col("statement").alias("account_key"), *NODE, "first_seen_at", "last_seen_at")
    )


def _shared(nodes: pl.DataFrame) -> pl.DataFrame:
    """Evidence on values that several accounts or statements (`who`) carry."""
    is_shared = pl.col("who").min() < pl.col("who").max()
    kinds = nodes.partition_by("id_type", "scope_key")  # few; one text groups faster than three
    return pl.concat([nodes.clear(), *(kind.filter(is_shared.over("value")) for kind in kinds)])


def _accounts(known: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Accounts and statements; a statement belongs to no source, so that it never counts as a second account there."""
    dated = nodes.group_by("who").agg(
        pl.col("account_key").first(), pl.col("first_seen_at").min().alias("first"), pl.col("last_seen_at").max()
    )
    own = known.select(
        "who", "account_key", pl.col("source_system").alias("source"), pl.col("first_seen_at").cast(INSTANT)
    ).join(dated.select("who", "last_seen_at"), on="who", how="left")
    said = dated.join(known, on="who", how="anti").select(
        "who", "account_key", pl.lit("").alias("source"), pl.col("first").alias("first_seen_at"), "last_seen_at"
    )
    both = pl.concat([own, said]).with_columns(last_seen_at=pl.max_horizontal("first_seen_at", "last_seen_at"))
    return both.select(ACCOUNTS.names()).sort("account_key")


def _attributes(known: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    city = pl.col("city").str.normalize("NFKC").str.strip_chars().str.to_lowercase()
    parts = [
        names.select("account_key", attribute=pl.lit(NAME), value=pl.col("name")),
        known.select("account_key", attribute=pl.lit(BIRTH), value=pl.col("birth_year").cast(pl.String)),
        known.select("account_key", attribute=pl.lit("city"), value=city),
    ]
    stated = pl.concat(parts).drop_nulls("value").filter(pl.col("value") != "")
    return stated.unique().select(ATTRIBUTES.names())
