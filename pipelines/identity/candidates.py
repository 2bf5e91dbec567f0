"""Candidates: accounts that a guard left apart although they share a value, with the probability that it was wrong.

Lives here: what a person may want to look at in the warehouse, where masked values are not kept. Columns of POSSIBLE.
Stays out: masked telephones of an extract (`possible`), and what becomes of a candidate (manual decisions).
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import polars as pl

from pipelines.identity.core import UNATTACHED, Block, Core
from pipelines.identity.core_facts import facts_of, load_cores
from pipelines.identity.possible import POSSIBLE
from pipelines.identity.resolve import Resolution

KIND = "shared_value"


def refused_links(resolution: Resolution) -> pl.DataFrame:
    """Accounts that were given to nobody on a value, and the people who use it: columns of POSSIBLE.

    The posterior weighs the supporting attributes against the odds that two users of a value are one person; names, ids
    or birth dates that exclude each other leave nothing to ask. Crowds and hubs are left out, and so are candidates
    below `policy.possible_floor`. `candidate_cluster` is named by its account seen first.
    """
    book, policy = resolution.book, resolution.policy
    left = resolution.parts.filter(pl.col("part") == UNATTACHED).select("val").unique()
    rows = book.evidence.join(left, on="val", how="semi").with_columns(
        core=pl.Series(resolution.labels, dtype=pl.Int32).gather(book.evidence.join(left, on="val", how="semi")["acc"])
    )
    devices = [code for code, rule in enumerate(book.types) if rule.strength == "device"]
    few = pl.col("core").n_unique().over("val").is_between(2, policy.anonymous_limit)
    rows = rows.filter(few & ~pl.col("type").is_in(devices))
    unattached = set(resolution.parts.filter(pl.col("part") == UNATTACHED).select("val", "acc").rows())
    cores = _cores(resolution, rows["core"].to_numpy())
    found: dict[tuple[int, int], tuple[float, str]] = {}
    for (_,), group in sorted(rows.sort("val", "first", "acc").group_by("val", maintain_order=True)):
        for pair, told in _on_value(resolution, group, unattached, cores).items():
            found[pair] = max(found.get(pair, told), told)
    return _table(resolution, found)


def _on_value(
    resolution: Resolution, group: pl.DataFrame, unattached: set[tuple[int, int]], cores: dict[int, Core]
) -> dict[tuple[int, int], tuple[float, str]]:
    """(account left alone, core of the candidate) on one value: posterior and the type of the value."""
    rule = resolution.book.types[group["type"][0]]
    uses: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    lone: dict[int, int] = {}
    for acc, val, core, first, last in group.select("acc", "val", "core", "first", "last").iter_rows():
        uses[core].append((acc, first, last))
        if (val, acc) in unattached:
            lone.setdefault(core, acc)
    blocks = {
        core: Block((core,), min(u[1] for u in own), max(u[2] for u in own), cores.get(core, Core()))
        for core, own in uses.items()
    }
    judge = resolution.partitioner
    found: dict[tuple[int, int], tuple[float, str]] = {}
    for core, acc in lone.items():
        odds = {
            other: 2.0 ** (judge.weights.prior + judge.bits(blocks[core], block, False, rule.recyclable))
            for other, block in blocks.items()
            if other != core and not judge.conflicts.hard(blocks[core].facts, block.facts)
            and (other not in lone or block.age < blocks[core].age)
        }  # fmt: skip
        total = sum(odds.values())
        found |= {(acc, other): (odd / (1 + total), rule.name) for other, odd in odds.items()}
    return found


def _cores(resolution: Resolution, wanted: np.ndarray) -> dict[int, Core]:
    """What is known of some of the final clusters."""
    facts = facts_of(resolution.book, resolution.labels)
    return load_cores(resolution.book, facts.of(wanted), ("exclusive", "limited"))


def _table(resolution: Resolution, found: dict[tuple[int, int], tuple[float, str]]) -> pl.DataFrame:
    keys = resolution.book.keys
    is_statement = resolution.case.accounts.sort("account_key")["source"] == ""
    anchor = dict(
        pl.DataFrame({"label": resolution.labels, "first": resolution.book.first_seen, "acc": np.arange(len(keys))})
        .with_columns(is_statement)
        .sort("source", "first", "acc")
        .unique("label", keep="first", maintain_order=True)
        .select("label", "acc")
        .iter_rows()
    )
    rows = [
        (keys[acc], keys[anchor[core]], KIND, posterior, f"the same {id_type}; nothing excludes it")
        for (acc, core), (posterior, id_type) in found.items()
        if posterior >= resolution.policy.possible_floor
    ]
    frame = pl.DataFrame(rows, schema=POSSIBLE, orient="row")
    return frame.with_columns(pl.col("posterior").round_sig_figs(9)).sort("account_key", "candidate_cluster")
