"""Explain: why two accounts are one customer, or why they are not.

Lives here: the shortest path of accepted edges between two accounts, and the shared evidence that was refused.
Stays out: the decisions themselves (`stage`, `partition`) and their wording on the console.
"""

from __future__ import annotations

from collections import defaultdict, deque

import polars as pl

from pipelines.identity.core import UNATTACHED
from pipelines.identity.resolve import VALUE, Resolution

PATH = pl.Schema(
    {
        "step": pl.Int64(),
        "from_account": pl.String(),
        "to_account": pl.String(),
        "id_type": pl.String(),
        "scope_key": pl.String(),
        "value": pl.String(),
        "rule_id": pl.String(),
        "since": pl.Datetime("us"),
    }
)
BETWEEN = pl.Schema(
    {
        "id_type": pl.String(),
        "scope_key": pl.String(),
        "value": pl.String(),
        "verdict": pl.String(),
        "reason": pl.String(),
    }
)


def why(resolution: Resolution, a: str, b: str) -> pl.DataFrame:
    """The shortest path of evidence from account `a` to account `b`: columns of PATH, one row per step.

    Empty when they are different customers (see `why_not`), or the same account. KeyError for an unknown account.
    """
    clusters = resolution.clusters
    ends = clusters.filter(pl.col("account_key").is_in([a, b]))
    for key in (a, b):
        if key not in ends["account_key"]:
            raise KeyError(f"no account {key!r}")
    if a == b or ends["cluster"].n_unique() > 1:
        return pl.DataFrame(schema=PATH)
    members = clusters.join(ends.select("cluster").unique(), on="cluster", how="semi")
    edges = resolution.edges.join(members, on="account_key", how="semi")
    return _shortest(edges, a, b, {rule.name: rule.priority for rule in resolution.book.types})


def why_not(resolution: Resolution, a: str, b: str) -> pl.DataFrame:
    """The evidence that two accounts share although it does not join them: columns of BETWEEN, with the reason."""
    shared = [resolution.case.evidence.filter(pl.col("account_key") == key).select(VALUE).unique() for key in (a, b)]
    both = shared[0].join(shared[1], on=VALUE)
    refused = (
        resolution.refused.filter(pl.col("account_key").is_in([a, b]))
        .group_by(VALUE)
        .agg(refusal=pl.col("reason").drop_nulls().sort().first())
    )
    return (
        both.join(resolution.profile.select(*VALUE, "verdict", "reason"), on=VALUE, how="left")
        .join(refused, on=VALUE, how="left")
        .with_columns(reason=pl.coalesce("refusal", "reason"))
        .select(BETWEEN.names())
        .sort(VALUE)
    )


def causes(resolution: Resolution) -> pl.DataFrame:
    """The evidence by which `carry_over` explains merges and splits: columns of CAUSES, no values."""
    order = {rule.name: rule.priority for rule in resolution.book.types}
    refused = resolution.refused.with_columns(
        part=pl.lit(UNATTACHED, pl.Int32), rule_id=pl.format("{}/{}", "id_type", "verdict")
    )
    columns = ["account_key", *VALUE, "part", "rule_id", "first_seen_at"]
    both = pl.concat([resolution.edges.select(columns), refused.select(columns)]).sort(*VALUE, "part", "account_key")
    return both.select(
        "account_key",
        value_n=pl.struct(VALUE).rle_id().cast(pl.Int64),
        part="part",
        rank=pl.col("id_type").replace_strict(order, default=0, return_dtype=pl.Int64),
        rule_id="rule_id",
        since=pl.col("first_seen_at").dt.date(),
    )


def _shortest(edges: pl.DataFrame, a: str, b: str, priority: dict[str, int]) -> pl.DataFrame:
    """Breadth-first search between accounts through nodes; stronger and older evidence is tried first."""
    on_node: dict[tuple[str, str, str, int], list[str]] = defaultdict(list)
    of_account: dict[str, list[tuple[str, str, str, int]]] = defaultdict(list)
    about = {}
    for row in edges.sort("account_key", *VALUE).iter_rows(named=True):
        node = (row["id_type"], row["scope_key"], row["value"], row["part"])
        on_node[node].append(row["account_key"])
        of_account[row["account_key"]].append(node)
        about[(row["account_key"], node)] = (row["rule_id"], row["first_seen_at"])
    came: dict[str, tuple[str, tuple[str, str, str, int]]] = {a: (a, ("", "", "", 0))}
    queue, done = deque([a]), set()
    while queue and b not in came:
        account = queue.popleft()
        for node in sorted(of_account[account], key=lambda n: (priority.get(n[0], 0), n)):
            if node in done:
                continue
            done.add(node)
            for other in on_node[node]:
                if other not in came:
                    came[other] = (account, node)
                    queue.append(other)
    steps = []
    while b != a:
        before, node = came[b]
        rule, since = about[(b, node)]
        steps.append((before, b, *node[:3], rule, since))
        b = before
    rows = [(number, *step) for number, step in enumerate(reversed(steps), start=1)]
    return pl.DataFrame(rows, schema=PATH, orient="row")
