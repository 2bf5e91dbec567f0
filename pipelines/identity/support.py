"""Support: what an agreeing or differing attribute is worth, measured on the data themselves.

Lives here: the rates at which supporting attributes agree between accounts of one person (joined by an exclusive id)
and between persons who share an identifier (different names on one value), and the bits that follow.
Stays out: the use of the bits (`partition`). Bits are rounded to halves, so that a few more rows rarely change a
decision.
"""

from __future__ import annotations

from math import log2

import polars as pl

from pipelines.identity.agreement import NameJudge
from pipelines.identity.book import Book
from pipelines.identity.policy import Policy

CALIBRATION = pl.Schema(
    {
        "attribute": pl.String,
        "same_n": pl.Int64,
        "same_rate": pl.Float64,
        "other_n": pl.Int64,
        "other_rate": pl.Float64,
        "agree_bits": pl.Float64,
        "disagree_bits": pl.Float64,
        "is_measured": pl.Boolean,
    }
)
BITS_CAP = 8.0


def measure_support(book: Book, policy: Policy, judge: NameJudge) -> pl.DataFrame:
    """Agreement rates and bits of each supporting attribute: columns of CALIBRATION, one row per attribute.

    Pairs are neighbours in time on one value, so a value on many accounts counts linearly. With fewer pairs of either
    kind than the policy asks, or where the policy pins them, the policy's own rates are used.
    """
    rows = []
    strong = [code for code, t in enumerate(book.types) if t.strength == "exclusive"]
    personal = [code for code, t in enumerate(book.types) if t.strength == "personal"]
    name_slot = book.slots_of("name")[0]
    names = book.facts.filter(pl.col("slot") == name_slot).group_by("acc").agg(name=pl.col("item").min())
    for slot, attribute in zip(book.slots_of("support"), policy.support, strict=True):
        known = book.facts.filter(pl.col("slot") == slot).group_by("acc").agg(item=pl.col("item").min())
        same = _neighbours(book, strong, known, policy.anonymous_limit)
        named = _neighbours(book, personal, known.join(names, on="acc"), policy.anonymous_limit)
        other = _different_names(named, book.texts, judge)
        is_measured = min(same.height, other.height) >= policy.calibration_pairs and not attribute.is_pinned
        same_rate = _rate(same) if is_measured else attribute.same_rate
        other_rate = _rate(other) if is_measured else attribute.other_rate
        rows.append(
            (
                attribute.name,
                same.height,
                same_rate,
                other.height,
                other_rate,
                _bits(same_rate, other_rate),
                _bits(1 - same_rate, 1 - other_rate),
                is_measured,
            )
        )
    return pl.DataFrame(rows, schema=CALIBRATION, orient="row")


def support_coverage(book: Book) -> float:
    """Share of accounts that carry at least one supporting attribute."""
    slots = book.slots_of("support")
    carried = book.facts.filter(pl.col("slot").is_in(slots))["acc"].n_unique()
    return carried / max(book.account_n, 1)


def _neighbours(book: Book, types: list[int], known: pl.DataFrame, accounts_n: int) -> pl.DataFrame:
    """Pairs of accounts next to each other in time on one value of `accounts_n` accounts or fewer, with `agrees`."""
    rows = book.evidence.filter(pl.col("type").is_in(types) & (pl.len().over("val") <= accounts_n))
    rows = rows.join(known, on="acc").sort("val", "first", "acc")
    before = {f"{name}_before": pl.col(name).shift(1) for name in rows.columns}
    pairs = rows.with_columns(**before).filter(pl.col("val") == pl.col("val_before"))
    return pairs.with_columns(agrees=pl.col("item") == pl.col("item_before"))


def _different_names(pairs: pl.DataFrame, texts: list[str], judge: NameJudge) -> pl.DataFrame:
    """The pairs whose names cannot be one person's (a typing error can)."""
    differing = pairs.filter(pl.col("name") != pl.col("name_before"))
    names = differing.select("name", "name_before").unique()
    apart = names.filter([not judge.agree(texts[a], texts[b]) for a, b in names.iter_rows()])
    return differing.join(apart, on=["name", "name_before"], how="semi")


def _rate(pairs: pl.DataFrame) -> float:
    return (int(pairs["agrees"].sum()) + 1) / (pairs.height + 2)


def _bits(same: float, other: float) -> float:
    """Log-likelihood ratio in half bits."""
    bits = round(2 * log2(max(same, 1e-9) / max(other, 1e-9))) / 2
    return max(-BITS_CAP, min(BITS_CAP, bits))
