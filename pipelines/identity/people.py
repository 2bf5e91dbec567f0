"""People: which account names the person of each account of the warehouse.

Lives here: from the labels of a resolution, which knows only accounts that share evidence, to every account.
Stays out: the resolution itself (`resolve`) and the ids that people keep over time (`carry_over`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.identity.book import Book
from pipelines.identity.resolve import Resolution


class Roster:
    """The accounts of the warehouse in the order of their keys, and where each stands in the book of a resolution.

    `accounts` needs account_key and first_seen_at. Resolutions of one case under several policies share a book, so the
    keys are looked up once for all of them.
    """

    def __init__(self, accounts: pl.DataFrame) -> None:
        ordered = accounts.select("account_key", "first_seen_at").sort("account_key")
        self._keys = ordered["account_key"]
        self._by_age = np.argsort(ordered["first_seen_at"].to_numpy(), kind="stable")
        self._book: Book | None = None
        self._codes = np.empty(0, dtype=np.int64)

    def people(self, resolution: Resolution) -> pl.DataFrame:
        """account_key, cluster of every account, named by the account seen first (ties: the smaller key); sorted.

        Statements of sources are left out; accounts that share nothing with anybody are people of their own.
        """
        codes = self._codes_in(resolution.book)
        known = self._by_age[codes[self._by_age] >= 0][::-1]
        oldest = np.empty(resolution.book.account_n, dtype=np.int64)
        oldest[resolution.labels[codes[known]]] = known  # the last write of a label is its oldest account
        named = np.arange(len(codes))
        named[known] = oldest[resolution.labels[codes[known]]]
        return pl.DataFrame({"account_key": self._keys, "cluster": self._keys.gather(named)})

    def _codes_in(self, book: Book) -> np.ndarray:
        """The book's code of each account, -1 where it has none."""
        if self._book is not book:
            known = pl.DataFrame({"account_key": book.keys, "code": np.arange(book.account_n)})
            found = self._keys.to_frame().join(known, on="account_key", how="left", maintain_order="left")
            self._book, self._codes = book, found["code"].fill_null(-1).to_numpy()
        return self._codes


def named_by_anchor(assignment: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """account_key, cluster of assigned accounts, each customer named by its account seen first (ties: smaller key)."""
    ordered = assignment.join(accounts.select("account_key", "first_seen_at"), on="account_key").sort(
        "first_seen_at", "account_key"
    )
    first = pl.col("account_key").first().over("customer_id")
    return ordered.select("account_key", cluster=first).sort("account_key")
