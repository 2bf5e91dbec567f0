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

Orders, states and membership of the base have no basis; values and money have one each, and a movement is told on each
basis by its own valuations. Tiers go by the value on the headline basis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from pipelines.science.histories import on_basis
from pipelines.science.numerics import Index
from pipelines.science.valuation_scores import expected_orders, expected_value

COUNTS = ("purchase_n", "first_on", "last_on")
"""What the value of a customer rests on beside money: two equal rows of these and of `Money` have equal values."""
STEPS = ("late_data", "identity", "model", "erased", "behaviour")
"""Steps of a period in their order."""
Flags = states.Flags
_UNITS = 10_000.0
_NONE = -1


@dataclass(frozen=True)
class Money:
    """Of every customer on one basis: value, gains and losses to date (whole ten-thousandths)."""

    value: Index
    spent: Index
    returned: Index

    @property
    def net(self) -> Index:
        """Gains less losses."""
        return self.spent - self.returned


@dataclass(frozen=True)
class Position:
    """The base at the end of a period: arrays with a place for every customer.

    `money` by basis, `head` (1 in the base), `state` (place in `states.NAMES`), `tier`, `channel` (place among the
    channels) and `cohort` (day number of the month), -1 where there is none, and `COUNTS`.
    """

    on: date | None
    money: dict[str, Money]
    head: Index
    state: Index
    tier: Index
    channel: Index
    cohort: Index
    counts: dict[str, Index]

    @classmethod
    def empty(cls, size: int, bases: Sequence[str]) -> Position:
        """The base before the first period."""
        zero, none = np.zeros(size, dtype=np.int64), np.full(size, _NONE, dtype=np.int64)
        money = dict.fromkeys(bases, Money(zero, zero, zero))
        return cls(None, money, zero, zero, none, none, none, dict.fromkeys(COUNTS, zero))


@dataclass(frozen=True)
class _Valued:
    """A valuation of all customers: money by basis, state, membership of the base, and the orders behind it."""

    money: dict[str, Money]
    state: Index
    head: Index
    counts: dict[str, Index]

    @property
    def is_buyer(self) -> Flags:
        """Who has a kept order."""
        return self.counts["purchase_n"] > 0


@dataclass(frozen=True)
class Period:
    """The rows of a period: `shared` by customer number, and on each basis `money` with a row for each of them."""

    shared: pl.DataFrame
    money: dict[str, pl.DataFrame]


class Chain:
    """Closes periods one after another for the customers of `facts`; `reviews` are in force from their day on.

    `bases` are those that are valued, the headline one, by which tiers go, first.
    """

    def __init__(self, facts: Facts, reviews: Sequence[Assumptions], params: MartParams, bases: Sequence[str]) -> None:
        self._facts, self._params, self.bases = facts, params, tuple(bases)
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

    @property
    def has_orders(self) -> bool:
        """Whether there is anything to close."""
        return len(self._facts.orders) > 0

    def in_force(self, day: date) -> Assumptions:
        """The latest review up to a day. ValueError when there is none."""
        found = [review for review in self._reviews if review.fitted_on <= day]
        if not found:
            raise ValueError(f"no assumptions are in force on {day}")
        return found[-1]

    def close(
        self, before: Position, end: date, then: Facts | None = None, agreed: Position | None = None
    ) -> tuple[Period, Position]:
        """The rows of the period that ends on a day, by customer number, and the base at its end.

        `then` are the facts by the persons of the period end before, where the position was published by an earlier
        version: what it rested on is compared with them, and identity is revised from them to now. Without it the
        position is one of this chain, and facts can only have been learnt since. `agreed` is the base at the end as an
        earlier version published it: customers are what they were then, whatever is found now.
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
        if agreed is not None:
            closing = replace(closing, state=agreed.state, head=agreed.head)
        after = self._position(before, closing, summary, end)
        if agreed is not None:
            after = replace(after, tier=agreed.tier, channel=agreed.channel, cohort=agreed.cohort)
        steps = [_start(before), late, identified, revised, revised, closing]
        return self._rows(before, after, steps, self._expected(opened, new, before.on, end)), after

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

        The summary tells of the customers `among` only; without it, of all. A value is another only where the orders
        are, or the money on its basis.
        """
        here = np.ones(self._size, dtype=bool) if among is None else np.isin(np.arange(self._size), among)
        counts, money = self._dense_counts(summary), self._dense_money(summary)
        moved = np.any([counts[name] != before.counts[name] for name in COUNTS], axis=0) & here
        differs = {
            basis: moved | ((spent != before.money[basis].spent) | (returned != before.money[basis].returned)) & here
            for basis, (spent, returned) in money.items()
        }
        touched = np.any(list(differs.values()), axis=0)
        if not touched.any():
            return before
        again = self._valued(self._among(summary, pl.Series(np.flatnonzero(touched))), by, on)
        return _Valued(
            {basis: _where(mine, again.money[basis], before.money[basis]) for basis, mine in differs.items()},
            np.where(touched, again.state, before.state),
            np.where(touched, again.head, before.head),
            {name: np.where(touched, counts[name], before.counts[name]) for name in COUNTS},
        )

    def _valued(self, summary: pl.DataFrame, by: Assumptions, on: date) -> _Valued:
        """Customers of a summary valued by assumptions; 0 and no state for all others.

        The count models, which all bases share, are asked once.
        """
        orders = expected_orders(summary, self._params, by.models[self.bases[0]])
        state = self._dense(self._who(summary), states.states(summary, by.cuts, on, self._params))
        told = self._dense_money(summary)
        money = {}
        for basis in self.bases:
            found = expected_value(on_basis(summary, basis), self._params, by.models[basis], orders)
            money[basis] = Money(self._dense(self._who(summary), found.fill_null(0).to_numpy()), *told[basis])
        return _Valued(money, state, states.in_base(state), self._dense_counts(summary))

    @staticmethod
    def _who(summary: pl.DataFrame) -> Index:
        return summary["customer_id"].to_numpy()

    def _dense(self, who: Index, values: Index, default: int = 0) -> Index:
        full = np.full(self._size, default, dtype=np.int64)
        full[who] = values
        return full

    def _dense_counts(self, summary: pl.DataFrame) -> dict[str, Index]:
        columns = {
            "purchase_n": summary["x"].to_numpy() + 1,
            "first_on": summary["first_on"].cast(pl.Int32).to_numpy(),
            "last_on": summary["last_on"].cast(pl.Int32).to_numpy(),
        }
        return {name: self._dense(self._who(summary), columns[name]) for name in COUNTS}

    def _dense_money(self, summary: pl.DataFrame) -> dict[str, tuple[Index, Index]]:
        """Gains and losses by basis."""
        return {
            basis: (self._units_of(summary, f"spent_{basis}"), self._units_of(summary, f"returned_{basis}"))
            for basis in self.bases
        }

    def _units_of(self, summary: pl.DataFrame, column: str) -> Index:
        return self._dense(self._who(summary), np.rint(summary[column].to_numpy() * _UNITS).astype(np.int64))

    def _position(self, before: Position, closing: _Valued, summary: pl.DataFrame, end: date) -> Position:
        """The base at the end; who has no kept order left keeps the members of before."""
        who, buyer = self._who(summary), closing.is_buyer
        places = {name: place for place, name in enumerate(self.channels)}
        channel = summary["channel"].replace_strict(places, return_dtype=pl.Int64).to_numpy()
        cohort = summary["first_on"].dt.truncate("1mo").cast(pl.Int32).to_numpy()
        value = closing.money[self.bases[0]].value
        return Position(
            end,
            closing.money,
            closing.head,
            closing.state,
            tiers(value, buyer, before.tier, value[buyer]),
            np.where(buyer, self._dense(who, channel, _NONE), before.channel),
            np.where(buyer, self._dense(who, cohort, _NONE), before.cohort),
            closing.counts,
        )

    def _expected(
        self, opened: pl.DataFrame, by: Assumptions, start: date | None, end: date
    ) -> dict[str, dict[str, Index]]:
        """What the period was expected to bring of the base as it opened, and the days that come into view, by basis.

        `expected` at face value; `release` (the same) and `extension` (the days after the horizon) discounted to the
        opening, in whole ten-thousandths.
        """
        if start is None or opened.is_empty():
            nothing = np.zeros(self._size, dtype=np.int64)
            return {basis: dict.fromkeys(("expected", "release", "extension"), nothing) for basis in self.bases}
        days, horizon = float((end - start).days), float(self._params.horizon_days)
        spans = [(0.0, days), (horizon, horizon + days)]
        models = {basis: by.models[basis] for basis in self.bases}
        found = {}
        for basis, (plain, discounted) in expected_money(opened, models, self._params, spans).items():
            columns = {"expected": plain[:, 0], "release": discounted[:, 0], "extension": discounted[:, 1]}
            found[basis] = {
                name: self._dense(self._who(opened), np.rint(values * _UNITS).astype(np.int64))
                for name, values in columns.items()
            }
        return found

    def _rows(
        self, before: Position, after: Position, steps: Sequence[_Valued], expected: dict[str, dict[str, Index]]
    ) -> Period:
        """One row for every customer with a kept order or a place in the base at either end of the period, or between;
        on each basis one row of money for each of them."""
        start, _, _, revised, kept, closing = steps
        assert after.on is not None
        seen = np.any([step.is_buyer | (step.head != 0) for step in steps], axis=0)
        opened_on = before.on.toordinal() - _EPOCH if before.on else -1_000_000
        value, ranked = kept.money[self.bases[0]].value, closing.money[self.bases[0]].value[closing.is_buyer]
        shared = {
            "customer_id": np.arange(self._size),
            "opening_head_n": start.head,
            **{f"{name}_head_n": to.head - by.head for name, (by, to) in zip(STEPS, pairwise(steps), strict=True)},
            "closing_head_n": closing.head,
            "opening_state": before.state,
            "rescored_state": revised.state,
            "closing_state": after.state,
            "opening_tier": before.tier,
            "rescored_tier": tiers(value, kept.is_buyer, before.tier, ranked),
            "closing_tier": after.tier,
            "opening_channel": before.channel,
            "closing_channel": after.channel,
            "opening_cohort": before.cohort,
            "closing_cohort": after.cohort,
            **closing.counts,
        }
        days = 0 if before.on is None else (after.on - before.on).days
        states_of = (revised.state, closing.state, closing.counts["last_on"] > opened_on)
        money = {
            basis: pl.DataFrame({
                name: column[seen]
                for name, column in self._money([step.money[basis] for step in steps], one, states_of, days).items()
            })
            for basis, one in expected.items()
        }  # fmt: skip
        frame = pl.DataFrame({name: column[seen].astype(np.int32) for name, column in shared.items()})
        return Period(frame.with_columns(pl.lit(after.on, dtype=pl.Date).alias("period_on")), money)

    def _money(
        self, steps: Sequence[Money], expected: dict[str, Index], states_of: tuple[Index, Index, Flags], days: int
    ) -> dict[str, Index]:
        """The columns of a period on one basis; `states_of` are those before and after, and who bought."""
        kept, closing = steps[-2:]
        before, after, bought = states_of
        growth = (1.0 + max(self._params.discount_rate, 0.0)) ** (days / 365.0) - 1.0
        stays = kept.value - expected["release"] + expected["extension"]
        return {
            "opening_amount": steps[0].value,
            **{f"{name}_amount": b.value - a.value for name, (a, b) in zip(STEPS, pairwise(steps), strict=True)},
            "closing_amount": closing.value,
            "behaviour": states.behaviour(before, after, bought, closing.value - kept.value).astype(np.int32),
            "expected_amount": expected["expected"],
            "released_amount": expected["release"],
            "extension_amount": expected["extension"],
            "unwind_amount": np.rint(stays * growth).astype(np.int64),
            "actual_amount": closing.net - kept.net,
            "gained_amount": closing.spent,
            "lost_amount": closing.returned,
        }


_EPOCH = date(1970, 1, 1).toordinal()


def _start(before: Position) -> _Valued:
    return _Valued(before.money, before.state, before.head, before.counts)


def _where(here: Flags, there: Money, otherwise: Money) -> Money:
    return Money(
        np.where(here, there.value, otherwise.value),
        np.where(here, there.spent, otherwise.spent),
        np.where(here, there.returned, otherwise.returned),
    )
