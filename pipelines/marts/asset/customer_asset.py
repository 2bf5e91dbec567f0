"""A3 companion: the value of every customer at every period end, and each step from one to the next.

Lives here: the mart `customer_asset`, from which every figure of the ledger is a sum. Stays out: the engine (`chain`),
its rows as they are published (`customer_periods`), and the ledger as it is read (`asset_movement`, `asset_ledger`,
`asset_variance`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl

from pipelines.contracts.columns import Column, Table, day, integer, money, text
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.asset import states
from pipelines.marts.asset.asset_assumptions import RECORD as REVIEWS
from pipelines.marts.asset.assumptions import SCHEMA, Assumptions, reviews_of
from pipelines.marts.asset.chain import STEPS, Chain
from pipelines.marts.asset.customer_periods import Opening, named
from pipelines.marts.asset.facts import ORDER_READS, Facts
from pipelines.marts.asset.lines import PERIOD_SAYS
from pipelines.marts.asset.packing import pack, unpack
from pipelines.marts.asset.periods import period_ends
from pipelines.marts.asset.positions import Period, Position
from pipelines.marts.asset.record import (
    ACCOUNTS,
    CONTEXT,
    COVERAGE,
    ONCE,
    basis_of,
    carried_to,
    facts_and_record,
)
from pipelines.marts.common import AS_OF, BASES, BASIS_SAYS, CURRENCY, CUSTOMER_ID, stamp, units
from pipelines.marts.reversals import REVERSAL_INPUTS, REVERSAL_READS
from pipelines.marts.runner import PREVIOUS
from pipelines.marts.segments.value_tiers import TIERS

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
        text(
            f"{when}_tier",
            f"Value tier at the {when}, by value on the headline basis",
            values=TIERS,
            null_means=NO_TIER_MEANS,
        ),
        text(f"{when}_channel", f"Sales channel of the first kept order {says}", null_means=null_means),
        day(f"{when}_cohort_on", f"Month of the first kept order {says}", null_means=null_means),
    )


_COLUMNS: tuple[Column, ...] = (
    CUSTOMER_ID,
    day("period_on", PERIOD_SAYS, required=True),
    text("basis", BASIS_SAYS, required=True, values=BASES),
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
        "Value tier at the opening by the thresholds of the close, on the headline basis",
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
    ("customer_id", "period_on", "basis"),
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
    closed = carried_to(packed, params)
    carried = unpack(packed, "carried").select(RECORD.names)
    carried = carried.filter(pl.col("period_on") <= closed) if closed else carried.clear()
    facts = Facts.of(unpack(packed, "orders"), unpack(packed, "reversals"), carried["customer_id"], by_day=True)
    reviews = reviews_of(unpack(packed, "assumptions"))
    headline, accounts = basis_of(packed), unpack(packed, "accounts")
    del parts, packed  # nulls beside each part: with millions of rows to come, too much to keep
    found = [carried]
    if reviews and (len(facts.orders) or closed):
        bases = _bases(headline, reviews[-1], carried)
        chain = Chain(facts, reviews, params, bases)
        if closed is None:
            position, then = Position.empty(0, bases), None
        else:
            opening = Opening.of(carried.filter(pl.col("period_on") == closed), closed, facts, chain.channels, bases)
            then = facts.owned_by(opening.owners(accounts))
            missing = [basis for basis in bases if basis not in opening.position.money]
            carried = carried.filter(pl.col("basis").is_in(list(opening.position.money)))
            past, position = _begun_anew(Chain(then, reviews, params, (bases[0], *missing)), opening.position, missing)
            found = [carried, *([named(past, missing, chain.channels, facts.names)] if past else [])]
        found.append(named(_closed(chain, position, then, params.as_of)[0], bases, chain.channels, facts.names))
    told = [part.select(RECORD.names) for part in found if len(part)] or [carried]
    rows = pl.concat(told, how="vertical_relaxed")
    return rows.lazy().with_columns(*stamp(params))


def _bases(headline: str, last: Assumptions, carried: pl.DataFrame) -> tuple[str, ...]:
    """The headline basis, and the other one where money on it is known or was published."""
    told = set(carried["basis"].unique())
    return (headline, *(basis for basis in BASES if basis != headline and (basis in told or last.knows(basis))))


def _closed(
    chain: Chain, position: Position, then: Facts | None, until: date, agreed: Position | None = None
) -> tuple[list[Period], Position]:
    """The rows of every period after the position's, and the base at the end of the last one."""
    first = chain.first_day if position.on is None else position.on
    rows = []
    for end in [end for end in period_ends(first, until) if position.on is None or end > position.on]:
        part, position = chain.close(position, end, then, agreed if end == until else None)
        rows.append(part)
        then = None
    return rows, position


def _begun_anew(chain: Chain, published: Position, missing: list[str]) -> tuple[list[Period], Position]:
    """The closed periods on the bases that the version served does not tell of, and the position with all of them.

    Computed from what was known at the months' ends, by the persons of the version served; at the last end customers
    are in the states and tiers that it published.
    """
    if not missing or published.on is None:
        return [], published
    if chain.has_orders:
        rows, last = _closed(chain, Position.empty(0, chain.bases), None, published.on, published)
    else:
        rows, last = [], Position.empty(len(published.head), chain.bases)
    return rows, replace(published, money=published.money | {basis: last.money[basis] for basis in missing})


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
    inputs=("dim_customer", "fct_order", *REVERSAL_INPUTS, "mart_coverage", "asset_assumptions"),
    reads={
        "dim_customer": ("customer_id", "is_identified", "is_test", "acquisition_channel"),
        "fct_order": ORDER_READS,
        **REVERSAL_READS,
        "mart_coverage": ("dim", "headline_basis"),
        "asset_assumptions": tuple(SCHEMA.names()),
    },
    previous=(CONTEXT, COVERAGE, REVIEWS, RECORD, ACCOUNTS),
    once=(*ONCE, "asset_assumptions"),
    local=local,
    partial=partial,
    finalize=finalize,
)
