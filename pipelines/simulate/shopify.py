"""The web store's files: Shopify orders exports by half-year, and two layouts of the customers export.

Lives here: headers, how a planned web order becomes rows, and the faults planted into these files.
Stays out: what is true (`world`) and writing bytes (`writer`).

Quirks kept: order-level columns stand on the first line of an order only, lines are in the order of the basket, newest
orders come first, notes may run over two lines, one file is spelt as on the help page, one is sent twice under another
name, and a later re-export overlaps two half-years.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from pipelines.simulate.cards import pick
from pipelines.simulate.clock import NEW_YORK, Flags, Ints
from pipelines.simulate.people import CN, GB, WEB
from pipelines.simulate.terms import CANCELLED, CODES, EMAIL, NOBODY, PENDING, PHONE, SECOND_EMAIL
from pipelines.simulate.world import Company
from pipelines.simulate.writer import (
    BAD_VALUE,
    FIELD_COUNT,
    KEY_MISSING,
    MISSING_REQUIRED,
    UNTERMINATED_QUOTE,
    Fault,
    Landing,
    Layout,
    cents,
    nothing,
    only,
    spoil,
)

SOURCE, TABLE, CUSTOMER_TABLE = "web", "shopify__orders", "shopify__customers"
_PARTY = ("Name", "Street", "Address1", "Address2", "Company", "City", "Zip", "Province", "Country", "Phone")
_TAX = tuple(f"Tax {n} {word}" for n in range(1, 6) for word in ("Name", "Value"))
HEADER = (
    "Name", "Email", "Financial Status", "Paid at", "Fulfillment Status", "Fulfilled at", "Accepts Marketing",
    "Currency", "Subtotal", "Shipping", "Taxes", "Total", "Discount Code", "Discount Amount", "Shipping Method",
    "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price", "Lineitem compare at price", "Lineitem sku",
    "Lineitem requires shipping", "Lineitem taxable", "Lineitem fulfillment status",
    *(f"Billing {part}" for part in _PARTY), *(f"Shipping {part}" for part in _PARTY),
    "Notes", "Note Attributes", "Cancelled at", "Payment Method", "Payment Reference", "Refunded Amount", "Vendor",
    "Outstanding Balance", "Employee", "Location", "Device ID", "Id", "Tags", "Risk Level", "Source",
    "Lineitem discount", *_TAX, "Phone", "Receipt Number", "Duties", "Billing Province Name",
    "Shipping Province Name", "Payment ID", "Payment Terms Name", "Next Payment Due At", "Payment References",
)  # fmt: skip
HELP_PAGE = {
    "Lineitem compare at price": "Lineitem compare-at price",
    "Lineitem sku": "Lineitem SKU",
    "Cancelled at": "Canceled at",
    "Payment Terms Name": "Payment terms",
    "Next Payment Due At": "Next payment due at",
    "Payment Reference": "Payment Reference (deprecated)",
}
CUSTOMERS_NEW = (
    "Customer ID", "First Name", "Last Name", "Email", "Accepts Email Marketing", "Default Address Company",
    "Default Address Address1", "Default Address Address2", "Default Address City", "Default Address Province Code",
    "Default Address Country Code", "Default Address Zip", "Default Address Phone", "Phone", "Accepts SMS Marketing",
    "Total Spent", "Total Orders", "Note", "Tax Exempt", "Tags",
)  # fmt: skip
CUSTOMERS_OLD = (
    "First Name", "Last Name", "Email", "Company", "Address1", "Address2", "City", "Province", "Province Code",
    "Country", "Country Code", "Zip", "Phone", "Accepts Marketing", "Total Spent", "Total Orders", "Tags", "Note",
    "Tax Exempt",
)  # fmt: skip
FAULTS = (
    Fault(BAD_VALUE, "Total", "12O.5x"),
    Fault(KEY_MISSING, "Name"),
    Fault(FIELD_COUNT, fields=-7),
    Fault(BAD_VALUE, "Created at", "2025-02-31 10:00:00 -0500"),
    Fault(FIELD_COUNT, fields=2),
    Fault(MISSING_REQUIRED, "Lineitem price"),
    Fault(BAD_VALUE, "Lineitem quantity", "two"),
    Fault(BAD_VALUE, "Currency", "US$"),
)
CUSTOMER_FAULTS = (Fault(BAD_VALUE, "Total Orders", "many"), Fault(FIELD_COUNT, fields=-3))
COUNTRY_NAMES = ("US", "CN", "GB")


def web_phone(company: Company, person: Ints) -> pl.Series:
    """Telephone numbers as buyers type them into the web store: with the calling code, some with spaces."""
    cards = company.cards[person]
    phone, code = cards["phone"], cards["calling_code"]
    spaced = "+" + code + " " + phone.str.slice(0, 3) + " " + phone.str.slice(3, 4) + " " + phone.str.slice(7)
    frame = pl.DataFrame({"plain": "+" + code + phone, "spaced": spaced, "who": person})
    return frame.select(pl.when(pl.col("who") % 3 == 0).then("spaced").otherwise("plain")).to_series()


def web_email(company: Company, order: Ints) -> pl.Series:
    """E-mail addresses of orders as typed: now and then in capitals; null without one."""
    key, person = company.orders.key[order], company.orders.visits.person[order]
    cards = company.cards[person]
    frame = pl.DataFrame({"key": key, "one": cards["email"], "two": cards["email_2"], "order": order})
    email = pl.when(pl.col("key") == EMAIL).then("one").when(pl.col("key") == SECOND_EMAIL).then("two")
    typed = pl.when(pl.col("order") % 13 == 5).then(email.str.to_uppercase()).otherwise(email)
    return frame.select(typed).to_series()


def refunded_cents(company: Company) -> Ints:
    """What an order's export says was refunded: goods, shipping, and the share of the tax on top."""
    orders, refunds = company.orders, company.refunds
    paid_back = (orders.status == CANCELLED) & (orders.paid >= 0)
    goods, shipping = (np.zeros(orders.visits.n, dtype=np.int64) for _ in range(2))
    np.add.at(goods, refunds.order, refunds.goods)
    np.add.at(shipping, refunds.order, refunds.shipping)
    goods = (goods + 50) // 100
    on_top = np.where(orders.tax_inside, 0, orders.tax)
    base = np.maximum(orders.subtotal, 1)
    return np.where(paid_back, orders.total, goods + shipping // 100 + (on_top * goods + base // 2) // base)


def _status(company: Company, order: Ints, refunded: Ints) -> pl.Series:
    orders = company.orders
    words = ("paid", "partially_refunded", "refunded", "voided", "pending")
    total, status = orders.total[order], orders.status[order]
    word = np.where(refunded == 0, 0, np.where(refunded >= total, 2, 1))
    word = np.where((status == CANCELLED) & (refunded == 0), 3, word)
    return pick(words, np.where(status == PENDING, 4, word))


def _parties(company: Company, order: Ints, show_phone: Flags) -> dict[str, pl.Series]:
    """Billing and shipping columns."""
    person = company.orders.visits.person[order]
    cards, known = company.cards[person], company.orders.key[order] != NOBODY
    name = only(cards["first"] + " " + cards["last"], known)
    street = pl.Series(person % 997 + 1).cast(str) + pick((" Oak Street", " Mill Lane", " Station Road"), person % 3)
    zip_code = "'" + pl.Series(10_000 + person * 37 % 89_999).cast(str)
    columns: dict[str, pl.Series] = {}
    for party in ("Billing", "Shipping"):
        columns |= {
            f"{party} Name": name,
            f"{party} Street": only(street, known),
            f"{party} Address1": only(street, known),
            f"{party} City": cards["city"],
            f"{party} Zip": zip_code,
            f"{party} Province": cards["region"],
            f"{party} Country": cards["country"],
            f"{party} Province Name": cards["region_name"],
        }
    columns["Billing Phone"] = only(web_phone(company, person), show_phone & (order % 2 == 0))
    return columns


def _heads(company: Company, order: Ints, refunded: Ints, sent: Ints) -> dict[str, pl.Series]:
    """Order-level columns, one row an order."""
    clock, orders = company.clock, company.orders
    visits, number = orders.visits, pl.Series(company.number[order])
    person, key = visits.person[order], orders.key[order]
    show_phone = (key == PHONE) | (company.people.web_phone[person] & (key != NOBODY))
    tax, country = orders.tax[order], company.people.country[person]
    paid, closed, fulfilled = orders.paid[order], orders.closed[order], sent[order]
    reference = "c" + number.cast(str) + "." + pl.Series(order % 7).cast(str)
    return {
        "Email": web_email(company, order),
        "Financial Status": _status(company, order, refunded),
        "Paid at": only(clock.local_text(NEW_YORK, np.maximum(paid, 0), with_offset=True), paid >= 0),
        "Fulfillment Status": pick(("unfulfilled", "fulfilled"), (fulfilled > 0).astype(np.int64)),
        "Fulfilled at": only(clock.local_text(NEW_YORK, np.maximum(fulfilled, 0), with_offset=True), fulfilled > 0),
        "Accepts Marketing": pick(("no", "yes"), (person % 3 > 0).astype(np.int64)),
        "Currency": pick(("USD",), order * 0),
        "Subtotal": cents(orders.subtotal[order]),
        "Shipping": cents(orders.shipping[order]),
        "Taxes": cents(tax),
        "Total": cents(orders.total[order]),
        "Discount Code": only(pick(CODES, orders.code[order]), orders.code[order] > 0),
        "Discount Amount": cents(orders.discount[order]),
        "Shipping Method": pick(("Standard", "Express"), (order % 6 == 0).astype(np.int64)),
        "Created at": clock.local_text(NEW_YORK, visits.utc[order], with_offset=True),
        **_parties(company, order, show_phone),
        "Notes": only(pick(("Leave at the door\nThank you", 'Gift: "for Anna", please wrap'), order % 2),
                      company.number[order] % 89 == 17),
        "Cancelled at": only(clock.local_text(NEW_YORK, np.maximum(closed, 0), with_offset=True), closed >= 0),
        "Payment Method": pick(("Shopify Payments", "PayPal Express Checkout"), (order % 5 == 0).astype(np.int64)),
        "Payment Reference": reference,
        "Refunded Amount": cents(refunded),
        "Outstanding Balance": cents(np.where(orders.status[order] == PENDING, orders.total[order], 0)),
        "Id": company.order_id.gather(order),
        "Risk Level": pick(("Low",), order * 0),
        "Source": pick(("web", "shopify_draft_order"), (key == NOBODY).astype(np.int64)),
        "Tax 1 Name": only(pick(("State Tax", "VAT 20%"), (country == GB).astype(np.int64)), tax > 0),
        "Tax 1 Value": only(cents(tax), tax > 0),
        "Phone": only(web_phone(company, person), show_phone & (key != NOBODY)),
        "Payment ID": reference,
    }  # fmt: skip


def _goods(company: Company, line: Ints, sent: Ints) -> dict[str, pl.Series]:
    """Line-level columns."""
    lines, order = company.lines, company.lines.spans.order[line]
    compare = lines.compare_at[line]
    title = company.sku.gather(line).fill_null("Made to order")
    return {
        "Name": "#" + pl.Series(company.number[order] + 1001).cast(str),
        "Lineitem quantity": pl.Series(lines.qty[line]).cast(str),
        "Lineitem name": "Item " + title,
        "Lineitem price": cents(lines.price[line]),
        "Lineitem compare at price": only(cents(np.maximum(compare, 0)), compare >= 0),
        "Lineitem sku": company.sku.gather(line),
        "Lineitem requires shipping": pick(("true",), line * 0),
        "Lineitem taxable": pick(("true", "false"), (company.people.country[
            company.orders.visits.person[order]] == CN).astype(np.int64)),
        "Lineitem fulfillment status": pick(("pending", "fulfilled"), (sent[order] > 0).astype(np.int64)),
        "Vendor": pick(("Northlight", "Kestrel & Co"), line % 2),
        "Lineitem discount": cents(lines.discount[line]),
    }  # fmt: skip


def orders_frame(company: Company, order: Ints, refunded: Ints, sent: Ints) -> tuple[pl.DataFrame, Ints]:
    """Rows of orders in the given order, and the positions at which an order of a single line stands."""
    spans = company.lines.spans
    size = spans.size[order]
    starts = np.cumsum(size) - size
    owner = np.repeat(np.arange(len(order), dtype=np.int64), size)
    line = np.repeat(spans.first[order] - starts, size) + np.arange(size.sum(), dtype=np.int64)
    basket = np.lexsort((line * 7_919 % 10_007, owner))
    goods = _goods(company, line[basket], sent)
    head = np.zeros(len(line), dtype=bool)
    head[starts] = True
    index = only(pl.Series(owner), head)
    heads = pl.DataFrame(_heads(company, order, refunded[order], sent))
    blank = nothing(len(line))
    columns = {name: goods[name] if name in goods else heads[name].gather(index) if name in heads.columns
               else blank for name in HEADER}  # fmt: skip
    return pl.DataFrame(columns), starts[size == 1]


def _write_orders(company: Company, landing: Landing) -> None:
    web = company.of(WEB)
    refunded, sent = refunded_cents(company), _sent(company)
    layout = Layout(folded="Notes")
    halves = company.half_years(company.clock.month_of[company.orders.visits.day[web]])
    for half, (label, rows) in enumerate(halves):
        frame, single = orders_frame(company, web[rows][::-1], refunded, sent)
        faults: Sequence[Fault] = FAULTS if len(halves) == 1 else FAULTS[half - 1 :: len(halves) - 1] if half else ()
        if half == len(halves) - 1:
            faults = (*faults, Fault(UNTERMINATED_QUOTE))
        names = [{"Name": f"#9{half}{k:04d}", "Id": f"59{half}{k:010d}"} for k in range(len(faults))]
        broken = spoil(frame, single, faults, names)
        frame = frame.rename(HELP_PAGE) if half == 0 and len(halves) > 1 else frame
        landing.write(SOURCE, f"orders_export_{label}.csv", TABLE, frame, layout, broken)
    days = company.orders.visits.day[web]
    again = web[(days >= company.clock.n_days * 4 // 10) & (days < company.clock.n_days * 45 // 100)]
    landing.write(SOURCE, "orders_export_again.csv", TABLE, orders_frame(company, again, refunded, sent)[0], layout)
    if len(halves) > 1:
        landing.copy(SOURCE, f"orders_export_{halves[0][0]}_sent_again.csv", f"orders_export_{halves[0][0]}.csv")


def _sent(company: Company) -> Ints:
    """First second at which a parcel of each order was handed over, 0 for none."""
    parcels = company.costs.shipments
    sent = np.zeros(company.orders.visits.n, dtype=np.int64)
    outward = np.flatnonzero(~parcels.returning)[::-1]
    sent[parcels.order[outward]] = parcels.utc[outward]
    return sent


def _customers(company: Company, order: Ints) -> pl.DataFrame:
    """One row for each address that ordered: person, which address, orders and cents spent, first order."""
    orders = company.orders
    keyed = order[np.isin(orders.key[order], (EMAIL, SECOND_EMAIL))]
    spent = np.where(orders.alive[keyed], orders.total[keyed], 0)
    frame = pl.DataFrame(
        {"person": orders.visits.person[keyed], "second": orders.key[keyed] == SECOND_EMAIL, "spent": spent}
    )
    grouped = frame.group_by("person", "second").agg(pl.col("spent").sum(), pl.len().alias("orders"))
    return grouped.sort("person", "second")


def _customer_columns(company: Company, rows: pl.DataFrame) -> dict[str, pl.Series]:
    person = rows["person"].to_numpy()
    cards, second = company.cards[person], rows["second"]
    phone = web_phone(company, person)
    shown = company.people.web_phone[person]
    chosen = pl.DataFrame(
        {"second": second, **{k: cards[k] for k in ("email", "email_2", "customer_id", "customer_id_2")}}
    )
    yes = pick(("no", "yes"), (person % 3 > 0).astype(np.int64))
    two = pl.when("second")
    street = pl.Series(person % 997 + 1).cast(str) + " Oak Street"
    return {
        "Customer ID": "'" + chosen.select(two.then("customer_id_2").otherwise("customer_id")).to_series(),
        "First Name": cards["first"], "Last Name": cards["last"],
        "Email": chosen.select(two.then("email_2").otherwise("email")).to_series(),
        "Accepts Email Marketing": yes, "Accepts Marketing": yes,
        "Accepts SMS Marketing": pick(("no", "yes"), (person % 5 == 0).astype(np.int64)),
        "Address1": street, "City": cards["city"], "Province": cards["region_name"], "Province Code": cards["region"],
        "Country": cards["country"], "Country Code": cards["country"],
        "Zip": "'" + pl.Series(10_000 + person * 37 % 89_999).cast(str),
        "Phone": only("'" + phone, shown), "Total Spent": cents(rows["spent"]),
        "Total Orders": rows["orders"].cast(str), "Tax Exempt": pick(("no",), person * 0),
        "Tags": only(pick(("vip, newsletter", "newsletter"), person % 2), person % 4 == 0),
    }  # fmt: skip


def _write_customers(company: Company, landing: Landing) -> None:
    web = company.of(WEB)
    early = web[company.clock.month_of[company.orders.visits.day[web]] < 6]
    for name, header, order, faults in (
        ("customers_export_old.csv", CUSTOMERS_OLD, early, ()),
        ("customers_export.csv", CUSTOMERS_NEW, web, CUSTOMER_FAULTS),
    ):
        rows = _customers(company, order)
        columns = _customer_columns(company, rows)
        blank = nothing(rows.height)
        frame = pl.DataFrame({c: columns.get(c.removeprefix("Default Address "), blank) for c in header})
        names = [{"Customer ID": f"'699{k:010d}", "Email": f"nobody{k}@mail.example.com"} for k in range(len(faults))]
        landing.write(SOURCE, name, CUSTOMER_TABLE, frame, broken=spoil(frame, np.arange(rows.height), faults, names))


def write_web(company: Company, landing: Landing) -> None:
    """Write the folder of the web store."""
    landing.declare(
        SOURCE, adapter="shopify", channel="web_store", time_zone=NEW_YORK, currency="USD", phone_region="US",
        complete_to=company.clock.last_day.isoformat(),
    )  # fmt: skip
    _write_orders(company, landing)
    _write_customers(company, landing)
