"""The dbt project: its unit tests pass, what is made from the contracts has not drifted, channels agree everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from orchestration.dbt_run import PROJECT_DIR, invoke
from orchestration.dbt_schema import rendered
from pipelines.channels.registry import ADAPTERS
from pipelines.contracts.entities import ENTITIES

STAGING = PROJECT_DIR / "models" / "staging"
DUCKDB_ONLY = (
    r"//", r"\bdatediff\(", r"\bquantile_cont\(", r"\bsha256\(", r"\bstring_agg\(", r"\barg_(min|max)\(",
    r"\bstrftime\(", r"\basof\b", r"\bexclude\s*\(", r"\bepoch\(", r"\bhash\(", r"\bnow\(\)", r"\bcurrent_date\b",
    r"\bcurrent_timestamp\b", r"\bregexp_replace\(", r"\bdayofweek\(",
)  # fmt: skip
"""Spellings that mean something else on Spark, or a clock; what needs one is a dispatched macro in macros/engine."""


@pytest.mark.world
def test_every_unit_test_of_dbt_passes(house_copy):
    result = invoke(house_copy(), ["test", "--select", "test_type:unit"])
    failed = [f"{node.node.name}: {node.message}" for node in result.result.results if str(node.status) != "pass"]
    assert failed == []
    assert len(result.result.results) >= 25


def test_files_made_from_the_contracts_have_not_drifted():
    for name, text in rendered().items():
        assert (PROJECT_DIR / name).read_text(encoding="utf-8") == text, (
            f"run python -m orchestration.dbt_schema: {name}"
        )


def test_channels_agree_in_code_variables_and_staging():
    told = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())["vars"]["channels"]
    models = {
        adapter: {path.stem.removeprefix(f"stg_{adapter}__") for path in (STAGING / adapter).glob("stg_*.sql")}
        for adapter in told
    }
    assert set(told) == set(ADAPTERS)
    assert {adapter: set(entities) for adapter, entities in told.items()} == models
    assert set(told["canonical"]) == set(ENTITIES)


def test_sql_stays_in_the_subset_of_both_engines():
    written = [*PROJECT_DIR.rglob("models/**/*.sql"), *PROJECT_DIR.rglob("macros/**/*.sql")]
    ours = [path for path in written if "engine" not in path.parts]
    assert len(ours) > 50
    found = [f"{path.name}: {pattern}" for path in ours for pattern in DUCKDB_ONLY if re.search(pattern, _code(path))]
    assert found == []


def test_models_are_short():
    long = {
        path.name: n for path in PROJECT_DIR.rglob("models/**/*.sql") if (n := len(path.read_text().split("\n"))) > 150
    }
    assert long == {}


def _code(path: Path) -> str:
    """The SQL without comments and without strings."""
    return re.sub(r"(?s)\{#.*?#\}|--[^\n]*|'[^']*'", "", path.read_text().lower())
