"""Every figure of the economics equals the planted truth, to the last ten-thousandth."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.contracts.core import WATERFALL
from pipelines.warehouse import query_published

pytestmark = pytest.mark.world

LINES = [f"{name}{suffix}" for name, _, _ in WATERFALL for suffix in ("", "_reporting")]


def _by_channel_and_month(frame: pl.DataFrame, amounts: list[str], day: str = "ordered_on") -> pl.DataFrame:
    return (
        frame.group_by("channel", "currency", pl.col(day).dt.truncate("1mo").alias("month"))
        .agg(
            *(pl.col(name).sum() for name in amounts),
            *(pl.col(name).count().alias(f"{name}_known") for name in amounts),
        )
        .sort("channel", "currency", "month")
    )


def test_every_waterfall_line_equals_truth_by_channel_and_month(world):
    columns = ", ".join(["channel", "currency", "ordered_on", *LINES])
    ours = query_published(world.settings, f"select {columns} from core.fct_order_line_economics")
    truth = world.truth("order_line_economics").select("channel", "currency", "ordered_on", *LINES)
    assert len(ours) == len(truth) > 4_000
    assert _by_channel_and_month(ours, LINES).equals(_by_channel_and_month(truth, LINES))


def test_the_costed_lines_are_those_of_truth(world):
    ours = query_published(
        world.settings,
        "select order_line_key, is_costed, is_kept, contribution_reporting "
        "from core.fct_order_line_economics order by 1",
    )
    key = pl.concat_str("source_system", "order_id", "order_line_id", separator="/").alias("order_line_key")
    truth = world.truth("order_line_economics").select(key, "is_costed", "is_kept", "contribution_reporting")
    assert ours.rows() == truth.sort("order_line_key").rows()


def test_coverage_equals_truth(world):
    truth = world.truth("order_line_economics")
    costed = truth.filter("is_costed")["net_revenue_reporting"].sum()
    rate = query_published(world.settings, "select costed_rate from meta.headline")["costed_rate"].item()
    assert rate == round(costed / truth["net_revenue_reporting"].sum(), 6)


def test_refunds_on_their_day_equal_truth_by_channel_and_month(world):
    amounts = ["refunded_goods", "refunded_shipping", "tax_returned", "cogs_returned"]
    amounts += [f"{name}_reporting" for name in amounts]
    columns = ", ".join(["channel", "currency", "refunded_on", *amounts])
    ours = query_published(world.settings, f"select {columns} from core.fct_refund where refund_precision = 'dated'")
    truth = world.truth("refunds").filter(pl.col("refund_precision") == "dated")
    sums = [pl.col(name).sum() for name in amounts]
    by = ["channel", "currency", pl.col("refunded_on").dt.truncate("1mo").alias("month")]
    expected = truth.group_by(by).agg(sums).sort("channel", "currency", "month")
    assert expected.height > 20
    assert ours.group_by(by).agg(sums).sort("channel", "currency", "month").equals(expected)


def test_the_waterfall_mart_adds_up_to_the_facts(world):
    mart = query_published(
        world.settings,
        "select dim, sum(amount) as amount from marts.profit_waterfall "
        "where dating = 'order' and line = 'net_revenue' group by dim order by dim",
    )
    facts = query_published(world.settings, "select sum(net_revenue_reporting) as n from core.fct_order_line_economics")
    assert set(mart["amount"]) == {facts["n"].item()}
