"""Support: what agreeing or differing attributes are worth, measured on the data themselves.

Lives here: the chance that two cores on one personal value are one person, learnt from the pairs that both have a
name (whose names tell) and applied to those that have none: a prior, and bits for each supporting attribute and for a
long silence. Missing attributes are no evidence.
Stays out: the use of the bits (`partition`). Bits are rounded to halves, so that a few more rows rarely change a
decision.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from math import inf, log2

import numpy as np
import polars as pl

from pipelines.identity.agreement import NameJudge
from pipelines.identity.book import Book
from pipelines.identity.policy import Policy

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


def measure_support(
    book: Book, policy: Policy, judge: NameJudge, labels: np.ndarray, facts: pl.DataFrame
) -> pl.DataFrame:
    """Agreement rates and bits: columns of CALIBRATION, one row per supporting attribute, silence and prior.

    `labels` names the core of each account, `facts` is what is known of cores (core, slot, item; each once).
    Pairs are cores next to each other in time on one personal value, not joined by stronger evidence and with no
    conflict of ids, so a value on many accounts counts linearly. With fewer pairs of either kind than the policy asks,
    or where the policy pins an attribute, the policy's own rates are used.
    """
    is_named, is_asked = (np.zeros(book.account_n, dtype=bool) for _ in range(2))
    is_named[facts.filter(pl.col("slot") == book.slots_of("name")[0])["core"].to_numpy()] = True
    pairs = _neighbours(book, policy, labels, is_named)
    is_asked[pairs["a"].to_numpy()] = is_asked[pairs["b"].to_numpy()] = True
    facts = facts.filter(pl.Series(is_asked[facts["core"].to_numpy()]))
    states = _states(pairs, facts)
    slots = book.slots_of("exclusive") + book.slots_of("birth")
    barred = states.filter(pl.col("slot").is_in(slots) & ~pl.col("agrees")).select("pair").unique()
    names = _names_of(facts, book)
    judged = _judge_names(pairs, names, judge).join(barred, on="pair", how="anti")
    same, other = (judged.filter(pl.col("is_same") == is_same) for is_same in (True, False))
    enough = min(same.height, other.height) >= policy.calibration_pairs
    rows: list[tuple[object, ...]] = []
    for slot, attribute in zip(book.slots_of("support"), policy.support, strict=True):
        found = states.filter(pl.col("slot") == slot)
        rows.append(
            _row(
                attribute.name,
                found.join(same, on="pair", how="semi")["agrees"],
                found.join(other, on="pair", how="semi")["agrees"],
                (attribute.same_rate, attribute.other_rate),
                enough and not attribute.is_pinned,
                attribute.name in {t.name for t in book.types},
            )
        )
    rows.append(_row(SILENCE, same["is_silent"], other["is_silent"], (0.5, 0.5), enough, False))
    odds = _half((same.height + 1) / (other.height + 1)) if enough else policy.prior_bits
    rows.append((PRIOR, same.height, None, other.height, None, odds, None, enough))
    rows += _undisputed(pairs, judged, names, judge, policy.calibration_pairs, odds)
    return pl.DataFrame(rows, schema=CALIBRATION, orient="row")


def weights_of(book: Book, calibration: pl.DataFrame) -> Weights:
    """The bits of a calibration by slot."""
    bits = {name: (agree, disagree) for name, agree, disagree in
            calibration.select("attribute", "agree_bits", "disagree_bits").iter_rows()}  # fmt: skip
    attributes = {slot: bits[book.slots[slot].name] for slot in book.slots_of("support")}
    undisputed = tuple(bits[f"{PRIOR}_{k}"][0] for k in PRIOR_KS)
    return Weights(bits[PRIOR][0], attributes, bits[SILENCE], undisputed)


def _neighbours(book: Book, policy: Policy, labels: np.ndarray, is_named: np.ndarray) -> pl.DataFrame:
    """Named cores next to each other in time on a personal value of few accounts: pair, val, a, b, is_silent."""
    personal = [code for code, t in enumerate(book.types) if t.strength == "personal"]
    rows = book.evidence.filter(
        pl.col("type").is_in(personal) & (pl.col("n") > 1) & (pl.col("n") <= policy.anonymous_limit)
    )
    cores = labels[rows["acc"].to_numpy()]
    rows = rows.with_columns(core=pl.Series(cores, dtype=pl.Int32)).filter(pl.Series(is_named[cores]))
    rows = rows.group_by("val", "core").agg(pl.col("first").min(), pl.col("last").max()).sort("val", "first", "core")
    gap = policy.epoch_gap_days * 86_400_000_000
    before = {name: pl.col(name).shift(1) for name in ("val", "core", "last")}
    return (
        rows.select(
            "val",
            a=before["core"],
            b="core",
            is_silent=pl.col("first") - before["last"] >= gap,
            is_pair=(before["val"] == pl.col("val")).fill_null(False),
        )
        .filter("is_pair")
        .select("val", "a", "b", "is_silent", pair=pl.int_range(pl.len(), dtype=pl.Int32))
    )


def _states(pairs: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Pairs whose both cores have a slot filled: pair, slot, agrees (they share an item)."""
    left = pairs.select("pair", core="a").join(facts, on="core").select("pair", "slot", "item")
    right = pairs.select("pair", core="b").join(facts, on="core").select("pair", "slot", "item")
    both = left.select("pair", "slot").unique().join(right.select("pair", "slot").unique(), on=["pair", "slot"])
    shared = left.join(right, on=["pair", "slot", "item"], how="semi").select("pair", "slot").unique()
    return both.join(shared.with_columns(agrees=pl.lit(True)), on=["pair", "slot"], how="left").with_columns(
        pl.col("agrees").fill_null(False)
    )


def _undisputed(
    pairs: pl.DataFrame,
    judged: pl.DataFrame,
    names: Mapping[int, Set[str]],
    judge: NameJudge,
    least_n: int,
    default: float,
) -> list[tuple[object, ...]]:
    """Rows `prior_1` to `prior_3`: each named core of a value held out, where the others are one person by name.

    This is what is asked of a nameless core on a value whose names agree. Values with a conflict of ids or births are
    left out, since the conflict tells there. Where too few are held out the next smaller number of others stands.
    """
    per_value = (
        pairs.select("pair", "val", "a", "b")
        .join(judged.select("pair", "is_same"), on="pair", how="left")
        .sort("pair")
        .group_by("val")
        .agg(
            first=pl.col("a").first(),
            others=pl.col("b"),
            is_barred=pl.col("is_same").is_null().any(),
            is_one=pl.col("is_same").all(),
        )
        .filter(~pl.col("is_barred"))
    )
    same, other = Counter[int](), Counter[int]()
    for others_n, count in per_value.filter("is_one").group_by(pl.col("others").list.len()).len().iter_rows():
        same[min(others_n, PRIOR_KS[-1])] += (others_n + 1) * count
    for start, others in per_value.filter(~pl.col("is_one")).select("first", "others").iter_rows():
        cores = [start, *others]
        for core in cores:
            first, *more = [names[rest] for rest in cores if rest != core]
            if all(judge.any_agree(first, rest) for rest in more):
                found = same if judge.any_agree(first, names[core]) else other
                found[min(len(cores) - 1, PRIOR_KS[-1])] += 1
    rows: list[tuple[object, ...]] = []
    for k in PRIOR_KS:
        enough = min(same[k], other[k]) >= least_n
        default = _half((same[k] + 1) / (other[k] + 1)) if enough else default
        rows.append((f"{PRIOR}_{k}", same[k], None, other[k], None, default, None, enough))
    return rows


def _names_of(facts: pl.DataFrame, book: Book) -> Mapping[int, Set[str]]:
    """Names of each core that has any."""
    names: dict[int, set[str]] = defaultdict(set)
    for core, item in facts.filter(pl.col("slot") == book.slots_of("name")[0]).select("core", "item").iter_rows():
        names[core].add(book.texts[item])
    return names


def _judge_names(pairs: pl.DataFrame, names: Mapping[int, Set[str]], judge: NameJudge) -> pl.DataFrame:
    """What the names of both cores say: pair, is_silent, is_same (some name of one agrees with some of the other)."""
    rows = [
        (pair, is_silent, judge.any_agree(names[a], names[b]))
        for a, b, is_silent, pair in pairs.select("a", "b", "is_silent", "pair").iter_rows()
    ]
    schema = {"pair": pairs.schema["pair"], "is_silent": pl.Boolean(), "is_same": pl.Boolean()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _row(
    name: str, same: pl.Series, other: pl.Series, default: tuple[float, float], is_measured: bool, only_differs: bool
) -> tuple[str, int, float, int, float, float, float, bool]:
    """One row of the calibration; an identifier type that agrees says nothing, since agreement joins by itself."""
    a, b = (_rate(same), _rate(other)) if is_measured else default
    agree = 0.0 if only_differs else _half(a / b)
    return name, len(same), a, len(other), b, agree, _half((1 - a) / (1 - b)), is_measured


def _rate(agrees: pl.Series) -> float:
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
