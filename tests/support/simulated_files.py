"""A second reading of simulated exports: plain Python, `csv` and `Decimal`, order by order, sharing no code with the
simulator or the warehouse (but the allocation of `contracts.money`, which has tests of its own).

Knows the planted broken lines only by file and physical line, and skips them. Money is Decimal in the order's currency.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines.contracts.money import allocate

ZERO, UNIT = Decimal(0), Decimal("0.0001")
Broken = set[tuple[str, int]]
Row = dict[str, str]


def records(landing: Path, pattern: str, broken: Broken, encoding: str = "utf-8-sig") -> Iterator[Row]:
    """Rows of the files below landing that match, without those that start on a broken physical line."""
    for path in sorted(landing.glob(pattern)):
        lines = path.read_bytes().decode(encoding).splitlines(keepends=True)
        name = path.relative_to(landing).as_posix()
        good = "".join(line for number, line in enumerate(lines, start=1) if (name, number) not in broken)
        rows = csv.reader(io.StringIO(good, newline=""))
        header = next(rows)
        for cells in rows:
            assert len(cells) == len(header), (name, cells)
            yield dict(zip(header, cells, strict=True))


def amount(text: str) -> Decimal:
    """An amount as any of the exports writes it; empty is zero."""
    return Decimal(text.replace("$", "").replace(",", "").replace("元", "") or "0")


def unquoted(text: str) -> str:
    """A cell without the formula around it."""
    return text.removeprefix('="').removesuffix('"')


def share(total: Decimal, weights: list[Decimal]) -> list[Decimal]:
    """Shares in ten-thousandths by largest remainder."""
    return [u * UNIT for u in allocate(int(total / UNIT), [int(w / UNIT) for w in weights])]


def rounded(value: Decimal) -> Decimal:
    """Half away from zero at four decimals."""
    return value.quantize(UNIT, ROUND_HALF_UP)


@dataclass
class Line:
    """A line of an order, as the export has it."""

    line_id: str
    sku: str | None
    qty: Decimal
    amount: Decimal
    discount: Decimal
    list_price: Decimal | None


@dataclass
class Order:
    """An order with its lines in the order of their ids."""

    source: str
    order_id: str
    on: date
    currency: str
    void: bool = False
    discount: Decimal = ZERO
    shipping: Decimal = ZERO
    tax_inside: Decimal = ZERO
    tax_on_top: Decimal = ZERO
    total: Decimal = ZERO
    subsidy: Decimal = ZERO
    refunded: Decimal = ZERO
    fee: Decimal | None = None
    lines: list[Line] = field(default_factory=list)

    def spread(self, total: Decimal) -> list[Decimal]:
        """An amount of the order on its lines."""
        return share(total, [line.amount for line in self.lines])


def read_web(landing: Path, broken: Broken) -> dict[str, Order]:
    """Orders of the web store by id; a record repeated in another file counts once."""
    blocks: dict[str, list[Row]] = {}
    for pattern in sorted(p.name for p in landing.glob("web/orders_export*.csv")):
        seen: dict[str, list[Row]] = defaultdict(list)
        for row in records(landing, f"web/{pattern}", broken):
            seen[row["Name"]].append({k.lower().replace("compare-at", "compare at"): v for k, v in row.items()})
        blocks |= seen
    orders = {}
    for rows in blocks.values():
        head = next(row for row in rows if row["id"])
        created = datetime.strptime(head["created at"], "%Y-%m-%d %H:%M:%S %z")
        subtotal, shipping, taxes, total = (amount(head[k]) for k in ("subtotal", "shipping", "taxes", "total"))
        inside = taxes if total == subtotal + shipping else ZERO
        cancelled = head.get("cancelled at") or head.get("canceled at")
        order = Order(
            "web", head["id"], created.date(), head["currency"],
            void=bool(cancelled) or head["financial status"] == "pending", discount=amount(head["discount amount"]),
            shipping=shipping, tax_inside=inside, tax_on_top=taxes - inside, total=total,
            refunded=amount(head["refunded amount"]),
        )  # fmt: skip
        rows.sort(key=lambda row: row["lineitem sku"])
        for ordinal, row in enumerate(rows, start=1):
            qty, discount = Decimal(row["lineitem quantity"]), amount(row["lineitem discount"])
            compare = row["lineitem compare at price"]
            order.lines.append(
                Line(str(ordinal), row["lineitem sku"] or None, qty, qty * amount(row["lineitem price"]) - discount,
                     discount, amount(compare) if compare else None)
            )  # fmt: skip
        orders[order.order_id] = order
    return orders


def read_tmall(landing: Path, broken: Broken) -> dict[str, Order]:
    """Orders of the marketplace by id."""
    orders = {}
    for row in records(landing, "tmall/ExportOrderList*.csv", broken, "gb18030"):
        order = Order("tmall", unquoted(row["订单编号"]), date.fromisoformat(row["订单创建时间"][:10]), "CNY")
        order.void = not row["订单付款时间"]
        order.shipping = amount(row["买家应付邮费"])
        order.subsidy = amount(row["天猫卡券抵扣"]) + amount(row["集分宝抵扣"])
        order.total = amount(row["总金额"])
        orders[order.order_id] = order
    for row in records(landing, "tmall/ExportOrderDetailList*.csv", broken, "gb18030"):
        qty, due = Decimal(row["购买数量"]), amount(row["买家应付货款"])
        line = Line(unquoted(row["子订单编号"]), row["商家编码"], qty, due, qty * amount(row["价格"]) - due, None)
        orders[unquoted(row["主订单编号"])].lines.append(line)
    for order in orders.values():
        order.lines.sort(key=lambda line: line.line_id)
    return orders


def read_pos(landing: Path, broken: Broken) -> tuple[dict[str, Order], list[tuple[str, str, date, Decimal]]]:
    """Sales of the shops by transaction, and their refunds: transaction, sku, day, net amount."""
    orders: dict[str, Order] = {}
    refunds = set()
    for row in records(landing, "pos/transactions*.csv", broken):
        if row["Event Type"] == "Payment":
            order = Order("pos", row["Transaction ID"], date.fromisoformat(row["Date"]), "USD")
            order.fee, order.total = -amount(row["Fees"]), amount(row["Net Sales"])
            orders[order.order_id] = order
    items: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in records(landing, "pos/items*.csv", broken):
        key, net = row["Transaction ID"], amount(row["Net Sales"])
        if row["Event Type"] == "Refund":
            refunds.add((key, row["SKU"], date.fromisoformat(row["Date"]), -net))
        else:
            items[key][row["SKU"]] = row
    for key, rows in items.items():
        for ordinal, (sku, row) in enumerate(sorted(rows.items()), start=1):
            net, gross = amount(row["Net Sales"]), amount(row["Gross Sales"])
            orders[key].lines.append(Line(str(ordinal), sku or None, Decimal(row["Qty"]), net, gross - net, None))
    return orders, sorted(refunds)


def read_rates(landing: Path, broken: Broken) -> dict[tuple[str, str], dict[date, Decimal]]:
    """Rates by pair and day."""
    rates: dict[tuple[str, str], dict[date, Decimal]] = defaultdict(dict)
    for row in records(landing, "finance/fx_rate.csv", broken):
        rates[row["from_currency"], row["to_currency"]][date.fromisoformat(row["on"])] = Decimal(row["rate"])
    return rates


def convert(
    value: Decimal, pair: tuple[str, str], on: date, rates: dict[tuple[str, str], dict[date, Decimal]]
) -> Decimal:
    """An amount in another currency at the last rate of at most seven days."""
    if pair[0] == pair[1]:
        return value
    return rounded(value * next(r for age in range(8) if (r := rates[pair].get(on - timedelta(days=age))) is not None))


def in_force(
    landing: Path, pattern: str, broken: Broken, key: tuple[str, ...]
) -> dict[tuple[str, ...], list[tuple[date, Row]]]:
    """Rows of an effective-dated file by key, from the latest first day to the earliest."""
    found: dict[tuple[str, ...], list[tuple[date, Row]]] = defaultdict(list)
    for row in records(landing, pattern, broken):
        found[tuple(row[k] for k in key)].append((date.fromisoformat(row["valid_from"]), row))
    for rows in found.values():
        rows.sort(key=lambda item: item[0], reverse=True)
    return found


def valid(rows: list[tuple[date, Row]], on: date) -> Row | None:
    """The row in force on a day."""
    return next((row for first, row in rows if first <= on), None)


def latest_refunds(landing: Path, broken: Broken) -> list[Row]:
    """Refunds of the feed, each in the version that became known last."""
    newest: dict[str, Row] = {}
    for row in records(landing, "ops/refund*.csv", broken):
        if row["refund_id"] not in newest or row["known_at"] >= newest[row["refund_id"]]["known_at"]:
            newest[row["refund_id"]] = row
    return list(newest.values())


def local_day(instant: str, zone: str) -> date:
    """The local day of a UTC instant."""
    return datetime.fromisoformat(instant.replace("Z", "+00:00")).astimezone(ZoneInfo(zone)).date()
