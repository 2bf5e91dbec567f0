"""Support: what agreeing or differing attributes are worth, measured on the data themselves.

Lives here: the chance that two cores on one personal value are one person, learnt from the pairs that both have a
name (whose names tell) and applied to those that have none: a prior, and bits for each supporting attribute and for a
long silence. Missing attributes are no evidence.
Stays out: the use of the bits (`partition`). Bits are rounded to halves, so that a few more rows rarely change a
decision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from math import inf, log2

import numpy as np
import polars as pl

from pipelines.identity.agreement import NameJudge
from pipelines.identity.book import Book
from pipelines.identity.codes import is_new, marked, ranges, runs
from pipelines.identity.core import DAY_US
from pipelines.identity.core_facts import CoreFacts, items_of
from pipelines.identity.policy import Policy
from pipelines.identity.uses import uses_of

CALIBRATION = pl.Schema(
    {
        "attribute": pl.String(),
        "same_n": pl.Int64(),
        "same_rate": pl.Float64(),
        "other_n": pl.Int64(),
        "other_rate": pl.Float64(),
        "agree_bits": pl.Float64(),
        "disagree_bits": pl.Float64(),
        "is_measured": pl.Boolean(),
    }
)
"""Per attribute: pairs of one person and of two that both have it, how often it agrees in each, the bits. The row
`prior` holds the pairs and, in agree_bits, the log odds of one person; in the row `silence` a silence is agreement.
The rows `prior_1` to `prior_3` hold named cores held out of a value: how often the one, two, three or more others, who
agree among themselves, are the same person."""

BITS_CAP = 8.0
LEAST_TESTED = -2.0
PRIOR, SILENCE = "prior", "silence"
PRIOR_KS = (1, 2, 3)
"""Numbers of cores for which the prior of a value without a conflict is measured; the last stands for more, too."""


@dataclass(frozen=True)
class Weights:
    """Bits (log2 of likelihood ratios): prior odds, (agree, disagree) per support slot, (silence, none).

    `prior` is of any two users of a value; `undisputed` of a core and the 1, 2, 3 or more users of a value on which
    nothing speaks against one person, which is better known.
    """

    prior: float
    attributes: dict[int, tuple[float, float]]
    silence: tuple[float, float]
    undisputed: tuple[float, ...]


NO_WEIGHTS = Weights(BITS_CAP, {}, (0.0, 0.0), (BITS_CAP,) * len(PRIOR_KS))
"""Every pair without a conflict is one person: what counts where supporting attributes are not asked."""


@dataclass(frozen=True)
class Pairs:
    """Named cores next to each other in time on one value, sorted by value and time.

    val; a, b (the earlier core and the later); is_silent (a long silence lies between them); is_same (some name of one
    agrees with some of the other); is_barred (their ids or birth dates exclude each other, so names need not tell).
    """

    val: np.ndarray
    a: np.ndarray
    b: np.ndarray
    is_silent: np.ndarray
    is_same: np.ndarray
    is_barred: np.ndarray


@dataclass(frozen=True)
class States:
    """What pairs of cores have in common: the pair, a slot that both have filled, whether they share an item."""

    pair: np.ndarray
    slot: np.ndarray
    agrees: np.ndarray


def measure_support(book: Book, policy: Policy, judge: NameJudge, labels: np.ndarray, facts: CoreFacts) -> pl.DataFrame:
    """Agreement rates and bits: columns of CALIBRATION, one row per supporting attribute, silence and prior.

    `labels` names the core of each account, `facts` is what is known of cores. Pairs are cores next to each other in
    time on one personal value, not joined by stronger evidence and with no conflict of ids, so a value on many accounts
    counts linearly. With fewer pairs of either kind than the policy asks, or where the policy pins an attribute, the
    policy's own rates are used.
    """
    pairs = _neighbours(book, policy, labels, facts)
    states = _states(pairs, facts)
    pairs = _judged(pairs, states, facts, book, judge)
    is_same, is_other = pairs.is_same & ~pairs.is_barred, ~pairs.is_same & ~pairs.is_barred
    same_n, other_n = int(is_same.sum()), int(is_other.sum())
    enough = min(same_n, other_n) >= policy.calibration_pairs
    rows: list[tuple[object, ...]] = []
    for slot, attribute in zip(book.slots_of("support"), policy.support, strict=True):
        of_slot = states.slot == slot
        pair, agrees = states.pair[of_slot], states.agrees[of_slot]
        default = (attribute.same_rate, attribute.other_rate)
        is_measured = enough and not attribute.is_pinned
        only_differs = attribute.name in {t.name for t in book.types}
        rows.append(
            _row(attribute.name, agrees[is_same[pair]], agrees[is_other[pair]], default, is_measured, only_differs)
        )
    rows.append(_row(SILENCE, pairs.is_silent[is_same], pairs.is_silent[is_other], (0.5, 0.5), enough, False))
    odds = _half((same_n + 1) / (other_n + 1)) if enough else policy.prior_bits
    rows.append((PRIOR, same_n, None, other_n, None, odds, None, enough))
    rows += _undisputed(pairs, facts, book, judge, policy.calibration_pairs, odds)
    return pl.DataFrame(rows, schema=CALIBRATION, orient="row")


def weights_of(book: Book, calibration: pl.DataFrame) -> Weights:
    """The bits of a calibration by slot."""
    bits = {name: (agree, disagree) for name, agree, disagree in
            calibration.select("attribute", "agree_bits", "disagree_bits").iter_rows()}  # fmt: skip
    attributes = {slot: bits[book.slots[slot].name] for slot in book.slots_of("support")}
    undisputed = tuple(bits[f"{PRIOR}_{k}"][0] for k in PRIOR_KS)
    return Weights(bits[PRIOR][0], attributes, bits[SILENCE], undisputed)


def _neighbours(book: Book, policy: Policy, labels: np.ndarray, facts: CoreFacts) -> Pairs:
    """Named cores next to each other in time on a personal value of few accounts, not judged yet."""
    personal = [code for code, t in enumerate(book.types) if t.strength == "personal"]
    uses = uses_of(book, personal, labels)
    account_n = np.add.reduceat(uses.account_n, uses.starts)[uses.value_of]
    is_named = facts.holders(book.slots_of("name"))
    rows = np.flatnonzero((account_n <= policy.anonymous_limit) & is_named[uses.core])
    rows = rows[np.lexsort((uses.core[rows], uses.first[rows], uses.val[rows]))]
    is_pair = uses.val[rows[:-1]] == uses.val[rows[1:]]
    before, after = rows[:-1][is_pair], rows[1:][is_pair]
    is_silent = uses.first[after] - uses.last[before] >= policy.epoch_gap_days * DAY_US
    unknown = np.zeros(len(after), dtype=bool)
    return Pairs(uses.val[after], uses.core[before], uses.core[after], is_silent, unknown, unknown)


def _states(pairs: Pairs, facts: CoreFacts) -> States:
    """What the cores of each pair have in common, by slot."""
    (at_a, of_a), (at_b, of_b) = facts.of_each(pairs.a), facts.of_each(pairs.b)
    left, right = (at_a << facts.fact_bits) | of_a, (at_b << facts.fact_bits) | of_b
    shared = np.intersect1d(left, right, assume_unique=True) >> facts.item_bits
    filled, also = (slots[is_new(slots)] for slots in (left >> facts.item_bits, right >> facts.item_bits))
    both = np.intersect1d(filled, also, assume_unique=True)
    agrees = np.zeros(len(both), dtype=bool)
    agrees[np.searchsorted(both, shared)] = True
    return States(both >> facts.slot_bits, both & ((1 << facts.slot_bits) - 1), agrees)


def _judged(pairs: Pairs, states: States, facts: CoreFacts, book: Book, judge: NameJudge) -> Pairs:
    """The pairs with what their ids, birth dates and names say."""
    barring = marked(book.slots_of("exclusive") + book.slots_of("birth"), len(book.slots))
    is_barred = marked(states.pair[barring[states.slot] & ~states.agrees], len(pairs.val))
    names = marked(book.slots_of("name"), len(book.slots))
    is_same = marked(states.pair[names[states.slot] & states.agrees], len(pairs.val))
    asked = np.flatnonzero(~is_barred & ~is_same)
    a, b = pairs.a[asked], pairs.b[asked]
    known = _names(np.concatenate([a, b]), facts, book)
    is_same[asked] = [judge.any_agree(known[x], known[y]) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    return replace(pairs, is_same=is_same, is_barred=is_barred)


def _undisputed(
    pairs: Pairs, facts: CoreFacts, book: Book, judge: NameJudge, least_n: int, default: float
) -> list[tuple[object, ...]]:
    """Rows `prior_1` to `prior_3`: each named core of a value held out, where the others are one person by name.

    This is what is asked of a nameless core on a value whose names agree. Values with a conflict of ids or births are
    left out, since the conflict tells there. Where too few are held out the next smaller number of others stands.
    """
    starts, others_n = runs(pairs.val)
    is_open = ~np.logical_or.reduceat(pairs.is_barred, starts)
    is_one = np.logical_and.reduceat(pairs.is_same, starts)
    same, other = Counter[int](), Counter[int]()
    for n in others_n[is_open & is_one].tolist():
        same[min(n, PRIOR_KS[-1])] += n + 1
    several = np.flatnonzero(is_open & ~is_one)
    asked = ranges(starts[several], others_n[several])
    names = _names(np.concatenate([pairs.a[asked], pairs.b[asked]]), facts, book)
    for start, n in zip(starts[several].tolist(), others_n[several].tolist(), strict=True):
        cores = [int(pairs.a[start]), *pairs.b[start : start + n].tolist()]
        for core in cores:
            first, *more = [names[rest] for rest in cores if rest != core]
            if all(judge.any_agree(first, rest) for rest in more):
                found = same if judge.any_agree(first, names[core]) else other
                found[min(n, PRIOR_KS[-1])] += 1
    rows: list[tuple[object, ...]] = []
    for k in PRIOR_KS:
        enough = min(same[k], other[k]) >= least_n
        default = _half((same[k] + 1) / (other[k] + 1)) if enough else default
        rows.append((f"{PRIOR}_{k}", same[k], None, other[k], None, default, None, enough))
    return rows


def _names(cores: np.ndarray, facts: CoreFacts, book: Book) -> Mapping[int, Set[str]]:
    """Names of some cores, which all have one."""
    return items_of(facts.of(cores), book.slots_of("name")[0], book.texts)


def _row(
    name: str, same: np.ndarray, other: np.ndarray, default: tuple[float, float], is_measured: bool, only_differs: bool
) -> tuple[str, int, float, int, float, float, float, bool]:
    """One row of the calibration; an identifier type that agrees says nothing, since agreement joins by itself."""
    a, b = (_rate(same), _rate(other)) if is_measured else default
    agree = 0.0 if only_differs else _half(a / b)
    return name, len(same), a, len(other), b, agree, _half((1 - a) / (1 - b)), is_measured


def _rate(agrees: np.ndarray) -> float:
    return (int(agrees.sum()) + 1) / (len(agrees) + 2)


def _half(ratio: float) -> float:
    """log2 of a ratio in halves, capped."""
    return max(-BITS_CAP, min(BITS_CAP, round(2 * log2(ratio)) / 2))


def least_score(tests: Sequence[tuple[float, bool]], posterior: float, default: float, tests_n: int) -> float:
    """Lowest log odds from which held-out tests (log odds, is right) show at least `posterior` to be right.

    The share of right ones is fitted as a function of the odds that never falls (pool adjacent violators); infinity
    says that no odds are enough. With fewer than `tests_n` tests the default stands.
    """
    near = [(round(2 * min(score, BITS_CAP)) / 2, is_right) for score, is_right in tests if score >= LEAST_TESTED]
    if len(near) < tests_n:
        return default
    counted: dict[float, list[int]] = {}
    for score, is_right in sorted(near):
        seen = counted.setdefault(score, [0, 0])
        seen[0] += is_right
        seen[1] += 1
    pools: list[tuple[float, int, int]] = []
    for score, (right_n, n) in counted.items():
        pools.append((score, right_n, n))
        while len(pools) > 1 and pools[-2][1] * pools[-1][2] >= pools[-1][1] * pools[-2][2]:
            _, *upper = pools.pop()
            start, *lower = pools.pop()
            pools.append((start, lower[0] + upper[0], lower[1] + upper[1]))
    reached = [start for start, right_n, n in pools if right_n >= posterior * n]
    return reached[0] - 0.25 if reached else inf
