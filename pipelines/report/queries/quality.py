"""Quality: the account book, the gates, and how much of the money and the customers is known.

Lives here: reading `meta.files`, `meta.check_results`, `marts.mart_coverage` and the flags of core.
Stays out: thresholds and verdicts (`expectations`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.report.published import Published

FILES, CHECKS = "meta.files", "meta.check_results"
NO_FILES = "The account book holds no file yet."


def book(published: Published) -> pl.DataFrame:
    """The account book by source and raw table, the largest first: files and rows by outcome."""
    return published.frame(
        "select source_system, coalesce(raw_table, '(refused)') as raw_table, count(*) as file_n, "
        "count(*) filter (where outcome = 'refused') as refused_n, sum(read_n)::bigint as read_n, "
        "sum(accepted_n)::bigint as accepted_n, sum(quarantined_n)::bigint as quarantined_n, "
        f"sum(duplicate_n)::bigint as duplicate_n from {FILES} group by all "
        "order by read_n desc, source_system, raw_table",
        FILES,
        empty=NO_FILES,
    )


def book_money(published: Published) -> pl.DataFrame:
    """Money of the account book by source, raw table and currency, where the format carries amounts."""
    return published.frame(
        "select source_system, raw_table, currency, sum(money_read) as read, sum(money_accepted) as accepted, "
        f"sum(money_quarantined) as quarantined, sum(money_duplicate) as duplicate from {FILES} "
        "where money_read is not null group by all order by source_system, raw_table, currency nulls last",
        FILES,
    )


def files(published: Published) -> pl.DataFrame:
    """Every file by its base name: the folders above it are no business of the reader."""
    return published.frame(
        "select source_system, parse_filename(replace(source_file, '\\', '/')) as file_name, raw_table, outcome, "
        f"reason, read_n, accepted_n, quarantined_n, duplicate_n, warnings from {FILES} "
        "order by outcome <> 'refused', source_system, file_name, file_sha256",
        FILES,
        empty=NO_FILES,
    )


def gates(published: Published) -> pl.DataFrame:
    """Checks by layer and outcome, in the order of the path."""
    return published.frame(
        "select layer, count(*) as check_n, count(*) filter (where outcome = 'passed') as passed_n, "
        "count(*) filter (where outcome = 'failed' and severity = 'warn') as warned_n, "
        "count(*) filter (where outcome = 'failed' and severity <> 'warn') as failed_n, "
        "count(*) filter (where outcome = 'errored') as errored_n, "
        "count(*) filter (where outcome = 'skipped') as skipped_n, count(distinct table_name) as table_n "
        f"from {CHECKS} group by layer "
        "order by array_position(['raw', 'canonical', 'core', 'marts'], layer)",
        CHECKS,
        empty="No gate has left a verdict in this file.",
    )


def checks(published: Published) -> pl.DataFrame:
    """Every check, those that did not pass first."""
    return published.frame(
        "select layer, table_name, column_name, check_name, expectation, outcome, severity, message, observed, "
        f"bound, endangered_marts from {CHECKS} "
        "order by array_position(['errored', 'failed', 'skipped', 'passed'], outcome), "
        "array_position(['raw', 'canonical', 'core', 'marts'], layer), table_name, check_name",
        CHECKS,
        empty="No gate has left a verdict in this file.",
    )


def coverage(published: Published) -> pl.DataFrame:
    """Known shares of net revenue, the whole first, then channels by net revenue."""
    return published.frame(
        "select dim, dim_value, net_revenue, order_line_n, unconverted_order_line_n, costed_rate, cogs_known_rate, "
        "fees_known_rate, fulfilment_known_rate from marts.mart_coverage where dim in ('total', 'channel') "
        "order by dim <> 'total', net_revenue desc, dim_value",
        "marts.mart_coverage",
    )


def line_flags(published: Published) -> pl.DataFrame:
    """Order lines by channel with what the export tells: list price, sku, and refunds dated."""
    return published.frame(
        "select l.channel, count(*) as line_n, count(*) filter (where l.is_list_price_known) as list_price_n, "
        "count(l.sku) as sku_n, count(*) filter (where o.refund_precision = 'order') as undated_refund_n "
        "from core.fct_order_line_economics as l join core.fct_order as o using (order_key) "
        "group by l.channel order by l.channel",
        "core.fct_order_line_economics",
        "core.fct_order",
    )


@dataclass(frozen=True)
class CustomerGaps:
    """How many identified customers lack what marketing or comparison needs, and orders nobody can be told for."""

    customers: int
    without_email_consent: int
    without_sms_consent: int
    without_contact: int
    without_acquisition: int
    kept_orders: int
    unidentified_orders: int


def customer_gaps(published: Published) -> CustomerGaps:
    """Gaps in what is known of customers."""
    people: tuple[Any, ...] = published.frame(
        "select count(*), count(*) filter (where is_email_consented is null), "
        "count(*) filter (where is_sms_consented is null), count(*) filter (where not has_email and not has_phone), "
        "count(*) filter (where acquisition_channel is null) from core.dim_customer "
        "where is_identified and not is_test",
        "core.dim_customer",
    ).row(0)
    orders: tuple[Any, ...] = published.frame(
        "select count(*), count(*) filter (where not is_identified) "
        "from core.fct_order join core.dim_customer using (customer_id) where is_kept",
        "core.fct_order",
        "core.dim_customer",
    ).row(0)
    return CustomerGaps(*people, *orders)


def period_costs(published: Published) -> tuple[int, int]:
    """Costs of the period, and those without an exchange rate."""
    row: tuple[int, int] = published.frame(
        "select count(*), count(*) filter (where amount_reporting is null) from core.fct_period_cost",
        "core.fct_period_cost",
    ).row(0)
    return row
