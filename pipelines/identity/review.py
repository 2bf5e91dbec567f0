"""Review: the possible links of a run, from every finder, for people to look at or a configured posterior to accept.

Lives here: which candidates are open questions, and the resolution once those likely enough are accepted.
Stays out: the finders (`candidates`, `masks`, `probabilistic`), the acceptance of one link (`possible`), the commands.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.identity import POSSIBLE_TABLE

OPEN = "for people to decide"


def open_questions(links: pl.DataFrame, clusters: pl.DataFrame, overrides: pl.DataFrame) -> pl.DataFrame:
    """Of `links` (columns of POSSIBLE) those between two people whom no decision keeps apart, each question once.

    `clusters`: account_key, cluster of every account; links of anything else (statements of sources) are left out. The
    candidate is named by the account that names its person. Of a question found twice the likelier answer counts.
    """
    apart = overrides.filter(pl.col("action") == "cannot_link")
    kept_apart = _persons(_persons(apart, clusters, "a", "person"), clusters, "b", "other").select("person", "other")
    both_ways = pl.concat([kept_apart, kept_apart.select(person="other", other="person")])
    named = _persons(_persons(links, clusters, "account_key", "person"), clusters, "candidate_cluster", "other")
    return (
        named.filter(pl.col("person") != pl.col("other"))
        .join(both_ways, on=["person", "other"], how="anti")
        .with_columns(candidate_cluster="other")
        .sort("posterior", "account_key", "candidate_cluster", "kind", descending=[True, False, False, False])
        .unique(["account_key", "candidate_cluster"], keep="first", maintain_order=True)
        .select(links.columns)
        .sort("account_key", "candidate_cluster")
    )


def _persons(frame: pl.DataFrame, clusters: pl.DataFrame, account: str, name: str) -> pl.DataFrame:
    """The rows about known accounts, with the person of column `account` as column `name`."""
    return frame.join(clusters.select(pl.col("account_key").alias(account), pl.col("cluster").alias(name)), on=account)


def possible_table(links: pl.DataFrame) -> pl.DataFrame:
    """Links as the warehouse keeps them: columns of POSSIBLE_TABLE; without a verdict they are for people to decide."""
    if "is_accepted" not in links.columns:
        links = links.with_columns(is_accepted=pl.lit(False), reason=pl.lit(OPEN))
    if "model" not in links.columns:
        links = links.with_columns(model=pl.lit(None, pl.String))
    named = links.rename({"candidate_cluster": "candidate_key"})
    return named.select(POSSIBLE_TABLE.names).sort(POSSIBLE_TABLE.grain)
