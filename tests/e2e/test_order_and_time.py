"""The order of files and rows changes nothing, and what came later changes nothing as of an earlier day."""

from __future__ import annotations

import csv
import io
import random
import shutil
from datetime import date
from pathlib import Path

import pytest
from support.walk import published_digests, walk

pytestmark = pytest.mark.world

EARLIER = date(2025, 6, 30)
LATER_FILES = ("*2025-07*", "*202507*", "*last-days*", "*again.csv")
LINEWISE = {"utf-8": "*/*.csv", "gb18030": "tmall/*.csv"}


def _shuffle(path: Path, encoding: str, seed: int) -> None:
    """Put the records of a file into another order, byte for byte the same records."""
    text = path.read_bytes().decode(encoding)
    lines = text.splitlines(keepends=True)
    if sum(1 for _ in csv.reader(io.StringIO(text))) != len(lines) or not text.endswith("\n"):
        return  # records over several lines, or a planted cut at the end: left as they are
    body = lines[1:]
    random.Random(seed).shuffle(body)
    path.write_bytes("".join([lines[0], *body]).encode(encoding))


@pytest.mark.usefixtures("world")
def test_files_and_rows_in_another_order_give_equal_marts(world, tmp_path):
    landing = tmp_path / "landing"
    shutil.copytree(world.settings.landing_dir, landing)
    for seed, path in enumerate(sorted(landing.rglob("*.csv"))):
        _shuffle(path, "gb18030" if path.parent.name == "tmall" else "utf-8", seed)
        path.rename(path.with_name(f"{1000 - seed}-{path.name}"))
    assert walk(tmp_path / "home", landing, world.last_day) == published_digests(world.settings)


def test_later_files_change_nothing_as_of_an_earlier_day(world, tmp_path):
    before = tmp_path / "landing"
    shutil.copytree(world.settings.landing_dir, before)
    removed = [path for pattern in LATER_FILES for path in before.rglob(pattern)]
    for path in removed:
        path.unlink(missing_ok=True)
    assert len(removed) >= 5
    then = walk(tmp_path / "then", before, EARLIER)
    now = walk(tmp_path / "now", world.settings.landing_dir, EARLIER)
    assert then == now
    assert now != published_digests(world.settings)
