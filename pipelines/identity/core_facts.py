"""Core facts: what the book knows of accounts, and the objects that single values are judged with.

Lives here: facts by core, kept up as cores are joined, and turned into `Core` objects.
Stays out: which cores are asked about (`stage`, `candidates`, `possible`) and the judgement (`partition`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat

import numpy as np

from pipelines.identity.book import Book
from pipelines.identity.codes import is_new, marked, ranges, runs
from pipelines.identity.core import NO_IDS, NOTHING, Core

NO_ITEMS: frozenset[int] = frozenset()


@dataclass(frozen=True)
class CoreFacts:
    """What is known of cores: rows of core, slot and item, each once, sorted.

    A row is one integer (`keys`: core, slot and item in bits from the highest), which sorts and compares at a fifth of
    the cost of three columns. `core_n` is the number of codes that cores may have.
    """

    keys: np.ndarray
    slot_bits: int
    item_bits: int
    core_n: int

    @property
    def fact_bits(self) -> int:
        """Bits of slot and item together."""
        return self.slot_bits + self.item_bits

    @cached_property
    def core(self) -> np.ndarray:
        """The core of each row."""
        return self.keys >> self.fact_bits

    @cached_property
    def fact(self) -> np.ndarray:
        """Slot and item of each row in one integer."""
        return self.keys & ((1 << self.fact_bits) - 1)

    @cached_property
    def slot(self) -> np.ndarray:
        """The slot of each row."""
        return self.fact >> self.item_bits

    @cached_property
    def item(self) -> np.ndarray:
        """The item of each row."""
        return self.keys & ((1 << self.item_bits) - 1)

    def joined(self, labels: np.ndarray) -> CoreFacts:
        """The same by the cores that the labels make of the cores of now."""
        now = labels[self.core]
        if np.array_equal(now, self.core):
            return self
        keys = np.sort((now.astype(np.int64) << self.fact_bits) | self.fact, kind="stable")  # nearly in order
        return replace(self, keys=keys[is_new(keys)])

    def of(self, cores: np.ndarray) -> CoreFacts:
        """What is known of some cores."""
        return replace(self, keys=self.keys[marked(cores, self.core_n)[self.core]])

    def in_slots(self, slots: Sequence[int]) -> CoreFacts:
        """What is known of cores in some slots."""
        return replace(self, keys=self.keys[marked(slots, 1 << self.slot_bits)[self.slot]])

    def holders(self, slots: Sequence[int]) -> np.ndarray:
        """Which cores have a fact in one of the slots."""
        return marked(self.core[marked(slots, 1 << self.slot_bits)[self.slot]], self.core_n)

    def of_each(self, cores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The facts of each of some cores, which may repeat: positions in `cores`, and the facts at them."""
        lengths = self._counts[cores]
        return np.repeat(np.arange(len(cores)), lengths), self.fact[ranges(self._starts[cores], lengths)]

    @cached_property
    def _counts(self) -> np.ndarray:
        return np.bincount(self.core, minlength=self.core_n)

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum(self._counts) - self._counts


def facts_of(book: Book, labels: np.ndarray) -> CoreFacts:
    """What is known of the cores that the labels of accounts make.

    Raises OverflowError where core, slot and item do not fit into one integer.
    """
    core, slot, item = (book.facts[name].to_numpy().astype(np.int64) for name in ("acc", "slot", "item"))
    item_bits, slot_bits = int(item.max(initial=0)).bit_length(), len(book.slots).bit_length()
    if book.account_n.bit_length() + slot_bits + item_bits >= 63:
        raise OverflowError("accounts, slots and items do not fit into one integer")
    keys = np.sort((((labels[core].astype(np.int64) << slot_bits) | slot) << item_bits) | item, kind="stable")
    return CoreFacts(keys[is_new(keys)], slot_bits, item_bits, book.account_n)


def load_cores(book: Book, facts: CoreFacts, kinds: tuple[str, ...]) -> dict[int, Core]:
    """What is known of cores; `kinds` of limited slots are loaded as exclusive. Cores without a fact have no entry."""
    cores = facts.core[is_new(facts.core)].tolist()
    texts = [items_of(facts, book.slots_of(kind)[0], book.texts) for kind in ("name", "hint", "birth")]
    support = [items_of(facts, slot) for slot in book.slots_of("support")]
    limited: dict[int, dict[int, Set[int]]] = {}
    for slot in sorted(slot for kind in kinds for slot in book.slots_of(kind)):
        for core, items in items_of(facts, slot).items():
            limited.setdefault(core, {})[slot] = items
    told = (map(found.get, cores, repeat(NOTHING)) for found in texts)
    known = zip(*(map(found.get, cores, repeat(NO_ITEMS)) for found in support), strict=True) if support else repeat(())
    return {
        core: Core(names, hints, births, limited.get(core, NO_IDS), attributes if any(attributes) else ())
        for core, names, hints, births, attributes in zip(cores, *told, known, strict=False)
    }


def items_of(facts: CoreFacts, slot: int, texts: Sequence[str] | None = None) -> dict[int, frozenset]:
    """The items of each core in a slot, or the texts they stand for."""
    rows = np.flatnonzero(facts.slot == slot)
    cores, found = facts.core[rows], facts.item[rows].tolist()
    items = found if texts is None else [texts[item] for item in found]
    starts, lengths = runs(cores)
    sets: Iterable[frozenset] = map(frozenset, zip(items))  # one each, as nearly always
    if len(starts) < len(items):
        sets = (frozenset(items[start : start + n]) for start, n in zip(starts.tolist(), lengths.tolist(), strict=True))
    return dict(zip(cores[starts].tolist(), sets, strict=True))
