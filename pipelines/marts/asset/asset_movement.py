"""A3: what changed the value of a customer in a period, line by line.

Lives here: the mart `asset_movement`. Stays out: sums over customers (`asset_ledger`).
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, day, integer, money, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.asset.lines import MOVEMENTS, PERIOD_SAYS, REVISIONS
from pipelines.marts.common import AS_OF, BASES, BASIS_SAYS, CURRENCY, CUSTOMER_ID, stamp, units

TABLE = Table(
    "asset_movement",
    "A change of a customer's value in a period: a line of the ledger that is not 0 for the customer.",
    ("customer_id", "period_on", "basis", "line"),
    (
        CUSTOMER_ID,
        day("period_on", PERIOD_SAYS, required=True),
        text("line", "Line of the ledger", required=True, values=tuple(line.name for line in MOVEMENTS)),
        integer("position", "Place of the line in the ledger, opening is 1", required=True),
        text("basis", BASIS_SAYS, required=True, values=BASES),
        money(
            "amount",
            "Change of value; a customer's rows to date on a basis sum to the value",
            required=True,
            unit="reporting currency",
        ),
        integer(
            "head_n",
            "Change of membership of the base: -1, 0 or 1; the same on both bases",
            required=True,
            unit="customers",
        ),
        AS_OF,
        CURRENCY,
    ),
)
_PLACE = {line.name: place for place, line in enumerate(MOVEMENTS, start=2)}
_LINES, _BASES = pl.Enum(sorted(_PLACE)), pl.Enum(BASES)
"""Names as codes: there are millions of rows."""


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """One row for every customer, period and line with an amount or a change of membership."""
    rows = inputs["customer_asset"]
    named = {line.step: pl.lit(line.name) for line in REVISIONS} | {"behaviour": pl.col("behaviour")}
    basis = pl.col("basis").cast(_BASES)
    parts = []
    for step, name in named.items():
        amount, head = units(f"{step}_amount"), pl.col(f"{step}_head_n")
        parts.append(
            rows.filter((amount != 0) | (head != 0)).select(
                "customer_id",
                "period_on",
                name.cast(_LINES).alias("line"),
                basis,
                amount.alias("amount"),
                head.cast(pl.Int8).alias("head_n"),
            )
        )
    place = pl.col("line").replace_strict(_PLACE, return_dtype=pl.Int8)
    return pl.concat(parts).with_columns(place.alias("position"), *stamp(params))


MART = Mart(
    code="A3",
    domain="asset",
    table=TABLE,
    questions=(
        "Which customers make up a line of the ledger?",
        "What happened to the value of this customer, month by month, and why?",
        "How much of last month's change is late data or a new model, and for whom?",
    ),
    example_sql=(
        "select period_on, line, amount, sum(amount) over (order by period_on, position) as value_to_date "
        "from marts.asset_movement "
        "where basis = 'net_revenue' and customer_id = "
        "(select customer_id from marts.asset_movement order by abs(amount) desc, customer_id limit 1) "
        "order by period_on, position"
    ),
    inputs=("customer_asset",),
    reads={
        "customer_asset": (
            "customer_id",
            "period_on",
            "basis",
            "behaviour",
            *(
                f"{step}_{what}"
                for step in (*(line.step for line in REVISIONS), "behaviour")
                for what in ("amount", "head_n")
            ),
        )
    },
    local=local,
    relationships={"customer_id": "customer_360.customer_id"},
)
