"""Small tables of account records for the identity tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from pipelines.identity.resolve import Resolution, resolve
from pipelines.simulate.identity_world import RECORDS


def records(*rows: dict[str, Any]) -> pl.DataFrame:
    """Account records; `id`, `day` and `until` stand for record_id and the days (from 2024-01-01) of first and last."""
    made = []
    for number, row in enumerate(rows):
        given = dict(row)
        first = datetime(2024, 1, 1) + timedelta(days=given.pop("day", number))  # noqa: DTZ001
        last = datetime(2024, 1, 1) + timedelta(days=given.pop("until", None) or (first - datetime(2024, 1, 1)).days)  # noqa: DTZ001
        full = dict.fromkeys(RECORDS.names()) | {"record_id": given.pop("id"), "source": "crm", "batch": 1}
        full |= {"source_account_id": f"a-{full['record_id']}", "first_seen": first, "last_seen": last}
        made.append(full | given)
    return pl.DataFrame(made, schema=RECORDS)


def groups(resolution: Resolution) -> list[list[str]]:
    """Clusters as sorted lists of record ids."""
    frame = resolution.clusters.group_by("cluster").agg(pl.col("account_key").sort())
    return sorted(frame["account_key"].to_list())


def resolved(*rows: dict[str, Any], **options: Any) -> list[list[str]]:
    """Clusters of small records."""
    return groups(resolve(records(*rows), **options))
