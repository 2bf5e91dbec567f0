"""Facts of accounts as the warehouse hands them to `unify`, written in short, and what came of them."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from pipelines.identity.overrides import no_overrides
from pipelines.identity.unify import Facts, Past, Unified

PEPPER = b"a pepper for tests, fixed so that digests compare"
DAY = datetime(2025, 6, 30)  # noqa: DTZ001  instants of the warehouse are UTC without a zone
Row = tuple[str, str, str]


def facts(
    rows: list[Row],
    names: dict[str, str] | None = None,
    overrides: pl.DataFrame | None = None,
    births: dict[str, int] | None = None,
    unlinking: tuple[str, ...] = (),
) -> Facts:
    """Facts from (account or statement, type, value); keys with a slash and no `link` in them are accounts."""
    seen = {key: DAY - timedelta(days=300 - n) for n, key in enumerate(dict.fromkeys(row[0] for row in rows))}
    evidence = pl.DataFrame(
        [
            {
                "account_key": key, "id_type": id_type, "value_key": value, "source_system": key.split("/")[0],
                "first_seen_at": seen[key], "last_seen_at": seen[key], "is_linking": id_type not in unlinking,
            }
            for key, id_type, value in rows if value
        ],
        schema_overrides={"first_seen_at": pl.Datetime("us"), "last_seen_at": pl.Datetime("us")},
    )  # fmt: skip
    accounts = pl.DataFrame(
        [
            {
                "account_key": key, "source_system": key.split("/")[0], "first_seen_at": at, "city": None,
                "birth_year": (births or {}).get(key),
            }
            for key, at in seen.items() if "link" not in key
        ],
        schema_overrides={"city": pl.String, "birth_year": pl.Int64, "first_seen_at": pl.Datetime("us")},
    )  # fmt: skip
    named = pl.DataFrame(
        list((names or {}).items()), schema={"account_key": pl.String, "name": pl.String}, orient="row"
    )
    return Facts(evidence, accounts, named, no_overrides() if overrides is None else overrides)


def people(unified: Unified) -> list[list[str]]:
    """Accounts of each customer as sorted lists."""
    now = unified.tables["identity_assignment"].filter(pl.col("recorded_to").is_null())
    return sorted(now.group_by("customer_id").agg(pl.col("account_key").sort())["account_key"].to_list())


def after(past: Past, unified: Unified) -> Past:
    """The past once a run was published."""
    history = pl.concat([past.history, unified.tables["identity_history"]])
    return Past(history, unified.tables["identity_event"])


def ids(unified: Unified) -> dict[str, str]:
    """Customer of each account now."""
    now = unified.tables["identity_assignment"].filter(pl.col("recorded_to").is_null())
    return dict(now.select("account_key", "customer_id").iter_rows())
