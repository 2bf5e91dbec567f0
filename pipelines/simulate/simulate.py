"""Writing a world: the one entry of this room.

Lives here: `simulate` and its summary. Stays out: everything that is planned or written.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from pipelines.contracts.progress import Progress, Quiet
from pipelines.simulate.bgnbd import write_model_world
from pipelines.simulate.clock import Clock
from pipelines.simulate.crm import write_crm
from pipelines.simulate.finance import write_finance
from pipelines.simulate.ops import write_ops
from pipelines.simulate.shopify import write_web
from pipelines.simulate.square import write_square
from pipelines.simulate.tmall import write_tmall
from pipelines.simulate.truth import write_truth
from pipelines.simulate.world import plan_company
from pipelines.simulate.writer import Landing

WORLDS = ("company", "bgnbd")
SEED = 20_240_501
START = date(2024, 5, 1)


@dataclass(frozen=True)
class SimulationSummary:
    """What was written: `order_n` counts orders that are not planted as broken, `extract_on` the day of the exports."""

    landing: Path
    truth: Path
    world: str
    seed: int
    customer_n: int
    order_n: int
    file_n: int
    broken_row_n: int
    first_on: date
    last_on: date
    extract_on: date


def simulate(
    out_dir: Path | str,
    customers: int = 20_000,
    months: int = 30,
    seed: int = SEED,
    start: date = START,
    world: str = "company",
    progress: Progress | None = None,
) -> SimulationSummary:
    """Write `out_dir/landing` and `out_dir/truth`, replacing what lies there; equal arguments give equal bytes.

    `customers` people over `months` whole months from `start` (the first of a month). ValueError for an unknown world,
    fewer than 50 people, no months, or a start within a month.
    """
    if world not in WORLDS:
        raise ValueError(f"unknown world {world!r}: one of {', '.join(WORLDS)}")
    if customers < 50:
        raise ValueError("a world needs at least 50 people")
    clock = Clock(start, months)
    out = Path(out_dir)
    landing, truth = Landing(out / "landing"), out / "truth"
    for folder in (landing.root, truth):
        if folder.exists():
            shutil.rmtree(folder)
    write = _model if world == "bgnbd" else _company
    orders = write(landing, truth, clock, customers, seed, progress or Quiet())
    return SimulationSummary(
        landing=landing.root,
        truth=truth,
        world=world,
        seed=seed,
        customer_n=customers,
        order_n=orders,
        file_n=len(landing.files),
        broken_row_n=len(landing.broken),
        first_on=clock.start,
        last_on=clock.day(clock.n_days - 1),
        extract_on=clock.extract_on,
    )


def _model(landing: Landing, truth: Path, clock: Clock, customers: int, seed: int, progress: Progress) -> int:
    progress.start("simulate model world")
    orders = write_model_world(landing, truth, clock, customers, seed)
    progress.finish("simulate model world", orders)
    return orders


def _company(landing: Landing, truth: Path, clock: Clock, customers: int, seed: int, progress: Progress) -> int:
    progress.start("simulate people and orders")
    company = plan_company(clock, customers, seed)
    orders = company.orders.visits.n
    progress.finish("simulate people and orders", orders)
    for step, write in (
        ("write web store", write_web), ("write marketplace", write_tmall), ("write shops", write_square),
        ("write members", write_crm), ("write operations", write_ops), ("write finance", write_finance),
    ):  # fmt: skip
        progress.start(step)
        before = len(landing.files)
        write(company, landing)
        progress.finish(step, sum(int(str(f["rows"])) for f in landing.files[before:]))
    progress.start("write truth")
    write_truth(company, landing, truth)
    progress.finish("write truth", len(company.lines.sku))
    return orders


def read_truth(truth: Path, table: str) -> pl.DataFrame:
    """A truth table of a world written before."""
    return pl.read_parquet(truth / f"{table}.parquet")
