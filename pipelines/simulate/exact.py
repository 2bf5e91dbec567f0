"""Whole-number arithmetic over many orders at once.

Lives here: sums over the lines of orders, allocation by largest remainder, and currency conversion, on int64 arrays.
Stays out: what is allocated or converted.

The lines of one order lie next to each other, ordered by their line id; `first` is the position of an order's first
line and `order` the position of a line's order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.simulate.clock import Ints

MILLION = 1_000_000


@dataclass(frozen=True)
class Spans:
    """Which lines belong to which order; every order has at least one line."""

    order: Ints
    first: Ints

    @cached_property
    def size(self) -> Ints:
        """Lines of every order."""
        return np.diff(np.append(self.first, len(self.order)))

    def total(self, values: Ints) -> Ints:
        """Sum of line values by order."""
        return np.add.reduceat(values, self.first) if len(self.first) else values[:0]

    def share(self, amount: Ints, weight: Ints) -> Ints:
        """Shares of each order's `amount` by `weight`: largest remainder, ties to the earlier line, zeros equal.

        Amounts and weights must not be negative; their products must fit 63 bits.
        """
        shares = np.zeros(len(self.order), dtype=np.int64)
        alone = self.size == 1
        shares[self.first[alone]] = amount[alone]
        several = ~alone & (amount > 0)
        if several.any():
            lines = np.flatnonzero(several[self.order])
            size = self.size[several]
            part = Spans(np.repeat(np.arange(len(size), dtype=np.int64), size), np.cumsum(size) - size)
            shares[lines] = part._share(amount[several], weight[lines])
        return shares

    def _share(self, amount: Ints, weight: Ints) -> Ints:
        total = self.total(weight)
        if not total.all():
            weight = np.where((total == 0)[self.order], 1, weight)
            total = self.total(weight)
        share, rest = np.divmod(amount[self.order] * weight, total[self.order])
        left = amount - self.total(share)
        return share + (self._rank(rest) < left[self.order])

    def _rank(self, value: Ints) -> Ints:
        """Position of a line in its order by descending value, ties to the earlier line."""
        rank = np.zeros(len(value), dtype=np.int64)
        for step in range(1, int(self.size.max(initial=1))):
            same = self.order[step:] == self.order[:-step]
            later_wins = value[step:] > value[:-step]
            rank[:-step] += same & later_wins
            rank[step:] += same & ~later_wins
        return rank


def convert(units: Ints, rate: Ints) -> Ints:
    """Amounts times rates in millionths, rounded half away from zero."""
    product = np.abs(units) * rate
    return np.sign(units) * ((2 * product + MILLION) // (2 * MILLION))
