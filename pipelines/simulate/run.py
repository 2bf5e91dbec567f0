"""Writing a world: the one entry of this room.

Lives here: `simulate` and its summary. Stays out: everything that is planned or written.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines.contracts.progress import Progress, Quiet
from pipelines.simulate.bgnbd import write_model_world
from pipelines.simulate.clock import Clock
from pipelines.simulate.crm import write_crm
from pipelines.simulate.finance import write_finance
from pipelines.simulate.ops import write_ops
from pipelines.simulate.outreach import write_outreach
from pipelines.simulate.shopify import write_web
from pipelines.simulate.site import write_site
from pipelines.simulate.square import write_square
from pipelines.simulate.tmall import write_tmall
from pipelines.simulate.truth import write_planted, write_truth
from pipelines.simulate.world import Company, plan_company
from pipelines.simulate.writer import Landing

WORLDS = ("company", "bgnbd")
SEED = 20_240_501
START = date(2024, 5, 1)


@dataclass(frozen=True)
class SimulationSummary:
    """What was written: `orders` are those that are not planted as broken, `extract_on` is the day of the exports."""

    landing: Path
    truth: Path
    world: str
    seed: int
    people: int
    orders: int
    files: int
    broken_rows: int
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
    no people, no months, or a start within a month.
    """
    if world not in WORLDS:
        raise ValueError(f"unknown world {world!r}: one of {', '.join(WORLDS)}")
    if customers < 1:
        raise ValueError("a world needs people")
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
        people=customers,
        orders=orders,
        files=len(landing.files),
        broken_rows=len(landing.broken),
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
    _write_together(company, landing, truth, progress)
    write_planted(landing, truth)
    return orders


def _write_members_system(company: Company, landing: Landing) -> None:
    write_crm(company, landing)
    write_outreach(company, landing)


def _write_together(company: Company, landing: Landing, truth: Path, progress: Progress) -> None:
    """Write sources and truth, two at a time: what is written does not depend on the order in which."""
    _ = company.order_id, company.line_id, company.sku
    sources: dict[str, Callable[[Company, Landing], None]] = {
        "web": write_web,
        "tmall": write_tmall,
        "pos": write_square,
        "crm": _write_members_system,
        "ops": write_ops,
        "finance": write_finance,
        "site": write_site,
    }

    def run(name: str) -> None:
        step = f"simulate {name}"
        progress.start(step)
        if name == "truth":
            write_truth(company, truth)
            rows = len(company.lines.sku)
        else:
            sources[name](company, landing)
            rows = sum(int(str(file["rows"])) for file in landing.files if file["source_system"] == name)
        progress.finish(step, rows)

    with ThreadPoolExecutor(max_workers=2) as pool:
        for _done in pool.map(run, ("web", "truth", *list(sources)[1:])):
            pass
