"""Quality of identity over ten seeds: `python tests/benchmarks/identity_quality.py [people] [seeds] [classic|apart]`.

Prints per seed precision, recall and F1 with the ceiling that true evidence allows, then the spread, and the worst
B-cubed precision and the recall of every case. The seeds are those nobody looked at while the rules were made.
`classic` has the cases of the set the rules were first measured on and nothing else; `apart` adds the cases that the
set lacks; without either, six families in ten live under one roof as well, so that a nameless record in the family's
city could be anybody's. 25,000 people are about 67,000 records.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipelines.identity.components import connected_components
from pipelines.identity.evaluate import evaluate
from pipelines.identity.policy import default_policy
from pipelines.identity.records import case_from_records
from pipelines.identity.resolve import records_clusters, resolve_case
from pipelines.simulate.identity_world import CLASSIC, SHARES, identity_world

FIRST_SEED = 1_001


def ceiling(evidence: pl.DataFrame, truth: pl.DataFrame) -> dict:
    """Scores of joining every usable value within, and only within, its true person."""
    owned = evidence.join(truth.select(account_key="record_id", person="person_id"), on="account_key")
    edges = owned.select(a="account_key", b=pl.concat_str("id_type", "scope_key", "value", "person", separator="\x1f"))
    loops = truth.select(a="record_id", b="record_id")
    labels = connected_components(pl.concat([edges, loops])).rename({"node": "record_id", "component": "customer_id"})
    return evaluate(labels.join(truth.select("record_id"), on="record_id", how="semi"), truth)


CONDITIONS: dict[str, tuple[Mapping[str, float], float]] = {
    "classic": (CLASSIC, 0.0), "apart": (SHARES, 0.0), "together": (SHARES, 0.6),
}  # fmt: skip
"""Shares of the cases, and of the families that live under one roof."""


def main(people: int, seeds: int, condition: str) -> None:
    """Print the table."""
    scores, cases = [], []
    policy = default_policy()
    print(f"{'seed':>6} {'records':>8} {'precision':>10} {'recall':>8} {'f1':>8} {'ceiling f1':>11}")
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        records, truth = identity_world(seed, people, *CONDITIONS[condition])
        case = case_from_records(records, policy)
        found = evaluate(records_clusters(resolve_case(case, policy), records), truth)
        best = ceiling(case.evidence, truth)
        row = (*found["pairwise"].values(), best["pairwise"]["f1"])
        scores.append(row)
        print(f"{seed:>6} {len(records):>8} {row[0]:>10.4f} {row[1]:>8.4f} {row[2]:>8.4f} {row[3]:>11.4f}")
        cases += [
            (name, score["bcubed"]["precision"], score["bcubed"]["recall"], best["by_case"][name]["bcubed"]["recall"])
            for name, score in found["by_case"].items()
        ]
    table = pl.DataFrame(scores, schema=["precision", "recall", "f1", "ceiling_f1"], orient="row")
    for name in table.columns:
        column = table[name]
        print(f"{name:<12} min {column.min():.4f}  mean {column.mean():.4f}  max {column.max():.4f}")
    frame = pl.DataFrame(cases, schema=["case", "precision", "recall", "ceiling_recall"], orient="row")
    by_case = frame.group_by("case").agg(
        least_precision=pl.col("precision").min(),
        precision=pl.col("precision").mean(),
        least_recall=pl.col("recall").min(),
        recall=pl.col("recall").mean(),
        ceiling_recall=pl.col("ceiling_recall").mean(),
    )
    print(f"{'case (B-cubed)':<22} {'least P':>8} {'mean P':>8} {'least R':>8} {'mean R':>8} {'ceiling':>8}")
    for name, *figures in by_case.sort("case").iter_rows():
        print(f"{name:<22}" + "".join(f" {figure:>8.4f}" for figure in figures))


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    chosen = next((name for name in sys.argv if name in CONDITIONS), "together")
    main(*(given + [25_000, 10][len(given) :]), chosen)
