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
from pipelines.marts.asset.book import COUNTS, Book, Models, Scored
from pipelines.marts.asset.facts import Facts
from pipelines.marts.asset.outlook import Span
from pipelines.marts.asset.positions import Money, Period, Position, small
from pipelines.marts.segments.value_tiers import tiers
from pipelines.science.numerics import Index

STEPS = ("late_data", "identity", "model", "erased", "behaviour")
"""Steps of a period in their order."""
Flags = states.Flags
_UNITS = 10_000.0


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


class Chain:
    """Closes periods one after another for the customers of `facts`; `reviews` are in force from their day on.

    `bases` are those that are valued, the headline one, by which tiers go, first. Customers are numbered by the day of
    their first order (`Facts.of`): those with an order by the end of a period are the first ones.
    """

    def __init__(self, facts: Facts, reviews: Sequence[Assumptions], params: MartParams, bases: Sequence[str]) -> None:
        self._facts, self._params, self.bases = facts, params, tuple(bases)
        self._reviews = sorted(reviews, key=lambda review: review.fitted_on)
        self.channels = sorted(facts.orders["channel"].unique().to_list())
        self._places = {name: place for place, name in enumerate(self.channels)}
        self._segments, self._segment = facts.kinds()
        self._in_order = facts.names.arg_sort().to_numpy()
        self._models: dict[date, Models] = {}
        self._last: Scored | None = None

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
        all_matter = then is not None or agreed is not None
        size = len(self._facts.names) if all_matter else max(self._facts.upto(end), len(before.head))
        before, new = before.grown(size), self.in_force(end)
        late = identified = revised = _start(before)
        opened: Scored | None = None
        if before.on is not None:
            old = self.in_force(before.on)
            if then is None:
                opened, some = self._reopened(before.on, end, size)
                late = identified = self._revalued(late, opened, old, before.on, some)
            else:
                everyone, places = np.arange(size), self._places
                known = Book.empty(size, self.bases).renewed(then.summary(before.on, end), everyone, places)
                late = self._revalued(late, self._scored(known, old, before.on), old, before.on, everyone)
                book = Book.empty(size, self.bases).renewed(self._facts.summary(before.on, end), everyone, places)
                opened = self._scored(book, old, before.on)
                identified = self._revalued(late, opened, old, before.on, everyone)
            revised = identified
            if new is not old:
                opened = self._scored(opened.book, new, before.on)
                revised = self._valued(opened, opened.book.buyers, new, before.on)
        self._last = scored = self._closed(opened, before.on, end, size)
        closing = self._valued(scored, scored.book.buyers, new, end)
        if agreed is not None:
            closing = replace(closing, state=agreed.state, head=agreed.head)
        after = self._position(before, closing, scored.book, end)
        if agreed is not None:
            after = replace(after, tier=agreed.tier, channel=agreed.channel, cohort=agreed.cohort)
        steps = [_start(before), late, identified, revised, revised, closing]
        return self._rows(before, after, steps, self._expected(opened, new, before.on, end)), after

    def _of(self, review: Assumptions) -> Models:
        if review.fitted_on not in self._models:
            models = Models(review, self._params, self.bases, self._segments, self._segment)
            self._models[review.fitted_on] = models
        return self._models[review.fitted_on]

    def _scored(self, book: Book, by: Assumptions, on: date) -> Scored:
        return self._of(by).scored(book, _number(on))

    def _reopened(self, on: date, end: date, size: int) -> tuple[Scored, Index]:
        """The period end before by its own models and what is known now, and the customers of whom that is news."""
        assert self._last is not None  # this chain closed it
        last, some = self._last.grown(size), self._facts.late(on, on, end)
        again, late = self._facts.only(some).summary(on, end), some.to_numpy()
        late = late[late < size]
        return self._of(self.in_force(on)).renewed(last, last.book.renewed(again, late, self._places), late), late

    def _closed(self, opened: Scored | None, since: date | None, end: date, size: int) -> Scored:
        """The period end; from what is known of the period end before where this chain closed it."""
        models = self._of(self.in_force(end))
        if since is None or opened is None or self._last is None:
            summary, everyone = self._facts.summary(end, end), np.arange(size)
            return models.scored(Book.empty(size, self.bases).renewed(summary, everyone, self._places), _number(end))
        some = self._facts.touched(since, end)
        some = self._facts.touched(since, end)
        news, touched = self._facts.only(some).summary(end, end), some.to_numpy()
        touched = touched[touched < size]  # who has no order yet has no place either
        book = self._last.book.grown(size).renewed(news, touched, self._places)
        return models.later(opened, book, touched, _number(end))

    def _revalued(self, before: _Valued, opened: Scored, by: Assumptions, on: date, among: Index) -> _Valued:
        """`before`, where the facts of a book differ valued anew; all others keep value and state to the last bit.

        Only customers `among` can differ. A value is another only where the orders are, or the money on its basis.
        """
        book = opened.book
        counts, units = book.counts, {basis: book.units(basis) for basis in self.bases}
        moved = np.any([counts[name][among] != before.counts[name][among] for name in COUNTS], axis=0)
        differs = {
            basis: moved
            | (units[basis][0][among] != money.spent[among])
            | (units[basis][1][among] != money.returned[among])
            for basis, money in before.money.items()
            if basis in units
        }
        touched = among[np.any(list(differs.values()), axis=0)]
        if not len(touched):
            return before
        again = self._valued(opened, touched[book.told[0, touched] > 0], by, on)
        money = {
            basis: _replaced(before.money[basis], again.money[basis], among[mine]) for basis, mine in differs.items()
        }
        state, head = before.state.copy(), before.head.copy()
        state[touched], head[touched] = again.state[touched], again.head[touched]
        told = {name: before.counts[name].copy() for name in COUNTS}
        for name in COUNTS:
            told[name][touched] = counts[name][touched]
        return _Valued(money, state, head, told)

    def _valued(self, scored: Scored, who: Index, by: Assumptions, on: date) -> _Valued:
        """Customers with a kept order valued by assumptions; 0 and no state for all others."""
        book, size = scored.book, len(scored.book)
        kinds = self._segments, self._segment[who]
        state = _dense(who, states.states(book.silences(who), kinds, by.cuts, on, self._params), size)
        values = self._of(by).values(scored, who)
        money = {basis: Money(_dense(who, values[basis], size), *book.units(basis)) for basis in self.bases}
        return _Valued(money, state, states.in_base(state), book.counts)

    def _position(self, before: Position, closing: _Valued, book: Book, end: date) -> Position:
        """The base at the end; who has no kept order left keeps the members of before."""
        buyer = closing.is_buyer
        first = pl.Series(book.counts["first_on"].astype(np.int32)).cast(pl.Date)
        cohort = first.dt.truncate("1mo").cast(pl.Int32).cast(pl.Int64).to_numpy()
        value = closing.money[self.bases[0]].value
        return Position(
            end,
            closing.money,
            closing.head,
            closing.state,
            tiers(value, buyer, before.tier, value[buyer]),
            np.where(buyer, book.channel, before.channel),
            np.where(buyer, cohort, before.cohort),
            closing.counts,
        )

    def _expected(
        self, opened: Scored | None, by: Assumptions, start: date | None, end: date
    ) -> dict[str, dict[str, Index]]:
        """What the period was expected to bring of the base as it opened, and the days that come into view, by basis.

        `expected` at face value; `release` (the same) and `extension` (the days after the horizon) discounted to the
        opening, in whole ten-thousandths.
        """
        names = ("expected", "release", "extension")
        if start is None or opened is None:
            return {basis: {} for basis in self.bases}
        days, horizon, who = float((end - start).days), float(self._params.horizon_days), opened.book.buyers
        found = {}
        spans = [Span(0.0, days), Span(horizon, horizon + days)]
        for basis, money in self._of(by).expected(opened, who, spans).items():
            columns = np.rint(money[:, [0, 2, 3]] * _UNITS).astype(np.int64)
            found[basis] = {name: _dense(who, columns[:, place], len(opened.book)) for place, name in enumerate(names)}
        return found

    def _rows(
        self, before: Position, after: Position, steps: Sequence[_Valued], expected: dict[str, dict[str, Index]]
    ) -> Period:
        """One row for every customer with a kept order or a place in the base at either end of the period, or between;
        on each basis one row of money for each of them."""
        start, _, _, revised, kept, closing = steps
        assert after.on is not None
        is_seen = np.any([step.is_buyer | (step.head != 0) for step in _distinct(steps)], axis=0)
        present = self._in_order[self._in_order < len(is_seen)]
        seen = present[is_seen[present]]
        value, ranked = kept.money[self.bases[0]].value, closing.money[self.bases[0]].value[closing.is_buyer]
        changes = [_change(by.head, to.head) for by, to in pairwise(steps)]
        shared = {
            "opening_head_n": start.head,
            **{f"{name}_head_n": change for name, change in zip(STEPS, changes, strict=True)},
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
        opened_on = _number(before.on) if before.on else -1_000_000
        states_of = (revised.state[seen], closing.state[seen], closing.counts["last_on"][seen] > opened_on)
        money = {
            basis: {name: small(column) for name, column in told.items()}
            for basis, one in expected.items()
            for told in [self._money([step.money[basis] for step in steps], seen, one, states_of, days)]
        }
        return Period(after.on, seen, {name: small(_taken(column, seen)) for name, column in shared.items()}, money)

    def _money(
        self,
        steps: Sequence[Money],
        seen: Index,
        expected: dict[str, Index],
        states_of: tuple[Index, Index, Flags],
        days: int,
    ) -> dict[str, Index]:
        """The columns of a period on one basis; `states_of` are those before and after, and who bought."""
        kept, closing = steps[-2:]
        before, after, bought = states_of
        growth = (1.0 + max(self._params.discount_rate, 0.0)) ** (days / 365.0) - 1.0
        nothing = np.zeros(len(seen), dtype=np.int64)
        told = {name: expected[name][seen] if expected else nothing for name in ("expected", "release", "extension")}
        stays = kept.value[seen] - told["release"] + told["extension"]
        changes = [nothing if b.value is a.value else (b.value - a.value)[seen] for a, b in pairwise(steps)]
        spent, returned = closing.spent[seen], closing.returned[seen]
        return {
            "opening_amount": steps[0].value[seen],
            **{f"{name}_amount": change for name, change in zip(STEPS, changes, strict=True)},
            "closing_amount": closing.value[seen],
            "behaviour": states.behaviour(before, after, bought, changes[-1]),
            "expected_amount": told["expected"],
            "released_amount": told["release"],
            "extension_amount": told["extension"],
            "unwind_amount": np.rint(stays * growth).astype(np.int64),
            "actual_amount": spent - returned - kept.net[seen],
            "gained_amount": spent,
            "lost_amount": returned,
        }


_EPOCH = date(1970, 1, 1).toordinal()


def _number(day: date) -> int:
    return day.toordinal() - _EPOCH


def _dense(who: Index, values: Index, size: int) -> Index:
    full = np.zeros(size, dtype=np.int64)
    full[who] = values
    return full


def _distinct(steps: Sequence[_Valued]) -> list[_Valued]:
    return list({id(step): step for step in steps}.values())


def _change(before: Index, after: Index) -> Index | None:
    """None for no change of anybody."""
    return None if after is before else after - before


def _taken(column: Index | None, seen: Index) -> Index:
    return np.zeros(len(seen), dtype=np.int64) if column is None else column[seen]


def _start(before: Position) -> _Valued:
    return _Valued(before.money, before.state, before.head, before.counts)


def _replaced(money: Money, by: Money, who: Index) -> Money:
    """Where some customers have other money."""
    columns = []
    for name in ("value", "spent", "returned"):
        columns.append(getattr(money, name).copy())
        columns[-1][who] = getattr(by, name)[who]
    return Money(*columns)
