"""Verbs about the science: backtest.

Wiring only; forecasting and measuring are in `pipelines.science`, the page in `pipelines.report`.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.console import ConsoleProgress, stderr, stdout, step
from pipelines.contracts.errors import CawError, ExitCode

if TYPE_CHECKING:
    import polars as pl

    from pipelines.science.backtest import Backtest
    from pipelines.science.backtest_input import RowCount

SCIENCE = "Science"


class RefusedLogError(CawError):
    """The transaction log cannot be used."""

    exit_code = ExitCode.INPUT_REFUSED


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the application."""
    app.command(rich_help_panel=SCIENCE)(backtest)


def backtest(
    transactions: Annotated[
        Path, typer.Argument(help="Transaction log, CSV or Parquet: one row per order or return (negative amount).")
    ],
    customer: Annotated[str, typer.Option(help="Column of the customer's id; rows without one are left out.")],
    date: Annotated[str, typer.Option(help="Column of the day of the order.")],
    amount: Annotated[str, typer.Option(help="Column of the amount; negative amounts are returns.")],
    calibration_end: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], help="Last day that the models may know; forecasts start the day after."),
    ],
    horizon: Annotated[int, typer.Option(min=1, help="Days ahead to forecast and compare.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write scores and outcome of each customer: .csv, else Parquet.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the calibration charts.")] = None,
) -> None:
    """Judge every forecast on a transaction log of your own.

    Forecasts orders, value and silence of each customer as known at the calibration end, by every model and by plain
    baselines, and compares them with what happened. The champion is chosen on earlier days, never on the holdout.

    Example: caw backtest orders.csv --customer customer_id --date ordered_on --amount total
    --calibration-end 2025-06-30 --horizon 180 --html backtest.html
    """
    from pipelines.science.backtest import backtest as run_backtest  # noqa: PLC0415

    progress = ConsoleProgress()
    with progress.live():
        with step(progress, f"read {transactions.name}") as rows:
            log, count = _read(transactions, customer, date, amount)
            rows.append(count.read)
        _check_span(log, calibration_end, horizon)
        with step(progress, "forecast and compare") as rows:
            found = run_backtest(log, calibration_end.date(), horizon)
            rows.append(found.scores.height)
        result = found.result | {"unit_of_time": "days", "rows": count.as_dict()}
        with step(progress, "write"):
            written = _write(result, found, transactions.name, json_file, out, html)
    from orchestration.backtest_summary import print_backtest  # noqa: PLC0415

    print_backtest(result, count)
    for path in written:
        stdout.print(f"wrote {path}", soft_wrap=True)


def _read(path: Path, customer: str, date: str, amount: str) -> tuple[pl.DataFrame, RowCount]:
    from pipelines.science.backtest_input import InputError, read_transactions  # noqa: PLC0415

    try:
        return read_transactions(path, customer, date, amount)
    except InputError as error:
        raise RefusedLogError(
            str(error), "Name the columns of the file with --customer, --date and --amount; --help shows an example."
        ) from error


def _check_span(log: pl.DataFrame, end: datetime, horizon: int) -> None:
    """The log must hold purchases on both sides of the calibration end; a holdout cut short is only told."""
    import polars as pl  # noqa: PLC0415

    days = sorted(log.filter("is_purchase")["day"].cast(pl.Date).unique().to_list())
    if not days:
        raise RefusedLogError("The log holds returns only.", "Purchases must have positive amounts.")
    first, last = days[0], days[-1]
    if not first <= end.date() < last:
        raise RefusedLogError(
            f"The log holds purchases from {first} to {last}, so {end.date()} leaves nothing on one side.",
            "Choose a --calibration-end between them.",
        )
    if end.date() + timedelta(days=horizon) > last:
        stderr.print(
            f"[yellow]![/yellow] The log ends on {last}, before the horizon of {horizon} days does: every forecast "
            "will look too high.",
            soft_wrap=True,
        )


def _write(
    result: dict, found: Backtest, source: str, json_file: Path | None, out: Path | None, html: Path | None
) -> list[Path]:
    """Write what was asked for; the paths."""
    for path in (json_file, out, html):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if out is not None and out.suffix.lower() == ".csv":
        found.scores.write_csv(out)
    elif out is not None:
        found.scores.write_parquet(out)
    if html is not None:
        from pipelines.report.backtest_page import render_backtest  # noqa: PLC0415

        render_backtest(result, found.calibration, found.tracking, source, html)
    return [path for path in (json_file, out, html) if path is not None]
