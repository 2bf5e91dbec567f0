"""Digests: the md5 of every text of a column, by an engine that needs no Python object for each.

Lives here: the one function, and the engine's connection. Stays out: what is hashed (`records`), and the keyed hashes
of identifiers (`contracts.keys`).
"""

from __future__ import annotations

from functools import lru_cache

import duckdb
import polars as pl


def md5_hex(texts: pl.Series, salt: str = "") -> pl.Series:
    """Lower-case hex md5 of salt and text (UTF-8), in the order of the texts; null for null."""
    with _engine().cursor() as engine:
        engine.register("told", texts.alias("text").to_frame().to_arrow())
        # Executed at once: `sql` with parameters would hold every value as an object of its own first.
        hashed = engine.execute("select md5($salt || text) as hash from told", {"salt": salt}).to_arrow_table()
        return pl.DataFrame(hashed).to_series()


@lru_cache(maxsize=1)
def _engine() -> duckdb.DuckDBPyConnection:
    """An empty database in memory, which every thread asks through a cursor of its own, and works for itself."""
    return duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "1GB", "preserve_insertion_order": True})
