"""Verbs about input: init, check, book.

Wiring only; reading and judging files is in `pipelines.ingest`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import HomeOption, reading_settings, writing_settings
from orchestration.console import stdout
from pipelines.contracts.errors import ExitCode

INPUT = "Input"


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the application."""
    app.command(rich_help_panel=INPUT)(init)
    app.command(rich_help_panel=INPUT)(check)
    app.command(rich_help_panel=INPUT)(book)


def init(
    sources: Annotated[list[str] | None, typer.Argument(help="Source systems, such as web tmall pos crm.")] = None,
    home: HomeOption = None,
) -> None:
    """Make a house: landing folders and the key of the hashes.

    Writes a commented _source.yml for every source named.

    Example: caw init web pos
    """
    from pipelines.ingest import init_home  # noqa: PLC0415

    settings = writing_settings(home)
    for path in init_home(settings, sources or []):
        stdout.print(f"made {path}")
    stdout.print(f"Next: put export files into {settings.landing_dir}/<source>/ and type `caw run`.")


def check(
    files: Annotated[list[Path], typer.Argument(exists=True, help="Export files to look at; nothing is written.")],
    home: HomeOption = None,
) -> None:
    """Tell what a file is, how it is read, what is refused.

    Example: caw check orders_export.csv
    """
    from orchestration.summary import print_check  # noqa: PLC0415
    from pipelines.ingest import check_files  # noqa: PLC0415

    results = check_files(reading_settings(home), files)
    for result in results:
        print_check(result)
    if any(result.is_refused for result in results):
        sys.exit(int(ExitCode.INPUT_REFUSED))


def book(home: HomeOption = None) -> None:
    """Show the account book of every file, rows and money.

    Example: caw book
    """
    from orchestration.summary import print_book  # noqa: PLC0415
    from pipelines.ingest import account_book  # noqa: PLC0415

    print_book(account_book(reading_settings(home)))
