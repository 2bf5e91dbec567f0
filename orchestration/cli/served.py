"""Verbs about what is served: sql, versions, rollback, verify, dictionary.

Wiring only; the published versions are kept by `pipelines.warehouse`.
"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.options import HomeOption, reading_settings, writing_settings
from orchestration.console import stdout

SERVED = "What is served"


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the application."""
    app.command(rich_help_panel=SERVED)(sql)
    app.command(rich_help_panel=SERVED)(versions)
    app.command(rich_help_panel=SERVED)(rollback)
    app.command(rich_help_panel=SERVED)(verify)
    app.command(rich_help_panel=SERVED)(dictionary)


def sql(
    query: Annotated[str, typer.Argument(help="One SQL statement; schemas marts, core and meta.")],
    home: HomeOption = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
) -> None:
    """Query the published warehouse, read-only.

    Example: caw sql "select state, count(*) from marts.customer_lifecycle group by all"
    """
    from orchestration.summary import print_frame  # noqa: PLC0415
    from pipelines.warehouse import query_published  # noqa: PLC0415

    frame = query_published(reading_settings(home), query)
    if csv:
        typer.echo(frame.write_csv(), nl=False)
    else:
        print_frame(frame)


def versions(home: HomeOption = None) -> None:
    """List the published versions, the one served marked.

    Example: caw versions
    """
    from orchestration.summary import print_versions  # noqa: PLC0415
    from pipelines.warehouse import current_version, list_versions  # noqa: PLC0415

    settings = reading_settings(home)
    print_versions(list_versions(settings), current_version(settings))


def rollback(
    version: Annotated[str, typer.Argument(help="Version to serve, see `caw versions`.")], home: HomeOption = None
) -> None:
    """Serve an earlier version; nothing is deleted.

    Example: caw rollback 20260101T000000Z-1a2b3c4d
    """
    from pipelines.warehouse import rollback as move_pointer  # noqa: PLC0415

    stdout.print(f"Serving {move_pointer(writing_settings(home), version).id}")


def verify(home: HomeOption = None) -> None:
    """Compare every published version with its manifest.

    Example: caw verify
    """
    from pipelines.warehouse import list_versions  # noqa: PLC0415
    from pipelines.warehouse import verify as verify_version  # noqa: PLC0415

    settings = reading_settings(home)
    for version in list_versions(settings):
        verify_version(settings, version.id)
        stdout.print(f"{version.id}  as published")


def dictionary(
    table: Annotated[str | None, typer.Argument(help="A table, such as customer_rfm. Default: every mart.")] = None,
) -> None:
    """Print the data dictionary of marts and core tables.

    Example: caw dictionary customer_rfm
    """
    from orchestration.dictionary import dictionary_markdown  # noqa: PLC0415

    typer.echo(dictionary_markdown(table))
