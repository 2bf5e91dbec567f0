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


def test_cancellations_on_their_day_equal_truth(world):
    """Every paid order that was cancelled, on its day, with its goods and shipping; some were weeks old."""
    money = [f"{name}{suffix}" for name in ("goods", "shipping") for suffix in ("", "_reporting")]
    ours = query_published(
        world.settings,
        "select order_key, max(cancelled_on) as cancelled_on, "
        + ", ".join(f"sum(cancelled_{name}) as {name}" for name in money)
        + " from core.fct_cancellation group by order_key order by order_key",
    )
    key = pl.concat_str("source_system", "order_id", separator="/").alias("order_key")
    cancelled = world.truth("orders").filter((pl.col("status") == "cancelled") & (pl.col("paid_at").is_not_null()))
    lines = world.truth("order_line_economics").with_columns(key).group_by("order_key").agg(
        *(pl.col(name).sum() for name in ("gross_merchandise", "gross_merchandise_reporting")),
        *(pl.col(name).sum() for name in ("shipping_charged", "shipping_charged_reporting")),
    )  # fmt: skip
    expected = cancelled.select(key, "cancelled_on", "ordered_on").join(lines, on="order_key").sort("order_key")
    assert ours.rows() == expected.select("order_key", "cancelled_on", "gross_merchandise",
                                          "gross_merchandise_reporting", "shipping_charged",
                                          "shipping_charged_reporting").rows()  # fmt: skip
    assert expected.filter(pl.col("cancelled_on") > pl.col("ordered_on").dt.month_end()).height > 2
    dated = query_published(
        world.settings,
        "select order_key from core.fct_order where cancellation_precision = 'dated' order by order_key",
    )
    assert dated["order_key"].to_list() == expected["order_key"].to_list()


def test_the_amounts_of_a_cancellation_follow_from_each_other(world):
    odd = query_published(
        world.settings,
        "select count(*) as n from core.fct_cancellation where "
        "cancelled_net_revenue <> cancelled_goods + cancelled_shipping - cancelled_tax "
        "or cancelled_contribution <> cancelled_net_revenue - cancelled_cogs "
        "or cancelled_goods < 0 or cancelled_shipping < 0 or cancelled_tax < 0 or cancelled_cogs < 0 "
        "or known_at::date < cancelled_on - 1",
    )
    assert odd["n"].item() == 0


def test_the_waterfall_mart_adds_up_to_the_facts(world):
    mart = query_published(
        world.settings,
        "select dim, sum(amount) as amount from marts.profit_waterfall "
        "where dating = 'order' and line = 'net_revenue' group by dim order by dim",
    )
    facts = query_published(world.settings, "select sum(net_revenue_reporting) as n from core.fct_order_line_economics")
    assert set(mart["amount"]) == {facts["n"].item()}
