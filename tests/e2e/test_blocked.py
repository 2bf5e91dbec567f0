"""What must not be published is not: the last version stays served, and the message says what is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from expectations import run_layer
from orchestration.run import run_everything
from pipelines.contracts.errors import ExitCode
from pipelines.contracts.progress import Quiet
from pipelines.ingest import account_book
from pipelines.warehouse import current_version, list_versions, open_build, publish, query_published, state_log
from pipelines.warehouse.errors import PublishRefusedError
from pipelines.warehouse.gates import Outcome, Severity, load_tests, store_tests

pytestmark = pytest.mark.world


def test_a_doubled_channel_is_blocked_and_named(house_copy):
    settings = house_copy()
    served = current_version(settings).id
    with open_build(settings) as con:
        con.execute(
            "insert into core.fct_order_line_economics "
            "select * replace (order_line_key || '/again' as order_line_key) "
            "from core.fct_order_line_economics where channel = 'tmall'"
        )
    result = run_layer(settings, "core")
    verdict = result.table("core.fct_order_line_economics")
    assert not result.passed
    assert "tmall" in " ".join(result.problems)
    assert "profit_waterfall" in verdict.endangered
    with pytest.raises(PublishRefusedError, match="profit_waterfall"):
        publish(settings, run_id="test", book=account_book(settings))
    assert current_version(settings).id == served
    assert len(list_versions(settings)) == 1


def test_a_build_that_changed_after_its_gates_is_refused(house_copy):
    settings = house_copy()
    with open_build(settings) as con:
        con.execute("update marts.customer_360 set kept_order_n = kept_order_n + 1")
    with pytest.raises(PublishRefusedError, match="marts layer changed after it was judged"):
        publish(settings, run_id="test", book=account_book(settings))


def test_publishing_alone_without_stored_passes_refuses(house_copy):
    settings = house_copy()
    for record in (settings.build_path.parent / "gates").glob("*.json"):
        record.unlink()
    with pytest.raises(PublishRefusedError, match="gate core: has no stored verdict"):
        publish(settings, run_id="test", book=account_book(settings))
    assert len(list_versions(settings)) == 1


def test_a_run_that_failed_is_remembered_without_a_value_of_the_data(house_copy, tmp_path):
    landing = tmp_path / "landing"
    (landing / "web").mkdir(parents=True)
    (landing / "web" / "notes.csv").write_text("who,what\nann@example.org,called\n")
    settings = house_copy().model_copy(update={"landing": landing})
    served = current_version(settings).id
    outcome = run_everything(settings, Quiet())
    assert outcome.exit_code is ExitCode.INPUT_REFUSED
    assert current_version(settings).id == served
    run = next(run for run in state_log(settings, "runs") if run["run_id"] == outcome.run_id)
    assert run["outcome"] == "failed"
    assert run["message"] == "ingest: InputRefusedError"
    assert run["version_id"] is None


def test_a_failed_test_of_dbt_shuts_its_gate_even_when_the_suite_passes(house_copy):
    settings = house_copy()
    tests = load_tests(settings)
    failed = replace(tests[0], outcome=Outcome.FAILED, severity=Severity.BLOCK)
    store_tests(settings, [failed, *tests[1:]])
    assert not run_layer(settings, failed.layer).passed
    with pytest.raises(PublishRefusedError, match=f"gate {failed.layer}: {failed.check} on {failed.table} failed"):
        publish(settings, run_id="test", book=account_book(settings))


def test_the_published_version_tells_the_outcome_of_every_test_of_dbt(world):
    told = "select layer, check_name, outcome from meta.check_results where starts_with(expectation, 'dbt ')"
    found = query_published(world.settings, told)
    tests = load_tests(world.settings)
    assert {row[:2] for row in found.rows()} == {(test.layer, test.check) for test in tests}
    assert len(found) == len(tests) > 50
    assert set(found["outcome"]) == {"passed"}
