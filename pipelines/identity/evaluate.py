"""Evaluate: clusters against a known truth.

Lives here: pairwise and B-cubed precision, recall and F1, in total and by case, from counts of a contingency table;
no pair is ever written out.
Stays out: resolution itself, which never sees the truth.
"""

from __future__ import annotations

from typing import Any

import polars as pl


def evaluate(clusters: pl.DataFrame, truth: pl.DataFrame) -> dict[str, Any]:
    """Score `clusters` (record_id, customer_id) against `truth` (record_id, person_id, optionally case).

    Returns pairwise and bcubed with precision, recall and f1, by_case with the same (null recall where a case has no
    true pair), records and clusters. Pairs of a case are those whose both records belong to it; B-cubed of a case is
    the mean over its records of what share of their cluster (person) is theirs, whole clusters (persons) counted.
    Raises ValueError when the two tables do not hold the same record_ids, each once.
    """
    left, right = (frame.with_columns(pl.col("record_id").cast(pl.String)) for frame in (clusters, truth))
    for name, frame in (("clusters", left), ("truth", right)):
        if frame["record_id"].n_unique() != frame.height:
            raise ValueError(f"{name}: a record_id occurs twice")
    both = left.join(right, on="record_id", how="full", coalesce=True)
    lonely = both.filter(pl.col("customer_id").is_null() | pl.col("person_id").is_null()).height
    if lonely:
        raise ValueError(f"{lonely} record_ids are in only one of clusters and truth")
    both = both.with_columns(
        cell=pl.len().over("customer_id", "person_id"),
        cluster=pl.len().over("customer_id"),
        person=pl.len().over("person_id"),
    )
    result: dict[str, Any] = {"pairwise": _pairwise(both), "bcubed": _bcubed(both)}
    if "case" in both.columns:
        cases = both.partition_by("case", as_dict=True)
        result["by_case"] = {
            str(key[0]): {"pairwise": _pairwise(rows), "bcubed": _bcubed(rows)}
            for key, rows in sorted(cases.items(), key=lambda entry: str(entry[0][0]))
        }
    result["records"] = both.height
    result["clusters"] = both["customer_id"].n_unique()
    return result


def _pairwise(rows: pl.DataFrame) -> dict[str, float | None]:
    true_found = _pairs(rows, ["customer_id", "person_id"])
    return _scores(true_found, _pairs(rows, ["customer_id"]), true_found, _pairs(rows, ["person_id"]))


def _pairs(rows: pl.DataFrame, keys: list[str]) -> int:
    return int(rows.group_by(keys).len().select((pl.col("len").cast(pl.Int64) * (pl.col("len") - 1) // 2).sum()).item())


def _bcubed(rows: pl.DataFrame) -> dict[str, float | None]:
    """Mean over the rows; equal ratios are summed as counts, so that the order of rows does not matter."""
    precision = _mean_ratio(rows, "cluster")
    recall = _mean_ratio(rows, "person")
    return {"precision": precision, "recall": recall, "f1": _f1(precision, recall)}


def _mean_ratio(rows: pl.DataFrame, whole: str) -> float | None:
    counts = rows.group_by("cell", whole).len().sort("cell", whole)
    if counts.is_empty():
        return None
    return sum(cell * n / size for cell, size, n in counts.iter_rows()) / rows.height


def _scores(hits: int, found: int, also_hits: int, true: int) -> dict[str, float | None]:
    precision = hits / found if found else None
    recall = also_hits / true if true else None
    return {"precision": precision, "recall": recall, "f1": _f1(precision, recall)}


def _f1(precision: float | None, recall: float | None) -> float | None:
    if precision is None or recall is None or precision + recall == 0:
        return None
    return 2 * precision * recall / (precision + recall)
