"""A3 companion: the value of every customer at every period end, and each step from one to the next.

Lives here: the mart `customer_asset`, from which every figure of the ledger is a sum. Stays out: the engine (`chain`),
and the ledger as it is read (`asset_movement`, `asset_ledger`, `asset_variance`).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from pipelines.contracts.columns import Column, Table, day, integer, money, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.asset import states
from pipelines.marts.asset.asset_assumptions import RECORD as REVIEWS
from pipelines.marts.asset.assumptions import SCHEMA, from_rows
from pipelines.marts.asset.chain import FACTS, STEPS, Chain, Position
from pipelines.marts.asset.facts import ORDER_READS, REFUND_READS, Facts
from pipelines.marts.asset.packing import pack, unpack
from pipelines.marts.asset.periods import period_ends
from pipelines.marts.asset.record import (
    ACCOUNTS,
    CONTEXT,
    COVERAGE,
    ONCE,
    basis_of,
    carried_to,
    facts_and_record,
)
from pipelines.marts.common import AS_OF, BASES, CURRENCY, CUSTOMER_ID, stamp, units
from pipelines.marts.runner import PREVIOUS
from pipelines.marts.segments.value_tiers import TIERS
from pipelines.science.numerics import Index

_UNIT = "reporting currency"
_STEP_SAYS = {
    "late_data": "Facts dated before the period that became known in it",
    "identity": "Accounts that now belong to another person",
    "model": "Models and cut points fitted anew, on the data of the opening",
    "erased": "Customers erased; 0 until erasure exists",
    "behaviour": "What the customer did or left undone in the period",
}
NO_TIER_MEANS = "no kept order, or no money of orders is known or expected"
_NO_OPENING = "not valued at the end of the period before"
_OUTLOOK = {
    "expected": "Money expected of the period at its opening, at face value; 0 for new customers",
    "released": "The same, discounted to the opening",
    "extension": "Expected money of the days that come into view at the far end of the horizon, discounted too",
    "unwind": "Discount that falls away as the period passes",
    "actual": "Money of the period on the basis, as known at its end",
}


def _steps() -> tuple[Column, ...]:
    return tuple(money(f"{step}_amount", _STEP_SAYS[step], required=True, unit=_UNIT) for step in STEPS)


def _heads() -> tuple[Column, ...]:
    return tuple(
        integer(f"{step}_head_n", f"Change of membership of the base by the step {step}: -1, 0 or 1", required=True)
        for step in STEPS
    )


def _kinds(when: str, says: str, null_means: str | None = None) -> tuple[Column, ...]:
    return (
        text(f"{when}_tier", f"Value tier at the {when}", values=TIERS, null_means=NO_TIER_MEANS),
        text(f"{when}_channel", f"Sales channel of the first kept order {says}", null_means=null_means),
        day(f"{when}_cohort_on", f"Month of the first kept order {says}", null_means=null_means),
    )


_COLUMNS: tuple[Column, ...] = (
    CUSTOMER_ID,
    day("period_on", "End of the period: a month-end, or the as-of day for the last one", required=True),
    text("basis", "Basis of the money: the headline basis", required=True, values=BASES),
    money("opening_amount", "Value at the end of the period before, as stated then", required=True, unit=_UNIT),
    *_steps(),
    text("behaviour", "Line of the ledger for the step behaviour", required=True, values=states.BEHAVIOURS),
    money("closing_amount", "Value at the end of the period: expected money of the horizon", required=True, unit=_UNIT),
    integer("opening_head_n", "1 when in the base (a kept order, and not churned) at the opening", required=True),
    *_heads(),
    integer("closing_head_n", "1 when in the base at the close", required=True),
    text("opening_state", "State at the opening as stated then", required=True, values=states.NAMES),
    text(
        "rescored_state",
        "State at the opening by what is known at the close and the cut points of the close",
        required=True,
        values=states.NAMES,
    ),
    text("closing_state", "State at the close", required=True, values=states.NAMES),
    *_kinds("opening", "at the opening", _NO_OPENING),
    text(
        "rescored_tier",
        "Value tier at the opening by the thresholds of the close",
        values=TIERS,
        null_means=NO_TIER_MEANS,
    ),
    *_kinds("closing", "at the close; the last one told where no kept order is left", "never had a kept order"),
    *(money(f"{name}_amount", says, required=True, unit=_UNIT) for name, says in _OUTLOOK.items()),
    integer("purchase_n", "Days with a kept order, as known at the close", required=True, unit="days"),
    day("first_order_on", "First of them", null_means="none"),
    day("last_order_on", "Last of them", null_means="none"),
    money("gained_amount", "Positive money of the orders, as known at the close", required=True, unit=_UNIT),
    money("lost_amount", "Negative money of the orders, as a positive amount", required=True, unit=_UNIT),
)
TABLE = Table(
    "customer_asset",
    "The value of a customer at a period end and what changed it since the one before.",
    ("customer_id", "period_on"),
    (*_COLUMNS, AS_OF, CURRENCY),
)
RECORD = Table(TABLE.name, TABLE.description, TABLE.grain, _COLUMNS)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Facts, record and assumptions, packed."""
    return pack(
        facts_and_record(inputs, params)
        | {
            "assumptions": inputs["asset_assumptions"],
            "carried": _in_units(inputs[f"{PREVIOUS}customer_asset"]),
            "accounts": inputs[f"{PREVIOUS}dim_account"],
        }
    )


def _in_units(rows: pl.LazyFrame) -> pl.LazyFrame:
    names = [column.name for column in RECORD.columns if column.name.endswith("_amount")]
    return rows.with_columns(units(name).alias(name) for name in names)


def partial(rows: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """The rows themselves: models and thresholds are of all customers."""
    return rows


def finalize(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """Closed months as they were published, and the others closed one after another."""
    packed = parts.collect()
    basis, closed = basis_of(packed), carried_to(packed, params)
    carried = unpack(packed, "carried").select(RECORD.names)
    carried = carried.filter(pl.col("period_on") <= closed) if closed else carried.clear()
    last = carried.filter(pl.col("period_on") == closed) if closed else carried
    facts = Facts.of(unpack(packed, "orders"), unpack(packed, "refunds"), basis, last["customer_id"])
    found = [carried]
    if len(facts.orders) or closed:
        reviews = unpack(packed, "assumptions").select(SCHEMA.names()).partition_by("fitted_on")
        chain = Chain(facts, [from_rows(rows) for rows in reviews], params)
        position, then = _opening(last, facts, chain, closed, unpack(packed, "accounts"))
        found.append(_named(_closed(chain, position, then, params), chain, facts).with_columns(basis=pl.lit(basis)))
    rows = pl.concat([part.select(RECORD.names) for part in found], how="vertical_relaxed")
    return rows.lazy().with_columns(*stamp(params))


def _closed(chain: Chain, position: Position, then: Facts | None, params: MartParams) -> pl.DataFrame:
    """The rows of every period after the position's."""
    first = chain.first_day if position.on is None else position.on
    ends = [end for end in period_ends(first, params.as_of) if position.on is None or end > position.on]
    rows = []
    for end in ends:
        part, position = chain.close(position, end, then)
        rows.append(part)
        then = None
    return pl.concat(rows)


def _opening(
    last: pl.DataFrame, facts: Facts, chain: Chain, closed: date | None, accounts: pl.DataFrame
) -> tuple[Position, Facts | None]:
    """The base as published at the last closed month, and today's orders by the persons of then."""
    numbers = (
        pl.DataFrame({"customer_id": facts.names}).with_row_index("who").with_columns(pl.col("who").cast(pl.Int64))
    )
    if closed is None:
        return Position.empty(len(facts.names)), None
    rows = last.join(numbers, on="customer_id", maintain_order="none")
    who = rows["who"].to_numpy()

    def full(values: pl.Series, default: int = 0) -> Index:
        dense = np.full(len(facts.names), default, dtype=np.int64)
        dense[who] = values.to_numpy()
        return dense

    channels = {name: place for place, name in enumerate(chain.channels)}
    levels = {name: place for place, name in enumerate(TIERS)}
    of_name = {"channel": ("closing_channel", channels), "tier": ("closing_tier", levels)}
    named = {
        name: full(rows[column].replace_strict(places, default=-1, return_dtype=pl.Int64).fill_null(-1), -1)
        for name, (column, places) in of_name.items()
    }
    told = {name: full(rows[column].cast(_FACT_TYPES.get(name, pl.Int64)).fill_null(0)) for name, column in _FACT_NAMES}
    position = Position(
        closed,
        full(rows["closing_amount"]),
        full(rows["closing_head_n"]),
        full(pl.Series(states.codes(rows["closing_state"]))),
        named["tier"],
        named["channel"],
        full(rows["closing_cohort_on"].cast(pl.Int32).fill_null(-1), -1),
        told,
    )
    owners = accounts.join(numbers, on="customer_id", maintain_order="none")
    return position, facts.owned_by(owners.select("account_key", pl.col("who").alias("customer_id")))


_FACT_NAMES = tuple(
    zip(FACTS, ("purchase_n", "first_order_on", "last_order_on", "gained_amount", "lost_amount"), strict=True)
)
_FACT_TYPES = {"first_on": pl.Int32, "last_on": pl.Int32}


def _named(rows: pl.DataFrame, chain: Chain, facts: Facts) -> pl.DataFrame:
    """Rows with names and days in place of numbers."""
    is_buyer = pl.col("purchase_n") > 0

    def names(column: str, values: tuple[str, ...] | list[str]) -> pl.Expr:
        places = list(range(len(values)))
        return pl.col(column).replace_strict(places, list(values), default=None, return_dtype=pl.String).alias(column)

    def days(column: str, name: str, there: pl.Expr) -> pl.Expr:
        return pl.when(there).then(pl.col(column).cast(pl.Int32).cast(pl.Date)).alias(name)

    rows = rows.sort("customer_id", "period_on")  # numbers follow the names, and are far less to move about
    return rows.with_columns(
        facts.names.gather(rows["customer_id"]).alias("customer_id"),
        names("behaviour", states.BEHAVIOURS),
        *(names(f"{when}_state", states.NAMES) for when in ("opening", "rescored", "closing")),
        *(names(f"{when}_tier", TIERS) for when in ("opening", "rescored", "closing")),
        *(names(f"{when}_channel", chain.channels) for when in ("opening", "closing")),
        *(days(f"{w}_cohort", f"{w}_cohort_on", pl.col(f"{w}_cohort") >= 0) for w in ("opening", "closing")),
        days("first_on", "first_order_on", is_buyer),
        days("last_on", "last_order_on", is_buyer),
        pl.col("spent").alias("gained_amount"),
        pl.col("returned").alias("lost_amount"),
    )


MART = Mart(
    code="A3c",
    domain="asset",
    table=TABLE,
    questions=(
        "What is a customer worth today, and what was it worth at each month-end before?",
        "Which customers gained or lost most value last month, and by what?",
        "How much of a customer's change is news about the customer, and how much a model fitted anew?",
    ),
    example_sql=(
        "select customer_id, behaviour, opening_amount, behaviour_amount, closing_amount from marts.customer_asset "
        "where period_on = as_of_on order by behaviour_amount, customer_id limit 20"
    ),
    inputs=("dim_customer", "fct_order", "fct_refund", "mart_coverage", "asset_assumptions"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test", "acquisition_channel"),
        "fct_order": ORDER_READS,
        "fct_refund": REFUND_READS,
        "mart_coverage": ("dim", "headline_basis"),
        "asset_assumptions": tuple(SCHEMA.names()),
    },
    previous=(CONTEXT, COVERAGE, REVIEWS, RECORD, ACCOUNTS),
    once=(*ONCE, "asset_assumptions"),
    local=local,
    partial=partial,
    finalize=finalize,
)
