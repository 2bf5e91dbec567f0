"""Core: the tables that dbt builds in schema `core` and that every mart reads.

Lives here: names, grain, columns and units of the core tables. The dbt contracts are checked against it by a test.
Stays out: tables of marketing (`core_marketing`) and of identity (`identity`); how all are computed
(`dbt_project/models`).

Every money column `x` is in the order's `currency`; `x_reporting` is the same amount in `reporting_currency`,
converted once per line at the rate of the order's day, half away from zero. A missing rate gives null.
"""

from __future__ import annotations

from pipelines.contracts import core_marketing, identity
from pipelines.contracts.columns import Column, Table, day, flag, instant, integer, money, quantity, text

_NO_RATE = "no exchange rate for the day"
_NO_COST = "not known"

_KEYS = (
    text("source_system", "Source that reported it", required=True),
    text("channel", "Sales channel", required=True),
)

WATERFALL: tuple[tuple[str, str, str | None], ...] = (
    ("list_value", "Quantity times list price; the price before discounts where no list price is known", None),
    ("markdown", "List value less the price asked before discounts", None),
    ("merchant_discount", "Discounts the merchant pays for: line discounts and the share of order discounts", None),
    ("platform_subsidy", "Informational: part of gross merchandise that the platform pays instead of the buyer", None),
    ("gross_merchandise", "list_value - markdown - merchant_discount: goods at the price the merchant receives", None),
    ("shipping_charged", "Share of the shipping charged to the buyer", None),
    ("cancelled", "Gross merchandise and shipping of orders cancelled or never paid", None),
    ("refunded_goods", "Goods refunded, subsidy returned to the platform included", None),
    ("refunded_shipping", "Shipping refunded", None),
    ("tax", "Tax contained in what was kept", None),
    (
        "net_revenue",
        "gross_merchandise + shipping_charged - cancelled - refunded_goods - refunded_shipping - tax",
        None,
    ),
    ("cogs", "Cost of the goods sold, less goods returned into stock", _NO_COST),
    ("platform_fee", "Service and technical fees of the platform", _NO_COST),
    ("payment_fee", "Fees of the payment provider", _NO_COST),
    ("commission", "Commissions: affiliate, key opinion leader, recruiting, channel split", _NO_COST),
    ("fulfilment", "Carriage, packing and return logistics", _NO_COST),
    ("incentives", "Points, gifts, referral rewards, cashback and staff incentives used, paid by the merchant", None),
    (
        "contribution",
        "net_revenue - cogs - platform_fee - payment_fee - commission - fulfilment - incentives (W12)",
        "a cost is not known",
    ),
)
"""Waterfall lines of the economics fact in order: name, meaning, meaning of null. All stored as positive amounts."""


def _both(name: str, description: str, null_means: str | None) -> tuple[Column, Column]:
    return (
        money(name, description, unit="order currency", null_means=null_means),
        money(
            f"{name}_reporting",
            f"{description} (reporting currency)",
            unit="reporting currency",
            null_means=f"{null_means}, or {_NO_RATE}" if null_means else _NO_RATE,
        ),
    )


_WATERFALL_COLUMNS = tuple(column for line in WATERFALL for column in _both(*line))

DIM_CUSTOMER = Table(
    "dim_customer",
    "One person, unified over all channels.",
    ("customer_id",),
    (
        text("customer_id", "One-ID of the person", required=True),
        integer("account_n", "Accounts that belong to the person", required=True, unit="accounts"),
        flag(
            "is_identified",
            "At least one account has a real or hashed key; false for one-order buyers without a key, who count in profit but not in customer metrics",
            required=True,
        ),
        text(
            "buyer_key_kind",
            "Best key kind among the accounts",
            required=True,
            values=("real", "hashed", "masked", "synthetic"),
        ),
        flag("is_employee", "Any account belongs to staff", required=True),
        flag("is_test", "Any account was made for testing", required=True),
        instant("first_seen_at", "Earliest sign of the person", required=True),
        text(
            "acquisition_channel",
            "Traffic channel that brought the person's earliest account",
            null_means="no source says",
        ),
        text(
            "acquisition_campaign", "Campaign that brought the person's earliest account", null_means="no source says"
        ),
        text("city", "City, from the most recent account that states it"),
        text("region", "State or province, likewise"),
        text("country", "Country, likewise"),
        integer("birth_year", "Year of birth", unit="calendar year"),
        text("household_id", "Household: customers on one telephone, address or device", null_means="shares none"),
        text("ring_id", "Ring: customers behind one device with many nameless accounts", null_means="in none"),
        flag("has_email", "A usable e-mail address is in the vault", required=True),
        flag("has_phone", "A usable telephone number is in the vault", required=True),
        flag("is_email_consented", "Latest marketing decision for e-mail is granted", null_means="never asked"),
        flag("is_sms_consented", "Latest marketing decision for SMS is granted", null_means="never asked"),
    ),
)

DIM_ACCOUNT = Table(
    "dim_account",
    "An account, member record or keyless buyer in a source, and the person it belongs to.",
    ("account_key",),
    (
        text("account_key", "Immutable pseudonymous key of the account", required=True),
        text("source_system", "Source that keeps the account", required=True),
        text("customer_id", "Person the account belongs to", required=True),
        text(
            "buyer_key_kind",
            "How far the key identifies a person",
            required=True,
            values=("real", "hashed", "masked", "synthetic"),
        ),
        instant("first_seen_at", "Earliest sign of the account", required=True),
    ),
)

DIM_PRODUCT = Table(
    "dim_product",
    "A stock keeping unit seen in a product feed or on an order line.",
    ("sku",),
    (
        text("sku", "Stock keeping unit", required=True),
        text("title", "Title"),
        text("category_l1", "Category, first level", null_means="no product feed covers it"),
        text("category_l2", "Category, second level"),
        text("category_l3", "Category, third level"),
        text("brand", "Brand"),
    ),
)

FCT_ORDER = Table(
    "fct_order",
    "An order as known at the as-of day.",
    ("order_key",),
    (
        text("order_key", "Source and native id of the order", required=True),
        *_KEYS,
        text("store_id", "Store or shop"),
        text("account_key", "Account that ordered", required=True),
        text("customer_id", "Person that ordered", required=True),
        instant("ordered_at", "When it was placed", required=True),
        day("ordered_on", "Local business day it was placed", required=True),
        day("paid_on", "Local business day it was paid", null_means="not paid, or the export does not say when"),
        instant(
            "first_known_at",
            "When the company learnt of the order at first: with the earliest version of its record",
            required=True,
        ),
        instant("known_at", "When the company learnt of the order as it stands", required=True),
        text("status", "State of the order", required=True, values=("pending", "paid", "cancelled", "refunded")),
        flag("is_kept", "Paid, not cancelled and not wholly refunded", required=True),
        integer(
            "kept_order_n",
            "Ordinal among the person's kept orders by (ordered_at, order_key), from 1",
            null_means="not kept",
        ),
        text("attributed_campaign_id", "Campaign the order is attributed to"),
        text("currency", "ISO 4217 code of the order's money", required=True),
        text("reporting_currency", "ISO 4217 code of the reporting currency", required=True),
        integer("line_n", "Lines", required=True, unit="lines"),
        text("first_sku", "SKU of the line with the largest gross merchandise (ties: smallest SKU)"),
        text("refund_precision", "How exactly refunds are dated", values=("dated", "order", "none"), required=True),
        text(
            "cancellation_precision",
            "How exactly a cancellation is dated. dated: it had been paid, was cancelled on a day that is told, and stands "
            "in fct_cancellation until then; order: cancelled without a day, or before it was paid as far as is told, so "
            "that it never counts; none: not cancelled",
            values=("dated", "order", "none"),
            required=True,
        ),
        *(
            column
            for name in (
                "list_value",
                "markdown",
                "merchant_discount",
                "gross_merchandise",
                "refunded_goods",
                "net_revenue",
                "contribution",
            )
            for column in _both(*next(line for line in WATERFALL if line[0] == name))
        ),
        money(
            "costed_net_revenue_reporting",
            "Net revenue of the lines whose contribution is known",
            required=True,
            unit="reporting currency",
        ),
    ),
)

FCT_ORDER_LINE_ECONOMICS = Table(
    "fct_order_line_economics",
    "An order line from list price to contribution, order-dated (B1).",
    ("order_line_key",),
    (
        text("order_line_key", "Order key and line id", required=True),
        text("order_key", "Order of the line", required=True),
        *_KEYS,
        text("account_key", "Account that ordered", required=True),
        text("customer_id", "Person that ordered", required=True),
        text("sku", "Stock keeping unit", null_means="the export has no items"),
        instant("ordered_at", "When the order was placed", required=True),
        day("ordered_on", "Local business day of the order", required=True),
        text("currency", "ISO 4217 code of the order's money", required=True),
        text("reporting_currency", "ISO 4217 code of the reporting currency", required=True),
        quantity("qty", "Quantity", required=True, unit="units"),
        flag("is_list_price_known", "A list price was stated by the export or the price list", required=True),
        flag("is_kept", "The order is kept", required=True),
        flag("is_cogs_known", "Cost of goods is known", required=True),
        flag("is_fees_known", "Every fee and commission that the channel bears is known", required=True),
        flag("is_fulfilment_known", "Cost of fulfilment is known, or the channel bears none", required=True),
        flag("is_costed", "Every cost is known, so contribution is too", required=True),
        *_WATERFALL_COLUMNS,
    ),
)

FCT_REFUND = Table(
    "fct_refund",
    "A refund's share of one order line, on the day it was given.",
    ("refund_key", "order_line_key"),
    (
        text("refund_key", "Source and native id of the refund", required=True),
        text("order_line_key", "Order line it is booked on", required=True),
        text("order_key", "Order it is booked on", required=True),
        *_KEYS,
        text("customer_id", "Person that ordered", required=True),
        day("ordered_on", "Local business day of the order", required=True),
        day("refunded_on", "Local day of the refund; the order's day where the export gives no date", required=True),
        instant(
            "known_at", "When the company learnt of it; with the order where the export gives no date", required=True
        ),
        text("refund_precision", "How exactly the refund is dated", required=True, values=("dated", "order")),
        text("kind", "Kind of refund", required=True, values=("refund_only", "return_refund", "chargeback")),
        text("currency", "ISO 4217 code of the order's money", required=True),
        text("reporting_currency", "ISO 4217 code of the reporting currency", required=True),
        *(
            column
            for line in (
                ("refunded_goods", "Goods refunded, subsidy returned included", None),
                ("refunded_shipping", "Shipping refunded", None),
                ("tax_returned", "Tax contained in the refund", None),
                ("cogs_returned", "Cost of goods that went back into stock", _NO_COST),
            )
            for column in _both(*line)
        ),
    ),
)

FCT_CANCELLATION = Table(
    "fct_cancellation",
    "What a paid order that was cancelled on a known day took with it: a line's share, on the day it was lost.",
    ("cancellation_key", "order_line_key"),
    (
        text(
            "cancellation_key",
            "Key of the order; of what had been refunded before the cancellation the key of the refund",
            required=True,
        ),
        text("order_line_key", "Order line it concerns", required=True),
        text("order_key", "Order that was cancelled", required=True),
        *_KEYS,
        text("customer_id", "Person that ordered", required=True),
        day("ordered_on", "Local business day of the order", required=True),
        day(
            "cancelled_on",
            "Local day of the cancellation; of what had been refunded before it, that of the refund",
            required=True,
        ),
        instant("known_at", "When the company learnt of it; never before it happened", required=True),
        text(
            "kind",
            "refunded: given back before the cancellation; cancelled: what was left. Both are in the line's `cancelled`, "
            "not in fct_refund",
            required=True,
            values=("cancelled", "refunded"),
        ),
        text("currency", "ISO 4217 code of the order's money", required=True),
        text("reporting_currency", "ISO 4217 code of the reporting currency", required=True),
        *(
            column
            for line in (
                ("cancelled_goods", "Gross merchandise lost", None),
                ("cancelled_shipping", "Shipping charged that was lost", None),
                ("cancelled_tax", "Tax contained in them, owed no longer", None),
                ("cancelled_cogs", "Cost of the goods, which are not sold after all", _NO_COST),
                ("cancelled_net_revenue", "cancelled_goods + cancelled_shipping - cancelled_tax", None),
                (
                    "cancelled_contribution",
                    "cancelled_net_revenue - cancelled_cogs; fees, carriage and incentives that were charged stay spent",
                    "a cost that the channel bears was not known while the order stood",
                ),
            )
            for column in _both(*line)
        ),
    ),
)

FCT_PERIOD_COST = Table(
    "fct_period_cost",
    "A cost of a month that belongs to no single order, in the reporting currency.",
    ("month", "category"),
    (
        day("month", "First day of the month", required=True),
        text("category", "Category of the cost", required=True),
        text("allocation_rule", "How it is allocated: net_revenue, orders, channel:<name>, or none", required=True),
        money("amount_reporting", "Amount", unit="reporting currency", null_means=_NO_RATE),
    ),
)

CORE: dict[str, Table] = {
    table.name: table
    for table in (
        DIM_CUSTOMER,
        DIM_ACCOUNT,
        DIM_PRODUCT,
        FCT_ORDER,
        FCT_ORDER_LINE_ECONOMICS,
        FCT_REFUND,
        FCT_CANCELLATION,
        FCT_PERIOD_COST,
        *core_marketing.PUBLISHED,
        *identity.PUBLISHED,
    )
}
"""Every core table by name."""
