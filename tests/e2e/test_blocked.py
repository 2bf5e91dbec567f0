"""What must not be published is not: the last version stays served, and the message says what is wrong."""

from __future__ import annotations

import pytest

from expectations import run_layer
from pipelines.ingest import account_book
from pipelines.warehouse import current_version, list_versions, open_build, publish
from pipelines.warehouse.errors import PublishRefusedError

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
