"""Names of persons: one normal form in which the same name written twice is equal.

Lives here: NFKC, traditional to simplified characters, Latin accents and token order, titles, masked names, and the
judgement whether two names may be one person's (used only between records that share an identifier).
Stays out: identifiers (`identifiers`); a name alone never links anybody.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import polars as pl

from pipelines.channels.identifier_types import IdentifierRules, load_rules

NAME_SCHEMA = pl.Schema({"original": pl.String, "normalised": pl.String, "status": pl.String, "surname": pl.String})
CHARACTERS = Path(__file__).with_name("traditional_characters.csv")

_INVISIBLE = r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff\x00-\x1f\x7f]"
_CJK = r"[\p{Han}]"
_CJK_TITLE = r"^(\p{Han}{1,2})(先生|女士|小姐|太太|老师|同学|经理|总|某+)$"
_LATIN_TITLES = r"\b(mr|mrs|ms|miss|mx|dr|prof|sir|herr|frau|mme|mlle|sr|sra|jr|sen)\b"
_FOLDED = {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"}


def normalise_names(values: pl.Series, rules: IdentifierRules | None = None) -> pl.DataFrame:
    """Normal form of each distinct name: columns original, normalised (null unless valid), status, surname.

    Status: `valid`; `masked` (刘**, 王先生, a lone surname); `blocked` (names nobody, by the seed); `missing`.
    `surname` is what a masked Chinese name still shows, or the first character of a whole one; null for Latin names,
    whose token order is not reliable (a masked Latin name shows its first letters there).
    """
    known = rules or load_rules()
    simplify = str.maketrans(_simplified())
    distinct = values.cast(pl.String).unique()
    text = distinct.str.normalize("NFKC").str.replace_all(_INVISIBLE, "").str.strip_chars().str.to_lowercase()
    text = text.map_elements(lambda name: name.translate(simplify), return_dtype=pl.String)
    frame = pl.DataFrame({"original": distinct, "text": text}).with_columns(
        is_cjk=pl.col("text").str.contains(_CJK),
        is_masked=pl.col("text").str.contains(r"[*•●□]|\p{Han}某|某\p{Han}*$|#{2,}"),
        titled=pl.col("text").str.replace_all(r"\s", "").str.extract(_CJK_TITLE),
    )
    cjk = pl.col("text").str.replace_all(r"[\s·・.,'’-]", "")
    frame = frame.with_columns(
        normalised=pl.when(pl.col("is_cjk")).then(cjk).otherwise(_latin(pl.col("text"))),
        shown=pl.col("text").str.extract(r"^([\p{L}]+)[*•●□某#]"),
    )
    blocked = pl.any_horizontal(
        pl.lit(False), *(pl.col("normalised").str.contains(pattern) for pattern in known.blocked_names)
    )
    is_partial = pl.col("is_masked") | pl.col("titled").is_not_null() | (pl.col("normalised").str.len_chars() < 2)
    status = (
        pl.when(pl.col("normalised").is_null() | (pl.col("normalised") == ""))
        .then(pl.when(pl.col("is_masked")).then(pl.lit("masked")).otherwise(pl.lit("missing")))
        .when(is_partial)
        .then(pl.lit("masked"))
        .when(blocked)
        .then(pl.lit("blocked"))
        .otherwise(pl.lit("valid"))
    )
    surname = (
        pl.when(pl.col("status") == "masked")
        .then(pl.coalesce("shown", "titled", pl.when(pl.col("is_cjk")).then("normalised")))
        .when((pl.col("status") == "valid") & pl.col("is_cjk"))
        .then(pl.col("normalised").str.slice(0, 1))
    )
    return (
        frame.with_columns(status=status.fill_null("missing"))
        .with_columns(surname=surname, normalised=pl.when(pl.col("status") == "valid").then(pl.col("normalised")))
        .select(NAME_SCHEMA.names())
    )


def names_agree(left: str, right: str, cjk_edit_from: int = 3, latin_similarity: float = 0.9) -> bool:
    """Whether two normalised names may be one person's, given that their records share an identifier.

    Chinese names: equal, or one character edited in names of at least `cjk_edit_from` characters (张伟 and 张玮 are two
    people). Latin names: token-sorted Jaro-Winkler similarity of at least `latin_similarity`, or one name's tokens
    contained in the other's with initials allowed (j smith, john smith). Mixed scripts never agree.
    """
    if left == right:
        return True
    left_cjk, right_cjk = not left.isascii() and _is_cjk(left), not right.isascii() and _is_cjk(right)
    if left_cjk != right_cjk:
        return False
    if left_cjk:
        longer = max(len(left), len(right))
        return min(len(left), len(right)) >= cjk_edit_from and longer <= 8 and _edits_at_most_one(left, right)
    if _tokens_contained(left.split(), right.split()):
        return True
    return jaro_winkler(left, right) >= latin_similarity


def jaro_winkler(left: str, right: str) -> float:
    """Jaro-Winkler similarity, 0 to 1, with the usual prefix weight of 0.1 on up to four characters."""
    if left == right:
        return 1.0
    if not left or not right:
        return 0.0
    window = max(max(len(left), len(right)) // 2 - 1, 0)
    taken = [False] * len(right)
    matched_left = []
    for i, char in enumerate(left):
        for j in range(max(0, i - window), min(len(right), i + window + 1)):
            if not taken[j] and right[j] == char:
                taken[j] = True
                matched_left.append(char)
                break
    matched_right = [char for char, used in zip(right, taken, strict=True) if used]
    m = len(matched_left)
    if m == 0:
        return 0.0
    swapped = sum(a != b for a, b in zip(matched_left, matched_right, strict=True)) / 2
    jaro = (m / len(left) + m / len(right) + (m - swapped) / m) / 3
    prefix = 0
    for a, b in zip(left[:4], right[:4], strict=False):
        if a != b:
            break
        prefix += 1
    return jaro + prefix * 0.1 * (1 - jaro)


def _latin(text: pl.Expr) -> pl.Expr:
    """Accents folded, titles and punctuation dropped, tokens sorted."""
    plain = text.str.replace_many(_FOLDED).str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    plain = plain.str.replace_all(r"['’`]", "").str.replace_all(r"[^\p{L}\p{N}]+", " ")
    plain = plain.str.replace_all(_LATIN_TITLES, " ").str.strip_chars()
    return plain.str.split(" ").list.eval(pl.element().filter(pl.element() != "")).list.sort().list.join(" ")


def _is_cjk(name: str) -> bool:
    return any("\u3400" <= char <= "\u9fff" or ord(char) >= 0x20000 for char in name)


def _edits_at_most_one(left: str, right: str) -> bool:
    """Whether one insertion, deletion or substitution at most makes the texts equal."""
    if abs(len(left) - len(right)) > 1:
        return False
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    if len(left) == len(right):
        return left[start + 1 :] == right[start + 1 :]
    shorter, longer = sorted((left, right), key=len)
    return shorter[start:] == longer[start + 1 :]


def _tokens_contained(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether every token of the shorter name (two or more) stands in the longer, as itself or as its initial."""
    shorter, longer = sorted((left, right), key=len)
    if len(shorter) < 2:
        return False
    rest = list(longer)
    whole = 0
    for token in sorted(shorter, key=len, reverse=True):
        match = (
            token if token in rest else next((t for t in rest if t[0] == token[0] and 1 in (len(t), len(token))), "")
        )
        if not match:
            return False
        whole += match == token and len(token) > 1
        rest.remove(match)
    return whole >= 1


@lru_cache(maxsize=1)
def _simplified() -> dict[str, str]:
    """Traditional characters and their simplified forms."""
    with CHARACTERS.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(line for line in file if not line.startswith("#"))
        next(rows)
        return {row[0]: row[1] for row in rows}
