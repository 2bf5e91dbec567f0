"""The simulated company's people, by the keys of the warehouse's accounts."""

from __future__ import annotations

import polars as pl

from pipelines.contracts.keys import value_keys

ID_TYPES = {"email": "email", "phone": "phone"}


def people_of_accounts(account_person: pl.DataFrame, pepper: bytes) -> pl.DataFrame:
    """account_key, person_id of every account of the truth table `account_person` that is one person's.

    An account known by a telephone that two people share is both of theirs, and is left out.
    """
    parts = []
    for (source, kind), rows in account_person.group_by("source_system", "key_kind"):
        native = rows["native_key"]
        if kind == "order":
            keys = f"{source}/order/" + native
        else:
            id_type = ID_TYPES.get(str(kind), f"{source}:{kind}")
            keys = f"{source}/" + value_keys(pepper, id_type, native.str.to_lowercase() if kind == "email" else native)
        parts.append(rows.select("person_id").with_columns(keys.alias("account_key")))
    every = pl.concat(parts).select("account_key", "person_id").unique()
    return every.filter(~pl.col("account_key").is_duplicated())


def true_clusters(people: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """account_key, cluster: accounts with the account that names their true person (seen first, ties by key)."""
    ordered = accounts.join(people, on="account_key").sort("first_seen_at", "account_key")
    return ordered.select("account_key", cluster=pl.col("account_key").first().over("person_id"))
