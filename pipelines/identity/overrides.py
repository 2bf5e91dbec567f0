"""Overrides: manual decisions of people, which always win (G6).

Lives here: the table of decisions, its checks, and what they mean for a resolution: accounts joined beforehand,
accounts kept apart, evidence excluded.
Stays out: where decisions are stored (the state folder) and the commands that write them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.identity.components import component_roots

ACTIONS = ("must_link", "cannot_link", "exclude")
OVERRIDES = pl.Schema(
    {
        "override_id": pl.String(),
        "action": pl.String(),
        "a": pl.String(),
        "b": pl.String(),
        "id_type": pl.String(),
        "author": pl.String(),
        "reason": pl.String(),
        "decided_at": pl.Datetime("us"),
    }
)
"""One decision a row. must_link and cannot_link name two accounts in `a` and `b`. exclude takes all evidence of
account `a`, or, with `id_type`, the identifier value `a` of that type. A later decision on the same pair replaces an
earlier one."""


def no_overrides() -> pl.DataFrame:
    """An empty table of decisions."""
    return pl.DataFrame(schema=OVERRIDES)


def override(
    action: str, a: str, b: str | None, author: str, reason: str, decided_at: object, id_type: str | None = None
) -> pl.DataFrame:
    """One decision as a table of one row, its id made of its content; ValueError where something is missing."""
    if action not in ACTIONS:
        raise ValueError(f"action {action!r} is not one of {', '.join(ACTIONS)}")
    if (b is None) != (action == "exclude"):
        raise ValueError(f"{action} names {'one account or value' if action == 'exclude' else 'two accounts'}")
    if not author or not reason:
        raise ValueError("a manual decision needs an author and a reason")
    key = f"{action}:{a}:{b or id_type or ''}:{decided_at}"
    row = {
        "override_id": key, "action": action, "a": a, "b": b, "id_type": id_type,
        "author": author, "reason": reason, "decided_at": decided_at,
    }  # fmt: skip
    return pl.DataFrame([row], schema=OVERRIDES)


@dataclass(frozen=True)
class Decisions:
    """Decisions in account codes: links (a, b, override_id), enemies (codes kept apart), unknown (rows skipped)."""

    links: tuple[tuple[int, int, str], ...]
    enemies: dict[int, set[int]]
    unknown: pl.DataFrame

    def labels(self, account_n: int) -> np.ndarray:
        """Label of each account when only the manual links count."""
        ends = np.array([(a, b) for a, b, _ in self.links], dtype=np.int32).reshape(-1, 2)
        return component_roots(ends[:, 0], ends[:, 1], account_n)

    def link_rows(self) -> list[tuple[int, str, str]]:
        """Both ends of each manual link as edges to a node named by the decision: (account, '', override_id)."""
        return [(end, "", key) for a, b, key in self.links for end in (a, b)]


def read_overrides(overrides: pl.DataFrame, keys: pl.Series) -> Decisions:
    """Decisions about known accounts; those about accounts that are not in the data are kept aside as unknown.

    Raises ValueError when manual links, taken together, join accounts that another decision keeps apart.
    """
    if overrides.schema != OVERRIDES:
        raise ValueError(f"overrides need the columns {', '.join(OVERRIDES.names())}")
    odd = overrides.filter(~pl.col("action").is_in(ACTIONS))
    if len(odd):
        raise ValueError(f"unknown action {odd['action'][0]!r}; use one of {', '.join(ACTIONS)}")
    if overrides.is_empty():
        return Decisions((), {}, overrides)
    pairs = (
        overrides.filter(pl.col("action") != "exclude")
        .with_columns(low=pl.min_horizontal("a", "b"), high=pl.max_horizontal("a", "b"))
        .sort("decided_at", "override_id", nulls_last=False)
        .unique(["low", "high"], keep="last", maintain_order=True)
    )
    codes = pl.DataFrame({"key": keys, "code": np.arange(len(keys), dtype=np.int32)})
    coded = (
        pairs.join(codes.rename({"key": "a", "code": "code_a"}), on="a", how="left")
        .join(codes.rename({"key": "b", "code": "code_b"}), on="b", how="left")
        .sort("decided_at", "override_id")
    )
    is_known = pl.col("code_a").is_not_null() & pl.col("code_b").is_not_null()
    links, enemies = [], defaultdict(set)
    for action, a, b, key in coded.filter(is_known).select("action", "code_a", "code_b", "override_id").iter_rows():
        if action == "must_link":
            links.append((a, b, key))
        else:
            enemies[a].add(b)
            enemies[b].add(a)
    decisions = Decisions(tuple(links), dict(enemies), coded.filter(~is_known).select(OVERRIDES.names()))
    labels = decisions.labels(len(keys))
    for a, others in decisions.enemies.items():
        for b in others:
            if labels[a] == labels[b]:
                raise ValueError(f"manual links join {keys[a]} and {keys[b]}, which cannot_link keeps apart")
    return decisions
