"""Identifier types: the editable seed that says what each kind of identifier is worth.

Lives here: reading `identifier_types.yml` (scope, strength, limits, hub limit, blocked patterns) into frozen records.
Stays out: normalisation of values (`identifiers`, `person_names`) and what identity does with the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

SEED = Path(__file__).with_name("identifier_types.yml")
STRENGTHS = ("exclusive", "account", "personal", "device")
SCOPES = ("global", "brand", "shop", "app", "source")


@dataclass(frozen=True)
class IdentifierType:
    """What one value of a type is worth as evidence; the fields are explained in `identifier_types.yml`."""

    name: str
    scope: str
    strength: str
    priority: int
    limit: int | None = None
    window_days: int | None = None
    hub_limit: int = 200
    recyclable: bool = False
    needs_names: bool = False
    links: bool = True
    blocked: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise ValueError(f"identifier type {self.name}: scope {self.scope!r} is not one of {', '.join(SCOPES)}")
        if self.strength not in STRENGTHS:
            raise ValueError(
                f"identifier type {self.name}: strength {self.strength!r} is not one of {', '.join(STRENGTHS)}"
            )
        if self.hub_limit < 1 or (self.limit is not None and self.limit < 1):
            raise ValueError(f"identifier type {self.name}: limits must be at least 1")


@dataclass(frozen=True)
class IdentifierRules:
    """All identifier types by name, and the patterns of names that name nobody."""

    types: dict[str, IdentifierType]
    blocked_names: tuple[str, ...] = ()

    def blocked(self, id_type: str) -> tuple[str, ...]:
        """Blocked patterns of a type; none for a type the seed does not know."""
        found = self.types.get(id_type)
        return found.blocked if found else ()


def parse_rules(text: str) -> IdentifierRules:
    """Rules from YAML text; ValueError names the type and field that is wrong."""
    content: dict[str, Any] = yaml.safe_load(text) or {}
    types = {}
    for name, fields in (content.get("types") or {}).items():
        values = dict(fields or {}, name=name, blocked=tuple((fields or {}).get("blocked") or ()))
        try:
            types[name] = IdentifierType(**values)
        except TypeError as error:
            raise ValueError(f"identifier type {name}: {error}") from error
    return IdentifierRules(types, tuple((content.get("names") or {}).get("blocked") or ()))


@lru_cache(maxsize=8)
def load_rules(path: Path = SEED) -> IdentifierRules:
    """Rules from a seed file; the packaged one by default."""
    return parse_rules(path.read_text(encoding="utf-8"))
