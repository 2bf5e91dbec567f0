"""Core facts: what the book knows of accounts, loaded as the objects that single values are judged with.

Lives here: rows of facts turned into `Core` objects.
Stays out: which cores are asked about (`stage`, `candidates`, `possible`) and the judgement (`partition`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

import polars as pl

from pipelines.identity.book import Book
from pipelines.identity.core import Core

NO_ITEMS: frozenset[int] = frozenset()
TEXT_FIELDS = {"name": "names", "hint": "hints", "birth": "births"}
"""Field of a core that holds the texts of a kind of slot."""


def load_cores(book: Book, facts: pl.DataFrame, kinds: tuple[str, ...]) -> dict[int, Core]:
    """What is known of cores (rows of core, slot, item, each once); `kinds` of limited slots are loaded as exclusive.

    Cores without a fact have no entry.
    """
    cores: dict[int, Core] = defaultdict(Core)
    support = book.slots_of("support")
    for (slot,), rows in sorted(facts.partition_by("slot", as_dict=True).items()):
        kind = book.slots[slot].kind
        pairs = zip(rows["core"].to_list(), rows["item"].to_list(), strict=True)
        if kind == "support":
            _load_support(cores, pairs, slot - support[0], len(support))
        elif kind in TEXT_FIELDS:
            _load_texts(cores, pairs, TEXT_FIELDS[kind], book.texts)
        elif kind in kinds:
            for core, item in pairs:
                known = cores[core]
                known.exclusive = _with(known.exclusive, slot, item)
    return dict(cores)


def _load_support(cores: dict[int, Core], pairs: Iterable[tuple[int, int]], place: int, width: int) -> None:
    """Add the items of one supporting attribute."""
    for core, item in pairs:
        known = cores[core]
        if not known.support:
            known.support = [NO_ITEMS] * width
        had = known.support[place]
        known.support[place] = had | {item} if had else frozenset((item,))  # type: ignore[index]


def _load_texts(cores: dict[int, Core], pairs: Iterable[tuple[int, int]], field: str, texts: Sequence[str]) -> None:
    """Add names, hints or births."""
    for core, item in pairs:
        known = cores[core]
        had = getattr(known, field)
        setattr(known, field, had | {texts[item]} if had else frozenset((texts[item],)))


def _with(ids: Mapping[int, Set[int]], slot: int, item: int) -> Mapping[int, Set[int]]:
    """A slot's set with one more item, in a dictionary of the core's own."""
    own = ids if type(ids) is dict else {}
    own[slot] = own[slot] | {item} if slot in own else {item}
    return own
