"""Packing: several frames as one, so that a mart that needs all customers at once can take the bucketed road.

Lives here: putting named frames into one and taking them out again. Stays out: what they hold.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

_PART = "part"


def pack(frames: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """One frame with the rows of all, told apart by `part`."""
    parts = [rows.select(pl.lit(name).alias(_PART), pl.all().name.prefix(f"{name}.")) for name, rows in frames.items()]
    return pl.concat(parts, how="diagonal")


def unpack(packed: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows that were packed under a name."""
    columns = [column for column in packed.columns if column.startswith(f"{name}.")]
    rows = packed.lazy().filter(pl.col(_PART) == name)
    return rows.select(pl.col(column).alias(column.removeprefix(f"{name}.")) for column in columns).collect()
