"""Policy: what a failing table endangers.

Lives here: from a table of any layer to every mart that rests on it. Stays out: severity, which each check declares.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from expectations.lineage import core_tables_of, core_tables_on, entities_of
from pipelines.channels.registry import RAW_TABLES
from pipelines.contracts.canonical import canonical_name
from pipelines.contracts.entities import ENTITIES
from pipelines.marts import MARTS


def endangered_marts(tables: Iterable[str]) -> tuple[str, ...]:
    """The marts that rest on `tables` (schema.name), directly or through another mart, in registry order."""
    struck = {name for table in tables for name in _feeds(table)}
    found: set[str] = set()
    for mart in MARTS:
        if mart.name in struck or (struck | found) & set(mart.inputs):
            found.add(mart.name)
    return tuple(mart.name for mart in MARTS if mart.name in found)


@cache
def _feeds(table: str) -> frozenset[str]:
    """The core tables and marts that a table is, or feeds. KeyError for one that no gate knows."""
    schema, name = table.split(".")
    if schema == "marts":
        return frozenset({name})
    if schema == "core":
        return core_tables_on(name)
    if schema == "intermediate":
        entity = {canonical_name(entity): entity for entity in ENTITIES}[name]
        return core_tables_of(entity)
    adapter = {raw.name: raw.adapter for raw in RAW_TABLES}[name]
    entities = {name.removeprefix("canonical__")} if adapter == "canonical" else entities_of(adapter)
    return frozenset().union(*(core_tables_of(entity) for entity in entities))
