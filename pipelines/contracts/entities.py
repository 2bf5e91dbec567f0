"""Canonical entities: what every channel, whatever its export looks like, ends as.

Lives here: the columns of each entity as the canonical CSV carries them and as staging maps them.
Stays out: the entities of marketing (`marketing`), formats of channels (`pipelines.channels`) and what is computed from
entities (`core`).

The canonical CSV of an entity has these columns by these names. The envelope (source, file, row, `known_at`,
`record_hash`) is added on reading; `known_at` may also be a column of the file. Money is in the row's `currency`.
"""

from __future__ import annotations

from pipelines.contracts.columns import Table, day, flag, instant, integer, money, quantity, rate, text
from pipelines.contracts.marketing import ASSIGNMENT, CAMPAIGN, EVENT, INCENTIVE, INCENTIVE_USE, TOUCH
from pipelines.contracts.shared import ACCOUNT_SOURCE, CURRENCY, KNOWN_AT, ORDER_SOURCE

_KINDS = ("real", "hashed", "masked", "synthetic")
_ID_TYPES = "email, phone, member_no, or <source_system>:account / <source_system>:order for a native id"

SOURCE_CUSTOMER = Table(
    "source_customer",
    "An account that a source system keeps for a buyer or member.",
    ("source_customer_id",),
    (
        text("source_customer_id", "Native id of the account in its source", required=True, identifier="account_id"),
        instant("created_at", "When the account was opened"),
        text("email", "E-mail address", identifier="email"),
        text("phone", "Telephone number", identifier="phone", keeps_mask=True),
        text("member_no", "Member or loyalty card number", identifier="member_no"),
        text("name", "Name of the person", identifier="name", keeps_mask=True),
        text("given_name", "Given name, where the source keeps it apart", identifier="name"),
        text("family_name", "Family name, where the source keeps it apart", identifier="name"),
        day("birth_date", "Date of birth", identifier="birth_date"),
        text("gender", "Gender as the source states it"),
        text("city", "City"),
        text("region", "State or province"),
        text("country", "ISO 3166 code of the country"),
        text("buyer_key_kind", "How far the account's key identifies a person", required=True, values=_KINDS),
        text("acquisition_channel", "Traffic channel that brought the account"),
        text("acquisition_campaign", "Campaign that brought the account"),
        flag("is_employee", "Account of a member of staff"),
        flag("is_test", "Account made for testing"),
        KNOWN_AT,
    ),
)

IDENTITY_LINK = Table(
    "identity_link",
    "A statement that two identifiers belong to one person.",
    ("id_type_a", "id_value_a", "id_type_b", "id_value_b", "evidence"),
    (
        text("id_type_a", f"Type of the first identifier: {_ID_TYPES}", required=True),
        text("id_value_a", "First identifier", required=True, identifier="typed:id_type_a"),
        text("id_type_b", f"Type of the second identifier: {_ID_TYPES}", required=True),
        text("id_value_b", "Second identifier", required=True, identifier="typed:id_type_b"),
        text(
            "evidence",
            "What showed it",
            required=True,
            values=("login", "checkout", "card", "import", "device", "address"),
        ),
        instant("seen_at", "When it was seen", required=True),
        KNOWN_AT,
    ),
)

CONSENT = Table(
    "consent",
    "A decision of an account to allow or refuse a use of its data.",
    ("source_customer_id", "purpose", "channel", "at"),
    (
        ACCOUNT_SOURCE,
        text("source_customer_id", "Account that decided", required=True, identifier="account_id"),
        text("purpose", "Purpose, such as marketing or profiling", required=True),
        text("channel", "Channel of contact: email, sms, push, phone", required=True),
        text("status", "Decision", required=True, values=("granted", "denied", "withdrawn")),
        instant("at", "When it was decided", required=True),
        text("proof", "Where the proof lies"),
        flag(
            "is_observed",
            "`at` is only the day on which this was seen to stand; when it was decided is not known",
            null_means="`at` is when it was decided",
        ),
        KNOWN_AT,
    ),
)

ORDER = Table(
    "order",
    "A purchase order, as its source last stated it.",
    ("order_id",),
    (
        text("order_id", "Native id of the order", required=True),
        text("order_no", "Number shown to the buyer"),
        text("channel", "Sales channel", required=True),
        text("store_id", "Store or shop"),
        text("source_customer_id", "Account that ordered", identifier="account_id"),
        text("buyer_email", "E-mail given with the order", identifier="email"),
        text("buyer_phone", "Telephone number given with the order", identifier="phone", keeps_mask=True),
        text("buyer_name", "Name given with the order", identifier="name", keeps_mask=True),
        instant("ordered_at", "When it was placed", required=True),
        instant("paid_at", "When it was paid", null_means="not paid, or the export does not say when"),
        instant("cancelled_at", "When it was cancelled", null_means="not cancelled, or the export does not say when"),
        text(
            "status",
            "State of the order; refunds are facts of their own",
            required=True,
            values=("pending", "paid", "cancelled"),
        ),
        CURRENCY,
        money("shipping_charged", "Shipping charged to the buyer", unit="order currency"),
        money("tax_total", "Tax contained in the order's line amounts and shipping", unit="order currency"),
        money(
            "order_discount",
            "Merchant-funded discount on the whole order, not yet in the line amounts",
            unit="order currency",
        ),
        money("platform_subsidy", "Part of the price that the platform pays to the merchant", unit="order currency"),
        money(
            "refunded_total",
            "Refunds stated only as a total of the order, shipping and tax included",
            unit="order currency",
        ),
        text("payment_method", "Means of payment"),
        text("attributed_campaign_id", "Campaign the order is attributed to"),
        text("landing_source", "Traffic source of the visit"),
        text("device", "Device of the visit"),
        text("city", "City of delivery"),
        text("region", "Region of delivery"),
        flag("is_gift", "Sent to someone else"),
        flag("is_b2b", "Bought by a company"),
        KNOWN_AT,
    ),
)

ORDER_LINE = Table(
    "order_line",
    "A line of an order: one product, one price.",
    ("order_id", "order_line_id"),
    (
        text("order_line_id", "Native id of the line, or its ordinal by content", required=True),
        text("order_id", "Order of the line", required=True),
        text("sku", "Stock keeping unit", null_means="the export has no items"),
        quantity("qty", "Quantity; 0 is allowed and flagged", required=True),
        money(
            "line_amount",
            "Amount of the goods after line discounts; authoritative",
            required=True,
            unit="order currency",
        ),
        money("list_price", "List price of one unit", unit="order currency", null_means="the export does not say"),
        money(
            "list_value",
            "List value of the line where the export states it as an amount; wins over quantity times list price",
            unit="order currency",
            null_means="quantity times list price",
        ),
        money("unit_price", "Price of one unit before line discounts", unit="order currency"),
        money(
            "line_discount",
            "Merchant-funded discount on the line, already taken off line_amount",
            unit="order currency",
        ),
        money("platform_subsidy", "Part of line_amount that the platform pays to the merchant", unit="order currency"),
        money("tax", "Tax contained in line_amount", unit="order currency"),
        money(
            "refunded_total",
            "Refunds of goods stated only as a total of the line, in the terms of line_amount",
            unit="order currency",
        ),
        KNOWN_AT,
    ),
)

REFUND = Table(
    "refund",
    "Money given back, on the day it was given back.",
    ("refund_id",),
    (
        text("refund_id", "Native id of the refund", required=True),
        ORDER_SOURCE,
        text("order_id", "Order that is refunded", required=True),
        text("order_line_id", "Line that is refunded", null_means="the refund concerns the whole order"),
        instant("at", "When it was given back", required=True),
        money("goods_amount", "Goods refunded, in the terms of line_amount", required=True, unit="order currency"),
        money("shipping_amount", "Shipping refunded", unit="order currency"),
        money("platform_subsidy_returned", "Subsidy returned to the platform", unit="order currency"),
        CURRENCY,
        quantity("qty", "Units that came back", null_means="money only"),
        flag("restocked", "The goods went back into stock and can be sold again"),
        text("reason_code", "Reason"),
        text("kind", "Kind of refund", required=True, values=("refund_only", "return_refund", "chargeback")),
        KNOWN_AT,
    ),
)

SHIPMENT = Table(
    "shipment",
    "A parcel, outward or returning, and what it cost.",
    ("shipment_id",),
    (
        text("shipment_id", "Native id of the shipment", required=True),
        ORDER_SOURCE,
        text("order_id", "Order that is shipped", required=True),
        instant("shipped_at", "When it was handed over", required=True),
        instant("promised_at", "When it was promised"),
        instant("delivered_at", "When it arrived"),
        text("carrier", "Carrier"),
        money("cost", "Cost of carriage and packing", unit="currency of the row", null_means="not known"),
        CURRENCY,
        flag("return_leg", "The parcel travelled back"),
        KNOWN_AT,
    ),
)

SETTLEMENT_TYPES = (
    "goods", "shipping", "subsidy", "service_fee", "commission", "channel_split", "merchant_recruit_fee",
    "payment_fee", "ads", "insurance", "refund", "withdrawal", "other",
)  # fmt: skip

SETTLEMENT_LINE = Table(
    "settlement_line",
    "A line of the statement by which a platform or payment provider settles with the merchant.",
    ("settlement_id",),
    (
        text("settlement_id", "Native id of the settlement line", required=True),
        ORDER_SOURCE,
        text("order_id", "Order concerned", null_means="not tied to an order"),
        text("order_line_id", "Order line concerned", null_means="not tied to a line"),
        instant("posted_at", "When it was posted", required=True),
        text("type", "Kind of movement", required=True, values=SETTLEMENT_TYPES),
        money("amount", "Amount, positive when the merchant receives it", required=True, unit="currency of the row"),
        CURRENCY,
        text("raw_description", "Description in the statement"),
        KNOWN_AT,
    ),
)

PRODUCT = Table(
    "product",
    "A product that is sold, by stock keeping unit.",
    ("sku",),
    (
        text("sku", "Stock keeping unit", required=True),
        text("product_id", "Product the unit is a variant of"),
        text("title", "Title"),
        text("category_l1", "Category, first level"),
        text("category_l2", "Category, second level"),
        text("category_l3", "Category, third level"),
        text("brand", "Brand"),
        flag("is_consumable", "Used up and bought again"),
        integer("typical_cycle_days", "Typical days between purchases", unit="days"),
        instant("first_sale_at", "When it was first sold"),
        KNOWN_AT,
    ),
)

PRODUCT_COST = Table(
    "product_cost",
    "What one unit costs, from a day on.",
    ("sku", "valid_from"),
    (
        text("sku", "Stock keeping unit", required=True),
        day("valid_from", "First day of the cost", required=True),
        day("valid_to", "Last day of the cost", null_means="until the next row"),
        money("unit_cost", "Purchase cost of one unit", required=True, unit="currency of the row"),
        money("freight_in", "Inbound freight of one unit", unit="currency of the row", null_means="none"),
        money("packaging", "Packaging of one unit", unit="currency of the row", null_means="none"),
        CURRENCY,
        KNOWN_AT,
    ),
)

PRICE_LIST = Table(
    "price_list",
    "What one unit is listed at, from a day on.",
    ("sku", "channel", "valid_from"),
    (
        text("sku", "Stock keeping unit", required=True),
        text("channel", "Sales channel", null_means="every channel"),
        text("store", "Store", null_means="every store"),
        day("valid_from", "First day of the price", required=True),
        day("valid_to", "Last day of the price", null_means="until the next row"),
        money("list_price", "List price of one unit", required=True, unit="currency of the row"),
        CURRENCY,
        flag("public_offer", "The price is open to everybody"),
        KNOWN_AT,
    ),
)

PERIOD_COST = Table(
    "period_cost",
    "A cost of a month that belongs to no single order.",
    ("month", "category"),
    (
        day("month", "First day of the month", required=True),
        text("category", "Category, such as agency, software or warehouse", required=True),
        money("amount", "Amount", required=True, unit="currency of the row"),
        CURRENCY,
        text("allocation_rule", "How it is allocated: net_revenue, orders, channel:<name>, or none", required=True),
        KNOWN_AT,
    ),
)

FX_RATE = Table(
    "fx_rate",
    "What one unit of a currency is worth in another, on a day.",
    ("on", "from_currency", "to_currency"),
    (
        day("on", "Day of the rate", required=True),
        text("from_currency", "ISO 4217 code converted from", required=True),
        text("to_currency", "ISO 4217 code converted to", required=True),
        rate("rate", "Units of to_currency for one of from_currency", required=True),
        KNOWN_AT,
    ),
)

ENTITIES: dict[str, Table] = {
    table.name: table
    for table in (
        SOURCE_CUSTOMER, IDENTITY_LINK, CONSENT, ORDER, ORDER_LINE, REFUND, SHIPMENT, SETTLEMENT_LINE, PRODUCT,
        PRODUCT_COST, PRICE_LIST, INCENTIVE, INCENTIVE_USE, PERIOD_COST, FX_RATE, CAMPAIGN, TOUCH, ASSIGNMENT,
        EVENT,
    )
}  # fmt: skip
"""Every canonical entity by name."""
