"""Suites and thresholds as they are written: sound, owned, and telling tables that exist."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from expectations import LAYERS, gated_tables
from expectations.lineage import core_tables_of, entities_of
from expectations.measure import FRAMES
from expectations.policy import endangered_marts
from expectations.suite import FOLDER, Expectation, Subject, Suite, Threshold, load_suite, load_thresholds
from pipelines.marts import MARTS

ROOT = Path(__file__).parents[2]
OWNED = {"value": 0.1, "owner": "team:data", "reason": "Because it was measured on three years.", "date": "2026-11-22"}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_suite_guards_tables_of_its_layer_and_every_one_of_them(layer: str) -> None:
    suite = load_suite(layer)
    guarded = {subject.table for subject in suite.subjects if subject.table}
    assert guarded <= set(gated_tables(layer))
    assert any(subject.per for subject in suite.subjects), "a frame with a row per table guards them all"


@pytest.mark.parametrize("layer", LAYERS)
def test_every_frame_of_metrics_exists_and_every_file_is_used(layer: str) -> None:
    used = {subject.metrics for subject in load_suite(layer).subjects if subject.metrics}
    files = {path.stem for path in (FOLDER / "metrics" / layer).glob("*.sql")}
    assert used - set(FRAMES) == files


def test_metrics_open_with_the_truth_they_hold() -> None:
    for path in (FOLDER / "metrics").rglob("*.sql"):
        lines = path.read_text().splitlines()
        assert lines[0].startswith("-- Truth:"), path
        assert len(lines) <= 150, path


def test_every_threshold_is_used() -> None:
    used = {
        name
        for layer in LAYERS
        for s in load_suite(layer).subjects
        for e in s.expectations
        for name in e.threshold_names
    }
    assert used == set(load_thresholds())


@pytest.mark.parametrize("missing", ["value", "owner", "reason", "date"])
def test_a_threshold_without_owner_reason_and_date_is_refused(missing: str) -> None:
    Threshold.model_validate(OWNED)
    with pytest.raises(ValidationError, match=missing):
        Threshold.model_validate({name: value for name, value in OWNED.items() if name != missing})


@pytest.mark.parametrize(
    "wrong",
    [0.1, {**OWNED, "owner": "me"}, {**OWNED, "reason": "because"}, {**OWNED, "date": "soon"}, {**OWNED, "x": 1}],
)
def test_a_bare_number_is_no_threshold(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Threshold.model_validate(wrong)


def expectation(**more: object) -> dict[str, object]:
    return {"check": "x", "type": "expect_table_row_count_to_be_between", "says": "There are rows.", **more}


def test_a_bare_number_in_a_suite_is_refused() -> None:
    Expectation.model_validate(expectation(kwargs={"min_value": 1}))
    Expectation.model_validate(expectation(kwargs={"min_value": {"threshold": "x"}}))
    with pytest.raises(ValidationError, match=r"bare number 0\.05"):
        Expectation.model_validate(expectation(kwargs={"max_value": 0.05}))


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ({"table": "core.fct_order", "expectations": []}, "at least 1 item"),
        ({"expectations": [expectation()]}, "guards one table"),
        ({"per": "table_name", "expectations": [expectation()]}, "`per` is one of the keys"),
        ({"table": "core.fct_order", "when": "select true", "expectations": [expectation()]}, "`when` needs `unless`"),
        ({"table": "fct_order", "expectations": [expectation()]}, "match pattern"),
        ({"table": "core.fct_order", "expectations": [expectation(typo=1)]}, "Extra inputs"),
    ],
)
def test_a_subject_that_is_not_sound_is_refused(subject: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Subject.model_validate(subject)


def test_a_check_declared_twice_is_refused() -> None:
    subject = {"table": "core.fct_order", "expectations": [expectation()]}
    with pytest.raises(ValidationError, match="declared twice: x"):
        Suite.model_validate({"layer": "core", "subjects": [subject, subject]})


def test_an_unknown_threshold_is_refused(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    subject = {"table": "core.fct_order", "expectations": [expectation(kwargs={"min_value": {"threshold": "nobodys"}})]}
    (tmp_path / "suites" / "core.yml").write_text(yaml.safe_dump({"layer": "core", "subjects": [subject]}))
    (tmp_path / "thresholds.yml").write_text(yaml.safe_dump({"some": OWNED}))
    with pytest.raises(ValueError, match="nobodys"):
        load_suite("core", tmp_path)


def test_lineage_follows_the_models() -> None:
    money = {"fct_order", "fct_order_line_economics", "fct_refund"}
    assert core_tables_of("consent") == {"dim_customer"}
    assert core_tables_of("period_cost") == {"fct_period_cost"}
    assert core_tables_of("campaign") == {"dim_campaign"}
    assert money <= core_tables_of("product_cost")
    # The identity step stands outside dbt: who somebody is touches every fact.
    assert money | {"dim_customer", "dim_account"} <= core_tables_of("identity_link")
    assert {"order", "order_line"} <= entities_of("tmall")
    assert entities_of("completejourney").isdisjoint({"refund", "shipment"})


def test_a_failure_in_core_endangers_the_marts_that_read_it() -> None:
    assert endangered_marts(["core.fct_period_cost"]) == ("profit_waterfall",)
    everything = endangered_marts(["core.fct_order"])
    assert {"customer_rfm", "customer_360", "cohort_retention"} <= set(everything)
    assert set(endangered_marts(["raw.canonical__order"])) >= set(everything)
    assert "customer_360" in endangered_marts(["marts.customer_rfm"])
    assert endangered_marts(["core.identity_event"]) == ()
    # A core table that others are built from endangers what reads those.
    assert set(endangered_marts(["core.fct_assignment"])) == {"customer_realised_asset", "realised_asset"}
    assert set(endangered_marts(["raw.shopify__orders"])) == {mart.name for mart in MARTS}
