"""The report of the tiny world, as the run wrote it: closed to the outside, whole, and without a person in it."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

pytestmark = pytest.mark.world

CHARTS = (
    "waterfall", "channels", "months", "retention-cohorts", "retention-curve", "retention-channel", "value-by-age",
    "value-projection", "value-calibration", "silence-calibration",
    "ledger", "ledger-months", "realised", "migration",
    "segments-map", "segments-grid", "states-map", "cut-points", "identity-sizes", "account-book", "coverage",
)  # fmt: skip


@pytest.fixture(scope="module")
def html(world) -> str:  # type: ignore[no-untyped-def]
    """The page that the run wrote."""
    return (world.settings.reports_dir / "latest.html").read_text(encoding="utf-8")


def test_the_run_leaves_a_page_with_every_chart_and_no_address(html: str) -> None:
    assert "http" not in html.lower()
    assert "//" not in html
    assert "cannot be shown" not in html
    for chart in CHARTS:
        assert f'id="{chart}"' in html, chart
    assert len(html) < 3_000_000


def test_the_page_holds_no_clear_identifier_of_the_vault(html: str, world) -> None:  # type: ignore[no-untyped-def]
    """Every value that was keyed at the door, of seven characters or more: shorter ones occur in any text."""
    values: set[str] = set()
    for file in sorted(Path(world.settings.vault_dir).glob("*/*/*.parquet")):
        frame = pl.read_parquet(file)
        for name in ("normalised", "original"):
            values.update(value for value in frame[name].drop_nulls() if len(value) >= 7)
    assert len(values) > 500
    words = set(re.split(r"[<>\s,;()\"']+", html))
    assert not values & words
    assert not [value for value in values if "@" in value and value in html]
    assert re.search(r"\bc_[0-9a-f]{16}\b", html) is None
