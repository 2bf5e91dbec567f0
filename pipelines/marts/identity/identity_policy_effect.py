"""A1: what the policy of identity does to the figures that managers look at.

Lives here: the mart `identity_policy_effect`: customers, repeat rate and LTV under the strict, the default and the
loose policy, side by side. Stays out: the policies themselves (`pipelines.identity.policy`).

All three see the same orders: those of identified customers that are no test accounts. A customer under a policy is a
set of accounts; figures are taken at equal age, over customers whose first kept order is a year or more ago.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, BASES, CURRENCY, customers, days_from, days_since, rate_of, stamp, units

AGE_DAYS = 365
POLICIES = ("strict", "default", "loose")

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
    """Orders of identified customers with the account that names their customer under each policy."""
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
    return (
        inputs["fct_order"]
        .select(
            "account_key",
            "ordered_on",
            pl.col("is_kept").cast(pl.Int64).alias("kept"),
            *(units(f"{basis}_reporting").alias(basis) for basis in BASES),
        )
        .join(named, on="account_key", how="inner")
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Orders as they are: under another policy a customer may lie in several buckets."""
    return rows


def finalize(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The figures of every policy and basis."""
    found = [_figures(rows, policy, basis, params) for policy in POLICIES for basis in BASES]
    return pl.concat(found).with_columns(*stamp(params))


def _figures(rows: pl.LazyFrame, policy: str, basis: str, params: MartParams) -> pl.LazyFrame:
    age = days_from(pl.col("first_on"), pl.col("ordered_on"))
    whole = pl.col(basis).null_count() == 0
    first = pl.when(pl.col("kept") == 1).then("ordered_on").min().over(policy)
    people = (
        rows.with_columns(first.alias("first_on"))
        .drop_nulls("first_on")
        .filter(age <= AGE_DAYS)
        .group_by(policy)
        .agg(
            pl.col("first_on").first(),
            pl.col("kept").sum(),
            pl.when(whole).then(pl.col(basis).sum()).alias("amount"),
        )
        .with_columns(is_mature=days_since("first_on", params) >= AGE_DAYS)
    )
    mature = pl.col("is_mature")
    valued = mature & pl.col("amount").is_not_null()
    sums = people.select(
        pl.lit(policy).alias("policy"),
        pl.lit(basis).alias("basis"),
        pl.len().cast(pl.Int64).alias("customer_n"),
        mature.sum().cast(pl.Int64).alias("mature_n"),
        (mature & (pl.col("kept") > 1)).sum().cast(pl.Int64).alias("repeat_n"),
        valued.sum().cast(pl.Int64).alias("valued_n"),
        pl.col("amount").filter(valued).sum().alias("amount"),
    )
    accounts = rows.select(pl.col("account_key").n_unique().cast(pl.Int64).alias("account_n"))
    return pl.concat([sums, accounts], how="horizontal").with_columns(
        rate_of(pl.col("repeat_n"), pl.col("mature_n")).alias("repeat_rate"),
        _mean(pl.col("amount"), pl.col("valued_n")).alias("ltv_365"),
    )


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
