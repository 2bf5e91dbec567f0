"""The whole path at size, step by step: `python tests/benchmarks/whole_path.py [customers] [landing folder]`.

Simulates a company (165,000 customers place about a million orders) in a process of its own, or takes the folder given,
and runs everything from landing to a published version. Prints for every step its rows, rows a second, seconds, CPU
seconds of this process (all its threads) and the highest memory up to its end. Seconds depend on who else is at work;
compare CPU seconds, and those only between runs on the same machine.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipelines.contracts.keys import DEMO_PEPPER, make_pepper
from pipelines.contracts.settings import Settings
from pipelines.simulate import simulate

MILLION_ORDERS = 165_000
_KIB_PER_GIB = 2**20
_LINE = "{:<34}{:>12}{:>12}{:>9}{:>9}{:>9}"


class Meter:
    """A listener to the run that prints what every step cost, past Dagster, which captures what steps print."""

    def __init__(self) -> None:
        self._began: dict[str, tuple[float, float]] = {}
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
        self.line("step", "rows", "rows/s", "seconds", "CPU-s", "GiB")

    def line(self, *cells: str) -> None:
        """Print one line of the table."""
        print(_LINE.format(*cells), file=self._out)

    def start(self, step: str, total: int | None = None) -> None:
        """Note when `step` began."""
        self._began[step] = time.perf_counter(), time.process_time()

    def advance(self, step: str, amount: int = 1) -> None:
        """Nothing is shown in between."""

    def finish(self, step: str, rows: int | None = None) -> None:
        """Print the line of `step`."""
        began, spent = self._began.pop(step)
        seconds, cpu = time.perf_counter() - began, time.process_time() - spent
        pace = f"{rows / seconds:,.0f}" if rows and seconds else ""
        count = f"{rows:,}" if rows else ""
        self.line(step, count, pace, f"{seconds:.1f}", f"{cpu:.1f}", f"{peak_gib():.2f}")


def peak_gib() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB_PER_GIB


def run(home: Path, landing: Path) -> None:
    """Walk the path once and print the totals."""
    began, spent = time.perf_counter(), time.process_time()
    from orchestration.run import run_everything

    settings = Settings(home=home, landing=landing)
    make_pepper(settings, DEMO_PEPPER)
    meter = Meter()
    outcome = run_everything(settings, meter)
    seconds, cpu = time.perf_counter() - began, time.process_time() - spent
    meter.line("everything", "", "", f"{seconds:.1f}", f"{cpu:.1f}", f"{peak_gib():.2f}")
    print(f"version {outcome.version}" if outcome.succeeded else "; ".join(outcome.errors))
    if not outcome.succeeded:
        sys.exit(1)


def main() -> None:
    """Simulate where no folder is given, then run."""
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else MILLION_ORDERS
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "landing"
        if len(sys.argv) < 3:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
                company = apart.submit(simulate, folder, customers).result()
            print(f"{customers:,} customers, {company.orders:,} orders")
        run(Path(folder) / "house", landing)


if __name__ == "__main__":
    main()
