"""Verdicts of dbt's tests: whose gate asks for them, what is kept, and what falls when a table is built again."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestration.dbt_manifest import manifest_file
from orchestration.dbt_tests import declared_tests, keep_verdicts
from pipelines.contracts.settings import Settings
from pipelines.warehouse.gates import CheckRecord, Outcome, Severity, load_tests

PROJECT = "customer_asset_warehouse"
WATERFALL = f"test.{PROJECT}.assert_waterfall_adds_up"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The parsed project."""
    parsed: dict[str, Any] = json.loads(manifest_file(Settings(home=tmp_path_factory.mktemp("house"))).read_text())
    return parsed


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty house."""
    return Settings(home=tmp_path)


def result(unique_id: str, status: str, failures: int | None = None) -> SimpleNamespace:
    """What dbt says of a node."""
    return SimpleNamespace(node=SimpleNamespace(unique_id=unique_id), status=status, failures=failures)


def everything(manifest: dict[str, Any], **odd: str) -> list[SimpleNamespace]:
    """Results of a whole build in which every test passes but those named."""
    return [
        result(name, odd.get(node["name"], "pass"), 3 if node["name"] in odd else 0)
        for name, node in manifest["nodes"].items()
        if node["resource_type"] == "test"
    ]


def kept(settings: Settings) -> dict[str, CheckRecord]:
    """The stored verdicts by name."""
    records = load_tests(settings)
    assert records is not None
    return {record.check: record for record in records}


def unlike(records: dict[str, CheckRecord], outcome: Outcome) -> set[str]:
    """The names of those with another outcome."""
    return {name for name, record in records.items() if record.outcome is not outcome}


def test_every_declared_test_has_a_verdict(settings: Settings, manifest: dict[str, Any]) -> None:
    keep_verdicts(settings, manifest, everything(manifest))
    records = kept(settings)
    assert len(records) == len(declared_tests(manifest)) > 50
    assert unlike(records, Outcome.PASSED) == set()
    waterfall = records["assert_waterfall_adds_up"]
    assert (waterfall.layer, waterfall.table) == ("core", "core.fct_order_line_economics")
    assert {"profit_waterfall", "customer_360", "asset_ledger"} <= set(waterfall.endangered)
    orders = next(record for record in records.values() if record.check.startswith("unique_int_order__unioned"))
    assert (orders.layer, orders.table, orders.column) == ("canonical", "intermediate.int_order__unioned", "order_key")


def test_what_never_ran_has_errored(settings: Settings, manifest: dict[str, Any]) -> None:
    keep_verdicts(settings, manifest, [result(WATERFALL, "pass")])
    assert unlike(kept(settings), Outcome.ERRORED) == {"assert_waterfall_adds_up"}


def test_failures_warnings_and_errors_are_told_apart(settings: Settings, manifest: dict[str, Any]) -> None:
    odd = {
        "assert_waterfall_adds_up": "fail",
        "assert_shopify_discounts_explain_the_subtotal": "warn",
        "assert_refunds_are_conserved": "error",
    }
    keep_verdicts(settings, manifest, everything(manifest, **odd))
    records = kept(settings)
    assert unlike(records, Outcome.PASSED) == set(odd)
    failed, warned, errored = (records[name] for name in odd)
    assert (failed.outcome, failed.unexpected_n, failed.blocks) == (Outcome.FAILED, 3, True)
    assert (warned.outcome, warned.severity, warned.blocks) == (Outcome.FAILED, Severity.WARN, False)
    assert (errored.outcome, errored.blocks) == (Outcome.ERRORED, True)


def test_a_verdict_falls_with_the_table_it_is_about(settings: Settings, manifest: dict[str, Any]) -> None:
    keep_verdicts(settings, manifest, everything(manifest))
    refunds = f"model.{PROJECT}.fct_refund"
    keep_verdicts(settings, manifest, [result(refunds, "success"), result(WATERFALL, "pass")])
    readers = {test["name"] for test in declared_tests(manifest) if refunds in test["depends_on"]["nodes"]}
    assert len(readers) > 3
    assert unlike(kept(settings), Outcome.PASSED) == readers


def test_a_model_that_failed_or_was_skipped_takes_its_verdicts_with_it(
    settings: Settings, manifest: dict[str, Any]
) -> None:
    keep_verdicts(settings, manifest, everything(manifest))
    orders, lines = f"model.{PROJECT}.fct_order", f"model.{PROJECT}.fct_order_line_economics"
    keep_verdicts(settings, manifest, [result(orders, "error"), result(lines, "skipped"), result(WATERFALL, "skipped")])
    fallen = unlike(kept(settings), Outcome.PASSED)
    assert {"assert_waterfall_adds_up", "assert_every_order_has_exactly_one_customer"} <= fallen


def test_a_view_is_looked_through(settings: Settings, manifest: dict[str, Any]) -> None:
    views = [name for name, node in manifest["nodes"].items() if node["config"].get("materialized") == "view"]
    test = next(t for t in declared_tests(manifest) if set(t["depends_on"]["nodes"]) & set(views))
    view = next(name for name in test["depends_on"]["nodes"] if name in views)
    below = next(name for name in manifest["parent_map"][view])
    keep_verdicts(settings, manifest, everything(manifest))
    keep_verdicts(settings, manifest, [result(below, "success")])
    assert test["name"] in unlike(kept(settings), Outcome.PASSED)
