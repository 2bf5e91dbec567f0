"""Policy: what a failing table endangers.

Lives here: which canonical entities a raw format feeds, which core tables an entity feeds, and from there every mart
that reads them, directly or through another mart. Stays out: severity, which each check declares.

A test holds the two maps equal to what the dbt models refer to.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from pipelines.channels.registry import RAW_TABLES
from pipelines.contracts.canonical import canonical_name
from pipelines.contracts.core import CORE
from pipelines.contracts.entities import ENTITIES
from pipelines.marts import MARTS

_MONEY = ("fct_order", "fct_order_line_economics", "fct_refund")
_PEOPLE = ("dim_account", "dim_customer")

ENTITY_FEEDS: dict[str, tuple[str, ...]] = {
    "source_customer": (*_PEOPLE, *_MONEY),
    "identity_link": (*_PEOPLE, *_MONEY),
    "consent": ("dim_customer",),
    "order": (*_PEOPLE, *_MONEY, "dim_product"),
    "order_line": (*_MONEY, "dim_product"),
    "refund": _MONEY,
    "shipment": _MONEY,
    "settlement_line": _MONEY,
    "product": ("dim_product",),
    "product_cost": _MONEY,
    "price_list": _MONEY,
    "incentive": _MONEY,
    "incentive_use": _MONEY,
    "period_cost": ("fct_period_cost",),
    "fx_rate": (*_MONEY, "fct_period_cost", "dim_product"),
    "campaign": (),
}
"""Core tables whose models refer to a canonical entity, directly or through others."""


def endangered_marts(tables: Iterable[str]) -> tuple[str, ...]:
    """The marts that rest on `tables` (schema.name), in registry order. Unknown tables endanger every mart."""
    struck = {name for table in tables for name in _feeds(table)}
    found: set[str] = set()
    for mart in MARTS:
        if mart.name in struck or struck & set(mart.inputs) or found & set(mart.inputs):
            found.add(mart.name)
    return tuple(mart.name for mart in MARTS if mart.name in found)


@cache
def _feeds(table: str) -> tuple[str, ...]:
    """Core tables and marts that stand on a table."""
    schema, name = table.split(".")
    if schema in ("core", "marts"):
        return (name,)
    entities = {canonical_name(entity): entity for entity in ENTITIES}
    if schema == "intermediate" and name in entities:
        return ENTITY_FEEDS[entities[name]]
    raw = next((raw for raw in RAW_TABLES if raw.name == name), None)
    if raw is None:
        return tuple(CORE)
    entity = name.removeprefix("canonical__")
    if entity in ENTITY_FEEDS:
        return ENTITY_FEEDS[entity]
    return tuple(CORE) if raw.money is not None else (*_PEOPLE, "dim_product")
