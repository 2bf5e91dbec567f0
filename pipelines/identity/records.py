"""Records: a table of account records (an extract as it is) made into a case.

Lives here: the columns that are understood, normalisation of their distinct values, and clear values joined with
hashed ones. Every column but `record_id` may be absent.
Stays out: guards and linking (`resolve`), and the warehouse's own evidence.
"""

from __future__ import annotations

import polars as pl

from pipelines.channels.identifiers import normalise, sha256_hex
from pipelines.channels.person_names import normalise_names
from pipelines.identity.case import ACCOUNTS, ATTRIBUTES, BIRTH, EVIDENCE, HINT, INSTANT, NAME, UNUSABLE, Case
from pipelines.identity.policy import Policy

KEY = "record_id"
NAME_COLUMNS = ("name_raw", "name")
BIRTH_COLUMNS = ("birth_date", "birth_year")
CLEAR_COLUMNS = {"phone": ("phone_raw", "phone"), "email": ("email_raw", "email")}
HASHED_COLUMNS = {"phone": "phone_sha256", "email": "email_sha256"}
ALIASES = {"member_id": "member_no", "source_account_id": "account", "unionid": "wechat_unionid"}
SCOPE_COLUMNS = {"brand": ("brand",), "shop": ("shop_id", "source"), "app": ("app_id", "source"), "source": ("source",)}
_TIMES = ("first_seen", "last_seen")
_HASH_PREFIX = "sha256:"


def case_from_records(records: pl.DataFrame | pl.LazyFrame, policy: Policy) -> Case:
    """Make a case of account records, one row per `record_id` (rows that repeat one are merged).

    Raises ValueError when `record_id` is absent or null. Unknown columns are ignored.
    """
    table = records.lazy().collect()
    if KEY not in table.columns:
        raise ValueError(f"records need a column {KEY}; found {', '.join(table.columns)}")
    if table[KEY].null_count():
        raise ValueError(f"{table[KEY].null_count()} records have no {KEY}")
    table = _whole_numbers(table.rename({KEY: "account_key"}).with_columns(pl.col("account_key").cast(pl.String)))
    table = _with_times(table)
    source = pl.col("source").cast(pl.String) if "source" in table.columns else pl.lit("", pl.String)
    table = table.with_columns(source=source.fill_null(""))
    accounts = table.group_by("account_key").agg(
        pl.col("source").min(), pl.col("first_seen_at").min(), pl.col("last_seen_at").max()
    )
    evidence, unusable = _evidence(table, policy)
    return Case(
        accounts.select(ACCOUNTS.names()).sort("account_key"),
        _attributes(table, policy).select(ATTRIBUTES.names()),
        evidence.select(EVIDENCE.names()),
        unusable.select(UNUSABLE.names()),
    )


def used_columns(table: pl.DataFrame, policy: Policy) -> set[str]:
    """The columns of a table that mean something to `case_from_records`."""
    scopes = {name for names in SCOPE_COLUMNS.values() for name in names}
    known = {KEY, "source", *_TIMES, *HASHED_COLUMNS.values(), *scopes, *(a.name for a in policy.support)}
    chosen = {*_identifier_columns(table, policy).values()}
    chosen |= {column for names in (NAME_COLUMNS, BIRTH_COLUMNS) if (column := _first_present(table, names))}
    return (known & set(table.columns)) | chosen


def unreadable_times(table: pl.DataFrame) -> dict[str, pl.Series]:
    """Texts of first_seen and last_seen that are no time, by column; columns without any are left out."""
    found = {}
    for name in _TIMES:
        if table.schema.get(name) == pl.String:
            bad = table.filter(pl.col(name).is_not_null() & (pl.col(name) != "") & _instant(table, name).is_null())
            found[name] = bad[name]
    return {name: bad for name, bad in found.items() if len(bad)}


def _whole_numbers(table: pl.DataFrame) -> pl.DataFrame:
    """Numbers that a data frame made decimal to hold empty cells (13812345678.0) as the whole numbers they were."""
    mended = []
    for name, kind in table.schema.items():
        known = table[name].drop_nulls()
        if kind.is_float() and (known.is_nan() | (known % 1 == 0)).all():
            mended.append(pl.col(name).fill_nan(None).cast(pl.Int64, strict=False))
        elif kind == pl.String and name not in (*_TIMES, "account_key") and _all_decimal(known):
            mended.append(pl.col(name).str.strip_suffix(".0"))
    return table.with_columns(mended)


def _all_decimal(texts: pl.Series) -> bool:
    """Whether every text is a whole number with `.0` after it; the first one tells of most columns that it is not."""
    return bool(texts.head(1).str.ends_with(".0").any() and texts.str.contains(r"^(\d+\.0)?$").all())


def _instant(table: pl.DataFrame, name: str) -> pl.Expr:
    """A column as UTC instants; text that is no time is null."""
    if name not in table.columns:
        return pl.lit(None, INSTANT)
    if table.schema[name] != pl.String:
        return pl.col(name).cast(INSTANT)
    text = pl.col(name).str.strip_chars().str.replace("T", " ", literal=True).str.replace(r"(Z|[+-]00:?00)$", "")
    return pl.coalesce(
        text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us"),
        text.str.to_datetime("%Y-%m-%d %H:%M", strict=False, time_unit="us"),
        text.str.to_date("%Y-%m-%d", strict=False).cast(INSTANT),
        pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us").dt.replace_time_zone(None),
    )


def _with_times(table: pl.DataFrame) -> pl.DataFrame:
    """first_seen_at and last_seen_at as UTC instants; text that is no time becomes null, one fills the other."""
    table = table.with_columns(first_seen_at=_instant(table, "first_seen"), last_seen_at=_instant(table, "last_seen"))
    first, last = pl.col("first_seen_at"), pl.col("last_seen_at")
    return table.with_columns(
        first_seen_at=pl.coalesce(first, last), last_seen_at=pl.max_horizontal(pl.coalesce(last, first), first)
    )


def _attributes(table: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Names, hints, births and supporting attributes of the records, long."""
    parts = []
    column = _first_present(table, NAME_COLUMNS)
    if column:
        raw = table.select("account_key", original=pl.col(column).cast(pl.String)).drop_nulls()
        judged = raw.join(normalise_names(raw["original"], policy.rules), on="original", how="inner")
        parts.append(_attribute(judged.filter(pl.col("status") == "valid"), NAME, pl.col("normalised")))
        masked = judged.filter((pl.col("status") == "masked") & pl.col("surname").is_not_null())
        parts.append(_attribute(masked, HINT, pl.col("surname") + "*"))
    column = _first_present(table, BIRTH_COLUMNS)
    if column:
        text = pl.col(column).cast(pl.String).str.strip_chars().str.slice(0, 10)
        births = table.select("account_key", text=text).filter(pl.col("text").str.contains(r"^\d{4}(-\d{2}-\d{2})?$"))
        real = births.filter(~pl.col("text").is_in(["1900-01-01", "1970-01-01", "0001-01-01", "1900", "0001"]))
        parts.append(_attribute(real, BIRTH, pl.col("text")))
    for attribute in policy.support:
        if attribute.name in table.columns and attribute.name not in {*policy.rules.types, "source"}:
            text = pl.col(attribute.name).cast(pl.String).str.normalize("NFKC").str.strip_chars().str.to_lowercase()
            known = table.select("account_key", text=text).filter(pl.col("text") != "")
            parts.append(_attribute(known, attribute.name, pl.col("text")))
    return pl.concat(parts).unique() if parts else pl.DataFrame(schema=ATTRIBUTES)


def _attribute(frame: pl.DataFrame, name: str, value: pl.Expr) -> pl.DataFrame:
    return frame.select("account_key", attribute=pl.lit(name), value=value)


def _evidence(table: pl.DataFrame, policy: Policy) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Usable and unusable identifier values of the records."""
    usable, unusable = [], []
    for id_type, column in _identifier_columns(table, policy).items():
        scope = _scope(table, policy.rules.types[id_type].scope)
        raw = table.select(
            "account_key", "first_seen_at", "last_seen_at", scope_key=scope, original=pl.col(column).cast(pl.String)
        ).drop_nulls("original")
        judged = normalise(id_type, raw["original"], policy.region, policy.rules)
        joined = raw.join(judged, on="original", how="left").with_columns(id_type=pl.lit(id_type))
        usable.append(joined.filter(pl.col("status") == "valid").with_columns(value=pl.col("normalised")))
        unusable.append(
            joined.filter(~pl.col("status").is_in(["valid", "missing"])).with_columns(value=pl.col("original"))
        )
    for id_type, column in HASHED_COLUMNS.items():
        if column in table.columns:
            usable.append(_hashed(table, id_type, column, usable))
    if not usable:
        return pl.DataFrame(schema=EVIDENCE), pl.DataFrame(schema=UNUSABLE)
    evidence = pl.concat([part.select(EVIDENCE.names()) for part in usable])
    return evidence, pl.concat([part.select(UNUSABLE.names()) for part in unusable] or [pl.DataFrame(schema=UNUSABLE)])


def _identifier_columns(table: pl.DataFrame, policy: Policy) -> dict[str, str]:
    """Column of each identifier type of the seed that the table carries."""
    columns = {id_type: _first_present(table, names) for id_type, names in CLEAR_COLUMNS.items()}
    by_alias = {alias: column for column, alias in ALIASES.items()}
    for id_type in policy.rules.types:
        if id_type not in columns:
            columns[id_type] = _first_present(table, (id_type, by_alias.get(id_type, id_type)))
    return {id_type: column for id_type, column in columns.items() if column and id_type in policy.rules.types}


def _hashed(table: pl.DataFrame, id_type: str, column: str, usable: list[pl.DataFrame]) -> pl.DataFrame:
    """SHA-256 of normal forms as evidence: joined with the clear value where some record states it."""
    hashed = table.select(
        "account_key",
        "first_seen_at",
        "last_seen_at",
        id_type=pl.lit(id_type),
        scope_key=pl.lit(""),
        digest=pl.col(column).cast(pl.String).str.strip_chars().str.to_lowercase(),
    ).filter(pl.col("digest").str.contains(r"^[0-9a-f]{64}$"))
    clear = [part["value"].unique() for part in usable if len(part) and part["id_type"][0] == id_type]
    values = pl.concat(clear).unique() if clear else pl.Series("value", [], pl.String)
    known = pl.DataFrame({"digest": sha256_hex(values), "clear": values})
    return hashed.join(known, on="digest", how="left").with_columns(
        value=pl.coalesce("clear", pl.lit(_HASH_PREFIX) + pl.col("digest"))
    )


def _scope(table: pl.DataFrame, scope: str) -> pl.Expr:
    """The shop, app, brand or source within which a value means the same; '' where there is only one."""
    column = _first_present(table, SCOPE_COLUMNS.get(scope, ()))
    return pl.col(column).cast(pl.String).fill_null("") if column else pl.lit("", pl.String)


def _first_present(table: pl.DataFrame, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in table.columns), None)
