"""Verbs for those who extend the house: add-channel, add-mart.

Wiring only; the files are written by `orchestration.scaffold`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestration.console import stdout
from pipelines.contracts.errors import CawError

EXTEND = "Extend"


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the application."""
    app.command("add-channel", rich_help_panel=EXTEND)(add_channel)
    app.command("add-mart", rich_help_panel=EXTEND)(add_mart)


def add_channel(
    name: Annotated[str, typer.Argument(help="Name of the format, such as etsy.")],
    exports: Annotated[
        list[str], typer.Option("--export", help="TABLE=FILE: a sample file for a raw table; repeatable.")
    ],
    entities: Annotated[list[str], typer.Option("--entity", help="Entity the format feeds; repeatable.")],
) -> None:
    """Begin a new channel from a sample of its export.

    Example: caw add-channel etsy --export orders=EtsySoldOrders.csv --entity order --entity order_line
    """
    from orchestration import scaffold  # noqa: PLC0415

    samples = dict(_sample(text) for text in exports)
    _show(scaffold.add_channel(name, samples, tuple(entities)), scaffold.ROOT)
    subprocess.run([sys.executable, "-m", "orchestration.dbt_schema"], check=True, cwd=scaffold.ROOT)
    stdout.print(
        "Next: give the fields their types and identifiers, and the staging models their sources; `make test`."
    )


def add_mart(
    domain: Annotated[
        str, typer.Argument(help="Folder of the mart: customer, profit, ltv, segments, churn, or a new one.")
    ],
    name: Annotated[str, typer.Argument(help="Name of the mart: what a row is.")],
) -> None:
    """Begin a new mart from one that works.

    Example: caw add-mart customer customer_basket
    """
    from orchestration import scaffold  # noqa: PLC0415

    _show(scaffold.add_mart(domain, name), scaffold.ROOT)
    stdout.print("Next: edit the schema, the questions and the function; `make test`; accept the new graph snapshot.")


def _show(written: list[Path], root: Path) -> None:
    """Name the files, their imports sorted and their lines laid out as `make lint` asks."""
    modules = [str(path) for path in written if path.suffix == ".py"]
    for arguments in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, *modules], check=False, cwd=root)
    for path in written:
        stdout.print(f"wrote {path.relative_to(root)}")


def _sample(text: str) -> tuple[str, Path]:
    table, _, file = text.partition("=")
    path = Path(file)
    if not table or not path.is_file():
        raise CawError(f"{text!r} names no file.", "Write --export orders=FILE.")
    return table, path
