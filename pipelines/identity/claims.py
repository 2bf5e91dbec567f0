"""Claims: which cluster takes which of the ids that its accounts ever had.

Lives here: exact returns (a cluster that is what an id once was), then the matching of clusters and ids that leaves
the fewest accounts with another id.
Stays out: what becomes of unclaimed clusters and ids (`carry_over`).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment

from pipelines.identity.components import connected_components

CLAIMED = pl.Schema({"cluster": pl.String(), "customer_id": pl.String()})
LARGEST_MATCHING = 1_500
"""Clusters or ids in one tangle above which the matching is greedy instead of exact (memory grows with the product)."""


def claim_ids(clusters: pl.DataFrame, history: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """cluster, customer_id: every cluster and every id at most once.

    `clusters`: account_key, cluster. `history`: see `carry_over`. `now`: account_key, customer_id of the last run.
    """
    if history.is_empty():
        return pl.DataFrame(schema=CLAIMED)
    overlaps = _overlaps(clusters, history, now)
    exact = _exact(overlaps, clusters, history, now)
    rest = overlaps.join(exact, on="cluster", how="anti").join(exact, on="customer_id", how="anti")
    return pl.concat([exact, _match(rest)]).sort("cluster")


def _overlaps(clusters: pl.DataFrame, history: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Per cluster and id its accounts ever had: n_now, n_ever, size of the cluster, anchor_has, birth of the id."""
    ever = history.drop_nulls("customer_id").select("account_key", "customer_id").unique()
    births = history.drop_nulls("customer_id").group_by("customer_id").agg(birth=pl.col("run_n").min())
    current = now.drop_nulls().with_columns(is_now=pl.lit(True))
    return (
        clusters.with_columns(size=pl.len().over("cluster"))
        .join(ever, on="account_key")
        .join(current, on=["account_key", "customer_id"], how="left")
        .group_by("cluster", "customer_id")
        .agg(
            n_now=pl.col("is_now").sum().cast(pl.Int64),
            n_ever=pl.len().cast(pl.Int64),
            size=pl.col("size").first().cast(pl.Int64),
            anchor_has=((pl.col("account_key") == pl.col("cluster")) & pl.col("is_now").fill_null(False)).any(),
        )
        .join(births, on="customer_id")
        .sort("cluster", "customer_id")
    )


def _exact(overlaps: pl.DataFrame, clusters: pl.DataFrame, history: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Clusters that are exactly what an id is now, or once was; the present and then the latest time wins."""
    whole = overlaps.filter(pl.col("n_ever") == pl.col("size"))
    live = now.drop_nulls().group_by("customer_id").len("live_n")
    present = whole.join(live, on="customer_id").filter(
        (pl.col("n_now") == pl.col("size")) & (pl.col("live_n") == pl.col("size"))
    )
    exact = present.select("cluster", "customer_id")
    past = whole.join(exact, on="cluster", how="anti").join(exact, on="customer_id", how="anti")
    if past.is_empty():
        return exact
    return pl.concat([exact, _past_exact(past, clusters, history)])


def _past_exact(whole: pl.DataFrame, clusters: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Of clusters whose accounts all once had an id, those that were all of it at one time."""
    spans = (
        history.sort("account_key", "run_n")
        .with_columns(end_n=pl.col("run_n").shift(-1).over("account_key").fill_null(2**62))
        .drop_nulls("customer_id")
        .join(whole.select("customer_id").unique(), on="customer_id", how="semi")
        .select("customer_id", "account_key", "run_n", "end_n")
    )
    held = (
        spans.select("customer_id", at="run_n")
        .unique()
        .join(spans, on="customer_id")
        .filter((pl.col("run_n") <= pl.col("at")) & (pl.col("at") < pl.col("end_n")))
        .with_columns(held_n=pl.len().over("customer_id", "at"))
        .join(clusters, on="account_key")
        .group_by("cluster", "customer_id", "at")
        .agg(n=pl.len(), held_n=pl.col("held_n").first())
    )
    same = whole.join(held, on=["cluster", "customer_id"]).filter(
        (pl.col("n") == pl.col("held_n")) & (pl.col("n") == pl.col("size"))
    )
    ordered = same.sort("at", "size", "cluster", "customer_id", descending=[True, True, False, False])
    one = ordered.unique("cluster", keep="first", maintain_order=True)
    return one.unique("customer_id", keep="first", maintain_order=True).select("cluster", "customer_id")


def _match(overlaps: pl.DataFrame) -> pl.DataFrame:
    """The matching with the largest total of accounts that keep their id, tangle by tangle."""
    if overlaps.is_empty():
        return pl.DataFrame(schema=CLAIMED)
    tangles = connected_components(
        overlaps.select(a=pl.lit("c") + pl.col("cluster"), b=pl.lit("i") + pl.col("customer_id"))
    )
    weighed = overlaps.join(
        tangles.select(key="node", tangle="component"), left_on=pl.lit("c") + pl.col("cluster"), right_on="key"
    ).with_columns(
        oldest=pl.col("birth") == pl.col("birth").min().over("cluster"),
    )
    weighed = weighed.with_columns(
        weight=(pl.col("n_now") * 2**20 + pl.col("n_ever")) * 2**12
        + pl.col("anchor_has").cast(pl.Int64) * 2
        + pl.col("oldest").cast(pl.Int64)
    ).sort("tangle", "cluster", "customer_id")
    lone = weighed.filter(pl.len().over("tangle") == 1).select("cluster", "customer_id")
    pairs: list[tuple[str, str]] = []
    for tangle in weighed.filter(pl.len().over("tangle") > 1).partition_by("tangle", maintain_order=True):
        pairs += _match_one(tangle)
    return pl.concat([lone, pl.DataFrame(pairs, schema=CLAIMED, orient="row")])


def _match_one(tangle: pl.DataFrame) -> list[tuple[str, str]]:
    clusters, ids = tangle["cluster"].unique().sort(), tangle["customer_id"].unique().sort()
    rows = tangle.select("cluster", "customer_id", "weight").rows()
    if max(len(clusters), len(ids)) > LARGEST_MATCHING:
        return _greedy(rows)
    row_of, column_of = ({key: i for i, key in enumerate(keys)} for keys in (clusters, ids))
    weights = np.zeros((len(clusters), len(ids)))
    for cluster, customer_id, weight in rows:
        weights[row_of[cluster], column_of[customer_id]] = weight
    chosen = zip(*linear_sum_assignment(weights, maximize=True), strict=True)
    return [(clusters[int(i)], ids[int(j)]) for i, j in chosen if weights[i, j] > 0]


def _greedy(rows: list[tuple[str, str, int]]) -> list[tuple[str, str]]:
    """Heaviest pairs first."""
    taken: set[str] = set()
    pairs = []
    for cluster, customer_id, _ in sorted(rows, key=lambda row: (-row[2], row[0], row[1])):
        if cluster not in taken and customer_id not in taken:
            taken |= {cluster, customer_id}
            pairs.append((cluster, customer_id))
    return pairs
