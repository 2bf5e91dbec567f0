"""Scores against a brute-force count of pairs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest

from pipelines.identity.evaluate import evaluate


def brute(rows: list[tuple[str, str, str]]) -> tuple[float, float, float, float]:
    """Pairwise precision and recall, B-cubed precision and recall, pair by pair."""
    both = found = true = 0
    for (_, c1, p1), (_, c2, p2) in combinations(rows, 2):
        found += c1 == c2
        true += p1 == p2
        both += c1 == c2 and p1 == p2
    precise = [sum(c == c2 and p == p2 for _, c2, p2 in rows) / sum(c == c2 for _, c2, _ in rows) for _, c, p in rows]
    recalled = [sum(c == c2 and p == p2 for _, c2, p2 in rows) / sum(p == p2 for _, _, p2 in rows) for _, c, p in rows]
    return both / found, both / true, sum(precise) / len(rows), sum(recalled) / len(rows)


@pytest.mark.parametrize("seed", range(5))
def test_scores_agree_with_counting_every_pair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [(f"r{i}", f"c{rng.integers(12)}", f"p{rng.integers(10)}") for i in range(60)]
    clusters = pl.DataFrame([(r, c) for r, c, _ in rows], schema=["record_id", "customer_id"], orient="row")
    truth = pl.DataFrame([(r, p) for r, _, p in rows], schema=["record_id", "person_id"], orient="row")
    found = evaluate(clusters, truth.sample(fraction=1, shuffle=True, seed=seed))
    got = (*list(found["pairwise"].values())[:2], *list(found["bcubed"].values())[:2])
    assert got == pytest.approx(brute(rows), abs=1e-12)
    assert found["records"] == 60
    assert found["clusters"] == clusters["customer_id"].n_unique()
    assert "by_case" not in found


def test_cases_are_scored_apart() -> None:
    clusters = pl.DataFrame({"record_id": list("abcd"), "customer_id": ["x", "x", "y", "z"]})
    truth = pl.DataFrame({"record_id": list("abcd"), "person_id": ["1", "1", "2", "2"], "case": ["s", "s", "t", "t"]})
    cases = evaluate(clusters, truth)["by_case"]
    assert cases["s"]["pairwise"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert cases["t"]["pairwise"] == {"precision": None, "recall": 0.0, "f1": None}
    assert cases["t"]["bcubed"]["recall"] == 0.5


def test_tables_of_different_records_are_refused() -> None:
    clusters = pl.DataFrame({"record_id": ["a", "b"], "customer_id": ["x", "x"]})
    with pytest.raises(ValueError, match="only one of clusters and truth"):
        evaluate(clusters, pl.DataFrame({"record_id": ["a"], "person_id": ["1"]}))
    with pytest.raises(ValueError, match="occurs twice"):
        evaluate(clusters, pl.DataFrame({"record_id": ["a", "a"], "person_id": ["1", "1"]}))
