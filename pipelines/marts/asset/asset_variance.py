"""A3: the analysis of change: what was expected of the base over a period, and what came.

Lives here: the mart `asset_variance`. Stays out: the lines of the ledger (`asset_ledger`).

An opening value is the expected money of the next horizon. As a period passes, the money expected of it is released,
the discount on the rest unwinds, and as many days come into view at the far end. What the base is worth beyond that is
experience: customers did better or worse than expected. New customers are new business.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, text
from pipelines.contracts.marts import Inputs, Mart, MartParams, Sums
from pipelines.marts.asset.asset_ledger import DIMS, MEMBERS
from pipelines.marts.asset.lines import PERIOD_SAYS
from pipelines.marts.asset.states import ACQUIRED
from pipelines.marts.common import AS_OF, BASES, BASIS_SAYS, CURRENCY, UNKNOWN, stamp
from pipelines.marts.profit.mart_coverage import TOTAL
from pipelines.marts.sums import ROWS

_UNIT = "reporting currency"
_SAYS = {
    "opening": "Value at the opening as stated at the end of the period before",
    "revision": "Late data, identity, model and erasure: the opening stated anew",
    "released": "Money expected of the period, discounted to the opening: it leaves the value",
    "unwind": "Discount that falls away on the rest",
    "extension": "Money of the days that come into view at the far end of the horizon",
    "expected_closing": "opening + revision - released + unwind + extension",
    "experience": "What customers of the opening are worth beyond that: actual less expected",
    "new_business": "First value of customers new in the period",
    "closing": "Value at the end: expected_closing + experience + new_business",
    "expected_money": "Money expected of the customers of the opening in the period, at face value",
    "actual_money": "Money they brought, of the orders whose amount on the basis is known",
    "money_variance": "actual_money - expected_money",
    "new_money": "Money that customers new in the period brought",
}
TABLE = Table(
    "asset_variance",
    "The analysis of change of a period for a member of a dimension.",
    ("period_on", "dim", "dim_value", "basis"),
    (
        day("period_on", PERIOD_SAYS, required=True),
        text("dim", "Dimension; every dimension sums to 'total'", required=True, values=(TOTAL, *DIMS)),
        text("dim_value", "Member at the opening; that of the close for new customers", required=True),
        text("basis", BASIS_SAYS, required=True, values=BASES),
        *(money(f"{name}_amount", says, required=True, unit=_UNIT) for name, says in _SAYS.items()),
        integer("opening_customer_n", "Customers of the opening", required=True, unit="customers"),
        integer("new_customer_n", "Customers new in the period", required=True, unit="customers"),
        AS_OF,
        CURRENCY,
    ),
)
_REVISIONS = ("late_data", "identity", "model", "erased")
_READ = ("opening", *_REVISIONS, "behaviour", "closing", "released", "unwind", "extension", "expected", "actual")
_KEYS = ("period_on", "basis", "dim", "dim_value")


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Sums of the bucket's customers, by dimension."""
    is_new = pl.col("behaviour") == ACQUIRED
    amount = {name: pl.col(f"{name}_amount") for name in _READ}
    outlook = amount["unwind"] + amount["extension"] - amount["released"]
    zero = pl.lit(0, dtype=pl.Int64)
    rows = inputs["customer_asset"].with_columns(
        sum((amount[name] for name in _REVISIONS[1:]), amount[_REVISIONS[0]]).alias("revision"),
        pl.when(is_new).then(zero).otherwise(amount["behaviour"] - outlook).alias("experience"),
        pl.when(is_new).then(amount["behaviour"]).otherwise(zero).alias("new_business"),
        pl.when(is_new).then(zero).otherwise(amount["actual"]).alias("actual_money"),
        pl.when(is_new).then(amount["actual"]).otherwise(zero).alias("new_money"),
        pl.when(is_new).then(pl.col(ROWS)).otherwise(zero).alias("new_customer_n"),
        pl.when(is_new).then(zero).otherwise(pl.col(ROWS)).alias("opening_customer_n"),
        amount["opening"].alias("opening"),
        amount["released"].alias("released"),
        amount["unwind"].alias("unwind"),
        amount["extension"].alias("extension"),
        amount["closing"].alias("closing"),
        amount["expected"].alias("expected_money"),
    )
    figures = (
        "opening", "revision", "released", "unwind", "extension", "experience", "new_business", "closing",
        "expected_money", "actual_money", "new_money", "opening_customer_n", "new_customer_n",
    )  # fmt: skip
    parts = []
    for dim, column in {TOTAL: None, **DIMS}.items():
        opened, closed = (pl.col(f"{when}_{column}").cast(pl.String) for when in ("opening", "closing"))
        member = pl.lit(TOTAL) if column is None else pl.coalesce(opened, closed, pl.lit(UNKNOWN))
        keyed = rows.with_columns(pl.lit(dim).alias("dim"), member.alias("dim_value"))
        parts.append(keyed.group_by(_KEYS).agg(pl.col(figures).sum()))
    return pl.concat(parts)


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The sums themselves: they add up over buckets."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The sums of all buckets, and what follows from them."""
    sums = parts.group_by(_KEYS).agg(pl.all().sum())
    expected = pl.col("opening") + pl.col("revision") - pl.col("released") + pl.col("unwind") + pl.col("extension")
    derived = sums.with_columns(
        expected.alias("expected_closing"), (pl.col("actual_money") - pl.col("expected_money")).alias("money_variance")
    )
    return derived.rename({name: f"{name}_amount" for name in _SAYS}).with_columns(*stamp(params))


MART = Mart(
    code="A3v",
    domain="asset",
    table=TABLE,
    questions=(
        "Did the customers we already had do better or worse than expected, and by how much?",
        "How much of the growth is new business, and how much the passing of time?",
        "Was the valuation of the last months too high or too low?",
    ),
    example_sql=(
        "select period_on, expected_money_amount, actual_money_amount, experience_amount, new_business_amount "
        "from marts.asset_variance where dim = 'total' and basis = 'net_revenue' order by period_on"
    ),
    inputs=("customer_asset",),
    reads={
        "customer_asset": (
            "customer_id",
            "period_on",
            "basis",
            "behaviour",
            *(f"{name}_amount" for name in _READ),
            *MEMBERS,
        )
    },
    sums={
        "customer_asset": Sums(("period_on", "basis", "behaviour", *MEMBERS), tuple(f"{name}_amount" for name in _READ))
    },
    local=local,
    partial=partial,
    finalize=finalize,
)
