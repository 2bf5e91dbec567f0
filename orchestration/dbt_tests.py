"""Verdicts of dbt's data tests, kept so that the gates of their layers can ask for them.

Lives here: from dbt's results and the project's graph to the stored verdict of every declared test.
Stays out: running dbt (`orchestration.dbt_run`), and what a verdict means for publishing (`pipelines.warehouse.gates`).

A verdict holds for the tables that the test read. When one of these is built again and the test is not run with it, the
verdict falls, and the gate stays shut until the test has run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dagster_dbt.asset_utils import get_asset_check_key_for_test

from expectations.policy import endangered_marts
from orchestration.translator import FloorTranslator
from pipelines.contracts.settings import Settings
from pipelines.warehouse.gates import CheckRecord, Outcome, Severity, load_tests, store_tests

LATER = "post_identity"
"""Tag of what is built after the identity step; a test that looks at any of it belongs to the gate of core."""

_OUTCOMES = {"pass": Outcome.PASSED, "fail": Outcome.FAILED, "warn": Outcome.FAILED}
"""Outcome by dbt's status; every other status means that the test did not look."""


def keep_verdicts(settings: Settings, manifest: Mapping[str, Any], results: Iterable[Any]) -> None:
    """Store the verdict of every data test that the project declares, after an invocation with these `results`.

    A test that was not run keeps its verdict unless a table it reads was touched; without one it has errored.
    """
    nodes = {result.node.unique_id: result for result in results}
    before = {record.check: record for record in load_tests(settings) or ()}
    records = []
    for test in declared_tests(manifest):
        result, kept = nodes.get(test["unique_id"]), before.get(test["name"])
        if result is not None and str(result.status) != "skipped":
            records.append(_verdict(manifest, test, result))
        elif kept is None or nodes.keys() & set(_read(manifest, test)):
            records.append(_record(manifest, test, Outcome.ERRORED, "It has not run on the tables as they are now."))
        else:
            records.append(kept)
    store_tests(settings, records)


def declared_tests(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The data tests of the project, by name."""
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    return sorted(tests, key=lambda node: str(node["name"]))


def _verdict(manifest: Mapping[str, Any], test: Mapping[str, Any], result: Any) -> CheckRecord:
    outcome = _OUTCOMES.get(str(result.status), Outcome.ERRORED)
    failing = int(result.failures or 0)
    message = {
        Outcome.PASSED: "No row fails it.",
        Outcome.FAILED: f"{failing:,} rows fail it.",
    }.get(outcome, "It could not run; dbt's log says why.")
    return _record(manifest, test, outcome, message, failing)


def _record(
    manifest: Mapping[str, Any], test: Mapping[str, Any], outcome: Outcome, message: str, failing: int = 0
) -> CheckRecord:
    check = get_asset_check_key_for_test(manifest, _TRANSLATOR, test["unique_id"], None)
    kind = (test.get("test_metadata") or {}).get("name", "singular")
    return CheckRecord(
        check=test["name"],
        layer=_layer(manifest, test),
        table=".".join(check.asset_key.path) if check else _relation(manifest, test["depends_on"]["nodes"][0]),
        expectation=f"dbt {kind}",
        outcome=outcome,
        severity=Severity.BLOCK if test["config"]["severity"].lower() == "error" else Severity.WARN,
        message=message,
        column=test.get("column_name") or "",
        unexpected_n=failing,
        endangered=endangered_marts(_core_below(manifest, test)),
    )


def _layer(manifest: Mapping[str, Any], test: Mapping[str, Any]) -> str:
    """The gate that asks for the test: core's when it looks at anything made after the identity step."""
    nodes = [test, *(_node(manifest, name) for name in test["depends_on"]["nodes"])]
    after = any(LATER in node["tags"] or node["schema"] == "identity" for node in nodes)
    return "core" if after else "canonical"


def _read(manifest: Mapping[str, Any], test: Mapping[str, Any]) -> Iterator[str]:
    """Unique ids of what the test reads; a view is no more than what it reads itself."""
    waiting = list(test["depends_on"]["nodes"])
    while waiting:
        name = waiting.pop()
        yield name
        if _node(manifest, name).get("config", {}).get("materialized") == "view":
            waiting += manifest["parent_map"][name]


def _core_below(manifest: Mapping[str, Any], test: Mapping[str, Any]) -> list[str]:
    """The tables of core (schema.name) that the test looks at or that are made from what it looks at."""
    seen: set[str] = set()
    waiting = [name for name in test["depends_on"]["nodes"] if name.startswith(("model.", "seed."))]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [child for child in manifest["child_map"][name] if child.startswith("model.")]
    relations = (_relation(manifest, name) for name in seen)
    return sorted(relation for relation in relations if relation.startswith("core."))


def _relation(manifest: Mapping[str, Any], name: str) -> str:
    return ".".join(_TRANSLATOR.get_asset_key(_node(manifest, name)).path)


def _node(manifest: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    node: Mapping[str, Any] = manifest["nodes"].get(name) or manifest["sources"][name]
    return node


_TRANSLATOR = FloorTranslator()
