"""Files: `caw resolve` as a function: a table of records in, clusters and scores out.

Lives here: the order of the work, what is told about the columns, and the report that compares with a truth.
Stays out: files themselves (`tables`), the command line (`orchestration`), and how records become clusters.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.contracts.progress import Progress, Quiet
from pipelines.identity.evaluate import evaluate
from pipelines.identity.policy import Policy, default_policy
from pipelines.identity.possible import accept_links, masked_links
from pipelines.identity.probabilistic import check_installed, probabilistic_links
from pipelines.identity.probabilistic_model import COMPARED
from pipelines.identity.records import KEY, unreadable_times, used_columns
from pipelines.identity.resolve import Resolution, records_clusters, resolve
from pipelines.identity.tables import (
    TableError,
    check_keys,
    check_target,
    read_table,
    shown,
    write_table,
    write_text,
)

CUSTOMER = "customer_id"
PERSON = "person_id"


@dataclass(frozen=True)
class ResolvedFile:
    """What became of a file: clusters written, the resolution behind them, possible links, the report, and remarks."""

    clusters: pl.DataFrame
    resolution: Resolution
    possible: pl.DataFrame
    report: dict[str, Any]
    remarks: tuple[str, ...] = field(default_factory=tuple)


def resolve_file(
    records: Path,
    out: Path,
    truth: Path | None = None,
    report: Path | None = None,
    policy: Policy | None = None,
    overrides: pl.DataFrame | None = None,
    encoding: str = "utf-8",
    progress: Progress | None = None,
    is_probabilistic: bool = False,
    links: Path | None = None,
) -> ResolvedFile:
    """Resolve a CSV or Parquet file of account records and write `record_id, customer_id` to `out`.

    Every record_id is written exactly once. The report holds records, clusters and seconds (of reading evidence and
    resolving, not of reading and writing files), and with a truth (record_id, person_id, optionally case) also
    pairwise, bcubed and by_case; `report` writes it as JSON. Possible links are accepted from
    `policy.possible_posterior` on, and written to `links` where that is given; `is_probabilistic` looks for more of
    them among the records that nothing links, and the report says by which model. Raises TableError, a ValueError, for
    files that are not what is expected, and CawError where the stage's extra is missing; nothing is written then.
    """
    chosen, listener = policy or default_policy(), progress or Quiet()
    if is_probabilistic:
        check_installed()
    check_target(out, (records, truth))
    if links:
        check_target(links, (records, truth), "--possible")
        if links.resolve() == out.resolve():
            raise TableError(f"{links} is named for clusters and for possible links.", "Name two files.")
    listener.start("read")
    table = read_table(records, encoding)
    check_keys(table, records, [KEY])
    remarks = _remarks(table, records, chosen, COMPARED if is_probabilistic else ())
    judged = _read_truth(truth, table, encoding) if truth else None
    listener.finish("read", table.height)
    start = time.perf_counter()
    listener.start("resolve")
    resolution = resolve(table, chosen, overrides)
    possible, model = masked_links(resolution), None
    if is_probabilistic:
        scored, model = probabilistic_links(resolution, table)
        possible = pl.concat([possible, scored])
    if chosen.possible_posterior is not None:
        resolution, possible = accept_links(resolution, possible, chosen.possible_posterior)
    clusters = records_clusters(resolution, table)
    seconds = round(time.perf_counter() - start, 3)
    listener.finish("resolve", clusters.height)
    found: dict[str, Any] = {"records": clusters.height, "clusters": clusters[CUSTOMER].n_unique()}
    if judged is not None:
        found = {"by_case": {}, **evaluate(clusters, judged)}
    found["seconds"] = seconds
    if model:
        found["probabilistic"] = model
    write_table(clusters, out)
    if links:
        write_table(possible.rename({"account_key": KEY, "candidate_cluster": f"candidate_{KEY}"}), links)
    if report:
        write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", report)
    return ResolvedFile(clusters, resolution, possible, found, remarks)


def _read_truth(path: Path, records: pl.DataFrame, encoding: str) -> pl.DataFrame:
    """The truth, about exactly the records of the table."""
    truth = read_table(path, encoding)
    check_keys(truth, path, [KEY, PERSON])
    ids = truth[KEY].cast(pl.String)
    twice = ids.filter(ids.is_duplicated())
    if len(twice):
        raise TableError(f"{path}: record_id {shown(twice)} stands in more than one row.", "A record has one person.")
    known = records[KEY].cast(pl.String).unique(maintain_order=True)
    for given, other, place in ((known, ids, "not in the truth"), (ids, known, "in the truth but not in the records")):
        lonely = given.filter(~given.is_in(other.implode()))
        if len(lonely):
            raise TableError(
                f"{path}: {len(lonely):,} of {len(given):,} record_ids are {place}: {shown(lonely)}.",
                "Records and truth must hold the same record_ids, spelt the same.",
            )
    return truth.select(KEY, PERSON, *(["case"] if "case" in truth.columns else []))


def _remarks(table: pl.DataFrame, path: Path, policy: Policy, also: Sequence[str] = ()) -> tuple[str, ...]:
    """What a user should know about the columns: not used, repeated records, times that cannot be read."""
    used = used_columns(table, policy) | (set(also) & set(table.columns))
    unused = [name for name in table.columns if name not in {*used, "batch"}]
    remarks = []
    if not used - {KEY, "source", "first_seen", "last_seen"}:
        remarks.append(f"{path} has no column that says who anybody is: every record becomes a customer of its own")
    if unused:
        remarks.append(f"columns not used: {', '.join(unused)}")
    repeated = table.height - table[KEY].n_unique()
    if repeated:
        twice = table[KEY].filter(table[KEY].is_duplicated())
        remarks.append(
            f"record_ids on several rows, each taken as one record: {shown(twice)} ({repeated:,} rows too many)"
        )
    for name, bad in unreadable_times(table).items():
        remarks.append(f"{name}: no time, counted as unknown, in {len(bad):,} rows: {shown(bad)}")
    return tuple(remarks)
