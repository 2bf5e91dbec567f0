"""The formats this house reads. Adding a channel is one module beside this one and one line here.

Lives here: the list of adapters and look-ups by name.
Stays out: the formats themselves.
"""

from __future__ import annotations

from pipelines.channels.base import Adapter, RawTable
from pipelines.channels.canonical import CANONICAL
from pipelines.channels.completejourney import COMPLETEJOURNEY
from pipelines.channels.shopify import SHOPIFY
from pipelines.channels.square import SQUARE
from pipelines.channels.tmall import TMALL

ADAPTERS: dict[str, Adapter] = {
    "shopify": SHOPIFY,
    "tmall": TMALL,
    "square": SQUARE,
    "completejourney": COMPLETEJOURNEY,
    "canonical": CANONICAL,
}

RAW_TABLES: tuple[RawTable, ...] = tuple(table for adapter in ADAPTERS.values() for table in adapter.tables)
"""Every raw table."""


def raw_table(name: str) -> RawTable:
    """The raw table called `name`; KeyError when there is none."""
    for table in RAW_TABLES:
        if table.name == name:
            return table
    raise KeyError(f"there is no raw table {name!r}")
