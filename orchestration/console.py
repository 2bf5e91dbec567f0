"""The console: how a run shows itself to a person.

Lives here: the progress listener (live lines on a terminal, plain lines elsewhere) and the colours in use.
Stays out: what the steps do, and the final table (`orchestration.summary`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from pipelines.contracts.progress import Progress

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)


class ConsoleProgress:
    """Prints a line for every finished step (name, rows, seconds); on a terminal the running step moves live."""

    def __init__(self, console: Console = stderr) -> None:
        self._console = console
        self._started: dict[str, float] = {}
        self._tasks: dict[str, TaskID] = {}
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    @contextmanager
    def live(self) -> Iterator[ConsoleProgress]:
        """Show the moving line for as long as the block lasts."""
        with self._bars:
            yield self

    def start(self, step: str, total: int | None = None) -> None:
        """Begin `step`."""
        self._started[step] = time.monotonic()
        self._tasks[step] = self._bars.add_task(step, total=total)

    def advance(self, step: str, amount: int = 1) -> None:
        """Move `step` on."""
        if step in self._tasks:
            self._bars.advance(self._tasks[step], amount)

    def finish(self, step: str, rows: int | None = None) -> None:
        """End `step` and leave a line behind."""
        seconds = time.monotonic() - self._started.pop(step, time.monotonic())
        if step in self._tasks:
            self._bars.remove_task(self._tasks.pop(step))
        counted = f"{rows:>12,} rows" if rows is not None else " " * 17
        self._console.print(f"  [green]done[/green]  {step:<44}{counted}{seconds:>8.1f} s")


@contextmanager
def step(progress: Progress, name: str, total: int | None = None) -> Iterator[list[int]]:
    """Start and finish the step `name`; append the number of rows to the yielded list to have it shown."""
    rows: list[int] = []
    progress.start(name, total)
    yield rows
    progress.finish(name, sum(rows) if rows else None)
