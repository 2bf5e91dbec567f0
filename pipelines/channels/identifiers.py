"""Identifiers: one normal form for telephone numbers, e-mail addresses, member numbers and native ids.

Lives here: the single implementation that ingest uses at the door and identity uses on any table of records. It
works on distinct values, says for each whether it identifies anybody, and never raises on bad input.
Stays out: names of persons (`person_names`), keyed hashes and the vault, what a value is worth (`identifier_types`).

Status of a value: `valid`; `masked` (characters hidden: 138****1234); `virtual` (a privacy number: main number with
an extension that lapses after the order); `blocked` (a placeholder of the seed); `invalid`; `missing`.
Only a valid value has a normal form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import phonenumbers
import polars as pl

from pipelines.channels.identifier_types import IdentifierRules, load_rules

STATUSES = ("valid", "masked", "virtual", "blocked", "invalid", "missing")
HOME_REGION = "CN"
NORMALISED_SCHEMA = pl.Schema({"original": pl.String, "normalised": pl.String, "status": pl.String})

_INVISIBLE = r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff\x00-\x1f\x7f]"
_MISSING = r"(?i)^(null|none|nan|nat|n/?a|nil|undefined|\(null\)|<null>|\\n|[-—_.?/]*|无|没有|空)$"
_MASK = r"[*•●□]{2,}|[#xX×]{3,}|^[~$#].{8,}"
_EXTENSION = (
    r"(?i)^(?:\+?86|0086)?-?1[3-9]\d-?\d{4}-?\d{4}(?:[-,;#_p转]|ext\.?:?|x|分机)+\d{3,6}$"  # main number, extension
)
_SIMPLE_PHONE = r"^\+?[0-9][0-9 -]{5,18}$"
_SIMPLE_EMAIL = r"^[a-z0-9._+-]+@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$"
_SIMPLE_NATIVE = r"^[A-Za-z0-9_.:]*[0-9][A-Za-z0-9_.:]*$"
_CN_MOBILE = r"0?(1[3-9]\d{9})$"
_NANP = r"([2-9]\d{2}[2-9]\d{6})$"
_DOTLESS = r"@(gmail|googlemail)\.com$"
_PLUS_TAGS = r"@(gmail|googlemail|outlook|hotmail|live|msn|icloud|me|mac|proton|protonmail|pm|fastmail)\.(com|me|fm)$"
_EMAIL = r"^[\p{L}0-9.!#$%&'*+/=?^_`{|}~-]+@([\p{L}0-9]([\p{L}0-9-]*[\p{L}0-9])?\.)+(\p{L}{2,}|xn--[a-z0-9-]+)$"


def normalise(
    id_type: str, values: pl.Series, region: str = HOME_REGION, rules: IdentifierRules | None = None
) -> pl.DataFrame:
    """Normal form and status of each distinct value: columns original, normalised (null unless valid), status.

    `id_type` is phone, email, member_no, or anything else for a native id, which is only trimmed. `region` is the ISO
    3166 code of the country whose national telephone numbers are written without a country code. Null originals are
    one row with status `missing`.
    """
    blocked = (rules or load_rules()).blocked(id_type)
    distinct = pl.DataFrame({"original": values.cast(pl.String).unique()})
    if id_type == "phone":
        judged = _phones(distinct, region)
    elif id_type == "email":
        judged = _emails(distinct)
    else:
        judged = _natives(distinct, id_type == "member_no")
    return judged.select(
        "original",
        normalised=pl.when((pl.col("status") == "valid") & ~_any_match("plain", blocked)).then("normalised"),
        status=pl.when((pl.col("status") != "masked") & (pl.col("status") != "missing") & _any_match("plain", blocked))
        .then(pl.lit("blocked"))
        .otherwise("status"),
    )


def sha256_hex(values: pl.Series) -> pl.Series:
    """Lower-case hex SHA-256 of each text: the form in which advertising platforms exchange identifiers."""
    return values.map_elements(lambda text: hashlib.sha256(text.encode()).hexdigest(), return_dtype=pl.String)


def phone_mask(values: pl.Expr) -> pl.Expr:
    """First three and last four national digits of a masked mobile number, as `138*1234`; null for other values."""
    compact = _tidy(values).str.replace_all(r"[\s()-]", "")
    parts = compact.str.replace(r"^(\+?86|0086)", "").str.extract_groups(r"^(1[3-9]\d)[*•●□#xX×]{4}(\d{4})$")
    return pl.concat_str(parts.struct.field("1"), parts.struct.field("2"), separator="*")


def number_mask(values: pl.Expr) -> pl.Expr:
    """The same of whole numbers in E.164, so that a number and its mask are equal; null for other values."""
    national = values.str.extract(r"^\+86(1[3-9]\d{9})$")
    return pl.concat_str(national.str.slice(0, 3), national.str.slice(7), separator="*")


def _tidy(values: pl.Expr) -> pl.Expr:
    """NFKC, no invisible characters, no spreadsheet armour (="…", leading apostrophe), trimmed; empty becomes null."""
    text = values.str.normalize("NFKC").str.replace_all(_INVISIBLE, "").str.strip_chars()
    text = text.str.replace(r'^="(.*)"$', "${1}").str.strip_chars_start("'").str.strip_chars()
    return pl.when(text != "").then(text)


def _any_match(column: str, patterns: Sequence[str]) -> pl.Expr:
    if not patterns:
        return pl.lit(False)
    return pl.col(column).str.contains("|".join(f"(?:{pattern})" for pattern in patterns)).fill_null(False)


def _is_missing() -> pl.Expr:
    return pl.col("text").is_null() | pl.col("text").str.contains(_MISSING)


def _phones(distinct: pl.DataFrame, region: str) -> pl.DataFrame:
    """E.164: home-market mobiles and North America by pattern, `phonenumbers` for what the patterns do not take."""
    plain_text = pl.col("original").str.contains(_SIMPLE_PHONE).fill_null(False)
    simple = _patterned(distinct.filter(plain_text).with_columns(text=pl.col("original")), region)
    done = simple.filter(pl.col("normalised").is_not_null()).with_columns(status=pl.lit("valid"))
    rest = pl.concat(
        [
            distinct.filter(~plain_text).with_columns(text=_tidy(pl.col("original"))),
            simple.filter(pl.col("normalised").is_null()).select("original", "text"),
        ]
    )
    columns = ["original", "plain", "normalised", "status"]
    return pl.concat([done.select(columns), _odd_phones(rest, region).select(columns)])


def _patterned(frame: pl.DataFrame, region: str) -> pl.DataFrame:
    """Adds compact, plain (national digits) and normalised (null where no pattern takes the text)."""
    home_cn = r"^(?:\+?86)?" if region == "CN" else r"^\+86"
    home_us = r"^(?:\+?1)?" if region in {"US", "CA"} else r"^\+1"
    compact = pl.col("text").str.replace_all(r"[\s()./·\p{Pd}−]", "").str.replace(r"^00", "+")
    frame = frame.with_columns(compact=compact).with_columns(
        mobile=pl.col("compact").str.extract(home_cn + _CN_MOBILE),
        american=pl.col("compact").str.extract(home_us + _NANP),
    )
    return frame.with_columns(
        plain=pl.coalesce("mobile", "american", pl.col("compact").str.strip_prefix("+")),
        normalised=pl.coalesce(pl.lit("+86") + pl.col("mobile"), pl.lit("+1") + pl.col("american")),
    )


def _odd_phones(rest: pl.DataFrame, region: str) -> pl.DataFrame:
    """Phones that are not just digits: missing, masked, with an extension, or of anywhere in the world."""
    spaceless = pl.col("text").str.replace_all(r"\s", "").str.replace_all(r"[\p{Pd}−]", "-")
    frame = _patterned(rest, region).with_columns(
        status=pl.when(_is_missing())
        .then(pl.lit("missing"))
        .when(pl.col("text").str.contains(_MASK))
        .then(pl.lit("masked"))
        .when(spaceless.str.contains(_EXTENSION))
        .then(pl.lit("virtual"))
        .when(pl.col("normalised").is_not_null())
        .then(pl.lit("valid"))
        .otherwise(pl.lit("invalid")),
    )
    asked = frame.filter((pl.col("status") == "invalid") & pl.col("compact").str.contains(r"\d{5}"))
    parsed = pl.DataFrame(
        {"original": asked["original"], "e164": [_parse_phone(text, region) for text in asked["text"]]},
        schema_overrides={"e164": pl.String},
    )
    return frame.join(parsed, on="original", how="left", nulls_equal=True).with_columns(
        normalised=pl.coalesce("normalised", "e164"),
        status=pl.when(pl.col("e164").is_not_null()).then(pl.lit("valid")).otherwise(pl.col("status")),
    )


def _parse_phone(text: str, region: str) -> str | None:
    """E.164 of any valid number of the world, or None."""
    candidate = "+" + text[2:] if text.startswith("00") else text
    try:
        number = phonenumbers.parse(candidate, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _emails(distinct: pl.DataFrame) -> pl.DataFrame:
    """Lower case; tags after a plus and, at Gmail, dots dropped, since the provider ignores them."""
    lower = distinct.with_columns(address=pl.col("original").str.to_lowercase())
    is_simple = pl.col("address").str.contains(_SIMPLE_EMAIL).fill_null(False)
    simple = lower.filter(is_simple).with_columns(status=pl.lit("valid"))
    rest = lower.filter(~is_simple).with_columns(text=_tidy(pl.col("original")))
    address = pl.col("text").str.to_lowercase().str.replace(r"^mailto:", "").str.replace(r"^.*<(.+@.+)>$", "${1}")
    rest = rest.with_columns(address=address.str.strip_chars(" <>;,.\"'")).with_columns(
        status=pl.when(_is_missing())
        .then(pl.lit("missing"))
        .when(pl.col("text").str.contains(r"[*•●□]{2,}|#{3,}|^[~$#].{8,}"))
        .then(pl.lit("masked"))
        .when(pl.col("address").str.contains(_EMAIL))
        .then(pl.lit("valid"))
        .otherwise(pl.lit("invalid"))
    )
    frame = pl.concat([simple, rest.select(simple.columns)])
    is_tagged = pl.col("address").str.contains(_PLUS_TAGS).fill_null(False)
    plain = frame.filter(~is_tagged).with_columns(plain=pl.col("address"))
    tagged = frame.filter(is_tagged).with_columns(
        local=pl.col("address").str.extract(r"^(.+)@[^@]+$").str.replace(r"(.)\+.*$", "${1}"),
        domain=pl.col("address").str.extract(r"(@[^@]+)$"),
    )
    is_dotless = pl.col("domain").str.contains(_DOTLESS)
    local = pl.when(is_dotless).then(pl.col("local").str.replace_all(".", "", literal=True)).otherwise("local")
    domain = pl.when(is_dotless).then(pl.lit("@gmail.com")).otherwise("domain")
    both = pl.concat([plain, tagged.with_columns(plain=pl.concat_str(local, domain)).select(plain.columns)])
    emptied = (pl.col("status") == "valid") & pl.col("plain").str.starts_with("@")
    return both.with_columns(
        normalised=pl.col("plain"), status=pl.when(emptied).then(pl.lit("invalid")).otherwise("status")
    )


def _natives(distinct: pl.DataFrame, is_member: bool) -> pl.DataFrame:
    """Native ids are opaque and compared as they stand; member numbers in upper case without spaces and hyphens."""
    is_simple = pl.col("original").str.contains(_SIMPLE_NATIVE).fill_null(False)
    as_it_stands = pl.col("original").str.to_uppercase() if is_member else pl.col("original")
    simple = distinct.filter(is_simple).with_columns(
        plain=as_it_stands, normalised=as_it_stands, status=pl.lit("valid")
    )
    if simple.height == distinct.height:
        return simple
    rest = distinct.filter(~is_simple).with_columns(text=_tidy(pl.col("original")))
    return pl.concat([simple, _odd_natives(rest, is_member).select(simple.columns)])


def _odd_natives(rest: pl.DataFrame, is_member: bool) -> pl.DataFrame:
    """Native ids that are not just digits and letters: missing, masked, or with anything around them."""
    text = pl.col("text")
    if is_member:
        text = text.str.to_uppercase().str.replace_all(r"[\s\p{Pd}]", "")
    status = (
        pl.when(_is_missing() | (text == ""))
        .then(pl.lit("missing"))
        .when(text.str.contains(r"[*•●□]{2,}|#{3,}"))
        .then(pl.lit("masked"))
        .otherwise(pl.lit("valid"))
    )
    return rest.with_columns(plain=text, normalised=text, status=status)
