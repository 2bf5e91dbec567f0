"""Uses: which cores are on which values of a tier, and since when.

Lives here: the evidence of a tier by value and core, in arrays.
Stays out: what is known of the cores (`core_facts`) and what is counted and judged on the values (`profile`, `stage`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.identity.book import Book
from pipelines.identity.codes import marked, ranges, runs


@dataclass(frozen=True)
class Uses:
    """Values and the cores on them: one row per value and core, sorted by both; and the evidence that says so.

    Per row: val, core, first and last use (microseconds), account_n (accounts of the core on the value). Per value:
    `starts` (its first row), `core_n` (its rows), `type`. Per row of evidence: `acc`, and `row_of`, its row here.
    """

    val: np.ndarray
    core: np.ndarray
    first: np.ndarray
    last: np.ndarray
    account_n: np.ndarray
    starts: np.ndarray
    core_n: np.ndarray
    type: np.ndarray
    acc: np.ndarray
    row_of: np.ndarray

    @cached_property
    def value_of(self) -> np.ndarray:
        """The position of each row's value."""
        return np.repeat(np.arange(len(self.starts)), self.core_n)

    def rows_of(self, values: np.ndarray) -> np.ndarray:
        """Rows of the values at some positions."""
        return ranges(self.starts[values], self.core_n[values])


def uses_of(book: Book, types: Sequence[int], labels: np.ndarray) -> Uses:
    """The uses of values of some types on several accounts, by the cores that the labels of accounts make."""
    columns = ("acc", "val", "type", "first", "last", "n")
    acc, val, type_code, first, last, n = (book.evidence[name].to_numpy() for name in columns)
    chosen = np.flatnonzero(marked(types, len(book.types))[type_code] & (n > 1))
    acc, val, type_code, first, last = (column[chosen] for column in (acc, val, type_code, first, last))
    keys = (val.astype(np.int64) << 32) | labels[acc]
    order = np.argsort(keys, kind="stable")
    rows, account_n = runs(keys[order])
    chosen_val = val[order[rows]]
    starts, core_n = runs(chosen_val)
    row_of = np.empty(len(keys), dtype=np.int64)
    row_of[order] = np.repeat(np.arange(len(rows)), account_n)
    return Uses(
        val=chosen_val,
        core=labels[acc[order[rows]]],
        first=np.minimum.reduceat(first[order], rows),
        last=np.maximum.reduceat(last[order], rows),
        account_n=account_n,
        starts=starts,
        core_n=core_n,
        type=type_code[order[rows[starts]]],
        acc=acc,
        row_of=row_of,
    )
