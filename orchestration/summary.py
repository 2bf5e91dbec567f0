"""What a person sees after a run: tables and sentences on the console.

Lives here: the final table, the account book, versions and query results as text.
Stays out: progress while it runs (`orchestration.console`) and the HTML page (`pipelines.report`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
from rich.table import Table

from orchestration.console import stdout
from orchestration.run import RunOutcome
from pipelines.contracts.settings import Settings

EXAMPLE_SQL = (
    "select state, count(*) as customers, sum(net_revenue) as net_revenue "
    "from marts.customer_360 group by state order by net_revenue desc"
)


def print_summary(settings: Settings, outcome: RunOutcome) -> None:
    """The final table of a run: input, money, coverage, gates, version, where to look and what to type next."""
    from pipelines.ingest import account_book  # noqa: PLC0415

    book = account_book(settings)
    table = Table(title=None, show_header=False, box=None, pad_edge=False, padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    table.add_row("as of", outcome.as_of or "not reached")
    for name, value in _book_rows(book):
        table.add_row(name, value)
    for name, value in _coverage_rows(settings, outcome):
        table.add_row(name, value)
    table.add_row("gates", _gates(outcome))
    table.add_row("version", _version(outcome))
    stdout.print()
    stdout.print(table)
    for problem in _problems(outcome):
        stdout.print(f"[red]![/red] {problem}", soft_wrap=True)
    if outcome.version:
        stdout.print()
        stdout.print(f"warehouse  {settings.warehouse_dir / 'warehouse.duckdb'}", soft_wrap=True)
        stdout.print(f"report     {settings.reports_dir / 'latest.html'}", soft_wrap=True)
        stdout.print(f"Dagster    caw ui --home {settings.home}", soft_wrap=True)
        stdout.print(f'try        caw sql --home {settings.home} "{EXAMPLE_SQL}"', soft_wrap=True)


def print_book(book: pl.DataFrame) -> None:
    """The account book, a line a file."""
    table = Table(
        "source", "file", "table", "outcome", "read", "accepted", "quarantined", "duplicate", "money accepted"
    )
    for row in book.sort("source_system", "source_file").iter_rows(named=True):
        counts = [f"{row[f'{name}_n']:,}" for name in ("read", "accepted", "quarantined", "duplicate")]
        outcome = row["outcome"] if row["outcome"] == "accepted" else f"{row['outcome']}: {row['reason']}"
        amount = f"{_amount(row['money_accepted'])} {row['currency'] or ''}" if row["money_accepted"] else ""
        table.add_row(row["source_system"], row["source_file"], row["raw_table"] or "", outcome, *counts, amount)
    stdout.print(table)


def print_check(check: Any) -> None:
    """What one file is, how it would be read, and what would be refused."""
    stdout.print(f"[bold]{check.path.name}[/bold]  source {check.source_system}")
    if check.is_refused:
        stdout.print(f"  [red]refused[/red] {check.code}: {check.reason}", soft_wrap=True)
    if check.raw_table is None:
        return
    how = [f"table {check.raw_table}", f"channel {check.channel}", f"encoding {check.encoding}"]
    how += [f"delimiter {check.delimiter!r}"] if check.delimiter else []
    how += [f"time zone {check.time_zone}", f"currency {check.currency or 'of each row'}"]
    stdout.print(f"  {', '.join(how)}", soft_wrap=True)
    stdout.print(
        f"  {check.read_n:,} rows read = {check.accepted_n:,} accepted + {check.quarantined_n:,} quarantined "
        f"+ {check.duplicate_n:,} duplicate; events {check.first_event_at or '-'} to {check.last_event_at or '-'}"
    )
    for line in (*check.warnings, *check.problems):
        stdout.print(f"  [yellow]![/yellow] {line}", soft_wrap=True)
    table = Table("header", "becomes", "", box=None, padding=(0, 2))
    for use in check.columns:
        table.add_row(use.header, ", ".join(use.columns), use.note)
    stdout.print(table)


def print_frame(frame: pl.DataFrame) -> None:
    """A query's result as a table; at most 200 rows are shown."""
    table = Table(*frame.columns)
    for row in frame.head(200).rows():
        table.add_row(*("" if value is None else str(value) for value in row))
    stdout.print(table)
    shown = " (the first 200 shown)" if len(frame) > 200 else ""
    stdout.print(f"{len(frame):,} rows{shown}")


def print_versions(versions: list[Any], current: Any) -> None:
    """Published versions, newest first, the one served marked; an id begins with the time it was published, in UTC."""
    table = Table("", "as of", box=None, padding=(0, 2, 0, 0))
    for heading in ("version", "published after"):
        table.add_column(heading, overflow="fold")
    for version in versions:
        mark = "served" if current is not None and version.id == current.id else ""
        table.add_row(mark, str(version.as_of), version.id, version.parent or "")
    stdout.print(table)


def _book_rows(book: pl.DataFrame) -> list[tuple[str, str]]:
    if book.is_empty():
        return [("files", "none")]
    refused = book.filter(pl.col("outcome") == "refused")
    sums = {name: int(book[f"{name}_n"].sum()) for name in ("read", "accepted", "quarantined", "duplicate")}
    ties = (
        "ties out" if sums["read"] == sums["accepted"] + sums["quarantined"] + sums["duplicate"] else "DOES NOT TIE OUT"
    )
    rows = [
        ("files", f"{len(book):,}" + (f", {len(refused):,} refused" if len(refused) else "")),
        (
            "rows",
            f"{sums['read']:,} read = {sums['accepted']:,} accepted + {sums['quarantined']:,} quarantined "
            f"+ {sums['duplicate']:,} duplicate  [dim]{ties}[/dim]",
        ),
    ]
    money = (
        book.filter(pl.col("currency").is_not_null())
        .group_by("currency")
        .agg(pl.col(f"money_{name}").sum() for name in ("read", "accepted", "quarantined", "duplicate"))
        .sort("currency")
    )
    for row in money.iter_rows(named=True):
        parts = row["money_accepted"] + row["money_quarantined"] + row["money_duplicate"]
        verdict = "ties out" if parts == row["money_read"] else "DOES NOT TIE OUT"
        rows.append(
            (
                f"money {row['currency']}",
                f"{_amount(row['money_read'])} read = {_amount(row['money_accepted'])} + "
                f"{_amount(row['money_quarantined'])} + {_amount(row['money_duplicate'])}  [dim]{verdict}[/dim]",
            )
        )
    return rows


def _coverage_rows(settings: Settings, outcome: RunOutcome) -> list[tuple[str, str]]:
    if outcome.version is None:
        return []
    from pipelines.warehouse import headline  # noqa: PLC0415

    basis = headline(settings)
    return [
        ("coverage", f"costs are known for {basis.costed_rate:.1%} of net revenue; headline basis: {basis.basis}"),
    ]


def _gates(outcome: RunOutcome) -> str:
    failed = [gate for gate in outcome.gates if not gate.passed]
    passed = f"{len(outcome.gates) - len(failed):,} checks passed"
    return f"{passed}, [red]{len(failed):,} failed[/red]" if failed else passed


def _version(outcome: RunOutcome) -> str:
    if outcome.version is None:
        return "nothing published; the version published before is still served"
    return outcome.version if outcome.is_new else f"{outcome.version} (nothing new: equal to what was served already)"


def _problems(outcome: RunOutcome) -> list[str]:
    lines = []
    for gate in outcome.gates:
        if not gate.passed:
            endangered = f" Endangered marts: {gate.endangered}." if gate.endangered else ""
            lines.append(f"{gate.table} {gate.check}: {gate.message or 'failed'}{endangered}")
    return lines + [error for error in outcome.errors if "DagsterAssetCheckFailedError" not in error]


def _amount(value: Decimal | None) -> str:
    return f"{value or Decimal(0):,.2f}"
