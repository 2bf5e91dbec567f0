"""Profile: what is counted on each identifier value before anybody judges it.

Lives here: per value the accounts, cores, names, hints, birth dates and exclusive ids on it, and the lowest weight that
its supporting attributes can have between two of its cores.
Stays out: the verdicts that follow (`stage`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from pipelines.identity.book import Book
from pipelines.identity.core_facts import is_new, packed
from pipelines.identity.policy import Policy
from pipelines.identity.support import Weights

KINDS = ("name", "hint", "birth", "support", "exclusive", "limited")


def profile_values(
    book: Book, policy: Policy, weights: Weights, carried: pl.DataFrame, facts: pl.DataFrame
) -> pl.DataFrame:
    """One row per value of `carried` (val, type, core, n, n_cores), from what is known of its cores (core, slot, item).

    val, type, n_accounts, n_cores, n_named (cores with a name), n_names, n_hints, n_births, n_exclusive (different
    values; of exclusive ids in the type with most), n_known (cores with a name or an exclusive id, of the kind with
    more), least_bits. Values on one core count accounts and cores only.
    """
    slots = {kind: book.slots_of(kind) for kind in KINDS}
    is_named = np.zeros(book.account_n, dtype=bool)
    is_named[facts.filter(pl.col("slot").is_in(slots["name"]))["core"].to_numpy()] = True
    counts = (
        carried.with_columns(is_named=pl.Series(is_named[carried["core"].to_numpy()]))
        .group_by("val", "type")
        .agg(
            n_accounts=pl.col("n").sum(),
            n_cores=pl.col("n_cores").first(),
            n_named=pl.col("is_named").sum().cast(pl.Int64),
        )
    )
    per_slot = _per_slot(carried, facts)

    def of(kind: str, column: str = "distinct") -> pl.Expr:
        return pl.when(pl.col("slot").is_in(slots[kind])).then(column).otherwise(0)

    found = (
        per_slot.select(
            "val",
            support_bits=pl.Series(_least_bits(per_slot, weights.attributes, len(book.slots))),
            n_names=of("name"),
            n_hints=of("hint"),
            n_births=of("birth"),
            n_exclusive=of("exclusive"),
            n_known=pl.max_horizontal(of("name", "carried"), of("exclusive", "carried")),
        )
        .group_by("val")
        .agg(pl.col("support_bits").sum(), pl.col("^n_.*$").max())
    )
    devices = [code for code, rule in enumerate(book.types) if rule.strength == "device"]
    prior = pl.when(pl.col("type").is_in(devices)).then(policy.device_bits).otherwise(min(weights.undisputed))
    return counts.join(found, on="val", how="left").with_columns(
        pl.col("n_names", "n_hints", "n_births", "n_exclusive", "n_known").fill_null(0),
        least_bits=prior + pl.col("support_bits").fill_null(0.0) + min(weights.silence),
    )


def _per_slot(carried: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Per value on several cores and slot: different items on it (distinct), items of its cores (carried), n_cores."""
    shared = carried.filter(pl.col("n_cores") > 1)
    keys, (slot_n, item_n) = packed(shared.select("val", "core").join(facts, on="core"), ("val", "slot", "item"))
    value_slot = keys // item_n
    starts = np.flatnonzero(is_new(value_slot))
    val, slot = np.divmod(value_slot[starts], slot_n)
    core_n = np.zeros(int(shared["val"].max() or 0) + 1, dtype=np.int64)  # type: ignore[arg-type]
    core_n[shared["val"].to_numpy()] = shared["n_cores"].to_numpy()
    distinct = np.add.reduceat(is_new(keys), starts, dtype=np.int64) if len(starts) else starts
    return pl.DataFrame(
        {
            "val": val.astype(np.int32),
            "slot": slot.astype(np.int16),
            "n_cores": core_n[val],
            "distinct": distinct,
            "carried": np.diff(np.append(starts, len(keys))),
        }
    )


def _least_bits(per_slot: pl.DataFrame, attributes: Mapping[int, tuple[float, float]], slot_n: int) -> np.ndarray:
    """Lowest weight that each slot of a value can have between two of its cores; 0 for what is no attribute."""
    bits = np.zeros((2, slot_n))
    for slot, weights in attributes.items():
        bits[:, slot] = weights
    agree, disagree = bits[0][per_slot["slot"].to_numpy()], bits[1][per_slot["slot"].to_numpy()]
    distinct, carried = per_slot["distinct"].to_numpy(), per_slot["carried"].to_numpy()
    differs, repeats = distinct > 1, carried > distinct
    is_everywhere = ~differs & (carried == per_slot["n_cores"].to_numpy())
    lowest = np.minimum(np.minimum(agree, disagree), 0.0)
    return np.select(
        [is_everywhere, differs & repeats, differs, repeats],
        [agree, lowest, np.minimum(disagree, 0.0), np.minimum(agree, 0.0)],
        0.0,
    )
