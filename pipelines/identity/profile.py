"""Profile: what is counted on each identifier value before anybody judges it.

Lives here: per value the accounts, cores, names, hints, birth dates and exclusive ids on it, and the lowest weight that
its supporting attributes can have between two of its cores.
Stays out: the verdicts that follow (`verdicts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.identity.book import Book
from pipelines.identity.codes import is_new, marked, runs
from pipelines.identity.core_facts import CoreFacts
from pipelines.identity.policy import Policy
from pipelines.identity.support import Weights
from pipelines.identity.uses import Uses


@dataclass(frozen=True)
class Profile:
    """Counts per value, in the order of its `Uses`.

    accounts, cores, named (cores with a name); names, hints, births, exclusive (different ones; of exclusive ids in the
    type with most); known (cores with a name or an exclusive id, of the kind with more); least_bits. Values on one core
    count accounts and cores only.
    """

    val: np.ndarray
    accounts: np.ndarray
    cores: np.ndarray
    named: np.ndarray
    names: np.ndarray
    hints: np.ndarray
    births: np.ndarray
    exclusive: np.ndarray
    known: np.ndarray
    least_bits: np.ndarray

    @property
    def table(self) -> pl.DataFrame:
        """val, n_accounts, n_names, n_births, n_exclusive: what is told of every value."""
        counts = {"n_accounts": self.accounts, "n_names": self.names, "n_births": self.births}
        return pl.DataFrame({"val": self.val, **counts, "n_exclusive": self.exclusive})


def profile_values(book: Book, policy: Policy, weights: Weights, uses: Uses, facts: CoreFacts) -> Profile:
    """Count what is known of the cores on each value."""
    value, slot, different, carried = _by_value_and_slot(uses, facts)

    def most(kind: str, counts: np.ndarray) -> np.ndarray:
        """Per value the highest count of any slot of a kind."""
        found = np.zeros(len(uses.starts), dtype=np.int64)
        of_kind = marked(book.slots_of(kind), len(book.slots))[slot]
        np.maximum.at(found, value[of_kind], counts[of_kind])
        return found

    bits = _least_bits(slot, different, carried, uses.core_n[value], weights.attributes, len(book.slots))
    devices = marked([code for code, rule in enumerate(book.types) if rule.strength == "device"], len(book.types))
    prior = np.where(devices[uses.type], policy.device_bits, min(weights.undisputed))
    return Profile(
        val=uses.val[uses.starts],
        accounts=np.add.reduceat(uses.account_n, uses.starts),
        cores=uses.core_n,
        named=np.add.reduceat(facts.holders(book.slots_of("name"))[uses.core], uses.starts, dtype=np.int64),
        names=most("name", different),
        hints=most("hint", different),
        births=most("birth", different),
        exclusive=most("exclusive", different),
        known=np.maximum(most("name", carried), most("exclusive", carried)),
        least_bits=prior + np.bincount(value, bits, minlength=len(uses.starts)) + min(weights.silence),
    )


def _by_value_and_slot(uses: Uses, facts: CoreFacts) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Values on several cores and slots known of them: value, slot, different items on it, items of its cores."""
    shared = np.flatnonzero(uses.core_n[uses.value_of] > 1)
    at, fact = facts.of_each(uses.core[shared])
    keys = np.sort((uses.value_of[shared[at]] << facts.fact_bits) | fact, kind="stable")
    slots = keys >> facts.item_bits
    starts, carried = runs(slots)
    different = np.add.reduceat(is_new(keys), starts, dtype=np.int64) if len(starts) else starts
    return slots[starts] >> facts.slot_bits, slots[starts] & ((1 << facts.slot_bits) - 1), different, carried


def _least_bits(
    slot: np.ndarray,
    different: np.ndarray,
    carried: np.ndarray,
    core_n: np.ndarray,
    attributes: Mapping[int, tuple[float, float]],
    slot_n: int,
) -> np.ndarray:
    """Lowest weight that each slot of a value can have between two of its cores; 0 for what is no attribute."""
    bits = np.zeros((2, slot_n))
    for code, weights in attributes.items():
        bits[:, code] = weights
    agree, disagree = bits[:, slot]
    differs, repeats = different > 1, carried > different
    is_everywhere = ~differs & (carried == core_n)
    lowest = np.minimum(np.minimum(agree, disagree), 0.0)
    return np.select(
        [is_everywhere, differs & repeats, differs, repeats],
        [agree, lowest, np.minimum(disagree, 0.0), np.minimum(agree, 0.0)],
        0.0,
    )
