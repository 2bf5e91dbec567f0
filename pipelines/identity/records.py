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
    table = _with_times(table.rename({KEY: "account_key"}).with_columns(pl.col("account_key").cast(pl.String)))
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


def _with_times(table: pl.DataFrame) -> pl.DataFrame:
    """first_seen_at and last_seen_at as UTC instants; text that is no time becomes null, one fills the other."""
    times = {}
    for name in _TIMES:
        if name not in table.columns:
            times[name] = pl.lit(None, INSTANT)
        elif table.schema[name] == pl.String:
            times[name] = pl.coalesce(
                pl.col(name).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us"),
                pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us"),
                pl.col(name).str.to_date("%Y-%m-%d", strict=False).cast(INSTANT),
            )
        else:
            times[name] = pl.col(name).cast(INSTANT)
    table = table.with_columns(first_seen_at=times["first_seen"], last_seen_at=times["last_seen"])
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
