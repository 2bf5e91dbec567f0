"""Files: `caw resolve` as a function: a table of records in, clusters and scores out.

Lives here: reading CSV and Parquet, writing clusters whole or not at all, and the report that compares with a truth.
Stays out: the command line itself (`orchestration`) and everything about how records become clusters.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.identity.evaluate import evaluate
from pipelines.identity.policy import Policy, default_policy
from pipelines.identity.possible import accept_links, masked_links
from pipelines.identity.records import KEY
from pipelines.identity.resolve import Resolution, records_clusters, resolve

CUSTOMER = "customer_id"


@dataclass(frozen=True)
class ResolvedFile:
    """What became of a file: the clusters written, the resolution behind them, and scores where a truth was given."""

    clusters: pl.DataFrame
    resolution: Resolution
    possible: pl.DataFrame
    report: dict[str, Any]


def resolve_file(
    records: Path,
    out: Path,
    truth: Path | None = None,
    report: Path | None = None,
    policy: Policy | None = None,
    overrides: pl.DataFrame | None = None,
) -> ResolvedFile:
    """Resolve a CSV or Parquet file of account records and write `record_id, customer_id` to `out`.

    Every record_id is written exactly once. The report holds records, clusters and seconds, and with a truth
    (record_id, person_id, optionally case) also pairwise, bcubed and by_case; `report` writes it as JSON. Possible
    links are accepted from `policy.possible_posterior` on. Raises ValueError for files that are not what is expected.
    """
    chosen = policy or default_policy()
    table = read_table(records)
    if KEY not in table.columns:
        raise ValueError(f"{records}: no column {KEY}; found {', '.join(table.columns)}")
    judged = read_table(truth) if truth else None
    missing = {KEY, "person_id"} - set(judged.columns) if judged is not None else set()
    if missing:
        raise ValueError(f"{truth}: no column {', '.join(sorted(missing))}")
    start = time.perf_counter()
    resolution = resolve(table, chosen, overrides)
    possible = masked_links(resolution)
    if chosen.possible_posterior is not None:
        resolution, possible = accept_links(resolution, possible, chosen.possible_posterior)
    clusters = records_clusters(resolution, table)
    seconds = round(time.perf_counter() - start, 3)
    found: dict[str, Any] = {"records": clusters.height, "clusters": clusters[CUSTOMER].n_unique()}
    if judged is not None:
        found = {"by_case": {}, **evaluate(clusters, judged)}
    found["seconds"] = seconds
    write_table(clusters, out)
    if report:
        _write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", report)
    return ResolvedFile(clusters, resolution, possible, found)


def read_table(path: Path) -> pl.DataFrame:
    """A CSV (all columns as text; empty fields null) or Parquet file; ValueError for another kind or an empty file."""
    suffix = path.suffix.lower()
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        if suffix in (".parquet", ".pq"):
            return pl.read_parquet(path)
        if suffix in (".csv", ".txt", ".tsv"):
            return pl.read_csv(path, infer_schema=False, separator="\t" if suffix == ".tsv" else ",")
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{path}: {error}") from error
    raise ValueError(f"{path}: records are read from .csv, .tsv or .parquet")


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write CSV or Parquet beside its place and move it there, so that a reader never sees half a file."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet", ".pq"):
        raise ValueError(f"{path}: clusters are written to .csv or .parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if suffix == ".csv":
            frame.write_csv(partial)
        else:
            frame.write_parquet(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_text(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
