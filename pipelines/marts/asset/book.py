"""Books: what is known of every customer on a day, and what the models of a review say of it.

Lives here: facts and scores as arrays with a place for every customer, of which only those with news are made anew.
Stays out: where facts come from (`facts`), fitting (`pipelines.science.valuation_model`), and the steps from one period
end to the next (`chain`).

A customer's chance to be alive and the worth of an order depend on that customer alone, so they are kept from one
question to the next. What the models expect of (x, T) is interpolated over the customers that are asked about together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import polars as pl

from pipelines.contracts.marts import MartParams
from pipelines.marts.asset.assumptions import Assumptions
from pipelines.marts.asset.outlook import Span
from pipelines.science.histories import MONEY
from pipelines.science.numerics import Array, Index, table
from pipelines.science.spend import SpendFacts
from pipelines.science.valuation_model import Fitted
from pipelines.science.valuation_scores import horizon_days, over_horizon, units_of

COUNTS = ("purchase_n", "first_on", "last_on")
"""What the value of a customer rests on beside money: two equal rows of these and of the money have equal values."""
_COUNTS, _GAP, _CHANNEL = slice(0, 3), 3, 4
_UNITS = 10_000.0
Values = TypeVar("Values", Index, Array)
_Part = tuple[slice | Index, Fitted]
_Found = tuple[slice | Index, Array]


def longer(values: Values, size: int, fill: int = 0) -> Values:
    """An array with places for more customers, along its last axis."""
    more = size - values.shape[-1]
    if more <= 0:
        return values
    return np.concatenate([values, np.full((*values.shape[:-1], more), fill, dtype=values.dtype)], axis=-1)


@dataclass(frozen=True)
class Book:
    """The facts of the first customers on a day; 0 where there is no kept order.

    `told` has a row for each of `COUNTS` (days as numbers), the days between the last two purchases (-1 for none) and
    the place of the first channel; `spend` by basis one for each of `MONEY`, in float currency.
    """

    told: Index
    spend: Mapping[str, Array]

    @classmethod
    def empty(cls, size: int, bases: Sequence[str]) -> Book:
        """Nobody has ordered."""
        zero = np.zeros((len(MONEY), size))
        return cls(np.zeros((_CHANNEL + 1, size), dtype=np.int64), dict.fromkeys(bases, zero))

    def renewed(self, summary: pl.DataFrame, some: Index, channels: Mapping[str, int]) -> Book:
        """With the facts of `some` customers from a summary of them (see `facts`)."""
        who = summary["customer_id"].to_numpy()
        days = (summary[name].cast(pl.Int32).to_numpy() for name in ("first_on", "last_on"))
        gap = summary["last_gap_days"].fill_null(-1).to_numpy()
        channel = summary["channel"].replace_strict(channels, return_dtype=pl.Int64).to_numpy()
        told = self.told.copy()
        told[:, some] = 0
        told[:, who] = np.array([summary["x"].to_numpy() + 1, *days, gap, channel])
        spend = {}
        for basis, rows in self.spend.items():
            spend[basis] = rows.copy()
            spend[basis][:, some] = 0.0
            spend[basis][:, who] = np.array([summary[f"{name}_{basis}"].to_numpy() for name in MONEY])
        return Book(told, spend)

    def grown(self, size: int) -> Book:
        """With places for more customers."""
        return Book(longer(self.told, size), {basis: longer(rows, size) for basis, rows in self.spend.items()})

    def __len__(self) -> int:
        return self.told.shape[1]

    @property
    def counts(self) -> dict[str, Index]:
        """`COUNTS` of every customer."""
        return dict(zip(COUNTS, self.told[_COUNTS], strict=True))

    @property
    def channel(self) -> Index:
        """Place of the channel of the first kept order."""
        return self.told[_CHANNEL]

    @property
    def buyers(self) -> Index:
        """Customers with a kept order."""
        return np.flatnonzero(self.told[0] > 0)

    def units(self, basis: str) -> tuple[Index, Index]:
        """Gains and losses to date on a basis, in whole ten-thousandths."""
        rows = self.spend[basis]
        spent, returned = (np.rint(rows[MONEY.index(name)] * _UNITS) for name in ("spent", "returned"))
        return spent.astype(np.int64), returned.astype(np.int64)

    def silences(self, who: Index) -> pl.DataFrame:
        """What the state of some customers rests on: first_on, last_on, last_gap_days."""
        _, first, last = self.told[_COUNTS, who]
        gap = pl.Series(self.told[_GAP, who])
        days = {"first_on": first.astype(np.int32), "last_on": last.astype(np.int32)}
        frame = pl.DataFrame(days).select(pl.all().cast(pl.Date))
        return frame.with_columns(pl.when(gap >= 0).then(gap).alias("last_gap_days"))


@dataclass(frozen=True)
class Scored:
    """A book as the models of a review see it at the end of a day.

    `alive` has a row per count model and a column per customer; `worth` is the net money of an order, by basis.
    """

    book: Book
    on: int
    alive: Array
    worth: Mapping[str, Array]

    def grown(self, size: int) -> Scored:
        """With places for more customers."""
        worth = {basis: longer(each, size) for basis, each in self.worth.items()}
        return replace(self, book=self.book.grown(size), alive=longer(self.alive, size), worth=worth)


class Models:
    """The models of a review, asked about customers by number; `segment` is the place of each among `segments`."""

    def __init__(
        self,
        review: Assumptions,
        params: MartParams,
        bases: Sequence[str],
        segments: Sequence[str | None],
        segment: Index,
    ) -> None:
        self._params, self._segment = params, segment
        self._by = {basis: [review.models[basis].of(name) for name in segments] for basis in bases}
        self._counting = self._by[bases[0]]
        self._clock = review.models[bases[0]].clock
        self._levels = np.array([fitted.choice.level for fitted in self._counting])

    def scored(self, book: Book, on: int) -> Scored:
        """The book at the end of a day."""
        most = max(len(fitted.counts) for fitted in self._counting)
        nothing = {basis: np.zeros(len(book)) for basis in self._by}
        return self.renewed(Scored(book, on, np.zeros((most, len(book))), nothing), book, book.buyers)

    def renewed(self, before: Scored, book: Book, some: Index) -> Scored:
        """The same day and models, and a book that tells otherwise of some customers."""
        alive, worth = before.alive.copy(), self._worth(before, book, some)
        alive[:, some] = 0.0
        who = some[book.told[0, some] > 0]
        alive[:, who] = self._alive(book, who, before.on)
        return Scored(book, before.on, alive, worth)

    def later(self, before: Scored, book: Book, some: Index, on: int) -> Scored:
        """The same models at a later day, by when something is known of some customers."""
        alive, who = np.zeros((len(before.alive), len(book))), book.buyers
        alive[:, who] = self._alive(book, who, on)
        return Scored(book, on, alive, self._worth(before, book, some))

    def values(self, scored: Scored, who: Index) -> dict[str, Index]:
        """The value of some customers with a kept order by basis: expected money of the horizon, discounted (units)."""
        if not len(who):
            return {basis: np.zeros(0, dtype=np.int64) for basis in scored.worth}
        orders = self._expected(scored, who, horizon_days(float(self._params.horizon_days)), self._horizon)[:, 0]
        return {basis: units_of(each[who] * orders) for basis, each in scored.worth.items()}

    def expected(self, scored: Scored, who: Index, spans: Sequence[Span]) -> dict[str, Array]:
        """Expected money of some customers with a kept order in spans of days ahead, by basis: at face value, then
        discounted to the day; a column per span each (float currency)."""
        asked, where = Span.days_of(spans)

        def taken(by: Array) -> Array:
            found = [span.taken(by[:, days], self._params) for span, days in zip(spans, where, strict=True)]
            return np.column_stack([plain for plain, _ in found] + [faded for _, faded in found])

        if not len(who):
            return {basis: np.zeros((0, 2 * len(spans))) for basis in scored.worth}
        orders = self._expected(scored, who, asked, taken)
        return {basis: orders * each[who, None] for basis, each in scored.worth.items()}

    def _horizon(self, by: Array) -> Array:
        return over_horizon(by, self._params)[1][:, None]

    def _parts(self, who: Index, fits: Sequence[Fitted], key: str) -> Iterator[_Part]:
        """The customers that share models, by their place among `who`."""
        keys = [getattr(fitted, key) for fitted in fits]
        firsts = [keys.index(one) for one in keys]
        if len(set(firsts)) == 1:
            yield slice(None), fits[0]
            return
        kind = np.array(firsts)[self._segment[who]]
        for one in sorted(set(firsts)):
            mine = np.flatnonzero(kind == one)
            if len(mine):
                yield mine, fits[one]

    def _alive(self, book: Book, who: Index, on: int) -> Array:
        """P(alive) of customers with a kept order by each count model; asked once of one-order customers of a day."""
        counts, first, last = book.told[_COUNTS, who]
        found = np.zeros((max(len(fitted.counts) for fitted in self._counting), len(who)))
        for mine, fitted in self._parts(who, self._counting, "count_key"):
            x, begin, end = counts[mine] - 1, first[mine], last[mine]
            many, once = np.flatnonzero(x > 0), np.flatnonzero(x == 0)
            days, place = table(begin[once].astype(np.float64))
            day = days.astype(np.int64)
            repeats = np.append(x[many], np.zeros(len(day), dtype=np.int64))
            begin, end = np.append(begin[many], day), np.append(end[many], day)
            known = (repeats, self._clock.between(begin, end), self._clock.between(begin, on))
            for row, model in enumerate(fitted.counts):
                asked, alive = model.p_alive(*known), np.empty(len(x))
                alive[many], alive[once] = asked[: len(many)], asked[len(many) :][place]
                found[row, mine] = alive
        return found

    def _expected(self, scored: Scored, who: Index, days: Array, taken: Callable[[Array], Array]) -> Array:
        """What is `taken` of the orders expected by `days` ahead, of some customers; each pair (x, T) is asked once."""
        counts, first, _ = scored.book.told[_COUNTS, who]
        until = self._clock.between(scored.on, scored.on + days)
        ahead, parts = until > 0, list[_Found]()
        for mine, fitted in self._parts(who, self._counting, "count_key"):
            (x, age), place = self._pairs(counts[mine] - 1, first[mine], scored.on)
            each, alive = np.zeros((len(place), 1)), scored.alive[:, who[mine]]
            by = np.zeros((len(x), len(until)))
            for row, model in enumerate(fitted.counts):
                by[:, ahead] = model.expected_by(until[ahead], x, np.zeros(len(x)), age, np.ones(len(x)))
                each = each + alive[row][:, None] * taken(by)[place]
            parts.append((mine, each / len(fitted.counts)))
        level = self._levels[self._segment[who]]
        found = np.zeros((len(who), parts[0][1].shape[1]))
        for mine, each in parts:
            found[mine] = each
        return found * level[:, None]

    def _pairs(self, x: Index, first: Index, on: int) -> tuple[tuple[Index, Array], Index]:
        """The distinct (x, T), and each customer's place among them."""
        begin = int(first.min(initial=on))
        width = max(int(first.max(initial=begin)) - begin, 0) + 1
        distinct, place = table((x * width + (first - begin)).astype(np.float64))
        code = distinct.astype(np.int64)
        return (code // width, self._clock.between(begin + code % width, on)), place

    def _worth(self, before: Scored, book: Book, some: Index) -> dict[str, Array]:
        """Expected net money of an order: that of before, but for some customers; 0 where no amount is known."""
        worth = {}
        for basis, fits in self._by.items():
            each, mine = before.worth[basis].copy(), np.zeros(len(some))
            facts = book.spend[basis][:, some]
            for part, fitted in self._parts(some, fits, "key"):
                if fitted.has_amounts:
                    own = SpendFacts(*facts[:, part])
                    mine[part] = fitted.spend.net_value(fitted.choice.spend_model, own) * fitted.choice.value_level
            each[some] = mine
            worth[basis] = each
        return worth
