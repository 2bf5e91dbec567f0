"""Shopify: `orders_export.csv` and `customers_export.csv`.

Lives here: headers of both spellings of the orders export and of the three layouts of the customers export.
Stays out: what the columns mean (`dbt_project/models/staging/shopify`).

Quirk: the order-level columns are filled on the first line of an order only, so an order is a block of rows that
share `Name`. Notes and note attributes are free text, may hold anything about a person, and are left out of raw.
"""

from __future__ import annotations

from pipelines.channels.base import Adapter, Field, OrderWitness, RawTable
from pipelines.contracts.columns import DataType

_T = DataType
_ISO = r"^[A-Z]{3}$"


def _party(party: str) -> tuple[Field, ...]:
    """Name, address and telephone of the billing or shipping party."""
    low = party.lower()
    return (
        Field(f"{low}_name", (f"{party} Name",), head=True, identifier="name"),
        Field(f"{low}_street", (f"{party} Street",), head=True, identifier="address"),
        Field(f"{low}_company", (f"{party} Company",), head=True, identifier="name"),
        Field(f"{low}_city", (f"{party} City",), head=True),
        Field(f"{low}_zip", (f"{party} Zip",), head=True, identifier="address"),
        Field(f"{low}_province", (f"{party} Province",), head=True),
        Field(f"{low}_country", (f"{party} Country",), head=True),
        Field(f"{low}_phone", (f"{party} Phone",), head=True, identifier="phone"),
        Field(f"{low}_province_name", (f"{party} Province Name",), head=True),
    )


def _money(
    name: str, header: str, *aliases: str, head: bool = True, fingerprint: bool = False, required: bool = False
) -> Field:
    return Field(name, (header, *aliases), _T.MONEY, head=head, fingerprint=fingerprint, required=required)


def _taxes() -> tuple[Field, ...]:
    return tuple(
        field
        for n in range(1, 6)
        for field in (
            Field(f"tax_{n}_name", (f"Tax {n} Name",), head=True),
            _money(f"tax_{n}_value", f"Tax {n} Value"),
        )
    )


ORDERS = RawTable(
    name="shopify__orders",
    adapter="shopify",
    description="A line of a Shopify order; order-level columns are filled on the order's first line only.",
    key=("order_name",),
    witness=OrderWitness("order_name", "lineitem_price * lineitem_quantity - coalesce(lineitem_discount, 0)"),
    block=True,
    head_marks=("financial_status", "currency", "subtotal", "total", "id"),
    event="created_at",
    money="total",
    currency="currency",
    fields=(
        Field("order_name", ("Name",), description="Order number shown to the buyer", fingerprint=True, required=True),
        Field("email", ("Email",), head=True, identifier="email"),
        Field("financial_status", ("Financial Status",), head=True, fingerprint=True, case="lower"),
        Field("paid_at", ("Paid at",), _T.TIMESTAMP, head=True),
        Field("fulfillment_status", ("Fulfillment Status",), head=True, case="lower"),
        Field("fulfilled_at", ("Fulfilled at",), _T.TIMESTAMP, head=True),
        Field("accepts_marketing", ("Accepts Marketing",), _T.BOOLEAN, head=True),
        Field("currency", ("Currency",), head=True, fingerprint=True, required=True, case="upper", pattern=_ISO),
        _money("subtotal", "Subtotal", fingerprint=True, required=True),
        _money("shipping", "Shipping"),
        _money("taxes", "Taxes"),
        _money("total", "Total", fingerprint=True, required=True),
        Field("discount_code", ("Discount Code",), head=True),
        _money("discount_amount", "Discount Amount"),
        Field("shipping_method", ("Shipping Method",), head=True),
        Field("created_at", ("Created at",), _T.TIMESTAMP, head=True, fingerprint=True, required=True),
        Field("lineitem_quantity", ("Lineitem quantity",), _T.QUANTITY, fingerprint=True, required=True),
        Field("lineitem_name", ("Lineitem name",)),
        _money("lineitem_price", "Lineitem price", head=False, fingerprint=True, required=True),
        _money("lineitem_compare_at_price", "Lineitem compare at price", "Lineitem compare-at price", head=False),
        Field("lineitem_sku", ("Lineitem sku",)),
        Field("lineitem_requires_shipping", ("Lineitem requires shipping",), _T.BOOLEAN),
        Field("lineitem_taxable", ("Lineitem taxable",), _T.BOOLEAN),
        Field("lineitem_fulfillment_status", ("Lineitem fulfillment status",), case="lower"),
        _money("lineitem_discount", "Lineitem discount", head=False),
        Field("vendor", ("Vendor",)),
        *_party("Billing"),
        *_party("Shipping"),
        Field("cancelled_at", ("Cancelled at", "Canceled at"), _T.TIMESTAMP, head=True),
        Field("payment_method", ("Payment Method",), head=True),
        Field("payment_reference", ("Payment Reference", "Payment Reference (deprecated)"), head=True),
        _money("refunded_amount", "Refunded Amount"),
        _money("outstanding_balance", "Outstanding Balance"),
        Field("employee", ("Employee",), head=True, identifier="name"),
        Field("location", ("Location",), head=True),
        Field("device_id", ("Device ID",), head=True),
        Field("id", ("Id",), head=True, description="Native id of the order"),
        Field("tags", ("Tags",), head=True),
        Field("risk_level", ("Risk Level",), head=True),
        Field("source", ("Source",), head=True),
        *_taxes(),
        Field("phone", ("Phone",), head=True, identifier="phone"),
        Field("receipt_number", ("Receipt Number",), head=True),
        _money("duties", "Duties"),
        Field("payment_id", ("Payment ID",), head=True),
        Field("payment_terms_name", ("Payment Terms Name", "Payment terms"), head=True),
        Field("next_payment_due_at", ("Next Payment Due At",), _T.TIMESTAMP, head=True),
        Field("payment_references", ("Payment References",), head=True),
    ),
    known_headers=(
        "Notes", "Note Attributes", "Billing Address1", "Billing Address2", "Shipping Address1", "Shipping Address2",
    ),
)  # fmt: skip

_OLD = ("first_name", "last_name", "email", "total_spent", "total_orders", "accepts_marketing")
_MIDDLE = ("first_name", "last_name", "email", "total_spent", "total_orders", "accepts_email_marketing", "address1")
_NEW = ("customer_id", "email", "accepts_email_marketing", "total_spent", "total_orders")

CUSTOMERS = RawTable(
    name="shopify__customers",
    adapter="shopify",
    description="A customer of a Shopify shop; older exports have no id and are keyed by e-mail, then telephone.",
    key=("customer_id", "email", "phone", "address_phone"),
    key_any=True,
    layouts=(_NEW, _MIDDLE, _OLD),
    fields=(
        Field("customer_id", ("Customer ID",), identifier="account_id"),
        Field("first_name", ("First Name",), identifier="name"),
        Field("last_name", ("Last Name",), identifier="name"),
        Field("email", ("Email",), identifier="email"),
        Field("phone", ("Phone",), identifier="phone"),
        Field("accepts_marketing", ("Accepts Marketing",), _T.BOOLEAN),
        Field("accepts_email_marketing", ("Accepts Email Marketing",), _T.BOOLEAN),
        Field("accepts_sms_marketing", ("Accepts SMS Marketing",), _T.BOOLEAN),
        Field("accepts_whatsapp_marketing", ("Accepts WhatsApp Marketing",), _T.BOOLEAN),
        Field("company", ("Default Address Company", "Company"), identifier="name"),
        Field("address1", ("Default Address Address1", "Address1"), identifier="address"),
        Field("address2", ("Default Address Address2", "Address2"), identifier="address"),
        Field("city", ("Default Address City", "City")),
        Field("province", ("Default Address Province", "Province")),
        Field("province_code", ("Default Address Province Code", "Province Code")),
        Field("country", ("Default Address Country", "Country")),
        Field("country_code", ("Default Address Country Code", "Country Code")),
        Field("zip", ("Default Address Zip", "Zip"), identifier="address"),
        Field("address_phone", ("Default Address Phone",), identifier="phone"),
        _money("total_spent", "Total Spent", head=False),
        Field("total_orders", ("Total Orders",), _T.INTEGER),
        Field("tax_exempt", ("Tax Exempt",), _T.BOOLEAN),
        Field("tags", ("Tags",)),
    ),
    known_headers=("Note",),
)

SHOPIFY = Adapter("shopify", "Shopify web store", (ORDERS, CUSTOMERS), channel="web_store")
