"""The Complete Journey: grocery baskets of 2,469 households in 2017, as Parquet files of the PyPI package.

Lives here: the columns of its seven tables.
Stays out: who funds which discount (`dbt_project/models/staging/completejourney`) and copying the package's files into
a landing folder (`pipelines.ingest.completejourney`).

`transaction_timestamp` is stored in UTC: its weeks turn at 05:00, midnight in the stores' zone, America/New_York.
Amounts are stored as doubles of whole cents and are cast to DECIMAL on reading. The table of promotions (display and
mailer flags by store and week, no customer in it) is not read.
"""

from __future__ import annotations

from pipelines.channels.base import Adapter, Field, OrderWitness, RawTable
from pipelines.contracts.columns import DataType

_T = DataType


def _key(name: str, **more: str) -> Field:
    return Field(name, (name,), fingerprint=True, required=True, **more)  # type: ignore[arg-type]


def _text(name: str) -> Field:
    return Field(name, (name,), fingerprint=True)


def _money(name: str) -> Field:
    return Field(name, (name,), _T.MONEY, fingerprint=True, required=True)


def _day(name: str) -> Field:
    return Field(name, (name,), _T.DATE, fingerprint=True, required=True)


_HOUSEHOLD = _key("household_id", identifier="account_id")


def _table(name: str, description: str, key: tuple[str, ...], *fields: Field, **more: object) -> RawTable:
    return RawTable(
        f"completejourney__{name}",
        "completejourney",
        description,
        fields,
        key,
        **more,  # type: ignore[arg-type]
    )


TRANSACTIONS = _table(
    "transactions",
    "A product in a basket.",
    ("basket_id", "product_id"),
    _HOUSEHOLD,
    _key("store_id"),
    _key("basket_id"),
    _key("product_id"),
    Field("quantity", ("quantity",), _T.QUANTITY, fingerprint=True, required=True),
    _money("sales_value"),
    _money("retail_disc"),
    _money("coupon_disc"),
    _money("coupon_match_disc"),
    Field("week", ("week",), _T.INTEGER, fingerprint=True),
    Field("transacted_at", ("transaction_timestamp",), _T.TIMESTAMP, fingerprint=True, required=True, utc=True),
    event="transacted_at",
    money="sales_value",
    witness=OrderWitness("basket_id", "sales_value"),
)

CAMPAIGNS = _table(
    "campaigns",
    "A household that a campaign was sent to.",
    ("campaign_id", "household_id"),
    _key("campaign_id"),
    _HOUSEHOLD,
)

CAMPAIGN_DESCRIPTIONS = _table(
    "campaign_descriptions",
    "A campaign and its days.",
    ("campaign_id",),
    _key("campaign_id"),
    _text("campaign_type"),
    _day("start_date"),
    _day("end_date"),
    event="start_date",
    dates_activity=False,
)

COUPONS = _table(
    "coupons",
    "A product that a coupon of a campaign is good for.",
    ("coupon_upc", "product_id", "campaign_id"),
    _key("coupon_upc"),
    _key("product_id"),
    _key("campaign_id"),
)

COUPON_REDEMPTIONS = _table(
    "coupon_redemptions",
    "A coupon redeemed by a household on a day.",
    ("household_id", "coupon_upc", "campaign_id", "redemption_date"),
    _HOUSEHOLD,
    _key("coupon_upc"),
    _key("campaign_id"),
    _day("redemption_date"),
    event="redemption_date",
)

PRODUCTS = _table(
    "products",
    "A product.",
    ("product_id",),
    _key("product_id"),
    _text("manufacturer_id"),
    _text("department"),
    _text("brand"),
    _text("product_category"),
    _text("product_type"),
    _text("package_size"),
)

DEMOGRAPHICS = _table(
    "demographics",
    "What is known of a household; 801 of 2,469 have a row.",
    ("household_id",),
    _HOUSEHOLD,
    _text("age"),
    _text("income"),
    _text("home_ownership"),
    _text("marital_status"),
    _text("household_size"),
    _text("household_comp"),
    _text("kids_count"),
)

COMPLETEJOURNEY = Adapter(
    "completejourney",
    "The Complete Journey grocery data",
    (TRANSACTIONS, CAMPAIGNS, CAMPAIGN_DESCRIPTIONS, COUPONS, COUPON_REDEMPTIONS, PRODUCTS, DEMOGRAPHICS),
    channel="grocery",
    time_zone="America/New_York",
    currency="USD",
    phone_region="US",
)
