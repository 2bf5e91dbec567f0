"""A1: how far the accounts of every source are matched to people.

Lives here: the mart `identity_match_rate`. Stays out: who is whom (`pipelines.identity`).
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, integer, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, as_of, rate_of

TABLE = Table(
    "identity_match_rate",
    "A source of accounts and how far they are matched to people.",
    ("source_system",),
    (
        text("source_system", "Source that keeps the accounts", required=True),
        AS_OF,
        integer("account_n", "Accounts, member records and keyless buyers", required=True, unit="accounts"),
        integer("keyed_n", "Accounts with a key that can be matched, real or hashed", required=True, unit="accounts"),
        integer(
            "joined_n", "Of those, accounts of people with another account anywhere", required=True, unit="accounts"
        ),
        integer("matched_n", "Of those, accounts of people with one in another source", required=True, unit="accounts"),
        integer("order_n", "Orders of the source's accounts", required=True, unit="orders"),
        integer("keyed_order_n", "Of those, orders of accounts that can be matched", required=True, unit="orders"),
        integer(
            "matched_order_n", "Of those, orders of people with an account elsewhere", required=True, unit="orders"
        ),
        rate("match_rate", "matched_n / keyed_n", unit="share", null_means="no account can be matched"),
        rate("order_match_rate", "matched_order_n / keyed_order_n", unit="share", null_means="no such order"),
    ),
)
COUNTS = ("account_n", "keyed_n", "joined_n", "matched_n", "order_n", "keyed_order_n", "matched_order_n")


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """One row per account with what it counts for."""
    orders = inputs["fct_order"].group_by("account_key").agg(pl.len().cast(pl.Int64).alias("order_n"))
    accounts = inputs["dim_account"].with_columns(
        is_keyed=pl.col("buyer_key_kind").is_in(["real", "hashed"]),
        is_joined=pl.len().over("customer_id") > 1,
        is_matched=pl.col("source_system").n_unique().over("customer_id") > 1,
    )
    known = accounts.join(orders, on="account_key", how="left").with_columns(pl.col("order_n").fill_null(0))
    one, keyed = pl.lit(1, pl.Int64), pl.col("is_keyed").cast(pl.Int64)
    return known.select(
        "source_system",
        one.alias("account_n"),
        keyed.alias("keyed_n"),
        (keyed * pl.col("is_joined")).alias("joined_n"),
        (keyed * pl.col("is_matched")).alias("matched_n"),
        "order_n",
        (pl.col("order_n") * keyed).alias("keyed_order_n"),
        (pl.col("order_n") * keyed * pl.col("is_matched")).alias("matched_order_n"),
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Sums by source."""
    return rows.group_by("source_system").agg(pl.col(COUNTS).cast(pl.Int64).sum())


def finalize(sums: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Sums over all customers, and the rates."""
    return (
        partial(sums, params)
        .with_columns(
            as_of(params).alias("as_of_on"),
            rate_of(pl.col("matched_n"), pl.col("keyed_n")).alias("match_rate"),
            rate_of(pl.col("matched_order_n"), pl.col("keyed_order_n")).alias("order_match_rate"),
        )
        .sort("source_system")
    )


MART = Mart(
    code="A1",
    domain="identity",
    table=TABLE,
    questions=(
        "Which share of the web store's accounts is known in the shops or the members' list too?",
        "How many orders cannot be tied to anybody because the channel hides its buyers?",
        "Which source would gain most from asking for a member number?",
    ),
    example_sql=(
        "select source_system, account_n, keyed_n, match_rate, order_match_rate "
        "from marts.identity_match_rate order by keyed_n desc"
    ),
    inputs=("dim_account", "fct_order"),
    reads={
        "dim_account": ("account_key", "source_system", "customer_id", "buyer_key_kind"),
        "fct_order": ("account_key", "customer_id"),
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
