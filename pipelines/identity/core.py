"""Core: what is known of accounts that are one person already, and of their use of a value.

Lives here: the small objects that the judgement of single values works on.
Stays out: the judgement (`partition`, `name_groups`, `constrained`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType

DAY_US = 86_400_000_000
UNATTACHED = -1
"""Part of a core of which nothing shows whose it is: the value is no edge for it."""

NOTHING: frozenset[str] = frozenset()
NO_IDS: Mapping[int, Set[int]] = MappingProxyType({})


class Core:
    """What is known of accounts already joined: names, hints of masked names, births, exclusive ids, attributes.

    `support` holds one set per supporting attribute, or nothing. The fields are replaced, never changed in place, so
    cores may share them.
    """

    __slots__ = ("births", "exclusive", "hints", "names", "support")

    def __init__(
        self,
        names: Set[str] = NOTHING,
        hints: Set[str] = NOTHING,
        births: Set[str] = NOTHING,
        exclusive: Mapping[int, Set[int]] = NO_IDS,
        support: Sequence[Set[int]] = (),
    ) -> None:
        self.names, self.hints, self.births = names, hints, births
        self.exclusive, self.support = exclusive, support

    @property
    def is_identified(self) -> bool:
        """Whether anything but supporting attributes is known."""
        return bool(self.names or self.births or self.exclusive)

    def joined(self, other: Core) -> Core:
        """What is known of two cores together."""
        return Core(
            self.names | other.names if other.names else self.names,
            self.hints | other.hints if other.hints else self.hints,
            self.births | other.births if other.births else self.births,
            _united(self.exclusive, other.exclusive),
            _stacked(self.support, other.support),
        )

    def nameless(self) -> Core:
        """The same without names."""
        return Core(NOTHING, NOTHING, self.births, self.exclusive, self.support)


class Block:
    """Cores on a value that are taken for one person: who, what is known, first and last use (microseconds)."""

    __slots__ = ("age", "cores", "facts", "first", "last")

    def __init__(self, cores: tuple[int, ...], first: int, last: int, facts: Core) -> None:
        self.cores, self.first, self.last, self.facts = cores, first, last, facts
        self.age = (first, cores[0])  # order of blocks: by first use, then by core

    @staticmethod
    def merged(blocks: Iterable[Block]) -> Block:
        """Several blocks as one."""
        ordered = sorted(blocks, key=lambda block: block.age)
        facts = ordered[0].facts
        for block in ordered[1:]:
            facts = facts.joined(block.facts)
        cores = tuple(core for block in ordered for core in block.cores)
        return Block(cores, ordered[0].first, max(block.last for block in ordered), facts)


@dataclass(frozen=True)
class Split:
    """Part of each core, in the order given, the verdict on the value and why."""

    parts: list[int]
    verdict: str
    reason: str


def as_split(given: Sequence[Block], persons: Iterable[Block], verdict: str, reason: str) -> Split:
    """Number the persons by age; cores of none are unattached."""
    ordered = sorted(persons, key=lambda person: person.age)
    part = {core: number for number, person in enumerate(ordered) for core in person.cores}
    return Split([part.get(block.cores[0], UNATTACHED) for block in given], verdict, reason)


def _stacked(a: Sequence[Set[int]], b: Sequence[Set[int]]) -> Sequence[Set[int]]:
    if not a or not b:
        return a or b
    return [x | y if x and y else x or y for x, y in zip(a, b, strict=True)]


def _united(a: Mapping[int, Set[int]], b: Mapping[int, Set[int]]) -> Mapping[int, Set[int]]:
    if not b:
        return a
    return {**a, **{slot: a[slot] | values if slot in a else values for slot, values in b.items()}}
