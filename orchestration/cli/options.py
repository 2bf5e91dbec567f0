"""Options that several verbs share, and how the house is found.

Lives here: `--home` and its default, and the typed settings made from it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration.console import stderr
from pipelines.contracts.settings import Settings

DEMO_HOME = Path("data/demo")
DEFAULT_HOME = Path("data")

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The house: folder below which everything lies. Default: CAW_HOME, else ./data."),
]


def writing_settings(home: Path | None, **overrides: Any) -> Settings:
    """Settings for a verb that writes: --home, else CAW_HOME, else ./data; set for child processes too."""
    return _settings(home or Path(os.environ.get("CAW_HOME", DEFAULT_HOME)), **overrides)


def reading_settings(home: Path | None) -> Settings:
    """Settings for a verb that reads: as for writing, but the demo's house where only the demo was ever published."""
    if home is None and "CAW_HOME" not in os.environ:
        demo_only = (DEMO_HOME / "warehouse").exists() and not (DEFAULT_HOME / "warehouse").exists()
        if demo_only:
            stderr.print(f"[dim]house: {DEMO_HOME} (the demo; name another with --home)[/dim]")
            return _settings(DEMO_HOME)
    return writing_settings(home)


def _settings(home: Path, **overrides: Any) -> Settings:
    os.environ["CAW_HOME"] = str(home.resolve())
    given = {name: value for name, value in overrides.items() if value is not None}
    return Settings(home=home.resolve(), **given)
