"""Positions: the base at a period end, and the rows of a period, as arrays by customer number.

Lives here: what the chain hands from one period to the next, and what it tells of each. Stays out: how a period is
closed (`chain`), and names and days in place of numbers (`customer_periods`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pipelines.marts.asset.book import COUNTS, longer
from pipelines.science.numerics import Index

_NONE = -1


def small(numbers: Index) -> NDArray[np.signedinteger]:
    """Whole numbers in as few bytes as hold them: there are millions of rows, and most numbers are far from large."""
    least, most = int(numbers.min(initial=0)), int(numbers.max(initial=0))
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
            return numbers.astype(kind)
    return numbers


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

    def grown(self, size: int) -> Money:
        """With places for more customers."""
        return Money(longer(self.value, size), longer(self.spent, size), longer(self.returned, size))


@dataclass(frozen=True)
class Position:
    """The base at the end of a period: arrays with a place for each of the first customers, all that matter by then.

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

    def grown(self, size: int) -> Position:
        """With places for more customers, who were not there."""
        kinds = {name: longer(getattr(self, name), size, _NONE) for name in ("tier", "channel", "cohort")}
        return replace(
            self,
            money={basis: money.grown(size) for basis, money in self.money.items()},
            head=longer(self.head, size),
            state=longer(self.state, size),
            counts={name: longer(values, size) for name, values in self.counts.items()},
            **kinds,
        )


@dataclass(frozen=True)
class Period:
    """The rows of the period that ends `on` a day: columns of `small` numbers, one place for each of the customers
    `who`, in the order of their names.

    `shared` has no basis; `money` is by basis.
    """

    on: date
    who: Index
    shared: dict[str, NDArray[np.signedinteger]]
    money: dict[str, dict[str, NDArray[np.signedinteger]]]
