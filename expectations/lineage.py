"""Lineage: what rests on a table, read from the dbt models and the mart registry.

Lives here: the references between models as they stand in the project's SQL, so that no map of them is typed twice.
Stays out: what follows from them (`policy`). Where the project is not at hand, everything rests on everything.
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import cache
from pathlib import Path

from pipelines.contracts.canonical import canonical_name
from pipelines.contracts.core import CORE
from pipelines.contracts.entities import ENTITIES

MODELS = Path(__file__).parent.parent / "dbt_project" / "models"

_REF = re.compile(r"ref\(\s*'([a-z0-9_]+)'\s*\)")

_IDENTITY_INPUTS = ("int_identity_evidence", "int_accounts")
"""Models that the identity step reads; it stands between them and what reads its assignment, outside dbt."""


@cache
def core_tables_of(entity: str) -> frozenset[str]:
    """The core tables whose models refer to a canonical entity, directly or through others."""
    if not _models():
        return frozenset(CORE)
    model = canonical_name(entity)
    shapes_people = any(model in _beneath(name) for name in _IDENTITY_INPUTS)
    return frozenset(
        table
        for table in CORE
        if model in _beneath(table) or (shapes_people and any(_reads_assignment(name) for name in _beneath(table)))
    )


@cache
def core_tables_on(table: str) -> frozenset[str]:
    """A core table, and those whose models refer to it, directly or through others."""
    return frozenset({table, *(name for name in CORE if table in _beneath(name))})


@cache
def entities_of(adapter: str) -> frozenset[str]:
    """The canonical entities that a format's staging models feed."""
    prefix = f"stg_{adapter}__"
    named = {name.removeprefix(prefix) for name in _models() if name.startswith(prefix)}
    return frozenset(named & ENTITIES.keys()) or frozenset(ENTITIES)


@cache
def _models() -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in MODELS.rglob("*.sql")}


@cache
def _beneath(model: str) -> Set[str]:
    parents = set(_REF.findall(_models().get(model, "")))
    return parents.union(*(_beneath(parent) for parent in parents))


def _reads_assignment(model: str) -> bool:
    return "identity_assignment" in _models().get(model, "")
