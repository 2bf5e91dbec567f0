"""Agreement: whether two names, or two birth dates, may be one person's.

Lives here: the judgement on normal forms, with the frequency of name parts telling a typing error from another name.
Stays out: normal forms (`pipelines.channels.person_names`) and any linking; these judgements only ever split or
corroborate accounts that share an identifier.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from functools import lru_cache
from itertools import combinations

import polars as pl

from pipelines.channels.surnames import latin_surname

MASK = "*"
CROWD = 10
"""Sets of names from which on those with something in common are looked up, not found by comparing all pairs."""
_CJK = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")


class NameJudge:
    """Judges pairs of normalised names; knows how often each name part occurs in the data.

    Chinese names agree when equal: one character makes another person (siblings often differ in exactly one). A Chinese
    and a Latin name agree when the surname's Latin spelling is part of it (王晓明, james wang). Latin
    names agree when equal, when one writes the other's parts together, when the parts of one stand in the other (with
    initials), or when one part differs by one letter and is rare beside its neighbour: `dvid` next to `david` is a
    typing error, `anne` next to `anna` is a sister. A hint (`刘*`, what a mask still shows) agrees with names that
    begin so.
    """

    def __init__(self, names: pl.Series, typo_share: float) -> None:
        parts = names.filter(~names.str.contains(r"\p{Han}")).str.split(" ").explode().drop_nulls()
        self._parts = Counter(dict(parts.value_counts(name="n").iter_rows()))
        self._typo_share = typo_share
        self._known: dict[tuple[str, str], bool] = {}
        self._clues: dict[str, Set[str] | None] = {}

    def agree(self, left: str, right: str) -> bool:
        """Whether two names may be one person's."""
        if left == right:
            return True
        mine, theirs = self._clues_of(left), self._clues_of(right)
        if mine is not None and theirs is not None and mine.isdisjoint(theirs):
            return False
        pair = (left, right) if left < right else (right, left)
        known = self._known.get(pair)
        if known is None:
            known = self._known[pair] = self._judge(*pair)
        return known

    def any_agree(self, left: Set[str], right: Set[str]) -> bool:
        """Whether some name of one side agrees with some name of the other."""
        if not left.isdisjoint(right):
            return True
        for a in left:
            for b in right:
                if self.agree(a, b):
                    return True
        return False

    def candidates(self, names: Sequence[Set[str]]) -> Iterable[tuple[int, int]]:
        """Pairs of positions in order, among which are all pairs of sets of names that may agree.

        On a shop's own number hundreds of names meet, and hardly two of them have anything in common.
        """
        if len(names) < CROWD:
            return combinations(range(len(names)), 2)
        holders: dict[str, list[int]] = {}
        vague: list[int] = []
        found: set[tuple[int, int]] = set()
        for number, own in enumerate(names):
            clues = [self._clues_of(name) for name in own]
            others = {other for told in clues for clue in told or () for other in holders.get(clue, ())}
            found |= {(other, number) for other in (range(number) if None in clues else others.union(vague))}
            if None in clues:
                vague.append(number)
            for told in clues:
                for clue in told or ():
                    holders.setdefault(clue, []).append(number)
        return sorted(found)

    def has_variants(self, names: Set[str]) -> bool:
        """Whether other names of any script may agree with these: Chinese names agree with Latin ones at most."""
        return any(name.endswith(MASK) or not is_cjk(name) for name in names)

    def _clues_of(self, name: str) -> Set[str] | None:
        """What a name must share with another one to agree with it; nothing where only a judgement tells.

        Most pairs of names on a shared number have no clue in common, which costs a fraction of a judgement to see.
        """
        try:
            return self._clues[name]
        except KeyError:
            clues = self._clues[name] = _clues(name)
            return clues

    def _judge(self, left: str, right: str) -> bool:
        if left.endswith(MASK) or right.endswith(MASK):
            return _hint_fits(left, right)
        if is_cjk(left) or is_cjk(right):
            return is_cjk(left) != is_cjk(right) and _same_surname(left, right)
        a, b = left.split(), right.split()
        if sorted("".join(a)) == sorted("".join(b)) and _same_letters_joined(a, b):
            return True
        if len(a) == len(b):
            return self._one_typo(a, b)
        return parts_contained(a, b)

    def _one_typo(self, a: list[str], b: list[str]) -> bool:
        """Whether the names have all parts in common but one, and that one is a typing error."""
        rest = list(b)
        odd = []
        for part in a:
            if part in rest:
                rest.remove(part)
            else:
                odd.append(part)
        if len(odd) != 1 or len(a) < 2:
            return False
        if len(odd[0]) == 1 or len(rest[0]) == 1:
            return odd[0][0] == rest[0][0]
        rare, common = sorted((self._parts[odd[0]], self._parts[rest[0]]))
        return rare <= self._typo_share * common and edits_at_most_one(odd[0], rest[0])


def _clues(name: str) -> Set[str] | None:
    """Parts of a Latin name and its letters in order, or the spellings of a Chinese surname; None for any other."""
    if name.endswith(MASK):
        return None
    if is_cjk(name):
        return latin_surname(name)
    parts = name.split()
    return {*parts, "".join(sorted("".join(parts)))}


@lru_cache(maxsize=100_000)
def is_cjk(name: str) -> bool:
    """Whether a name holds a Chinese character."""
    return not name.isascii() and _CJK.search(name) is not None


def _same_surname(left: str, right: str) -> bool:
    """Whether the Latin one of two names contains the surname of the Chinese one; a rare surname speaks for nothing."""
    chinese, latin = (left, right) if is_cjk(left) else (right, left)
    spellings = latin_surname(chinese)
    return spellings is None or not spellings.isdisjoint(latin.split())


def births_agree(left: str, right: str) -> bool:
    """Whether two birth dates (ISO text, or a year) may be one person's.

    They may when equal, one digit off, with day and month swapped, or one being the year of the other.
    """
    if left == right:
        return True
    if len(left) != len(right):
        return left.startswith(right) or right.startswith(left)
    if len(left) == 10 and left[:4] == right[:4] and left[5:7] == right[8:10] and left[8:10] == right[5:7]:
        return True
    return len(left) == 10 and sum(a != b for a, b in zip(left, right, strict=True)) <= 1


def edits_at_most_one(left: str, right: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbours at most makes the texts equal."""
    if abs(len(left) - len(right)) > 1:
        return False
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    a, b = left[start:], right[start:]
    if len(a) == len(b):
        return a[1:] == b[1:] or (a[:2] == b[:2][::-1] and a[2:] == b[2:])
    shorter, longer = (a, b) if len(a) < len(b) else (b, a)
    return shorter == longer[1:]


def parts_contained(a: list[str], b: list[str]) -> bool:
    """Whether every part of the shorter name (two or more) stands in the longer one, as itself or as its initial."""
    shorter, longer = (a, b) if len(a) <= len(b) else (b, a)
    if len(shorter) < 2:
        return False
    rest, whole = list(longer), 0
    for part in sorted(shorter, key=len, reverse=True):
        if part in rest:
            match = part
            whole += len(part) > 1
        else:
            match = next((other for other in rest if other[0] == part[0] and 1 in (len(other), len(part))), "")
        if not match:
            return False
        rest.remove(match)
    return whole >= 1


def _hint_fits(left: str, right: str) -> bool:
    """Whether what a mask shows begins the other name (or one of its parts)."""
    if left.endswith(MASK) and right.endswith(MASK):
        a, b = left[:-1], right[:-1]
        return a.startswith(b) or b.startswith(a)
    hint, name = (left[:-1], right) if left.endswith(MASK) else (right[:-1], left)
    return name.startswith(hint) or any(part.startswith(hint) for part in name.split())


def _same_letters_joined(a: list[str], b: list[str]) -> bool:
    """Whether one name writes the other's parts together: jameskowalski, james kowalski (in either order)."""
    if len(a) == len(b):
        return False
    shorter, longer = (a, b) if len(a) < len(b) else (b, a)
    joined = "".join(shorter)
    return joined in ("".join(longer), "".join(reversed(longer)))
