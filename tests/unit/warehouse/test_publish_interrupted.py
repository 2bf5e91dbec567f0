"""A publish that dies at any step: what was served stays served, and the next publish finishes the work."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.contracts.settings import Settings
from pipelines.warehouse import current_version, list_versions, publish, query_published, repair, state_log, verify
from pipelines.warehouse.errors import DiskFullError, PublishConflictError, VersionDamagedError
from pipelines.warehouse.publish import STEPS
from pipelines.warehouse.versions import Pointer, read_pointer, versions_dir, write_pointer

AFTER_THE_POINTER = STEPS[STEPS.index("move pointer") + 1 :]


class Died(BaseException):
    """Stands for the death of the process: nothing catches it."""


class DyingAt:
    """A listener that dies when a step begins, or has just ended."""

    def __init__(self, step: str, moment: str, die: Callable[[], None] | None = None) -> None:
        self.step, self.moment, self.die = f"publish: {step}", moment, die

    def _maybe(self, step: str, moment: str) -> None:
        if (step, moment) == (self.step, self.moment):
            if self.die is not None:
                self.die()
            raise Died(step)

    def start(self, step: str, total: int | None = None) -> None:
        self._maybe(step, "start")

    def advance(self, step: str, amount: int = 1) -> None: ...

    def finish(self, step: str, rows: int | None = None) -> None:
        self._maybe(step, "finish")


def served_title(settings: Settings) -> str:
    with duckdb.connect(str(settings.warehouse_dir / "warehouse.duckdb"), read_only=True) as con:
        row = con.execute("select distinct title from core.dim_product").fetchone()
    assert row is not None
    return str(row[0])


def assert_whole(settings: Settings, versions: int) -> None:
    """The house is as after a publish that nothing disturbed."""
    assert served_title(settings) == "new"
    verify(settings)
    kept = [version.id for version in list_versions(settings)]
    assert len(kept) == versions
    assert {path.name for path in versions_dir(settings).iterdir()} == set(kept)
    assert [record["version_id"] for record in state_log(settings, "versions")] == kept[::-1]
    assert len(list(settings.build_path.parent.glob("good-*.duckdb"))) == 1
    assert query_published(settings, "select count(*) from meta.versions").item() == versions


@pytest.mark.parametrize(("step", "moment"), [*((step, "start") for step in STEPS), ("move pointer", "finish")])
def test_a_publish_that_dies_is_finished_by_the_next(
    served_house: Settings, book: pl.DataFrame, step: str, moment: str
) -> None:
    house = served_house
    with pytest.raises(Died):
        publish(house, "dying", book, DyingAt(step, moment))
    moved = step in AFTER_THE_POINTER or (step, moment) == ("move pointer", "finish")
    title = query_published(house, "select distinct title from core.dim_product").item()
    assert title == ("new" if moved else "version 0")
    assert served_title(house) in ("version 0", "new")
    again = publish(house, "again", book)
    assert again.is_new is not moved
    assert_whole(house, versions=2)


KILLED = """
import os, signal, sys
from pathlib import Path
import polars as pl
from pipelines.contracts.settings import Settings
from pipelines.warehouse import publish

class Killing:
    def start(self, step, total=None):
        if step == sys.argv[2]:
            os.kill(os.getpid(), signal.SIGKILL)
    def finish(self, step, rows=None): ...
    def advance(self, step, amount=1): ...

publish(Settings(home=Path(sys.argv[1]), keep_versions=3, threads=1), "killed", pl.read_parquet(sys.argv[3]), Killing())
"""


@pytest.mark.parametrize("step", ["write parquet", "move symlink"])
def test_a_killed_process_leaves_a_house_that_goes_on(
    served_house: Settings, book: pl.DataFrame, step: str, tmp_path: Path
) -> None:
    house = served_house
    book.write_parquet(tmp_path / "book.parquet")
    arguments = [sys.executable, "-c", KILLED, str(house.home), f"publish: {step}", str(tmp_path / "book.parquet")]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    assert served_title(house) == "version 0"  # even past the pointer, until the symlink follows
    publish(house, "again", book)
    assert_whole(house, versions=2)


def test_a_lost_or_broken_pointer_is_made_again_from_the_symlink(
    publish_n: Callable[[int], list[str]], house: Settings
) -> None:
    ids = publish_n(2)
    pointer = house.warehouse_dir / "current.json"
    pointer.write_text("{")
    with pytest.raises(VersionDamagedError, match=r"current\.json"):
        current_version(house)
    repair(house)
    assert [version.id for version in list_versions(house)] == ids[::-1]
    pointer.unlink()
    repair(house)
    assert current_version(house).id == ids[1]


def test_a_symlink_that_points_elsewhere_follows_again(publish_n: Callable[[int], list[str]], house: Settings) -> None:
    first, second = publish_n(2)
    link = house.warehouse_dir / "warehouse.duckdb"
    link.unlink()
    link.symlink_to(f"versions/{first}/warehouse.duckdb")
    repair(house)
    assert link.resolve().parent.name == second


def test_a_publish_beside_ours_is_noticed(served_house: Settings, book: pl.DataFrame) -> None:
    house = served_house
    pointer = read_pointer(house)
    assert pointer is not None
    beside = Pointer(pointer.version, (pointer.version, pointer.version))

    class Meddling(DyingAt):
        def start(self, step: str, total: int | None = None) -> None:
            if step == "publish: name version":
                write_pointer(house, beside)

    with pytest.raises(PublishConflictError):
        publish(house, "ours", book, Meddling("", ""))
    assert read_pointer(house) == beside
    assert served_title(house) == "version 0"


def test_without_room_nothing_is_written(
    served_house: Settings, book: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = served_house
    before = [path.name for path in versions_dir(house).iterdir()]
    monkeypatch.setattr("pipelines.warehouse.draft.ROOM_FACTOR", 1e12)
    with pytest.raises(DiskFullError, match="free bytes"):
        publish(house, "full", book)
    assert [path.name for path in versions_dir(house).iterdir()] == before
