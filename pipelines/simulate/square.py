"""The shops' files: Square transactions and item details by half-year.

Lives here: headers, how a planned shop sale or refund becomes rows, and the faults planted into these files.
Stays out: what is true (`world`) and writing bytes (`writer`).

Quirks kept: amounts as `$1,240.00` and `-$12.00`, date, time and zone in three columns, refunds as rows with negative
amounts under the sale's transaction id and a payment id of their own, walk-ins without a customer id, items typed in
by hand without a SKU, and a refund lying in a later file than its sale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.simulate.cards import pick
from pipelines.simulate.clock import NEW_YORK, Flags, Ints
from pipelines.simulate.economics import square_fee
from pipelines.simulate.names import CATEGORIES, GOODS
from pipelines.simulate.people import POS
from pipelines.simulate.terms import ACCOUNT
from pipelines.simulate.world import Company
from pipelines.simulate.writer import (
    BAD_VALUE,
    FIELD_COUNT,
    KEY_MISSING,
    MISSING_REQUIRED,
    Fault,
    Landing,
    dollars,
    nothing,
    only,
    spoil,
)

SOURCE, TABLE, ITEM_TABLE = "pos", "square__transactions", "square__items"
HEADER = (
    "Date", "Time", "Time Zone", "Gross Sales", "Discounts", "Service Charges", "Net Sales", "Gift Card Sales", "Tax",
    "Tip", "Partial Refunds", "Total Collected", "Source", "Card", "Card Entry Methods", "Cash", "Square Gift Card",
    "Other Tender", "Other Tender Type", "Other Tender Note", "Fees", "Net Total", "Transaction ID", "Payment ID",
    "Card Brand", "PAN Suffix", "Device Name", "Staff Name", "Staff ID", "Details", "Description", "Event Type",
    "Location", "Dining Option", "Customer ID", "Customer Name", "Customer Reference ID", "Device Nickname",
    "Third Party Fees", "Deposit ID", "Deposit Date", "Deposit Details", "Fee Percentage Rate", "Fee Fixed Rate",
    "Refund Reason", "Discount Name", "Transaction Status",
)  # fmt: skip
ITEM_HEADER = (
    "Date", "Time", "Time Zone", "Category", "Item", "Qty", "Price Point Name", "SKU", "Modifiers Applied",
    "Gross Sales", "Discounts", "Net Sales", "Tax", "Transaction ID", "Payment ID", "Device Name", "Notes", "Details",
    "Event Type", "Location", "Dining Option", "Customer ID", "Customer Name", "Customer Reference ID", "Unit", "Count",
    "GTIN", "Itemization Type", "Commission", "Employee",
)  # fmt: skip
NO_AMOUNT = (
    "Service Charges", "Gift Card Sales", "Partial Refunds", "Square Gift Card", "Other Tender", "Third Party Fees",
)  # fmt: skip
"""Amounts that are always nothing here."""
FAULTS = (
    Fault(BAD_VALUE, "Total Collected", "$1x.00"),
    Fault(KEY_MISSING, "Transaction ID"),
    Fault(FIELD_COUNT, fields=-5),
    Fault(BAD_VALUE, "Date", "2025-02-30"),
)
ITEM_FAULTS = (
    Fault(BAD_VALUE, "Qty", "one"),
    Fault(MISSING_REQUIRED, "Net Sales"),
    Fault(FIELD_COUNT, fields=3),
    Fault(BAD_VALUE, "Gross Sales", "12.00.00"),
)


@dataclass(frozen=True)
class _Rows:
    """Item rows, sales and refunds: the line, the sign, the moment and the amounts in cents."""

    line: Ints
    order: Ints
    refund: Flags
    utc: Ints
    gross: Ints
    discount: Ints
    tax: Ints

    def pick(self, where: Ints) -> _Rows:
        return _Rows(*(getattr(self, name)[where] for name in self.__dataclass_fields__))


def _items(company: Company) -> _Rows:
    lines, orders, refunds = company.lines, company.orders, company.refunds
    tax = lines.spans.share(orders.tax, lines.amount)
    sold = np.flatnonzero(orders.visits.source[lines.spans.order] == POS)
    back = np.flatnonzero(orders.visits.source[refunds.order] == POS)
    line = np.concatenate([sold, refunds.line[back]])
    refund = np.concatenate([np.zeros(len(sold), dtype=bool), np.ones(len(back), dtype=bool)])
    sign = np.where(refund, -1, 1)
    utc = np.concatenate([orders.visits.utc[lines.spans.order[sold]], refunds.utc[back]])
    gross = lines.price[line] * lines.qty[line]
    order = lines.spans.order[line]
    by_time = np.lexsort((line, refund, order, utc))
    rows = _Rows(line, order, refund, utc, sign * gross, sign * -lines.discount[line], sign * tax[line])
    return rows.pick(by_time)


def _sales(rows: _Rows) -> tuple[_Rows, Ints]:
    """Transactions: the items of one order at one moment, summed; and the position of their first item."""
    change = (np.diff(rows.order, prepend=-1) != 0) | (np.diff(rows.refund.astype(int), prepend=-1) != 0)
    first = np.flatnonzero(change)
    sums = {name: np.add.reduceat(getattr(rows, name), first) for name in ("gross", "discount", "tax")}
    head = rows.pick(first)
    return _Rows(head.line, head.order, head.refund, head.utc, sums["gross"], sums["discount"], sums["tax"]), first


def _common(company: Company, rows: _Rows) -> dict[str, pl.Series]:
    """Columns that both exports have."""
    clock, orders = company.clock, company.orders
    day, second = clock.local(NEW_YORK, rows.utc)
    person, known = orders.visits.person[rows.order], orders.key[rows.order] == ACCOUNT
    cards, transaction = company.cards[person], company.order_id.gather(rows.order)
    kind = pick(("Payment", "Refund"), rows.refund.astype(np.int64))
    where = company.people.city[person] % 2
    return {
        "Date": clock.date_text(day),
        "Time": clock.time_text(second),
        "Time Zone": pick(("Eastern Time (US & Canada)",), rows.order * 0),
        "Gross Sales": dollars(rows.gross),
        "Discounts": dollars(rows.discount),
        "Net Sales": dollars(rows.gross + rows.discount),
        "Tax": dollars(rows.tax),
        "Transaction ID": transaction,
        "Payment ID": pick(("P", "R"), rows.refund.astype(np.int64)) + transaction.str.reverse(),
        "Device Name": pick(("Counter 1", "Counter 2"), rows.order % 2),
        "Event Type": kind,
        "Location": pick(("Main Street", "Harbour Mall"), where),
        "Customer ID": only(cards["square_id"], known),
        "Customer Name": only(cards["first"] + " " + cards["last"], known),
        "Customer Reference ID": only(cards["member_no"], known & company.people.is_member[person]),
    }


def transactions_frame(company: Company, rows: _Rows) -> pl.DataFrame:
    """Rows of the transactions export."""
    orders = company.orders
    tip = np.where(rows.refund, 0, orders.tip[rows.order])
    fee = np.where(rows.refund, 0, -square_fee(orders)[rows.order])
    collected = rows.gross + rows.discount + rows.tax + tip
    card = orders.by_card[rows.order]
    blank = nothing(len(rows.order))
    zero = dollars(rows.order * 0)
    columns = {
        **_common(company, rows),
        **dict.fromkeys(NO_AMOUNT, zero),
        "Tip": dollars(tip),
        "Total Collected": dollars(collected),
        "Source": pick(("Point of Sale",), rows.order * 0),
        "Card": dollars(np.where(card, collected, 0)),
        "Card Entry Methods": pick(("N/A", "Tapped"), card.astype(np.int64)),
        "Cash": dollars(np.where(card, 0, collected)),
        "Fees": dollars(fee),
        "Net Total": dollars(collected + fee),
        "Card Brand": only(pick(("Visa", "MasterCard"), rows.order % 2), card),
        "PAN Suffix": only(pl.Series(1_000 + rows.order % 9_000).cast(str), card),
        "Staff Name": pick(("Robin Hale", "Uma Falk"), rows.order % 2),
        "Fee Percentage Rate": only(pick(("2.6",), rows.order * 0), card),
        "Fee Fixed Rate": only(pick(("$0.10",), rows.order * 0), card),
        "Refund Reason": only(pick(("Returned Goods",), rows.order * 0), rows.refund),
        "Transaction Status": pick(("Complete",), rows.order * 0),
    }  # fmt: skip
    return pl.DataFrame({name: columns.get(name, blank) for name in HEADER})


def items_frame(company: Company, rows: _Rows) -> pl.DataFrame:
    """Rows of the item details export."""
    lines, sku = company.lines, company.sku.gather(rows.line)
    typed = lines.sku[rows.line] < 0
    category = company.catalogue.category[lines.sku[rows.line]]
    words = [GOODS[c[2]][0] for c in CATEGORIES]
    blank = nothing(len(rows.order))
    qty = np.where(rows.refund, -1, 1) * lines.qty[rows.line]
    name = pl.DataFrame({"typed": typed, "name": pick(words, category) + " " + sku.fill_null("")})
    columns = {
        **_common(company, rows),
        "Category": only(pick([c[1] for c in CATEGORIES], category), ~typed),
        "Item": name.select(pl.when("typed").then(pl.lit("Custom Amount")).otherwise("name")).to_series(),
        "Qty": pl.Series(qty).cast(str) + ".0",
        "Price Point Name": only(pick(("Regular",), rows.order * 0), ~typed),
        "SKU": sku,
        "Unit": pick(("ea",), rows.order * 0),
        "Count": pl.Series(np.where(rows.refund, -1, 1)).cast(str),
        "Itemization Type": pick(("Physical Good", "Custom Amount"), typed.astype(np.int64)),
        "Commission": dollars(rows.order * 0),
    }
    return pl.DataFrame({header: columns.get(header, blank) for header in ITEM_HEADER})


def write_square(company: Company, landing: Landing) -> None:
    """Write the folder of the shops."""
    landing.declare(
        SOURCE, adapter="square", channel="pos", time_zone=NEW_YORK, currency="USD", phone_region="US",
        complete_to=company.clock.last_day.isoformat(),
    )  # fmt: skip
    rows = _items(company)
    sales, _ = _sales(rows)
    month = company.clock.month_of
    for table, header, frame_of, all_rows, faults in (
        (TABLE, "transactions", transactions_frame, sales, FAULTS),
        (ITEM_TABLE, "items", items_frame, rows, ITEM_FAULTS),
    ):
        halves = company.half_years(month[company.clock.local(NEW_YORK, all_rows.utc)[0]])
        for half, (label, places) in enumerate(halves):
            frame = frame_of(company, all_rows.pick(places))
            chosen = faults[half :: len(halves)]
            names = [{"Transaction ID": f"BROKEN{half}{k}XXXXXXXXXXXXXX"} for k in range(len(chosen))]
            broken = spoil(frame, np.arange(frame.height), chosen, names)
            landing.write(SOURCE, f"{header}-{label}.csv", table, frame, broken=broken)
        again = all_rows.pick(np.flatnonzero(all_rows.utc // 86_400 >= company.clock.n_days - 20))
        landing.write(SOURCE, f"{header}-last-days.csv", table, frame_of(company, again))
