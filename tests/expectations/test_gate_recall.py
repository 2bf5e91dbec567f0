"""Planted dirt on the tiny world's own build: every corruption is blocked, and the message names what and where.

Each corruption runs the subjects of the checks that must catch it; the whole gates run on the clean world and on a
doubled channel, whose publish is refused while the last version stays served.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from expectations import LAYERS, run_layer
from expectations.suite import FOLDER, Suite, load_suite
from pipelines.contracts.settings import Settings
from pipelines.ingest import account_book
from pipelines.warehouse import current_version, open_build, publish
from pipelines.warehouse.errors import PublishRefusedError
from tests.conftest import TinyWorld

pytestmark = pytest.mark.world

LINES, ORDERS = "core.fct_order_line_economics", "core.fct_order"
CLINES, CORDERS = "intermediate.int_order_line__unioned", "intermediate.int_order__unioned"
IN_POS = "where channel = 'pos'"
FIRST, FIRST_LINE = f"(select min(order_key) from {ORDERS})", f"(select min(order_line_key) from {LINES})"
DAY = "(select ordered_on from core.fct_order where channel = 'web_store' order by ordered_on limit 1 offset 100)"
OTHER = "basis <> (select headline_basis from marts.mart_coverage where dim = 'total')"
"""Rows on the basis that is not the headline one: a gate that looks at the headline alone sees nothing."""
MONEY = ("customer_rfm", "profit_waterfall", "customer_360")


@dataclass(frozen=True)
class Dirt:
    """A corruption: what is done to the build, the check that must catch it, words of its message, marts endangered."""

    name: str
    layer: str
    check: str
    statements: Sequence[str]
    words: str = ""
    endangered: Sequence[str] = ()


CORE = (
    Dirt("a doubled channel", "core", "orders_tie_to_canonical",
         [f"insert into {ORDERS} select * replace (order_key || '#2' as order_key) from {ORDERS} {IN_POS}"],
         "pos/pos/USD order_diff_n", MONEY),
    Dirt("a channel's lines doubled by a join", "core", "lines_tie_to_canonical",
         [f"insert into {LINES} select * from {LINES} {IN_POS}"], "pos/pos/USD line_diff_n", MONEY),
    Dirt("a channel's lines doubled, seen by keys", "core", "core_grain_unique.fct_order_line_economics",
         [f"insert into {LINES} select * from {LINES} {IN_POS}"], "duplicate_n", MONEY),
    Dirt("a dropped channel", "core", "orders_tie_to_canonical", [f"delete from {ORDERS} {IN_POS}"], "order_diff_n"),
    Dirt("a dropped day of orders", "core", "days_tie_to_canonical",
         [f"delete from {ORDERS} where channel = 'web_store' and ordered_on = {DAY}"], "web_store/20"),
    Dirt("a dropped day of lines", "core", "daily_money_ties_to_canonical",
         [f"delete from {LINES} where channel = 'web_store' and ordered_on = {DAY}"], "web_store/20"),
    Dirt("orders a day late", "core", "days_tie_to_canonical",
         [f"update {ORDERS} set ordered_on = ordered_on + 1 {IN_POS}"], "pos/20"),
    Dirt("a time zone applied twice", "core", "order_times_tie_to_canonical",
         [f"update {ORDERS} set ordered_at = ordered_at + interval 8 hour where channel = 'tmall'"], "tmall"),
    Dirt("a local day far off its instant", "core", "local_day_near_instant",
         [f"update {ORDERS} set ordered_at = ordered_at - interval 3 day {IN_POS}"], "other_day_n"),
    Dirt("refunds of lines with the sign flipped", "core", "nothing_negative",
         [f"update {LINES} set refunded_goods = -refunded_goods"], "web_store negative_n"),
    Dirt("refunds of the ledger with the sign flipped", "core", "refund_signs",
         ["update core.fct_refund set refunded_goods = -refunded_goods"], "negative_n"),
    Dirt("refunds lost from the ledger", "core", "refund_goods_tie", [f"delete from core.fct_refund {IN_POS}"], "pos"),
    Dirt("refunds doubled in the ledger", "core", "refund_goods_tie",
         ["insert into core.fct_refund select * replace (refund_key || '#2' as refund_key) from core.fct_refund"],
         "goods_diff"),
    Dirt("refunds other than their feed", "core", "refunds_tie_to_feed",
         ["update core.fct_refund set refunded_goods = refunded_goods * 2 where refund_precision = 'dated'"],
         "feed_diff"),
    Dirt("a currency swapped", "core", "orders_tie_to_canonical",
         [f"update {ORDERS} set currency = 'USD' where currency = 'CNY'"], "tmall/CNY order_diff_n = -"),
    Dirt("money not converted", "core", "rates_not_above_given",
         [f"update {LINES} set list_value_reporting = list_value where currency = 'CNY'"], "CNY"),
    Dirt("money converted by the inverse rate", "core", "rates_not_above_given",
         [f"update {LINES} set list_value_reporting = list_value * 7 where currency = 'CNY'"], "CNY"),
    Dirt("own currency converted", "core", "own_currency_unchanged",
         [f"update {LINES} set net_revenue_reporting = net_revenue * 2 {IN_POS}"], "pos"),
    Dirt("rates missing", "core", "money_converted",
         [f"update {LINES} set net_revenue_reporting = null where currency = 'CNY'"], "tmall unconverted_rate = 1"),
    Dirt("a null spike in keys", "core", "core_required_filled.fct_order_line_economics",
         [f"alter table {LINES} alter column customer_id drop not null",
          f"update {LINES} set customer_id = null where ordered_on > date '2025-06-01'"], "required_null_n", MONEY),
    Dirt("a null spike in costs, flagged honestly", "core", "costs_reach_lines",
         [f"update {LINES} set cogs = null, cogs_reporting = null, contribution = null, "
          f"contribution_reporting = null, is_cogs_known = false, is_costed = false {IN_POS}"], "pos lost_rate"),
    Dirt("a null spike in costs, flagged as known", "core", "flags_tell_the_truth",
         [f"update {LINES} set cogs = null {IN_POS}"], "pos flag_wrong_n"),
    Dirt("an unknown cost counted as nothing", "core", "contribution_follows",
         [f"update {LINES} set contribution = net_revenue where contribution is null"], "contribution_wrong_n"),
    Dirt("colliding order keys", "core", "core_grain_unique.fct_order",
         [f"update {ORDERS} set order_key = (select min(order_key) from {ORDERS}) {IN_POS}"], "duplicate_n"),
    Dirt("colliding customer ids", "core", "core_grain_unique.dim_customer",
         ["update core.dim_customer set customer_id = (select min(customer_id) from core.dim_customer) "
          "where birth_year < 1970"], "duplicate_n"),
    Dirt("a malformed customer id", "core", "customer_id_formed",
         ["update core.dim_customer set customer_id = 'jane' where birth_year < 1970"]),
    Dirt("an empty dimension", "core", "lines_have_products", ["delete from core.dim_product"], "orphan_sku_n"),
    Dirt("customers lost", "core", "orders_have_people", ["delete from core.dim_customer where birth_year < 1990"],
         "orphan_order_n"),
    Dirt("no orders", "core", "core_orders_there", [f"delete from {ORDERS}"]),
    Dirt("a crowd merged into one person", "core", "no_crowd_in_one_person",
         ["update core.dim_account set customer_id = (select min(customer_id) from core.dim_account)",
          "update core.dim_customer set account_n = 900 where birth_year = 1970"],
         "largest_account_n = 900"),
    Dirt("accounts moved, orders not", "core", "orders_and_accounts_agree",
         ["update core.dim_account set customer_id = (select max(customer_id) from core.dim_customer) "
          "where source_system = 'web'"], "other_person_n"),
    Dirt("kept orders numbered anew", "core", "kept_orders_numbered",
         [f"update {ORDERS} set kept_order_n = kept_order_n + 1 where is_kept and channel = 'tmall'"], "wrong_n"),
    Dirt("events lost", "core", "events_tie_to_canonical",
         ["delete from core.fct_event where attribution = 'anonymous'"], "site event_diff_n = -"),
    Dirt("events of nobody called stitched", "core", "attribution_tells_how",
         ["update core.fct_event set attribution = 'stitched' where attribution = 'anonymous'"], "misattributed_n"),
    Dirt("logins of another person", "core", "logins_and_accounts_agree",
         ["update core.fct_event set customer_id = (select max(customer_id) from core.dim_customer) "
          "where attribution = 'login'"], "other_person_n"),
    Dirt("visits on a shared browser given to one of its people", "core", "stitched_to_the_only_person",
         ["update core.fct_event as e set attribution = 'stitched', customer_id = s.customer_id from ("
          "select anonymous_id_key, min(customer_id) as customer_id from core.fct_event where attribution = 'login' "
          "group by anonymous_id_key having count(distinct customer_id) > 1"
          ") as s where e.anonymous_id_key = s.anonymous_id_key and e.attribution = 'anonymous'"],
         "wrongly_stitched_n"),
    Dirt("cancelled orders kept", "core", "only_kept_orders_numbered",
         [f"update {ORDERS} set is_kept = true where status = 'cancelled'"], "kept_unnumbered_n"),
    Dirt("a line's net revenue off by a ten-thousandth", "core", "net_revenue_follows",
         [f"update {LINES} set net_revenue = net_revenue + 0.0001 where order_line_key = {FIRST_LINE}"],
         "net_revenue_wrong_n = 1"),
    Dirt("an order's total off by a ten-thousandth", "core", "net_revenue_adds_up",
         [f"update {ORDERS} set net_revenue = net_revenue + 0.0001 where order_key = {FIRST}"],
         "net_revenue_wrong_n = 1"),
    Dirt("discounts counted twice", "core", "gross_ties_to_canonical",
         [f"update {LINES} set gross_merchandise = gross_merchandise - merchant_discount where merchant_discount > 0"],
         "gross_merchandise_diff"),
    Dirt("shipping lost", "core", "shipping_ties_to_canonical",
         [f"update {LINES} set shipping_charged = 0 where channel = 'web_store'"], "web/web_store/USD"),
    Dirt("fees in cents", "core", "fees_rate_possible",
         [f"update {LINES} set platform_fee = platform_fee * 100 where channel = 'tmall'"], "tmall fees_rate"),
    Dirt("costs per case", "core", "cogs_rate_possible",
         [f"update {LINES} set cogs = cogs * 24 {IN_POS}"], "pos cogs_rate"),
    Dirt("a state that does not exist", "core", "core_values_accepted.fct_order",
         [f"update {ORDERS} set status = 'shipped' {IN_POS}"], "not_accepted_n"),
    Dirt("an e-mail address in clear", "core", "core_no_clear_identifier.dim_customer",
         ["update core.dim_customer set city = 'jane.doe@example.com' where birth_year < 1960"], "clear_identifier_n"),
    Dirt("a stale source", "core", "data_reach_the_as_of_day",
         ["update meta.run_context set as_of_on = as_of_on + 60, cutoff_at = cutoff_at + interval 60 day"],
         "silent_days"),
    Dirt("orders of the future", "core", "no_future_order_in_core",
         [f"update {ORDERS} set ordered_at = ordered_at + interval 3 year {IN_POS}"], "future_order_n"),
    Dirt("another reporting currency", "core", "one_reporting_currency",
         ["update meta.run_context set reporting_currency = 'EUR'"], "other_currency_n"),
    Dirt("a dropped column", "core", "core_columns_there.dim_customer",
         ["alter table core.dim_customer drop column birth_year"], "column_missing_n = 1"),
    Dirt("money as floats", "core", "core_types_right.fct_order",
         [f"alter table {ORDERS} alter column list_value type double"], "column_mistyped_n = 1"),
    Dirt("a missing table", "core", "core_columns_there.fct_period_cost", ["drop table core.fct_period_cost"],
         "column_missing_n", ("profit_waterfall",)),
)  # fmt: skip

CANONICAL = (
    Dirt("a doubled union", "canonical", "orders_as_in_raw",
         [f"insert into {CORDERS} select * replace (order_key || '#2' as order_key) "
          f"from {CORDERS} where source_system = 'web'"],
         "web/shopify__orders order_factor = 2", MONEY),
    Dirt("a source lost in staging", "canonical", "orders_as_in_raw",
         [f"delete from {CORDERS} where source_system = 'tmall'"],
         "tmall/tmall__orders order_factor = 0"),
    Dirt("amounts in another unit", "canonical", "goods_as_in_raw",
         [f"update {CLINES} set line_amount = line_amount * 100 where source_system = 'pos'"],
         "pos/square__transactions goods_factor"),
    Dirt("an entity lost", "canonical", "entity_holds_its_feed.int_product_cost__unioned",
         ["delete from intermediate.int_product_cost__unioned"], "held_rate = 0"),
    Dirt("lines of nobody", "canonical", "lines_have_orders",
         [f"update {CLINES} set order_key = order_key || 'x' where source_system = 'web'"],
         "orphan_line_rate"),
    Dirt("refunds negative", "canonical", "refunds_positive",
         ["update intermediate.int_refund__unioned set goods_amount = -goods_amount"], "negative_n"),
    Dirt("refunds of nobody", "canonical", "refunds_have_orders",
         ["update intermediate.int_refund__unioned set order_key = order_key || 'x'"], "orphan_rate"),
    Dirt("exchange rates missing", "canonical", "orders_have_rates",
         ["delete from intermediate.int_fx_rate__unioned where from_currency = 'CNY'"], "CNY unrated_rate = 1"),
    Dirt("exchange rates inverted for a month", "canonical", "rates_do_not_jump",
         ["update intermediate.int_fx_rate__unioned set rate = 1 / rate "
          "where rated_on between date '2024-03-01' and date '2024-03-31'"], "largest_step"),
    Dirt("a negative exchange rate", "canonical", "rates_positive",
         ["update intermediate.int_fx_rate__unioned set rate = -rate where rated_on = date '2024-03-01'"],
         "non_positive_n"),
    Dirt("a state mapped wrongly", "canonical", "most_orders_count",
         [f"update {CORDERS} set status = 'cancelled' where source_system = 'tmall'"],
         "tmall void_rate"),
    Dirt("currencies in small letters", "canonical", "currency_code_formed",
         [f"update {CORDERS} set currency = lower(currency) where source_system = 'pos'"]),
    Dirt("orders without account", "canonical", "required_filled.int_order__unioned",
         [f"alter table {CORDERS} alter column account_key drop not null",
          f"update {CORDERS} set account_key = null where source_system = 'pos'"],
         "required_null_n"),
    Dirt("discounts larger than goods", "canonical", "discounts_within_goods",
         [f"update {CORDERS} set order_discount = 100000 where source_system = 'web'"],
         "over_discounted_rate"),
)  # fmt: skip

MARTS = (
    Dirt("a waterfall cell changed", "marts", "waterfall_net_revenue_ties",
         ["update marts.profit_waterfall set amount = amount + 0.01 where line = 'net_revenue' and dim = 'channel' "
          "and dim_value = 'pos' and month = date '2025-01-01' and dating = 'order'"],
         "order/channel net_revenue_diff", ("profit_waterfall",)),
    Dirt("customers lost from RFM", "marts", "rfm_counts_people",
         ["delete from marts.customer_rfm where customer_id < 'c_4'"], "customer_rfm_diff_n = -", ("customer_360",)),
    Dirt("customers doubled", "marts", "mart_grain_unique.customer_360",
         ["insert into marts.customer_360 select * from marts.customer_360 where customer_id < 'c_4'"], "duplicate_n"),
    Dirt("a mart of another day", "marts", "mart_of_the_day.customer_lifecycle",
         ["update marts.customer_lifecycle set as_of_on = as_of_on - 1"], "other_as_of_n", ("customer_360",)),
    Dirt("an empty mart", "marts", "mart_not_empty.cohort_retention", ["delete from marts.cohort_retention"],
         "empty_too_long_n = 1"),
    Dirt("an empty mart in a young shop", "marts", "mart_not_empty.customer_rfm",
         ["update meta.run_context set as_of_on = (select min(ordered_on) + 3 from core.fct_order)",
          "delete from marts.cohort_retention", "delete from marts.customer_rfm"], "empty_too_long_n = 1"),
    Dirt("a segment renamed", "marts", "mart_values_accepted.customer_rfm",
         ["update marts.customer_rfm set segment = 'kings' where segment = 'champions'"], "not_accepted_n"),
    Dirt("an interval the wrong way round", "marts", "intervals_in_order.cohort_retention",
         ["update marts.cohort_retention set lo = hi + 0.1 where hi is not null and period_n = 1"],
         "interval_disordered_n"),
    Dirt("a mart in another currency", "marts", "mart_in_reporting_currency.customer_360",
         ["update marts.customer_360 set currency = 'EUR'"], "other_currency_n"),
    Dirt("a ledger line off by a ten-thousandth", "marts", "ledger_balances",
         ["update marts.asset_ledger set amount = amount + 0.0001 where line = 'acquired' and dim = 'channel'"],
         "unbalanced_n"),
    Dirt("a closing that no opening follows", "marts", "ledger_continues",
         ["update marts.asset_ledger set amount = amount + 1 where period_on = date '2025-06-30' "
          "and line in ('closing', 'deepened')"], "broken_join_n"),
    Dirt("movements of customers lost", "marts", "movements_make_the_lines",
         ["delete from marts.asset_movement where customer_id < 'c_4'"], "movement_off_n"),
    Dirt("values that movements do not explain", "marts", "movements_make_the_values",
         ["update marts.customer_asset set closing_amount = closing_amount * 2 where period_on = as_of_on"],
         "customer_off_n"),
    Dirt("experience that explains nothing", "marts", "variance_balances",
         ["update marts.asset_variance set experience_amount = 0"], "variance_unbalanced_n"),
    Dirt("histories mixed up", "marts", "customer_360_history",
         ["update marts.customer_360 set last_order_on = last_order_on - 1 where customer_id < 'c_4'"],
         "history_wrong_n"),
    Dirt("money of customers changed", "marts", "customer_360_net_revenue_ties",
         ["update marts.customer_360 set net_revenue = net_revenue * 2 where customer_id < 'c_4'"],
         "net_revenue_diff"),
    Dirt("a required null", "marts", "mart_required_filled.customer_rfm",
         ["update marts.customer_rfm set frequency_n = null where customer_id < 'c_4'"],
         "required_null_n"),
    Dirt("values lost", "marts", "value_counts_buyers",
         ["delete from marts.customer_ltv_predictive where customer_id < 'c_4'"], "buyer_diff_n = -"),
    Dirt("a value outside its interval", "marts", "value_possible",
         ["update marts.customer_ltv_predictive set expected_value = hi + 1 where customer_id < 'c_4'"],
         "impossible_n", ("customer_churn_risk",)),
    Dirt("a segment's total that is not its customers'", "marts", "segments_tie_to_customers",
         ["update marts.ltv_reconciliation set predictive = predictive + 0.01 where period = 'next'"],
         "segment_diff_n"),
    Dirt("a disagreement that did not give way", "marts", "disagreement_gives_way",
         ["update marts.ltv_reconciliation set is_overlap = false, value_source = 'model' where cohort > 0"],
         "not_given_way_n"),
    Dirt("a cohort lost", "marts", "cohorts_hold_every_buyer",
         ["update marts.cohort_ltv set customer_n = customer_n - 1 where dim = 'first_channel' and cohort = '(all)'"],
         "cohort_buyer_diff_n"),
    Dirt("risks lost", "marts", "risk_counts_customers",
         ["delete from marts.customer_churn_risk where customer_id < 'c_4'"], "risk_diff_n = -"),
    Dirt("a risk beyond certainty", "marts", "risk_possible",
         ["update marts.customer_churn_risk set p_no_order_90 = 1.2 where customer_id < 'c_4'"], "impossible_n"),
    Dirt("money at risk by another risk", "marts", "risk_in_money",
         ["update marts.customer_churn_risk set value_at_risk = expected_value where expected_value > 1"],
         "value_wrong_n"),
)  # fmt: skip

RAW = (
    Dirt("rows lost between the book and raw", "raw", "rows_tie_out.shopify__orders",
         ["create or replace view raw.shopify__orders as select * from ({shopify__orders}) where source_row <> 5"],
         "row_diff_n = -"),
    Dirt("money lost between the book and raw", "raw", "money_ties_out.shopify__orders",
         ["create or replace view raw.shopify__orders as select * replace ((total * 2)::decimal(18, 4) as total) "
          "from ({shopify__orders})"], "money_diff"),
    Dirt("rows without key", "raw", "envelope_whole.tmall__orders",
         ["create or replace view raw.tmall__orders as select * replace (null::varchar as record_key) "
          "from ({tmall__orders})"], "envelope_null_n"),
    Dirt("rows without date", "raw", "dated.square__transactions",
         ["create or replace view raw.square__transactions as select * replace (null::timestamp as event_at) "
          "from ({square__transactions})"], "undated_rate = 1"),
)  # fmt: skip


@pytest.fixture(scope="module")
def book(world: TinyWorld) -> pl.DataFrame:
    return account_book(world.settings)


@pytest.fixture
def patient(world: TinyWorld, tmp_path: Path) -> Settings:
    """A house with a copy of the tiny world's build and verdicts; raw is read where it lies."""
    home = tmp_path / "home"
    shutil.copytree(
        world.settings.home / "build", home / "build", ignore=shutil.ignore_patterns("good-*", "dbt", "tmp")
    )
    return Settings(home=home)


def subjects_of(check: str, layer: str, folder: Path) -> Path:
    """A gate folder whose suite holds the subjects of `check` only."""
    name = check.split(".", maxsplit=1)[0]
    subjects = [s for s in load_suite(layer).subjects if any(e.check == name for e in s.expectations)]
    suite = Suite(layer=layer, subjects=tuple(subjects)).model_dump(mode="json", exclude_none=True)
    (folder / "suites").mkdir(parents=True)
    (folder / "suites" / f"{layer}.yml").write_text(json.dumps(suite))  # JSON is YAML
    (folder / "thresholds.yml").symlink_to(FOLDER / "thresholds.yml")
    (folder / "metrics").symlink_to(FOLDER / "metrics")
    return folder


def plant(settings: Settings, dirt: Dirt) -> None:
    with open_build(settings) as con:
        views = dict(con.execute("select view_name, sql from duckdb_views() where schema_name = 'raw'").fetchall())
        bodies = {name: sql.split(" AS ", 1)[1].rstrip().rstrip(";") for name, sql in views.items()}
        for statement in dirt.statements:
            changed = con.execute(statement.format(**bodies) if dirt.layer == "raw" else statement).fetchall()
            assert changed != [(0,)], "the corruption changed nothing"


@pytest.mark.parametrize("dirt", [*CORE, *CANONICAL, *MARTS, *RAW], ids=lambda dirt: f"{dirt.layer}: {dirt.name}")
def test_planted_dirt_is_blocked_and_named(patient: Settings, book: pl.DataFrame, tmp_path: Path, dirt: Dirt) -> None:
    plant(patient, dirt)
    result = run_layer(patient, dirt.layer, book, subjects_of(dirt.check, dirt.layer, tmp_path / "gate"))
    assert not result.passed
    problem = next((text for text in result.problems if text.startswith(dirt.check + " ")), None)
    assert problem is not None, result.problems
    assert dirt.words in problem
    for mart in dirt.endangered:
        assert mart in problem.split("endangers")[1]


def test_a_young_shop_has_no_retention_yet(patient: Settings, book: pl.DataFrame, tmp_path: Path) -> None:
    with open_build(patient) as con:
        con.execute("update meta.run_context set as_of_on = (select min(ordered_on) + 3 from core.fct_order)")
        con.execute("delete from marts.cohort_retention")
    result = run_layer(patient, "marts", book, subjects_of("mart_not_empty", "marts", tmp_path / "gate"))
    assert not [problem for problem in result.problems if problem.startswith("mart_not_empty")]


@pytest.mark.parametrize("layer", LAYERS)
def test_the_clean_world_passes_every_gate(patient: Settings, book: pl.DataFrame, layer: str) -> None:
    result = run_layer(patient, layer, book)
    assert result.problems == ()
    assert [check.message for check in result.warnings] == []
    assert result.evaluated + result.record.counts()["skipped"] == result.declared


def test_quarantine_that_grows_is_blocked(patient: Settings, book: pl.DataFrame) -> None:
    orders = pl.col("raw_table") == "shopify__orders"
    worse = book.with_columns(
        accepted_n=pl.when(orders).then(pl.col("accepted_n") - pl.col("accepted_n") // 10).otherwise("accepted_n"),
        quarantined_n=pl.when(orders)
        .then(pl.col("quarantined_n") + pl.col("accepted_n") // 10)
        .otherwise("quarantined_n"),
    )
    result = run_layer(patient, "raw", worse)
    assert any(text.startswith("quarantine_small.shopify__orders ") for text in result.problems)
    assert any(text.startswith("rows_tie_out.shopify__orders ") for text in result.problems)


def test_a_doubled_channel_is_not_published_and_the_last_version_stays(
    house_copy: Callable[[], Settings], book: pl.DataFrame
) -> None:
    house = house_copy()
    before = current_version(house).id
    with open_build(house) as con:
        con.execute(f"insert into {ORDERS} select * from {ORDERS} {IN_POS}")
        con.execute(f"insert into {LINES} select * from {LINES} {IN_POS}")
    with pytest.raises(PublishRefusedError, match="the core layer changed after it was judged"):
        publish(house, "run", book)
    result = run_layer(house, "core", book)
    verdict = result.table(ORDERS)
    assert not verdict.passed
    assert set(MONEY) <= set(verdict.endangered)
    with pytest.raises(PublishRefusedError) as refused:
        publish(house, "run", book)
    assert "orders_tie_to_canonical on core.fct_order failed" in str(refused.value)
    assert "pos/pos/USD" in str(refused.value)
    assert "customer_rfm" in str(refused.value)
    assert current_version(house).id == before
