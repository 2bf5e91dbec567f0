"""Verbs that walk the path: demo, run, simulate, ui.

Wiring only. What a run does is in `orchestration.run`, how it is shown in `orchestration.summary`.
"""

from __future__ import annotations

import atexit
import gc
import os
import subprocess
import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import DEMO_HOME, HomeOption, reading_settings, writing_settings
from orchestration.console import ConsoleProgress, stderr, stdout, step
from pipelines.contracts.errors import CawError, ExitCode
from pipelines.contracts.settings import Probabilistic, Settings

PATH = "The path"


class World(StrEnum):
    """Worlds that can be simulated."""

    company = "company"
    bgnbd = "bgnbd"


class DemoData(StrEnum):
    """Data that the demo can take."""

    simulated = "simulated"
    completejourney = "completejourney"


AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d"], help="Day as of which to compute. Default: last complete business day."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the application."""
    app.command(rich_help_panel=PATH)(demo)
    app.command(rich_help_panel=PATH)(run)
    app.command(rich_help_panel=PATH)(simulate)
    app.command(rich_help_panel=PATH)(ui)


def demo(
    home: HomeOption = None,
    data: Annotated[DemoData, typer.Option(help="What to build the demo from.")] = DemoData.simulated,
    customers: Annotated[int, typer.Option(min=50, help="People in the simulated company.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of the simulated company.")] = 7,
) -> None:
    """Build and publish a demonstration warehouse.

    From a simulated company, or from the real grocery baskets of the Complete Journey.

    Example: caw demo --customers 5000
    """
    from orchestration.demo import prepare_completejourney, prepare_simulated  # noqa: PLC0415

    suffix = "" if data is DemoData.simulated else f"-{data.value}"
    settings = writing_settings(home or Path(os.environ.get("CAW_HOME") or f"{DEMO_HOME}{suffix}"))
    progress = ConsoleProgress()
    with progress.live():
        if data is DemoData.simulated:
            prepare_simulated(settings, customers, seed, progress)
        else:
            prepare_completejourney(settings, progress)
        _walk(settings, progress, None, allow_refused=False)


def run(
    home: HomeOption = None,
    landing: Annotated[
        Path | None, typer.Option(help="Folder of exports, one folder a source. Default: HOME/landing.")
    ] = None,
    as_of: AsOf = None,
    identity_as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Count customers as they were known on this day: who was whom as believed then, over today's facts. "
            "Accounts that came later belong to whom they belong now. Ids and their history stay as they are.",
        ),
    ] = None,
    allow_refused: Annotated[bool, typer.Option(help="Go on without files that are refused as a whole.")] = False,
    probabilistic: Annotated[
        bool,
        typer.Option(
            "--probabilistic",
            help="Also compare names, years of birth and cities of accounts that nothing links, for `caw review`. Uses "
            "the model that is kept; the first such run trains it. Needs the extra \\[probabilistic].",
        ),
    ] = False,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train the model of --probabilistic anew, and keep it from now on.")
    ] = False,
) -> None:
    """Take a folder of exports to a published version.

    Example: caw run --landing exports --as-of 2026-06-30
    """
    settings = writing_settings(
        home,
        landing=landing.resolve() if landing else None,
        identity_as_of=identity_as_of.date() if identity_as_of else None,
        probabilistic=Probabilistic.retrain if retrain else Probabilistic.on if probabilistic else None,
    )
    if settings.probabilistic is not Probabilistic.off:
        from pipelines.identity.probabilistic import check_installed  # noqa: PLC0415

        check_installed()
    if not settings.landing_dir.is_dir():
        raise CawError(
            f"There is no landing folder {settings.landing_dir}.",
            "Put exports into landing/<source>/ (`caw init SOURCE` makes the folder), or name a folder with --landing.",
        )
    progress = ConsoleProgress()
    with progress.live():
        _walk(settings, progress, as_of.date() if as_of else None, allow_refused)


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder to write landing/ and truth/ into.")],
    customers: Annotated[int, typer.Option(min=1, help="People.")] = 20_000,
    months: Annotated[int, typer.Option(min=2, help="Months.")] = 30,
    seed: Annotated[int, typer.Option(help="Seed; the same seed writes the same bytes.")] = 7,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day.")] = datetime(2024, 1, 1),  # noqa: DTZ001
    world: Annotated[
        World, typer.Option(help="company: every channel and quirk; bgnbd: the plain model world.")
    ] = World.company,
) -> None:
    """Write a simulated company's exports, and the truth beside them.

    Example: caw simulate world --customers 1000 --seed 3
    """
    from pipelines.simulate import simulate as write_world  # noqa: PLC0415

    progress = ConsoleProgress()
    with progress.live(), step(progress, "simulate") as rows:
        summary = write_world(out, customers, months, seed, start.date(), world.value, progress)
        rows.append(summary.orders)
    stdout.print(f"{summary.people:,} people, {summary.orders:,} orders, {summary.files:,} files in {out}")
    stdout.print(f"Next: caw run --landing {out}/landing --home HOME")


def ui(
    home: HomeOption = None,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 3000,
    host: Annotated[
        str, typer.Option(help="Address to listen on. The UI has no login: whoever reaches it runs code.")
    ] = "127.0.0.1",
) -> None:
    """Open the Dagster UI of the house.

    Example: caw ui --port 3001
    """
    from orchestration.house import prepare_dagster_home  # noqa: PLC0415

    if host not in {"127.0.0.1", "localhost", "::1"}:
        raise CawError(
            "The Dagster UI has no login, so it only listens on this machine.",
            "Put a reverse proxy with a login in front of it.",
        )
    settings = reading_settings(home)
    prepare_dagster_home(settings)
    root = Path(__file__).resolve().parents[2]
    stderr.print(f"Dagster UI of {settings.home}: http://{host}:{port}  (stop with Ctrl-C)")
    dagster = Path(sys.executable).with_name("dagster")
    sys.exit(
        subprocess.call([dagster, "dev", "-w", str(root / "workspace.yaml"), "-h", host, "-p", str(port)], cwd=root)
    )


def _collect_less() -> None:
    """Look at old objects rarely, and not at all at the end: a million of them, modules and manifests, stay anyway."""
    gc.set_threshold(5_000, 20, 1_000)
    atexit.register(gc.freeze)


def _walk(settings: Settings, progress: ConsoleProgress, as_of: date | None, allow_refused: bool) -> None:
    from orchestration.run import run_everything  # noqa: PLC0415
    from orchestration.summary import print_summary  # noqa: PLC0415

    _collect_less()
    outcome = run_everything(settings, progress, as_of, allow_refused)
    print_summary(settings, outcome)
    if outcome.exit_code is not ExitCode.OK:
        sys.exit(int(outcome.exit_code))
