"""How dbt nodes show in Dagster: one small question each.

Lives here: key, group and check policy of dbt nodes. Stays out: how dbt is run (`orchestration.dbt_run`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import AssetKey
from dagster_dbt import DagsterDbtTranslator

FLOOR_OF_SCHEMA = {
    "raw": "raw",
    "staging": "staging",
    "intermediate": "canonical",
    "identity": "identity",
    "core": "core",
    "marts": "marts",
    "meta": "context",
    "seeds": "seeds",
}
"""The floor (asset group) on which a schema's tables live."""


FLOOR_OF_FOLDER = {"identity": "identity", "economics": "core", "customers": "core"}
"""The floor for which a folder of intermediate models works, where it is not the canonical one."""


class FloorTranslator(DagsterDbtTranslator):
    """Keys are [schema, table] for models, seeds and sources alike; groups are the floors of the house."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> AssetKey:
        """[schema, table], so that a table has the same name in Dagster, in SQL and in the docs."""
        return AssetKey(
            [_schema(dbt_resource_props), dbt_resource_props.get("identifier") or dbt_resource_props["name"]]
        )

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The floor of the table's schema; intermediate models stand on the floor that their folder works for."""
        folders = dbt_resource_props.get("fqn", [])
        for folder, floor in FLOOR_OF_FOLDER.items():
            if folder in folders:
                return floor
        return FLOOR_OF_SCHEMA.get(_schema(dbt_resource_props), "other")


def _schema(props: Mapping[str, Any]) -> str:
    if props.get("resource_type") == "source":
        return str(props["schema"])
    return str(props.get("config", {}).get("schema") or props["schema"])
