"""The parsed dbt project: parsed once, again when a file changes, and only the last one kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration import dbt_manifest
from pipelines.contracts.settings import Settings


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one file, and a parse that counts itself; what dbt makes of the real one, the whole path shows."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "model.sql").write_text("select 1")

    def parse(_: Settings, target: Path) -> None:
        (folder / "target" / "count").open("a").write("x")
        (target / dbt_manifest.JSON).write_text((folder / "model.sql").read_text())
        (target / dbt_manifest.MSGPACK).write_bytes(b"")

    monkeypatch.setattr(dbt_manifest, "PROJECT_DIR", folder)
    monkeypatch.setattr(dbt_manifest, "_parse", parse)
    return folder


def test_one_parse_serves_every_house(project: Path, tmp_path: Path) -> None:
    first = dbt_manifest.manifest_file(Settings(home=tmp_path / "a"))
    assert dbt_manifest.manifest_file(Settings(home=tmp_path / "b")) == first
    assert (project / "target" / "count").read_text() == "x"


def test_a_change_is_parsed_and_the_older_parse_removed(project: Path, tmp_path: Path) -> None:
    older = dbt_manifest.manifest_file(Settings(home=tmp_path))
    (project / "model.sql").write_text("select 2")
    newer = dbt_manifest.manifest_file(Settings(home=tmp_path))
    assert newer.read_text() == "select 2"
    assert not older.exists()


def test_a_process_that_comes_second_takes_the_first_ones_parse(project: Path, tmp_path: Path) -> None:
    first = dbt_manifest.manifest_file(Settings(home=tmp_path))
    draft = tmp_path / "draft"
    draft.mkdir()
    (draft / dbt_manifest.JSON).write_text("late")
    (draft / dbt_manifest.MSGPACK).write_bytes(b"")
    dbt_manifest._put(draft, first.parent)
    assert first.read_text() == "select 1"
