"""The chain: from every customer's value at one period end to that at the next, a step at a time.

Lives here: the engine of the asset ledger, on arrays with a place for every customer. Stays out: facts (`facts`),
models (`assumptions`), and how months are carried or shown (`customer_asset`, `asset_ledger`).

A period goes through six valuations of the same customers, and every line of the ledger is the difference of the two
on its sides; nothing is what is left over:

    opening            value at the end of the period before, as it was stated then
    late data          the same day, the same models, the facts as known by the end of this period
    identity revision  the same, with today's persons in place of those of then
    model revision     the same, with the models and cut points in force at the end of this period
    erased             the same, without the customers erased in the period (none until erasure exists)
    behaviour          the end of this period, with its facts: one line per customer, by the change of state
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl

from pipelines.contracts.marts import MartParams
from pipelines.marts.asset import states
from pipelines.marts.asset.assumptions import Assumptions
from pipelines.marts.asset.facts import Facts, replaced
from pipelines.marts.asset.outlook import expected_money
from pipelines.marts.segments.value_tiers import tiers
from pipelines.science.numerics import Index
from pipelines.science.valuation_scores import expected_value

FACTS = ("purchase_n", "first_on", "last_on", "spent", "returned")
"""What a value rests on, per customer: two equal rows of facts have equal values."""
STEPS = ("late_data", "identity", "model", "erased", "behaviour")
"""Steps of a period in their order."""
_UNITS = 10_000.0
_NONE = -1
_MONEY = ("_amount", "spent", "returned")
"""How columns end that need 64 bits; the rows of all periods are held together."""


@dataclass
class Position:
    """The base at the end of a period: arrays with a place for every customer.

    `value` (whole ten-thousandths), `head` (1 in the base), `state` (place in `states.NAMES`), `tier`, `channel` (place
    among the channels) and `cohort` (day number of the month), -1 where there is none, and `FACTS`.
    """

    on: date | None
    value: Index
    head: Index
    state: Index
    tier: Index
    channel: Index
    cohort: Index
    facts: dict[str, Index] = field(default_factory=dict)

    @classmethod
    def empty(cls, size: int) -> Position:
        """The base before the first period."""
        zero, none = np.zeros(size, dtype=np.int64), np.full(size, _NONE, dtype=np.int64)
        return cls(None, zero, zero, zero, none, none, none, dict.fromkeys(FACTS, zero))


@dataclass(frozen=True)
class _Valued:
    """A valuation of all customers: value, state, membership of the base, and the facts behind it."""

    value: Index
    state: Index
    head: Index
    facts: dict[str, Index]


class Chain:
    """Closes periods one after another for the customers of `facts`; `reviews` are in force from their day on."""

    def __init__(self, facts: Facts, reviews: Sequence[Assumptions], params: MartParams) -> None:
        self._facts, self._params = facts, params
        self._reviews = sorted(reviews, key=lambda review: review.fitted_on)
        self.channels = sorted(facts.orders["channel"].unique().to_list())
        self._size = len(facts.names)
        self._last = pl.DataFrame()

    @property
    def first_day(self) -> date:
        """Day of the first order. ValueError without any."""
        found = self._facts.orders["ordered_on"].min()
        if not isinstance(found, date):
            raise ValueError("no orders")
        return found

    def in_force(self, day: date) -> Assumptions:
        """The latest review up to a day. ValueError when there is none."""
        found = [review for review in self._reviews if review.fitted_on <= day]
        if not found:
            raise ValueError(f"no assumptions are in force on {day}")
        return found[-1]

    def close(self, before: Position, end: date, then: Facts | None = None) -> tuple[pl.DataFrame, Position]:
        """The rows of the period that ends on a day, by customer number, and the base at its end.

        `then` are the facts by the persons of the period end before, where the position was published by an earlier
        version: what it rested on is compared with them, and identity is revised from them to now. Without it the
        position is one of this chain, and facts can only have been learnt since.
        """
        new = self.in_force(end)
        late = identified = revised = _start(before)
        opened = pl.DataFrame()
        if before.on is not None:
            old = self.in_force(before.on)
            if then is None:
                some = self._facts.late(before.on, before.on, end)
                again = self._facts.only(some).summary(before.on, end)
                opened = replaced(self._last, again, some)
                late = identified = self._revalued(late, again, old, before.on, some.to_numpy())
            else:
                opened = self._facts.summary(before.on, end)
                known = then.summary(before.on, end)
                late = self._revalued(late, known, old, before.on)
                identified = self._revalued(late, opened, old, before.on)
            revised = identified if new is old else self._valued(opened, new, before.on)
        self._last = summary = self._summary(before.on, end)
        closing = self._valued(summary, new, end)
        after = self._position(before, closing, summary, end)
        steps = [_start(before), late, identified, revised, revised, closing]
        rows = self._rows(before, after, steps, self._expected(opened, new, before.on, end))
        return rows, after

    def _summary(self, since: date | None, end: date) -> pl.DataFrame:
        """The facts at a period end, from those of the period end before where this chain closed it."""
        if since is None or self._last.is_empty():
            return self._facts.summary(end, end)
        return self._facts.summary_after(self._last, since, end)

    @staticmethod
    def _among(summary: pl.DataFrame, some: pl.Series) -> pl.DataFrame:
        return summary.filter(pl.col("customer_id").is_in(some.implode()))

    def _revalued(
        self, before: _Valued, summary: pl.DataFrame, by: Assumptions, on: date, among: Index | None = None
    ) -> _Valued:
        """`before`, where the facts of a summary differ valued anew; all others keep value and state to the last bit.

        The summary tells of the customers `among` only; without it, of all.
        """
        facts = self._dense_facts(summary)
        differs = np.any([facts[name] != before.facts[name] for name in FACTS], axis=0)
        if among is not None:
            differs &= np.isin(np.arange(self._size), among)
        if not differs.any():
            return before
        again = self._valued(self._among(summary, pl.Series(np.flatnonzero(differs))), by, on)
        return _Valued(
            np.where(differs, again.value, before.value),
            np.where(differs, again.state, before.state),
            np.where(differs, again.head, before.head),
            {name: np.where(differs, facts[name], before.facts[name]) for name in FACTS},
        )

    def _valued(self, summary: pl.DataFrame, by: Assumptions, on: date) -> _Valued:
        """Customers of a summary valued by assumptions; 0 and no state for all others."""
        found = expected_value(summary, self._params, by.model)
        state = states.states(summary, by.cuts, on, self._params)
        who = summary["customer_id"].to_numpy()
        value = self._dense(who, found.fill_null(0).to_numpy())
        dense_state = self._dense(who, state)
        return _Valued(value, dense_state, states.in_base(dense_state), self._dense_facts(summary))

    def _dense(self, who: Index, values: Index, default: int = 0) -> Index:
        full = np.full(self._size, default, dtype=np.int64)
        full[who] = values
        return full

    def _dense_facts(self, summary: pl.DataFrame) -> dict[str, Index]:
        who = summary["customer_id"].to_numpy()
        columns = {
            "purchase_n": summary["x"].to_numpy() + 1,
            "first_on": summary["first_on"].cast(pl.Int32).to_numpy(),
            "last_on": summary["last_on"].cast(pl.Int32).to_numpy(),
            "spent": np.rint(summary["spent"].to_numpy() * _UNITS).astype(np.int64),
            "returned": np.rint(summary["returned"].to_numpy() * _UNITS).astype(np.int64),
        }
        return {name: self._dense(who, columns[name]) for name in FACTS}

    def _position(self, before: Position, closing: _Valued, summary: pl.DataFrame, end: date) -> Position:
        """The base at the end; who has no kept order left keeps the members of before."""
        who = summary["customer_id"].to_numpy()
        valued = closing.facts["purchase_n"] > 0
        places = {name: place for place, name in enumerate(self.channels)}
        channel = summary["channel"].replace_strict(places, return_dtype=pl.Int64).to_numpy()
        cohort = summary["first_on"].dt.truncate("1mo").cast(pl.Int32).to_numpy()
        tier = tiers(closing.value, valued, before.tier, closing.value[valued])
        return Position(
            end,
            closing.value,
            closing.head,
            closing.state,
            tier,
            np.where(valued, self._dense(who, channel, _NONE), before.channel),
            np.where(valued, self._dense(who, cohort, _NONE), before.cohort),
            closing.facts,
        )

    def _expected(self, opened: pl.DataFrame, by: Assumptions, start: date | None, end: date) -> dict[str, Index]:
        """What the period was expected to bring of the base as it opened, and the days that come into view.

        `expected` at face value; `release` (the same) and `extension` (the days after the horizon) discounted to the
        opening, in whole ten-thousandths.
        """
        if start is None or opened.is_empty():
            return {name: np.zeros(self._size, dtype=np.int64) for name in ("expected", "release", "extension")}
        days, horizon = float((end - start).days), float(self._params.horizon_days)
        spans = [(0.0, days), (horizon, horizon + days)]
        plain, discounted = expected_money(opened, by.model, self._params, spans)
        who = opened["customer_id"].to_numpy()
        columns = {"expected": plain[:, 0], "release": discounted[:, 0], "extension": discounted[:, 1]}
        return {name: self._dense(who, np.rint(values * _UNITS).astype(np.int64)) for name, values in columns.items()}

    def _rows(
        self, before: Position, after: Position, steps: Sequence[_Valued], expected: dict[str, Index]
    ) -> pl.DataFrame:
        """One row for every customer with a kept order or a value at either end of the period, or between."""
        start, _, _, revised, kept, closing = steps
        moves = dict(zip(STEPS, pairwise(steps), strict=True))
        assert after.on is not None
        opened_on = before.on.toordinal() - _EPOCH if before.on else -1_000_000
        change = closing.value - kept.value
        bought = closing.facts["last_on"] > opened_on
        line = states.behaviour(revised.state, closing.state, bought, change)
        days = 0 if before.on is None else (after.on - before.on).days
        growth = (1.0 + max(self._params.discount_rate, 0.0)) ** (days / 365.0) - 1.0
        stays = kept.value - expected["release"] + expected["extension"]
        unwind = np.rint(stays * growth).astype(np.int64)
        frame = pl.DataFrame(
            {
                "customer_id": np.arange(self._size),
                "opening_amount": start.value,
                **{f"{name}_amount": to.value - by.value for name, (by, to) in moves.items()},
                "closing_amount": closing.value,
                "opening_head_n": start.head,
                **{f"{name}_head_n": to.head - by.head for name, (by, to) in moves.items()},
                "closing_head_n": closing.head,
                "behaviour": line,
                "opening_state": before.state,
                "rescored_state": revised.state,
                "closing_state": after.state,
                "opening_tier": before.tier,
                "rescored_tier": tiers(
                    kept.value,
                    kept.facts["purchase_n"] > 0,
                    before.tier,
                    closing.value[closing.facts["purchase_n"] > 0],
                ),
                "closing_tier": after.tier,
                "opening_channel": before.channel,
                "closing_channel": after.channel,
                "opening_cohort": before.cohort,
                "closing_cohort": after.cohort,
                "expected_amount": expected["expected"],
                "released_amount": expected["release"],
                "extension_amount": expected["extension"],
                "unwind_amount": unwind,
                "actual_amount": _net(closing.facts) - _net(kept.facts),
                **{name: closing.facts[name] for name in FACTS},
            }
        )
        seen = np.any([step.facts["purchase_n"] > 0 for step in steps], axis=0)
        small = [pl.col(name).cast(pl.Int32) for name in frame.columns if not name.endswith(_MONEY)]
        frame = frame.filter(pl.Series(seen)).with_columns(small)
        return frame.with_columns(pl.lit(after.on, dtype=pl.Date).alias("period_on"))


_EPOCH = date(1970, 1, 1).toordinal()


def _start(before: Position) -> _Valued:
    return _Valued(before.value, before.state, before.head, before.facts)


def _net(facts: dict[str, Index]) -> Index:
    return facts["spent"] - facts["returned"]
