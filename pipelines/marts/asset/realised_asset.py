"""A4: from the value of the whole business to the part that is realised, and what to fix first.

Lives here: the mart `realised_asset`. Stays out: the steps of each customer (`customer_realised_asset`).

Buyers without a key cannot be valued one by one: what they brought in the last horizon stands for what they will bring
in the next, and is the first thing that is lost.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.asset.customer_realised_asset import LOST
from pipelines.marts.common import AS_OF, BASES, BASIS_SAYS, CURRENCY, as_of, days_from, rate_of, stamp, units
from pipelines.marts.profit.mart_coverage import TOTAL

VALUE, ANONYMOUS, REALISED = "value", "anonymous", "realised"
LINES = (VALUE, ANONYMOUS, *LOST, REALISED)

TABLE = Table(
    "realised_asset",
    "A step from the value of all buyers to the part that is realised.",
    ("line", "basis"),
    (
        text("line", "value, less what is lost for each reason, makes realised", required=True, values=LINES),
        integer("position", "Place of the line, from 1", required=True),
        text("basis", BASIS_SAYS, required=True, values=BASES),
        money(
            "amount",
            "Value, lost value (negative) or realised value; anonymous: money of the last horizon from buyers without "
            "a key, orders whose amount is known",
            required=True,
            unit="reporting currency",
        ),
        integer(
            "customer_n", "Customers with an amount in the line; for anonymous, buyers", required=True, unit="customers"
        ),
        rate("value_rate", "Share of the value, losses negative", null_means="there is no positive value"),
        integer(
            "fix_rank", "Place among the losses by the value that fixing it unlocks, 1 most", null_means="not a loss"
        ),
        AS_OF,
        CURRENCY,
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Sums of the bucket's customers and anonymous buyers by line; losses negative."""
    rows = inputs["customer_realised_asset"]
    steps = {
        VALUE: ("value_amount", 1),
        **{name: (f"{name}_amount", -1) for name in LOST},
        REALISED: ("realised_amount", 1),
    }
    amount, touched = pl.col("amount").sum(), (pl.col("amount") != 0).sum().cast(pl.Int64)
    parts = [
        rows.select("basis", (units(column) * sign).alias("amount"))
        .group_by("basis")
        .agg(pl.lit(line).alias("line"), amount, touched.alias("customer_n"))
        for line, (column, sign) in steps.items()
    ]
    nobody = inputs["mart_coverage"].filter(pl.col("dim") == TOTAL).select(
        pl.col("headline_basis").alias("basis"), *(pl.lit(0, dtype=pl.Int64).alias(name) for name in _SUMS)
    )  # fmt: skip
    empty = [nobody.with_columns(pl.lit(line).alias("line")) for line in steps]
    return pl.concat([*parts, *empty, *_anonymous(inputs, params)], how="diagonal")


def _anonymous(inputs: Inputs, params: MartParams) -> list[pl.LazyFrame]:
    """What buyers without a key brought in the last horizon: part of the value, and lost at once."""
    nobody = inputs["dim_customer"].filter(~pl.col("is_identified") & ~pl.col("is_test")).select("customer_id")
    orders = (
        inputs["fct_order"]
        .filter(pl.col("is_kept") & (days_from("ordered_on", as_of(params)) < params.horizon_days))
        .join(nobody, on="customer_id", how="semi", maintain_order="none")
    )
    buyers = pl.col("customer_id").n_unique().cast(pl.Int64).alias("customer_n")
    return [
        orders.select(
            (units(f"{basis}_reporting").fill_null(0).sum() * sign).alias("amount"),
            buyers,
            pl.lit(basis).alias("basis"),
            pl.lit(line).alias("line"),
        )
        for basis in BASES
        for line, sign in ((VALUE, 1), (ANONYMOUS, -1))
    ]


_SUMS = ("amount", "customer_n")


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The sums themselves: they add up over buckets."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The lines of all buckets, their share of the value and the rank of the losses; a basis without customers' values
    has none."""
    sums = parts.group_by("line", "basis").agg(pl.col(_SUMS).sum()).collect()
    valued = sums.filter(pl.col("line") == REALISED)["basis"]
    found = [_ranked(rows) for (basis,), rows in sums.partition_by("basis", as_dict=True).items() if basis in valued]
    return pl.concat(found).lazy().with_columns(*stamp(params))


def _ranked(sums: pl.DataFrame) -> pl.DataFrame:
    amounts = dict(sums.select("line", "amount").iter_rows())
    losses = sorted(
        (line for line in LINES[1:-1] if line in amounts), key=lambda line: (amounts[line], LINES.index(line))
    )
    places = {line: place for place, line in enumerate(LINES, start=1)}
    ranks = {line: place for place, line in enumerate(losses, start=1)}
    share = rate_of(pl.col("amount").abs(), pl.lit(amounts.get(VALUE, 0), dtype=pl.Int64))
    return sums.with_columns(
        pl.col("line").replace_strict(places, return_dtype=pl.Int64).alias("position"),
        pl.when(pl.col("amount") < 0).then(-share).otherwise(share).cast(pl.Decimal(10, 6)).alias("value_rate"),
        pl.col("line").replace_strict(ranks, default=None, return_dtype=pl.Int64).alias("fix_rank"),
    )


MART = Mart(
    code="A4w",
    domain="asset",
    table=TABLE,
    questions=(
        "How much of the value of the business is realised?",
        "What should be fixed first, in money: keys, consent, data, treatment or tests?",
        "How much do buyers without a key bring?",
    ),
    example_sql=(
        "select line, amount, value_rate, fix_rank, customer_n from marts.realised_asset "
        "where basis = 'net_revenue' order by position"
    ),
    inputs=("dim_customer", "fct_order", "mart_coverage", "customer_realised_asset"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test"),
        "fct_order": ("customer_id", "ordered_on", "is_kept", "net_revenue_reporting", "contribution_reporting"),
        "mart_coverage": ("dim", "headline_basis"),
        "customer_realised_asset": (
            "customer_id",
            "basis",
            "value_amount",
            *(f"{name}_amount" for name in LOST),
            "realised_amount",
        ),
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
