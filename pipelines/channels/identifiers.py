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
    known = rules or load_rules()
    distinct = pl.DataFrame({"original": values.cast(pl.String).unique()}).with_columns(text=_tidy(pl.col("original")))
    form = {"phone": _phones, "email": _emails, "member_no": _members}.get(id_type, _natives)
    judged = form(distinct, region) if form is _phones else form(distinct)  # type: ignore[operator]
    is_blocked = _any_match(pl.col("plain"), known.blocked(id_type)) & (pl.col("status") != "masked")
    status = (
        pl.when(pl.col("text").is_null() | pl.col("text").str.contains(_MISSING))
        .then(pl.lit("missing"))
        .when(is_blocked)
        .then(pl.lit("blocked"))
        .otherwise(pl.col("status"))
    )
    return (
        judged.with_columns(status=status)
        .with_columns(normalised=pl.when(pl.col("status") == "valid").then(pl.col("normalised")))
        .select(NORMALISED_SCHEMA.names())
    )


def sha256_hex(values: pl.Series) -> pl.Series:
    """Lower-case hex SHA-256 of each text: the form in which advertising platforms exchange identifiers."""
    return values.map_elements(lambda text: hashlib.sha256(text.encode()).hexdigest(), return_dtype=pl.String)


def phone_mask(values: pl.Expr) -> pl.Expr:
    """First three and last four national digits of a masked mobile number, as `138*1234`; null for other values."""
    compact = _tidy(values).str.replace_all(r"[\s()-]", "")
    parts = compact.str.replace(r"^(\+?86|0086)", "").str.extract_groups(r"^(1[3-9]\d)[*•●□#xX×]{4}(\d{4})$")
    return pl.concat_str(parts.struct.field("1"), parts.struct.field("2"), separator="*")


def _tidy(values: pl.Expr) -> pl.Expr:
    """NFKC, no invisible characters, no spreadsheet armour (="…", leading apostrophe), trimmed; empty becomes null."""
    text = values.str.normalize("NFKC").str.replace_all(_INVISIBLE, "").str.strip_chars()
    text = text.str.replace(r'^="(.*)"$', "${1}").str.strip_chars_start("'").str.strip_chars()
    return pl.when(text != "").then(text)


def _any_match(values: pl.Expr, patterns: Sequence[str]) -> pl.Expr:
    if not patterns:
        return pl.lit(False)
    return pl.any_horizontal(values.str.contains(pattern) for pattern in patterns).fill_null(False)


def _phones(distinct: pl.DataFrame, region: str) -> pl.DataFrame:
    """E.164: home-market mobiles and North America by pattern, `phonenumbers` for what the patterns do not take."""
    spaceless = pl.col("text").str.replace_all(r"\s", "").str.replace_all(r"[\p{Pd}−]", "-")
    compact = spaceless.str.replace_all(r"[()./·-]", "").str.replace(r"^00", "+")
    home_cn = r"^(?:\+?86)?" if region == "CN" else r"^\+86"
    home_us = r"^(?:\+?1)?" if region in {"US", "CA"} else r"^\+1"
    frame = distinct.with_columns(spaceless=spaceless, compact=compact).with_columns(
        mobile=pl.col("compact").str.extract(home_cn + _CN_MOBILE),
        american=pl.col("compact").str.extract(home_us + _NANP),
    )
    fast = pl.coalesce(
        pl.lit("+86") + pl.col("mobile"),
        pl.lit("+1") + pl.col("american"),
    )
    frame = frame.with_columns(
        plain=pl.coalesce("mobile", "american", pl.col("compact").str.strip_prefix("+")),
        status=pl.when(pl.col("text").str.contains(_MASK))
        .then(pl.lit("masked"))
        .when(pl.col("spaceless").str.contains(_EXTENSION))
        .then(pl.lit("virtual"))
        .when(fast.is_not_null())
        .then(pl.lit("valid"))
        .otherwise(pl.lit("invalid")),
        normalised=fast,
    )
    rest = frame.filter((pl.col("status") == "invalid") & pl.col("compact").str.contains(r"\d{5}"))
    parsed = pl.DataFrame(
        {"original": rest["original"], "e164": [_parse_phone(text, region) for text in rest["text"]]},
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
    address = pl.col("text").str.to_lowercase().str.replace(r"^mailto:", "").str.replace(r"^.*<(.+@.+)>$", "${1}")
    address = address.str.strip_chars(" <>;,.\"'")
    frame = distinct.with_columns(address=address).with_columns(
        local=pl.col("address").str.extract(r"^(.+)@[^@]+$"),
        domain=pl.col("address").str.extract(r"(@[^@]+)$"),
    )
    local = (
        pl.when(pl.col("domain").str.contains(_PLUS_TAGS))
        .then(pl.col("local").str.replace(r"(.)\+.*$", "${1}"))
        .otherwise(pl.col("local"))
    )
    is_dotless = pl.col("domain").str.contains(_DOTLESS)
    local = pl.when(is_dotless).then(local.str.replace_all(".", "", literal=True)).otherwise(local)
    domain = pl.when(is_dotless).then(pl.lit("@gmail.com")).otherwise(pl.col("domain"))
    normalised = pl.concat_str(local, domain)
    return frame.with_columns(
        plain=normalised,
        normalised=normalised,
        status=pl.when(pl.col("text").str.contains(r"[*•●□]{2,}|#{3,}|^[~$#].{8,}"))
        .then(pl.lit("masked"))
        .when(normalised.str.contains(_EMAIL) & pl.col("address").str.contains(_EMAIL))
        .then(pl.lit("valid"))
        .otherwise(pl.lit("invalid")),
    )


def _members(distinct: pl.DataFrame) -> pl.DataFrame:
    """Member and card numbers: upper case, without spaces and hyphens."""
    normalised = pl.col("text").str.to_uppercase().str.replace_all(r"[\s\p{Pd}]", "")
    return _natives(distinct.with_columns(text=pl.when(normalised != "").then(normalised)))


def _natives(distinct: pl.DataFrame) -> pl.DataFrame:
    """Native ids are opaque and compared as they stand."""
    masked = pl.col("text").str.contains(r"[*•●□]{2,}|#{3,}")
    return distinct.with_columns(
        plain=pl.col("text"),
        normalised=pl.col("text"),
        status=pl.when(masked).then(pl.lit("masked")).otherwise(pl.lit("valid")),
    )
