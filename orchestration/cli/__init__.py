"""The command `caw`: one verb a line.

Lives here: the application and the mapping of errors to messages and exit codes; the verbs live in the modules
beside. Stays out: anything that computes. Heavy imports happen inside the verbs, so that help is instant.
"""

from __future__ import annotations

import os
import sys

import typer
from rich.markup import escape

from orchestration.cli import extend, identity, inputs, path, science, served
from orchestration.console import stderr
from pipelines.contracts.errors import CawError, ExitCode

app = typer.Typer(
    name="caw",
    help="Customer-asset warehouse: channel exports in, a gated and published DuckDB warehouse out.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
for group in (path, inputs, identity, served, science, extend):
    group.register(app)


def main() -> None:
    """Entry point: run the verb; a known error becomes one clear message, an unknown one asks for a report."""
    try:
        app()
    except CawError as error:
        stderr.print(f"[red]error[/red] {escape(error.message)}", soft_wrap=True)
        if error.fix:
            stderr.print(f"[green]fix[/green]   {escape(error.fix)}", soft_wrap=True)
        sys.exit(int(error.exit_code))
    except KeyboardInterrupt:
        stderr.print("Stopped. What was published before is still served; run the same command to finish the work.")
        sys.exit(130)
    except MemoryError:
        stderr.print("[red]error[/red] Out of memory. Lower CAW_MEMORY_LIMIT or CAW_THREADS, or free some memory.")
        sys.exit(int(ExitCode.RESOURCE))
    except Exception as error:
        if os.environ.get("CAW_DEBUG"):
            raise
        stderr.print(f"[red]bug[/red] {type(error).__name__}: {escape(str(error))}", soft_wrap=True)
        stderr.print("Run again with CAW_DEBUG=1 for the traceback, and report it, please.")
        sys.exit(int(ExitCode.BUG))
