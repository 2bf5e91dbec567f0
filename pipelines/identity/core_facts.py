"""Core facts: what the book knows of accounts, loaded as the objects that single values are judged with.

Lives here: rows of facts by core, kept up as cores are joined, and turned into `Core` objects.
Stays out: which cores are asked about (`stage`, `candidates`, `possible`) and the judgement (`partition`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

import numpy as np
import polars as pl

from pipelines.identity.book import Book
from pipelines.identity.core import Core

NO_ITEMS: frozenset[int] = frozenset()
TEXT_FIELDS = {"name": "names", "hint": "hints", "birth": "births"}
"""Field of a core that holds the texts of a kind of slot."""


def facts_of(book: Book, labels: np.ndarray) -> pl.DataFrame:
    """What is known of the cores that the labels of accounts make: core, slot, item, each once."""
    return joined_facts(book.facts.select("slot", "item", core="acc"), labels)


def joined_facts(facts: pl.DataFrame, joined: np.ndarray) -> pl.DataFrame:
    """The facts of cores (core, slot, item) by the cores that they are part of now: core, slot, item, each once.

    Only cores that grew can repeat a fact, so only theirs are made unique.
    """
    before = facts["core"].to_numpy()
    now = joined[before]
    has_grown = np.zeros(len(joined), dtype=bool)
    has_grown[now[now != before]] = True
    facts = facts.select(core=pl.Series(now, dtype=pl.Int32), slot="slot", item="item")
    is_repeatable = pl.Series(has_grown[now])
    keys, (slot_n, item_n) = packed(facts.filter(is_repeatable), ("core", "slot", "item"))
    core_slot, item = np.divmod(keys[is_new(keys)], item_n)
    core, slot = np.divmod(core_slot, slot_n)
    once = pl.DataFrame({"core": core, "slot": slot, "item": item}).cast(facts.schema)
    return pl.concat([facts.filter(~is_repeatable), once])


def packed(rows: pl.DataFrame, names: tuple[str, str, str]) -> tuple[np.ndarray, tuple[int, int]]:
    """Three codes of each row as one integer, sorted, and the bases that unpack it (`divmod` by the last one first).

    A sort of integers costs a fifth of grouping by three columns. Raises OverflowError where they do not fit.
    """
    _, *bases = (int(rows[name].max() or 0) + 1 for name in names)  # type: ignore[arg-type]
    if (int(rows[names[0]].max() or 0) + 1) * bases[0] * bases[1] >= 2**63:  # type: ignore[arg-type]
        raise OverflowError(f"{', '.join(names)} do not fit into one integer")
    first, second, third = (pl.col(name).cast(pl.Int64) for name in names)
    keys = rows.select((first * bases[0] + second) * bases[1] + third).to_series().sort()
    return keys.to_numpy(), (bases[0], bases[1])


def is_new(keys: np.ndarray) -> np.ndarray:
    """Which of sorted keys differ from the one before."""
    return np.append(True, keys[1:] != keys[:-1])[: len(keys)]


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
