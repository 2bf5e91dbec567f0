"""What a person sees about who is whom: tables and sentences on the console.

Lives here: the outcome of `caw resolve`. Stays out: everything that is computed (`pipelines.identity`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from rich.table import Table

from orchestration.console import stderr, stdout
from pipelines.identity.files import CUSTOMER, ResolvedFile

LARGEST_N = 5


def print_resolved(done: ResolvedFile, out: Path, report: Path | None) -> None:
    """Counts, what spoke against linking, scores where a truth was given, and where the result lies."""
    for remark in done.remarks:
        stderr.print(f"[yellow]note[/yellow] {remark}", soft_wrap=True)
    found = done.report
    sizes = done.clusters.group_by(CUSTOMER).len().get_column("len").sort(descending=True)
    largest = ", ".join(f"{size:,}" for size in sizes.head(LARGEST_N).to_list())
    stdout.print(
        f"{found['records']:,} records, {found['clusters']:,} customers in {found['seconds']} s; "
        f"{(sizes == 1).sum():,} customers of one record, the largest of {largest}",
        soft_wrap=True,
    )
    stdout.print(_verdicts(done.resolution.profile))
    if "pairwise" in found:
        stdout.print(_scores(found))
    if done.possible.height:
        stdout.print(f"{done.possible.height:,} possible links (masked telephones); accept some with --accept 0.95")
    stdout.print(f"clusters  {out}", soft_wrap=True)
    if report:
        stdout.print(f"scores    {report}", soft_wrap=True)


def _verdicts(profile: pl.DataFrame) -> Table:
    """What was found of the values of each identifier type."""
    table = Table("identifier", "verdict", "values", "accounts", box=None, pad_edge=False)
    counted = profile.group_by("id_type", "verdict").agg(values=pl.len(), accounts=pl.col("n_accounts").sum())
    for id_type, verdict, values, accounts in counted.sort("id_type", "values", descending=[False, True]).iter_rows():
        table.add_row(id_type, verdict, f"{values:,}", f"{accounts:,}")
    return table


def _scores(found: dict[str, Any]) -> Table:
    table = Table("", "pairwise P", "R", "F1", "B-cubed P", "R", "F1", box=None, pad_edge=False)
    lines = {"all": found, **found["by_case"]}
    for name, scores in lines.items():
        cells = [scores[kind][score] for kind in ("pairwise", "bcubed") for score in ("precision", "recall", "f1")]
        table.add_row(name, *("-" if cell is None else f"{cell:.4f}" for cell in cells))
    return table
