"""Fixtures that every layer of tests shares.

The tiny world (about 500 people) is simulated and walked through the whole path once a session, in this process;
tests only read it. A test that changes a house works on a copy of its own (`house_copy`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.contracts.settings import Settings

TEST_PEPPER = "a pepper for tests, fixed so that digests compare"
WORLD_FIXTURES = {"world", "house_copy"}
WORLD_PEOPLE, WORLD_MONTHS, WORLD_SEED, WORLD_START = 500, 30, 11, date(2023, 7, 1)


@dataclass(frozen=True)
class TinyWorld:
    """A simulated company, its planted truth, and the house in which its warehouse was published."""

    settings: Settings
    truth_dir: Path
    outcome: object
    last_day: date

    def truth(self, table: str) -> pl.DataFrame:
        """A table of planted truth."""
        return pl.read_parquet(self.truth_dir / f"{table}.parquet")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of the tiny world to one worker, first, and every other file to one worker as a whole."""
    for item in items:
        shares_world = WORLD_FIXTURES & set(getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group("world" if shares_world else str(item.path)))
    items.sort(key=lambda item: not WORLD_FIXTURES & set(getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests away from the user's own house, and the libraries away from the network."""
    before = dict(os.environ)
    os.environ.update(
        CAW_PEPPER=TEST_PEPPER,
        CAW_HOME=str(tmp_path_factory.mktemp("nobody") / "home"),
        DAGSTER_DISABLE_TELEMETRY="1",
        DO_NOT_TRACK="1",
        GX_ANALYTICS_ENABLED="False",
    )
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> TinyWorld:
    """The tiny world, walked through the whole path once."""
    from orchestration.run import run_everything
    from pipelines.contracts.progress import Quiet
    from pipelines.simulate import simulate

    root = tmp_path_factory.mktemp("world")
    simulate(root, WORLD_PEOPLE, WORLD_MONTHS, WORLD_SEED, WORLD_START, "company", Quiet())
    settings = Settings(home=root / "home", landing=root / "landing")
    last_day = date(2025, 12, 31)
    outcome = run_everything(settings, Quiet(), as_of=last_day)
    assert outcome.succeeded, outcome.errors or [gate for gate in outcome.gates if not gate.passed]
    return TinyWorld(settings, root / "truth", outcome, last_day)


@pytest.fixture
def house_copy(world: TinyWorld, tmp_path: Path) -> Callable[[], Settings]:
    """A function that copies the tiny world's house, to be changed at will."""

    def copy() -> Settings:
        home = tmp_path / "home"
        shutil.copytree(world.settings.home, home, symlinks=True)
        return Settings(home=home, landing=world.settings.landing)

    return copy
