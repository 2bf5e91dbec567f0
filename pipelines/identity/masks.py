"""Masks: possible links of the warehouse between masked telephones and the people whose number, name and city fit.

Lives here: what accounts state of a receiver, in clear and in memory only, and its two sides: masked and known.
Stays out: how candidates are found and how probable they are (`possible`), reading build and vault (the caller).
"""

from __future__ import annotations

import polars as pl

from pipelines.channels.identifiers import number_mask
from pipelines.identity.possible import POSSIBLE, mask_candidates
from pipelines.identity.resolve import Resolution

CONTACTS = pl.Schema(
    {
        "account_key": pl.String(),
        "phone_key": pl.String(),
        "mask": pl.String(),
        "name": pl.String(),
        "city": pl.String(),
    }
)
"""What an account states of a receiver: the mask of a telephone (`138*5678`) and, where the number is known, its key
(null: only the mask is known; both null: no number, or one of another country); the name, whole or as far as a mask
shows it; the city. Clear text, for memory only."""


def account_contacts(keys: pl.DataFrame, clear: pl.DataFrame) -> pl.DataFrame:
    """The contacts behind the keys of `int_account_contact`: columns of CONTACTS.

    `keys`: account_key, phone_key, phone_mask_key, name_key, name_mask_key, city. `clear`: id_type, value_key,
    normalised, from the vault. Statements of which neither a mask nor a city is left are left out.
    """

    def texts(kind: str, text: pl.Expr) -> pl.DataFrame:
        own = clear.filter(pl.col("id_type") == kind).unique("value_key")
        return own.select(pl.col("value_key").alias(f"{kind}_key"), text.alias(kind))

    said = pl.col("normalised")
    found = keys
    for kind, text in (
        ("phone", number_mask(said)), ("phone_mask", said), ("name", said), ("name_mask", said),
    ):  # fmt: skip
        found = found.join(texts(kind, text), on=f"{kind}_key", how="left")
    return (
        found.select(
            "account_key",
            "phone_key",
            mask=pl.coalesce("phone", "phone_mask"),
            name=pl.coalesce("name", "name_mask"),
            city=comparable_city(),
        )
        .filter(pl.any_horizontal(pl.col("mask", "city").is_not_null()))
        .unique()
        .cast(CONTACTS)
    )


def masked_accounts(
    contacts: pl.DataFrame, names: pl.DataFrame, clusters: pl.DataFrame, resolution: Resolution, floor: float
) -> pl.DataFrame:
    """Accounts with a masked telephone and the people who fit: columns of POSSIBLE.

    `names`: account_key, name, for contacts without one. `clusters`: account_key, cluster. Numbers on which the guards
    refused an account (crowds, hubs, doubt) are nobody's.
    """
    contacts = contacts.drop_nulls("mask")
    if contacts["phone_key"].null_count() == 0:
        return pl.DataFrame(schema=POSSIBLE)
    spare = names.sort("account_key", "name").unique("account_key", keep="first", maintain_order=True)
    stated = (
        contacts.join(spare, on="account_key", how="left", suffix="_of_account")
        .with_columns(pl.coalesce("name", "name_of_account").alias("name"))
        .drop_nulls("name")
        .join(clusters, on="account_key")
    )
    refused = resolution.refused.filter(pl.col("id_type") == "phone").select("account_key", phone_key="value")
    known = stated.drop_nulls("phone_key").join(refused, on=["account_key", "phone_key"], how="anti")
    # A number given without a city is of the cities that are known of its person, if any are.
    cities = known.select("cluster", city_of_person="city").drop_nulls().unique()
    placed = known.join(cities, on="cluster", how="left").with_columns(pl.coalesce("city", "city_of_person"))
    masked = stated.filter(pl.col("phone_key").is_null())
    return mask_candidates(
        masked.select("account_key", "cluster", "mask", "city", surname="name"),
        placed.select("cluster", "mask", "name", "city").unique(),
        floor,
    )


def comparable_city() -> pl.Expr:
    """Column `city` as it is compared: 杭州市 and 杭州 are one."""
    city = pl.col("city").str.normalize("NFKC").str.strip_chars().str.to_lowercase().str.strip_suffix("市")
    return pl.when(city != "").then(city)
