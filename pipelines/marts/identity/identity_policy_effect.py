"""A1: what the policy of identity does to the figures that managers look at.

Lives here: the mart `identity_policy_effect`: customers, repeat rate and LTV under the strict, the default and the
loose policy, side by side. Stays out: the policies themselves (`pipelines.identity.policy`).

All three see the same orders: those of identified customers that are no test accounts. A customer under a policy is a
set of accounts; figures are taken at equal age, over customers whose first kept order is a year or more ago.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, BASES, CURRENCY, customers, rate_of, stamp, units
from pipelines.science.numerics import Index

AGE_DAYS = 365
POLICIES = ("strict", "default", "loose")
_NEVER = np.iinfo(np.int32).max
_FIGURES = {"policy": pl.String(), "basis": pl.String()} | dict.fromkeys(
    ("account_n", "customer_n", "mature_n", "repeat_n", "valued_n", "amount"), pl.Int64()
)

TABLE = Table(
    "identity_policy_effect",
    "Customers, repeat rate and LTV as they would be under a policy of identity, on a basis.",
    ("policy", "basis"),
    (
        text("policy", "What is enough proof that two accounts are one person", required=True, values=POLICIES),
        text("basis", "Contribution before marketing, or net revenue", required=True, values=BASES),
        AS_OF,
        CURRENCY,
        integer("account_n", "Accounts with orders of identified customers", required=True, unit="accounts"),
        integer("customer_n", "Customers with a kept order", required=True, unit="customers"),
        integer("mature_n", "Of those, first kept order 365 days ago or more", required=True, unit="customers"),
        integer("repeat_n", "Of those, a second kept order within 365 days", required=True, unit="customers"),
        rate("repeat_rate", "repeat_n / mature_n", unit="share", null_means="no customer is that old"),
        integer("valued_n", "Mature customers whose money is known on the basis", required=True, unit="customers"),
        money(
            "ltv_365",
            "Mean money per valued customer within 365 days of the first kept order, refunds on the original order",
            unit="reporting currency",
            null_means="no customer is valued",
        ),
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Accounts of identified customers with the account that names their customer under each policy, and orders."""
    kept = customers(inputs).select("customer_id")
    accounts = inputs["dim_account"].join(kept, on="customer_id", how="semi")
    named = accounts.sort("first_seen_at", "account_key").select(
        "account_key", pl.col("account_key").first().over("customer_id").alias("default")
    )
    for policy in ("strict", "loose"):
        other = inputs["identity_policy"].filter(pl.col("policy") == policy).select("account_key", other="cluster")
        named = (
            named.join(other, on="account_key", how="left")
            .with_columns(pl.coalesce("other", "default").alias(policy))
            .drop("other")
        )
    orders = inputs["fct_order"].select(
        "account_key",
        "ordered_on",
        "is_kept",
        *(units(f"{basis}_reporting").alias(basis) for basis in BASES),
    )
    return pl.concat([named, orders], how="diagonal")


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Accounts and orders as they are: under another policy a customer may lie in several buckets."""
    return rows


def finalize(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The figures of every policy and basis."""
    found = rows.collect()
    accounts = found.filter(pl.col("default").is_not_null()).select("account_key", *POLICIES).with_row_index("account")
    orders = (
        found.filter(pl.col("ordered_on").is_not_null())
        .select("account_key", "ordered_on", "is_kept", *BASES)
        .join(accounts.select("account_key", "account"), on="account_key", maintain_order="none")
    )
    account_n = orders["account"].n_unique()
    figures = [
        {"policy": policy, "account_n": account_n, **row}
        for policy in POLICIES
        for row in _figures(orders, _numbers(accounts[policy])[orders["account"].to_numpy()], params)
    ]
    return (
        pl.DataFrame(figures, schema=_FIGURES)
        .lazy()
        .with_columns(
            rate_of(pl.col("repeat_n"), pl.col("mature_n")).alias("repeat_rate"),
            _mean(pl.col("amount"), pl.col("valued_n")).alias("ltv_365"),
            *stamp(params),
        )
    )


def _numbers(clusters: pl.Series) -> Index:
    """A number for every cluster, from 0: arrays by number are far faster than groups by text."""
    names = clusters.unique().to_frame("name").with_row_index("number")
    named = clusters.to_frame("name").join(names, on="name", how="left", maintain_order="left")
    return named["number"].cast(pl.Int64).to_numpy()


def _figures(orders: pl.DataFrame, customer: Index, params: MartParams) -> Iterator[dict[str, Any]]:
    """The figures on every basis, of orders by the number of their customer."""
    size = int(customer.max(initial=-1)) + 1
    on, is_kept = orders["ordered_on"].to_physical().to_numpy(), orders["is_kept"].to_numpy()
    first = np.full(size, _NEVER)
    np.minimum.at(first, customer[is_kept], on[is_kept])
    inside = np.flatnonzero(on - first[customer] <= AGE_DAYS)
    kept_n = np.bincount(customer[inside], weights=is_kept[inside], minlength=size)
    today = (params.as_of - date(1970, 1, 1)).days
    is_customer = first < _NEVER
    is_mature = is_customer & (today - first >= AGE_DAYS)
    for basis in BASES:
        unknown = orders[basis].is_null().to_numpy()[inside]
        is_valued = is_mature & (np.bincount(customer[inside], weights=unknown, minlength=size) == 0)
        amounts = orders[basis].fill_null(0).to_numpy()[inside]
        yield {
            "basis": basis,
            "customer_n": int(is_customer.sum()),
            "mature_n": int(is_mature.sum()),
            "repeat_n": int((is_mature & (kept_n > 1)).sum()),
            "valued_n": int(is_valued.sum()),
            "amount": int(amounts[is_valued[customer[inside]]].sum()),
        }


def _mean(total: pl.Expr, n: pl.Expr) -> pl.Expr:
    """`total / n` in whole units, rounded half away from zero; null where `n` is 0."""
    wide, base = total.cast(pl.Int128), n.cast(pl.Int128)
    two = pl.lit(2, dtype=pl.Int128)
    size = (wide.abs() * two + base) // (base * two)
    signed = pl.when(wide < 0).then(pl.lit(0, dtype=pl.Int128) - size).otherwise(size)
    return pl.when(n > 0).then(signed).cast(pl.Int64)


MART = Mart(
    code="A1c",
    domain="identity",
    table=TABLE,
    questions=(
        "How many customers would there be if only member numbers and equal names counted as proof?",
        "How much of the repeat rate is owed to the way accounts are joined?",
        "Would a looser rule make customers look worth more than they are?",
    ),
    example_sql=(
        "select policy, customer_n, repeat_rate, ltv_365 from marts.identity_policy_effect "
        "where basis = 'net_revenue' order by customer_n desc"
    ),
    inputs=("dim_customer", "dim_account", "identity_policy", "fct_order"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test"),
        "dim_account": ("account_key", "customer_id", "first_seen_at"),
        "identity_policy": ("account_key", "policy", "cluster"),
        "fct_order": (
            "account_key",
            "customer_id",
            "ordered_on",
            "is_kept",
            "net_revenue_reporting",
            "contribution_reporting",
        ),
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
