"""Square: the transactions and the item details exports of a point of sale.

Lives here: their headers and the zone names Square writes.
Stays out: what payments and refunds mean (`dbt_project/models/staging/square`).

Quirks: amounts as `$1,240.00` or `($12.00)`; refunds are rows with negative amounts; date, time and zone are three
columns, folded into `transacted_at`. Item rows have no id of their own: the rows of one transaction event are one
record. Details, descriptions and notes are free text and are left out of raw.
"""

from __future__ import annotations

from pipelines.channels.base import Adapter, Field, OrderWitness, RawTable
from pipelines.contracts.columns import DataType

_T = DataType

ZONES = {
    "eastern time (us & canada)": "America/New_York",
    "central time (us & canada)": "America/Chicago",
    "mountain time (us & canada)": "America/Denver",
    "arizona": "America/Phoenix",
    "pacific time (us & canada)": "America/Los_Angeles",
    "alaska": "America/Anchorage",
    "hawaii": "Pacific/Honolulu",
    "atlantic time (canada)": "America/Halifax",
    "newfoundland": "America/St_Johns",
    "london": "Europe/London",
    "dublin": "Europe/Dublin",
    "paris": "Europe/Paris",
    "madrid": "Europe/Madrid",
    "tokyo": "Asia/Tokyo",
    "sydney": "Australia/Sydney",
    "melbourne": "Australia/Melbourne",
    "brisbane": "Australia/Brisbane",
    "adelaide": "Australia/Adelaide",
    "perth": "Australia/Perth",
    "utc": "UTC",
}
"""Zone names in the export (lower case) and their IANA names; an IANA name is accepted as it is."""

_WHEN = Field(
    "transacted_at",
    ("Date",),
    _T.TIMESTAMP,
    description="When the payment or refund happened",
    fingerprint=True,
    required=True,
    time_headers=("Time",),
    zone_headers=("Time Zone",),
)


def _money(name: str, header: str, *, fingerprint: bool = False, required: bool = False) -> Field:
    return Field(name, (header,), _T.MONEY, fingerprint=fingerprint, required=required)


_EVENT = (
    Field("transaction_id", ("Transaction ID",), fingerprint=True, required=True),
    Field("payment_id", ("Payment ID",)),
    Field("event_type", ("Event Type",), case="lower"),
    Field("location", ("Location",)),
    Field("dining_option", ("Dining Option",)),
    Field("customer_id", ("Customer ID",), identifier="account_id"),
    Field("customer_name", ("Customer Name",), identifier="name"),
    Field("customer_reference_id", ("Customer Reference ID",), identifier="account_id", scope="reference"),
)
_KEY = ("transaction_id", "event_type", "payment_id", "transacted_at")

TRANSACTIONS = RawTable(
    name="square__transactions",
    adapter="square",
    description="A payment or refund at a Square point of sale; refunds have negative amounts.",
    key=_KEY,
    witness=OrderWitness("transaction_id", "net_sales", where="coalesce(event_type <> 'refund', net_sales >= 0)"),
    event="transacted_at",
    money="total_collected",
    fields=(
        _WHEN,
        _money("gross_sales", "Gross Sales", fingerprint=True, required=True),
        _money("discounts", "Discounts"),
        _money("service_charges", "Service Charges"),
        _money("net_sales", "Net Sales", fingerprint=True, required=True),
        _money("gift_card_sales", "Gift Card Sales"),
        _money("tax", "Tax"),
        _money("tip", "Tip"),
        _money("partial_refunds", "Partial Refunds"),
        _money("total_collected", "Total Collected", fingerprint=True, required=True),
        Field("source", ("Source",)),
        _money("card", "Card"),
        Field("card_entry_methods", ("Card Entry Methods",)),
        _money("cash", "Cash"),
        _money("square_gift_card", "Square Gift Card"),
        _money("other_tender", "Other Tender"),
        Field("other_tender_type", ("Other Tender Type",)),
        _money("fees", "Fees"),
        _money("net_total", "Net Total"),
        Field("card_brand", ("Card Brand",)),
        Field("device_name", ("Device Name",)),
        Field("staff_name", ("Staff Name",), identifier="name"),
        Field("staff_id", ("Staff ID",), identifier="account_id", scope="staff"),
        *_EVENT,
        Field("deposit_id", ("Deposit ID",)),
        Field("deposit_on", ("Deposit Date",), _T.DATE),
        Field("fee_percentage_rate", ("Fee Percentage Rate",), _T.RATE),
        _money("fee_fixed_rate", "Fee Fixed Rate"),
        Field("refund_reason", ("Refund Reason",)),
        Field("discount_name", ("Discount Name",)),
        Field("transaction_status", ("Transaction Status",), case="lower"),
    ),
    known_headers=(
        "Other Tender Note", "PAN Suffix", "Details", "Description", "Device Nickname", "Deposit Details",
        "Third Party Fees", "Order Reference ID", "Fulfillment Note", "Free Processing Applied", "Channel",
        "Unattributed Tips", "Table Info", "International Fee",
    ),
    date_order="mdy",
    zones=ZONES,
)  # fmt: skip

ITEMS = RawTable(
    name="square__items",
    adapter="square",
    description="An item sold or returned in a transaction at a Square point of sale.",
    key=_KEY,
    block=True,
    event="transacted_at",
    money="net_sales",
    fields=(
        _WHEN,
        Field("category", ("Category",)),
        Field("item", ("Item",), fingerprint=True),
        Field("qty", ("Qty",), _T.QUANTITY, fingerprint=True, required=True),
        Field("price_point_name", ("Price Point Name",)),
        Field("sku", ("SKU",), fingerprint=True),
        Field("modifiers_applied", ("Modifiers Applied",)),
        _money("gross_sales", "Gross Sales", fingerprint=True, required=True),
        _money("discounts", "Discounts"),
        _money("net_sales", "Net Sales", fingerprint=True, required=True),
        _money("tax", "Tax"),
        *_EVENT,
        Field("device_name", ("Device Name",)),
        Field("unit", ("Unit",)),
        Field("count", ("Count",), _T.QUANTITY),
        Field("gtin", ("GTIN",)),
        Field("itemization_type", ("Itemization Type",)),
        Field("token", ("Token",)),
    ),
    known_headers=(
        "Notes", "Details", "Fulfillment Note", "Commission", "Employee", "Channel", "Card Brand", "PAN Suffix",
    ),
    date_order="mdy",
    zones=ZONES,
)  # fmt: skip

SQUARE = Adapter("square", "Square point of sale", (TRANSACTIONS, ITEMS), channel="pos")
