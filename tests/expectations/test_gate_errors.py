"""A gate that cannot look is shut: broken driver, missing table, empty suite, unknown expectation, nothing to see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

import expectations.judge
import expectations.measure
import expectations.runner
from expectations import LayerResult, run_layer
from expectations.judge import Asked, judge_frame, judge_table, open_tables
from expectations.measure import scan
from pipelines.contracts.settings import Settings
from pipelines.warehouse import open_build, publish, write_run_context
from pipelines.warehouse.errors import PublishRefusedError
from pipelines.warehouse.gates import CheckRecord, Outcome, Severity, load_gate, store_tests

Write = Callable[..., LayerResult]
OWNED = {"owner": "team:data", "reason": "Chosen for this very test.", "date": date(2026, 11, 22)}
BETWEEN = "expect_column_values_to_be_between"
COUNT = {
    "check": "rows_there",
    "type": "expect_table_row_count_to_be_between",
    "kwargs": {"min_value": 1},
    "says": "There are rows.",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A house whose build has two small tables of core."""
    house = Settings(home=tmp_path / "home", threads=1)
    with open_build(house) as con:
        con.execute("create schema core")
        con.execute(
            "create table core.fct_order as select 'o' || i as order_key, i - 3 as line_n, 'a@b.example' as who, "
            "case when i < 4 then 'USD' end as currency, null::bigint as empty from range(8) t(i)"
        )
        con.execute("create table core.fct_refund (refund_key varchar, amount double)")
        write_run_context(con, house, date(2026, 3, 31), "USD")
    store_tests(house, ())
    return house


@pytest.fixture
def gate(settings: Settings, tmp_path: Path) -> Write:
    """A function that declares a core suite, runs it and returns the result."""

    def run(*subjects: dict[str, Any], metrics: dict[str, str] | None = None) -> LayerResult:
        folder = tmp_path / "gate"
        (folder / "suites").mkdir(parents=True, exist_ok=True)
        (folder / "metrics" / "core").mkdir(parents=True, exist_ok=True)
        (folder / "suites" / "core.yml").write_text(yaml.safe_dump({"layer": "core", "subjects": list(subjects)}))
        (folder / "thresholds.yml").write_text(yaml.safe_dump({"some_max": {"value": 2.5, **OWNED}}))
        for name, sql in (metrics or {}).items():
            (folder / "metrics" / "core" / f"{name}.sql").write_text(sql)
        return run_layer(settings, "core", folder=folder)

    return run


def subject(*expectations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"table": "core.fct_order", "expectations": list(expectations or (COUNT,)), **more}


def column(name: str, check: str = "looked_at", **kwargs: Any) -> dict[str, Any]:
    return {"check": check, "type": BETWEEN, "kwargs": {"column": name, **kwargs}, "says": "It is as it should be."}


def outcomes(result: LayerResult) -> dict[str, str]:
    return {check.check: check.outcome.value for check in result.record.checks}


def test_one_that_must_pass_passes_and_one_that_must_fail_fails(gate: Write) -> None:
    result = gate(subject(COUNT, column("line_n", min_value=0)))
    assert outcomes(result) == {"rows_there": "passed", "looked_at": "failed"}
    assert not result.passed
    verdict = result.table("core.fct_order")
    assert (verdict.passed, verdict.passed_n, verdict.failed_n) == (False, 1, 1)
    assert "customer_rfm" in verdict.endangered
    assert "looked_at on core.fct_order failed: Expected: It is as it should be." in result.problems[0]
    assert "endangers" in result.problems[0]


def test_a_missing_table_errors_every_check_of_it(gate: Write) -> None:
    result = gate(
        subject(COUNT, column("line_n", min_value=0), table="core.dim_customer"),
        subject(column("line_n", "other", max_value=1)),
    )
    assert outcomes(result) == {"rows_there": "errored", "looked_at": "errored", "other": "failed"}
    assert "dim_customer" in result.table("core.dim_customer").message


def test_a_missing_column_errors(gate: Write) -> None:
    result = gate(subject(COUNT, column("nowhere", min_value=0)))
    assert outcomes(result) == {"rows_there": "passed", "looked_at": "errored"}
    assert not result.passed


def test_an_unknown_expectation_errors_and_its_neighbours_are_judged(gate: Write) -> None:
    result = gate(subject(COUNT, {**COUNT, "check": "invented", "type": "expect_the_unexpected"}))
    assert outcomes(result) == {"rows_there": "passed", "invented": "errored"}
    assert "expect_the_unexpected not found" in result.problems[0]


def test_an_empty_suite_is_no_pass(gate: Write, settings: Settings) -> None:
    result = gate()
    assert not result.passed
    assert result.problems == ("no check evaluated anything",)
    assert not result.table("core.fct_order").passed


def test_a_table_that_no_check_looked_at_has_not_passed(gate: Write) -> None:
    assert not gate(subject(COUNT)).table("core.dim_product").passed


def test_nothing_to_look_at_is_an_error_where_data_must_be(gate: Write) -> None:
    empty = {**column("amount", min_value=0), "if_empty": "error"}
    result = gate(subject(empty, table="core.fct_refund"), subject(column("empty", "all_null", min_value=0)))
    assert outcomes(result) == {"looked_at": "errored", "all_null": "errored"}
    assert "nothing to look at" in result.problems[0]


def test_nothing_to_look_at_is_a_skip_where_data_need_not_be(gate: Write) -> None:
    empty = {**column("amount", min_value=0), "if_empty": "skip"}
    result = gate(subject(empty, table="core.fct_refund"), subject(COUNT))
    assert outcomes(result) == {"looked_at": "skipped", "rows_there": "passed"}
    assert result.passed
    assert result.table("core.fct_refund").passed


def test_a_condition_that_says_no_skips_and_one_that_breaks_errors(gate: Write) -> None:
    no = subject(COUNT, when="select false", unless="this data has none")
    broken = subject({**COUNT, "check": "other"}, when="select nothing from nowhere", unless="never")
    result = gate(no, broken, subject({**COUNT, "check": "third"}))
    assert outcomes(result) == {"rows_there": "skipped", "other": "errored", "third": "passed"}
    assert not result.passed


def test_metrics_that_do_not_run_error(gate: Write) -> None:
    result = gate(
        subject(column("x", min_value=0), metrics="broken"), metrics={"broken": "select oops from core.fct_order"}
    )
    assert outcomes(result) == {"looked_at": "errored"}
    assert "BinderException" in result.problems[0]


def test_a_failing_row_of_metrics_is_named_by_its_keys(gate: Write) -> None:
    rows = "('web', 'USD', 0.0), ('pos', 'USD', 20.0), ('tmall', 'CNY', 3.0)"
    sql = f"select * from (values {rows}) as t(channel, currency, n)"
    result = gate(
        subject(
            column("n", max_value={"threshold": "some_max"}, min_value=0), metrics="sums", keys=["channel", "currency"]
        ),
        metrics={"sums": sql},
    )
    (check,) = result.record.checks
    assert check.observed == "pos/USD n = 20; tmall/CNY n = 3"
    assert check.limit == "max_value 2.5 (some_max), min_value 0"
    assert (check.owner, check.reason) == ("team:data", "Chosen for this very test.")
    assert (check.evaluated_n, check.unexpected_n) == (3, 2)


def test_a_warning_is_told_and_does_not_block(gate: Write) -> None:
    result = gate(subject(COUNT, {**column("line_n", min_value=0), "severity": "warn"}))
    assert result.passed
    assert [check.check for check in result.warnings] == ["looked_at"]
    assert "looked_at failed" in result.table("core.fct_order").message


def test_a_broken_driver_errors_every_check(gate: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ConnectionError("the driver is gone")

    monkeypatch.setattr(expectations.runner, "judge_table", broken)
    result = gate(subject(COUNT))
    assert outcomes(result) == {"rows_there": "errored"}
    assert "ConnectionError: the driver is gone" in result.problems[0]


def test_a_verdict_that_never_came_errors(gate: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectations.runner, "judge_table", lambda *_: {})
    assert outcomes(gate(subject(COUNT))) == {"rows_there": "errored"}


def test_no_value_of_a_person_reaches_a_verdict(gate: Write, settings: Settings) -> None:
    gate(
        subject(
            {
                **COUNT,
                "check": "x",
                "type": "expect_column_values_to_be_in_set",
                "kwargs": {"column": "who", "value_set": ["nobody"]},
            }
        )
    )
    stored = (settings.build_path.parent / "gates" / "core.json").read_text()
    assert "a@b.example" not in stored
    assert load_gate(settings, "core") is not None


def test_a_shut_gate_stops_the_publish(gate: Write, settings: Settings) -> None:
    gate(subject(column("line_n", min_value=0)))
    with pytest.raises(PublishRefusedError, match=r"gate core: looked_at on core\.fct_order failed"):
        publish(settings, "run", pl.DataFrame())


def verdict(outcome: Outcome, layer: str = "core", severity: Severity = Severity.BLOCK) -> CheckRecord:
    """What is kept of a test of dbt on the orders."""
    says = "2 rows fail it."
    return CheckRecord("unique_fct_order_order_key", layer, "core.fct_order", "dbt unique", outcome, severity, says)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.ERRORED])
def test_a_test_of_dbt_that_did_not_pass_shuts_the_gate(gate: Write, settings: Settings, outcome: Outcome) -> None:
    store_tests(settings, [verdict(outcome)])
    result = gate(subject(COUNT))
    assert outcomes(result) == {"rows_there": "passed"}
    assert not result.table("core.fct_order").passed
    assert result.record.counts()[outcome] == 1
    with pytest.raises(PublishRefusedError, match=r"gate core: unique_fct_order_order_key on core\.fct_order"):
        publish(settings, "run", pl.DataFrame())


def test_tests_of_dbt_that_warn_or_stand_elsewhere_leave_the_gate_open(gate: Write, settings: Settings) -> None:
    warns = verdict(Outcome.FAILED, severity=Severity.WARN)
    store_tests(settings, [warns, verdict(Outcome.FAILED, "canonical")])
    result = gate(subject(COUNT))
    assert result.passed
    assert result.warnings == (warns,)
    assert load_gate(settings, "core") == result.record


def test_a_layer_of_dbt_without_verdicts_of_its_tests_is_shut(gate: Write, settings: Settings) -> None:
    (settings.build_path.parent / "gates" / "model_tests.json").unlink()
    result = gate(subject(COUNT))
    assert result.table("core.fct_order").passed
    assert [text for text in result.problems if text.startswith("model_tests on core errored")]


def test_tests_of_dbt_do_not_stand_in_for_a_suite(gate: Write, settings: Settings) -> None:
    store_tests(settings, [verdict(Outcome.PASSED)])
    result = gate()
    assert result.problems == ("no check evaluated anything",)
    assert not result.table("core.fct_order").passed


def test_the_build_is_free_again_after_a_gate(gate: Write, settings: Settings) -> None:
    gate(subject(COUNT))
    with open_build(settings) as con:
        con.execute("create table core.more as select 1")


ASKED = [
    Asked("rows", "expect_table_row_count_to_be_between", {"min_value": 1, "max_value": 5}),
    Asked("some", "expect_column_values_to_not_be_null", {"column": "currency", "mostly": 0.5}),
    Asked("all", "expect_column_values_to_not_be_null", {"column": "currency"}),
    Asked("set", "expect_column_values_to_be_in_set", {"column": "currency", "value_set": ["USD"]}),
    Asked("not_set", "expect_column_values_to_be_in_set", {"column": "currency", "value_set": ["CNY", "EUR"]}),
    Asked("low", BETWEEN, {"column": "line_n", "min_value": 0}),
    Asked("low_mostly", BETWEEN, {"column": "line_n", "min_value": 0, "mostly": 0.6}),
    Asked("length", "expect_column_value_lengths_to_equal", {"column": "order_key", "value": 2}),
    Asked("empty", BETWEEN, {"column": "empty", "min_value": 0}),
]


def test_a_scan_and_a_look_at_the_table_come_to_the_same(settings: Settings) -> None:
    with open_tables(settings.build_path) as source:
        looked = judge_table(source, "core.fct_order", ASKED)
    with open_build(settings, read_only=True) as con:
        scanned = judge_frame(*scan(con, "core.fct_order", ASKED))
    assert {name: one.success for name, one in looked.items()} == {name: one.success for name, one in scanned.items()}
    assert {name for name, one in looked.items() if not one.success} == {"rows", "all", "not_set", "low"}
    assert looked["empty"].evaluated_n == scanned["empty"].evaluated_n == 0


def test_a_form_is_judged_by_a_scan(gate: Write) -> None:
    regex = {"type": "expect_column_values_to_match_regex", "says": "It is formed."}
    right = {**regex, "check": "right", "kwargs": {"column": "order_key", "regex": "^o[0-9]$"}}
    wrong = {**regex, "check": "wrong", "kwargs": {"column": "order_key", "regex": "^o[0-5]$"}}
    assert outcomes(gate(subject(right, wrong))) == {"right": "passed", "wrong": "failed"}


def test_a_large_table_is_judged_by_a_scan(gate: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectations.runner, "SCAN_FROM_ROWS", 5)
    monkeypatch.setattr(expectations.runner, "judge_table", lambda *_: pytest.fail("looked at the table"))
    result = gate(subject(COUNT, column("line_n", min_value=0)))
    assert outcomes(result) == {"rows_there": "passed", "looked_at": "failed"}
    assert result.record.checks[1].observed == "looked_at = 0.375"


def test_outcomes_are_told_apart() -> None:
    assert {outcome.value for outcome in Outcome} == {"passed", "failed", "errored", "skipped"}
