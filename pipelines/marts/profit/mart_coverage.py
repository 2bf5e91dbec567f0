"""Coverage: for how much of the money every cost is known, and so which basis is the headline.

Lives here: the mart `mart_coverage` and the one rule of the headline basis.
Stays out: the waterfall itself (`profit_waterfall`).
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, integer, money, rate, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, BASES, CURRENCY, UNKNOWN, rate_of, stamp, units

HEADLINE_PERCENT = 95
"""The headline basis is contribution when every cost of at least this share of net revenue is known."""
TOTAL = "total"
_PARTS = ("costed", "cogs_known", "fees_known", "fulfilment_known")

TABLE = Table(
    "mart_coverage",
    "How far the money of the marts is known: one row for the whole, each channel and each source.",
    ("dim", "dim_value"),
    (
        text("dim", "Dimension of the row", required=True, values=(TOTAL, "channel", "source_system")),
        text("dim_value", "Value of the dimension; 'total' for the whole", required=True),
        AS_OF,
        CURRENCY,
        text(
            "headline_basis",
            f"Basis of the headline figures of the whole warehouse: contribution when every cost of at least "
            f"{HEADLINE_PERCENT} % of net revenue is known, else net revenue",
            required=True,
            values=BASES,
        ),
        integer("order_line_n", "Order lines", required=True, unit="order lines"),
        integer("unconverted_order_line_n", "Order lines without an exchange rate", required=True, unit="order lines"),
        money("net_revenue", "Net revenue", required=True, unit="reporting currency"),
        money("costed_net_revenue", "Net revenue with every cost known", required=True, unit="reporting currency"),
        rate("costed_rate", "Share of net revenue with every cost known", null_means="net revenue is not positive"),
        rate(
            "cogs_known_rate", "Share of net revenue with known cost of goods", null_means="net revenue is not positive"
        ),
        rate("fees_known_rate", "Share of net revenue with known fees", null_means="net revenue is not positive"),
        rate(
            "fulfilment_known_rate",
            "Share of net revenue with known cost of fulfilment",
            null_means="net revenue is not positive",
        ),
    ),
)


def is_contribution_headline(costed: pl.Expr, net: pl.Expr) -> pl.Expr:
    """Exact in whole ten-thousandths: net revenue is positive and at least 95 % of it is costed."""
    hundred, share = pl.lit(100, dtype=pl.Int128), pl.lit(HEADLINE_PERCENT, dtype=pl.Int128)
    return (net > 0) & (costed.cast(pl.Int128) * hundred >= net.cast(pl.Int128) * share)


def headline_basis(core: Inputs) -> str:
    """'contribution' or 'net_revenue', from the sums of `fct_order`; the rule of DESIGN, exact."""
    sums = (
        core["fct_order"]
        .select(units("net_revenue_reporting").sum(), units("costed_net_revenue_reporting").sum())
        .select(is_contribution_headline(pl.col("costed_net_revenue_reporting"), pl.col("net_revenue_reporting")))
        .collect()
    )
    return "contribution" if sums.item() else "net_revenue"


def on_headline(rows: pl.LazyFrame, inputs: Inputs) -> pl.LazyFrame:
    """The rows on the headline basis, of a mart that has rows for each; needs `mart_coverage` (dim, headline_basis)."""
    headline = inputs["mart_coverage"].filter(pl.col("dim") == TOTAL).select(pl.col("headline_basis").alias("basis"))
    return rows.join(headline, on="basis", how="semi")


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Order lines with their net revenue, and it again where each kind of cost is known."""
    net = units("net_revenue_reporting")
    return inputs["fct_order_line_economics"].select(
        "channel",
        "source_system",
        net.is_null().cast(pl.Int64).alias("unconverted_order_line_n"),
        net.fill_null(0).alias("net_revenue"),
        *(
            pl.when(f"is_{part}").then(net.fill_null(0)).otherwise(pl.lit(0, dtype=pl.Int64)).alias(part)
            for part in _PARTS
        ),
    )


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Sums by channel and source."""
    return rows.group_by("channel", "source_system").agg(pl.len().cast(pl.Int64).alias("order_line_n"), pl.all().sum())


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Sums of each dimension, shares, and the headline basis of the whole."""
    sums = [pl.col("order_line_n", "unconverted_order_line_n", "net_revenue", *_PARTS).sum()]
    total = parts.select(*sums).select(pl.lit(TOTAL).alias("dim"), pl.lit(TOTAL).alias("dim_value"), pl.all())
    by_dim = [
        parts.group_by(pl.col(dim).fill_null(UNKNOWN).alias("dim_value"))
        .agg(*sums)
        .select(pl.lit(dim).alias("dim"), pl.all())
        for dim in ("channel", "source_system")
    ]
    headline = total.select(
        pl.when(is_contribution_headline(pl.col("costed"), pl.col("net_revenue")))
        .then(pl.lit("contribution"))
        .otherwise(pl.lit("net_revenue"))
        .alias("headline_basis")
    )
    return (
        pl.concat([total, *by_dim])
        .join(headline, how="cross")
        .with_columns(
            *(rate_of(pl.col(part), pl.col("net_revenue")).alias(f"{part}_rate") for part in _PARTS),
            pl.col("costed").alias("costed_net_revenue"),
            *stamp(params),
        )
    )


MART = Mart(
    code="B1c",
    domain="profit",
    table=TABLE,
    questions=(
        "Is contribution or net revenue the headline basis, and how far from the 95 % line are we?",
        "Which channel's costs are missing, and which kind of cost is it?",
        "How many order lines could not be converted into the reporting currency?",
    ),
    example_sql=(
        "select dim_value as channel, net_revenue, costed_rate, cogs_known_rate, fees_known_rate, "
        "fulfilment_known_rate from marts.mart_coverage where dim = 'channel' order by net_revenue desc"
    ),
    inputs=("fct_order_line_economics",),
    reads={
        "fct_order_line_economics": (
            "customer_id",
            "channel",
            "source_system",
            "is_costed",
            "is_cogs_known",
            "is_fees_known",
            "is_fulfilment_known",
            "net_revenue_reporting",
        )
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
