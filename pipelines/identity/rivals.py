"""Rivals: who else could be meant by a pair of accounts that agree on a name.

Lives here: how many other customers bear the name of a pair, counted over all customers, linked ones included.
Stays out: scoring of pairs (`probabilistic`) and what rivals do to a probability (`calibration`).

A name that two lone accounts share and nobody else bears says much more than one that eight customers bear; among the
lone accounts alone both occur twice.
"""

from __future__ import annotations

import polars as pl

PAIR = ["a", "b"]


def with_rivals(pairs: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """`pairs` (a, b: accounts) with `rivals`: customers but the two who bear the name of either, the commoner counts.

    `names`: account_key, cluster, name of every account that has one. A pair without names has no rivals.
    """
    bearers = names.select("cluster", "name").unique()
    count = bearers.group_by("name").agg(n=pl.len().cast(pl.Int64))
    own = names.select("account_key", "cluster", "name")
    sides = [pairs.select(*PAIR, account_key=side).join(own, on="account_key") for side in PAIR]
    both = pl.concat(sides)
    asked = both.select(*PAIR, "name").unique()
    theirs = (
        both.select(*PAIR, "cluster").unique().join(bearers, on="cluster").group_by(*PAIR, "name").agg(own=pl.len())
    )
    found = (
        asked.join(count, on="name")
        .join(theirs, on=[*PAIR, "name"], how="left")
        .group_by(PAIR)
        .agg(rivals=(pl.col("n") - pl.col("own").fill_null(0)).max())
    )
    return pairs.join(found, on=PAIR, how="left", maintain_order="left").with_columns(pl.col("rivals").fill_null(0))
