"""Households and rings: who belongs together without being one person.

Lives here: households from values that several customers use at once (a family's telephone, a shared tablet at home),
and rings: many accounts behind one device, as subsidy hunters work.
Stays out: linking of persons; nothing here changes a customer.
"""

from __future__ import annotations

import polars as pl

from pipelines.identity.components import connected_components
from pipelines.identity.resolve import VALUE, Resolution

SHARED_VERDICTS = ("split_by_name", "split_by_id", "split_by_support")
"""Verdicts that say: several persons at the same time. Epochs mean one after the other, hubs mean a crowd."""


def households(resolution: Resolution) -> pl.DataFrame:
    """cluster, household: customers that share a personal value or a device with a few others, by smallest cluster.

    A value makes a household when two to `policy.household_limit` customers use it. Customers of no household are left
    out.
    """
    personal = [rule.name for rule in resolution.book.types if rule.strength in ("personal", "device")]
    devices = [rule.name for rule in resolution.book.types if rule.strength == "device"]
    refused = pl.col("id_type").is_in(devices) & (pl.col("verdict") == "ambiguous")
    shared = resolution.judged_values.filter(
        (pl.col("id_type").is_in(personal) & pl.col("verdict").is_in(list(SHARED_VERDICTS))) | refused
    )
    users = (
        resolution.case.evidence.join(shared.select(VALUE), on=VALUE, how="semi")
        .join(resolution.clusters, on="account_key")
        .select(*VALUE, "cluster")
        .unique()
        .filter(pl.len().over(*VALUE).is_between(2, resolution.policy.household_limit))
    )
    return _grouped(users, "household")


def rings(resolution: Resolution) -> pl.DataFrame:
    """cluster, ring: customers behind devices that carry many accounts of which hardly one has a name.

    A device makes a ring from `policy.ring_accounts_n` accounts on, when fewer than half of them are named; a tablet in
    a shop, on which people sign in by name, is none. A source's statement that somebody was seen on a device counts as
    an account, named when the customer is.
    """
    devices = [rule.name for rule in resolution.book.types if rule.strength == "device"]
    accounts = resolution.case.attributes.filter(pl.col("attribute") == "name").select("account_key").unique()
    customers = resolution.clusters.join(accounts, on="account_key", how="semi").select("cluster").unique()
    statements = resolution.case.accounts.filter(pl.col("source") == "").select("account_key")
    told = resolution.clusters.join(statements, on="account_key", how="semi").join(customers, on="cluster", how="semi")
    named = pl.concat([accounts, told.select("account_key")]).unique()
    carried = (
        resolution.case.evidence.filter(pl.col("id_type").is_in(devices))
        .select(*VALUE, "account_key")
        .unique()
        .join(named.with_columns(is_named=pl.lit(True)), on="account_key", how="left")
    )
    suspicious = (
        carried.group_by(VALUE)
        .agg(n=pl.len(), named=pl.col("is_named").sum())
        .filter((pl.col("n") >= resolution.policy.ring_accounts_n) & (pl.col("named") * 2 < pl.col("n")))
    )
    users = (
        carried.join(suspicious, on=VALUE, how="semi")
        .join(resolution.clusters, on="account_key")
        .select(*VALUE, "cluster")
        .unique()
    )
    return _grouped(users, "ring")


def _grouped(users: pl.DataFrame, label: str) -> pl.DataFrame:
    """Customers that hang together through the values they use, named by the smallest cluster."""
    if users.is_empty():
        return pl.DataFrame(schema={"cluster": pl.String(), label: pl.String()})
    first = pl.col("cluster").min().over(*VALUE)
    parts = connected_components(users.select(a="cluster", b=first))
    return parts.select(cluster="node", **{label: "component"}).sort("cluster")
