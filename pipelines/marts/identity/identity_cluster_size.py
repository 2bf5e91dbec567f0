"""A1: how many accounts people have.

Lives here: the mart `identity_cluster_size`. Stays out: who is whom (`pipelines.identity`).
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, integer
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, as_of

TABLE = Table(
    "identity_cluster_size",
    "Customers that have a number of accounts.",
    ("account_n",),
    (
        integer("account_n", "Accounts of one customer", required=True, unit="accounts"),
        AS_OF,
        integer("customer_n", "Customers with that many accounts", required=True, unit="customers"),
        integer(
            "identified_customer_n", "Of those, customers with a real or hashed key", required=True, unit="customers"
        ),
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Customers by their number of accounts."""
    one = pl.lit(1, pl.Int64)
    return inputs["dim_customer"].select(
        "account_n", one.alias("customer_n"), pl.col("is_identified").cast(pl.Int64).alias("identified_customer_n")
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Counts by number of accounts."""
    return rows.group_by("account_n").agg(pl.col("customer_n", "identified_customer_n").sum())


def finalize(counts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Counts over all customers."""
    return partial(counts, params).with_columns(as_of(params).alias("as_of_on")).sort("account_n")


MART = Mart(
    code="A1b",
    domain="identity",
    table=TABLE,
    questions=(
        "How many customers are known by one account only?",
        "Is there a customer with so many accounts that a shared value must be behind it?",
        "How many customers are known in more than one place?",
    ),
    example_sql="select account_n, customer_n from marts.identity_cluster_size order by account_n",
    inputs=("dim_customer",),
    reads={"dim_customer": ("customer_id", "account_n", "is_identified")},
    local=local,
    partial=partial,
    finalize=finalize,
)
