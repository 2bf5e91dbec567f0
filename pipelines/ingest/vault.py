"""The vault, read: normal forms of identifiers by the keys that stand for them elsewhere.

Lives here: looking up keys for the identity stage, which alone needs clear text (names are compared, never stored).
Stays out: what is written into the vault (`tokens`, `store`). Whatever is read here must not leave the caller's memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.contracts.settings import Settings

CLEAR = pl.Schema({"id_type": pl.String, "value_key": pl.String, "normalised": pl.String})


def vault_values(settings: Settings, id_types: Sequence[str], keys: pl.Series | None = None) -> pl.DataFrame:
    """id_type, value_key, normalised of every value of the types in the vault, or of those among `keys`; each once."""
    paths = sorted(settings.vault_dir.glob("*/*/*.parquet"))
    if not paths:
        return pl.DataFrame(schema=CLEAR)
    found = pl.scan_parquet(paths).filter(pl.col("id_type").is_in(list(id_types))).select(CLEAR.names())
    if keys is not None:
        wanted = pl.LazyFrame({"value_key": keys.drop_nulls().unique()}, schema={"value_key": pl.String})
        found = found.join(wanted, on="value_key", how="semi")
    return found.unique().collect().cast(CLEAR).sort(CLEAR.names())
