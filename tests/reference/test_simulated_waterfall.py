"""The simulator's truth against a second, plain computation from the files it wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from support import simulated_files as files

from pipelines.simulate import simulate

ZERO = Decimal(0)
CHANNEL = {"web": "web_store", "tmall": "tmall", "pos": "pos"}
PLATFORM, COMMISSION = ("service_fee", "insurance"), ("commission", "channel_split", "merchant_recruit_fee")
Waterfall = dict[str, Decimal | None]


class World:
    """A simulated world, its files read plainly."""

    def __init__(self, root: Path) -> None:
        self.landing, truth = root / "landing", root / "truth"
        self.truth = {path.stem: pl.read_parquet(path) for path in truth.glob("*.parquet")}
        broken = self.truth["broken_rows"]
        self.broken = set(zip(broken["source_file"], broken["source_row"], strict=True))
        pos, self.pos_refunds = files.read_pos(self.landing, self.broken)
        self.orders = {
            "web": files.read_web(self.landing, self.broken),
            "tmall": files.read_tmall(self.landing, self.broken),
            "pos": pos,
        }
        self.rates = files.read_rates(self.landing, self.broken)
        self.prices = files.in_force(self.landing, "finance/price_list.csv", self.broken, ("sku", "channel"))
        self.costs = files.in_force(self.landing, "finance/product_cost.csv", self.broken, ("sku",))
        self.feed = defaultdict(list)
        for row in files.latest_refunds(self.landing, self.broken):
            self.feed[row["order_source"], row["order_id"]].append(row)
        self.settled = self._sums("finance/settlement_line*.csv", "type", "amount")
        self.parcels = self._sums("ops/shipment*.csv", "currency", "cost")
        self.used = self._benefits()

    def _sums(self, pattern: str, name: str, value: str) -> dict[tuple[str, str], dict[str, list[str]]]:
        found: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for row in files.records(self.landing, pattern, self.broken):
            found[row["order_source"], row["order_id"]][row[name]].append(row[value])
        return found

    def _benefits(self) -> dict[tuple[str, str], Decimal]:
        grants = {row["incentive_id"]: row for row in files.records(self.landing, "ops/incentive.csv", self.broken)}
        used: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for row in files.records(self.landing, "ops/incentive_use.csv", self.broken):
            grant = grants[row["incentive_id"]]
            if grant["kind"] != "coupon" and grant["funder"] == "merchant":
                used[row["order_source"], row["order_id"]] += Decimal(row["amount"])
        return used


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("plain")
    simulate(root, customers=300, months=14, seed=5, start=date(2024, 1, 1))
    return World(root)


def list_value(world: World, order: files.Order, line: files.Line) -> Decimal:
    """Quantity times the list price: of the export, else of the price list, else the price asked."""
    if line.list_price is not None:
        return line.list_price * line.qty
    rows = world.prices.get((line.sku or "", CHANNEL[order.source])) or world.prices.get((line.sku or "", ""))
    row = files.valid(rows, order.on) if rows else None
    return Decimal(row["list_price"]) * line.qty if row else line.amount + line.discount


def refunds_of(
    world: World, order: files.Order, gross: list[Decimal]
) -> tuple[list[Decimal], list[Decimal], list[Decimal]]:
    """Goods and shipping refunded and units restocked by line."""
    size = len(order.lines)
    goods, shipping, units = [ZERO] * size, [ZERO] * size, [ZERO] * size
    feed = world.feed.get((order.source, order.order_id), [])
    place = {line.line_id: n for n, line in enumerate(order.lines)}
    for row in feed:
        money = Decimal(row["goods_amount"]) + files.amount(row["platform_subsidy_returned"])
        on = [place[row["order_line_id"]]] if row["order_line_id"] else range(size)
        weights = [order.lines[n].amount for n in on]
        for n, part, sent in zip(
            on, files.share(money, weights), files.share(files.amount(row["shipping_amount"]), weights), strict=True
        ):
            goods[n] += part
            shipping[n] += sent
            units[n] += Decimal(row["qty"] or 0) if row["restocked"] == "true" else ZERO
    if order.source == "pos":
        skus = {line.sku or "": n for n, line in enumerate(order.lines)}
        for key, sku, _, net in world.pos_refunds:
            if key == order.order_id:
                goods[skus[sku]] += net
    if order.refunded and not feed and not order.void:
        if order.refunded == order.total:
            goods, shipping = list(gross), order.spread(order.shipping)
        else:
            assert order.tax_on_top == 0
            goods = order.spread(order.refunded)
    return goods, shipping, units


def own_waterfall(world: World, order: files.Order) -> Iterator[tuple[str, Waterfall, Decimal]]:
    """The waterfall of an order's lines in its own currency, and the units that stayed sold."""
    key = (order.source, order.order_id)
    discount, shipping = order.spread(order.discount), order.spread(order.shipping)
    subsidy, used = order.spread(order.subsidy), order.spread(world.used.get(key, ZERO))
    lists = [list_value(world, order, line) for line in order.lines]
    gross = [line.amount - part for line, part in zip(order.lines, discount, strict=True)]
    back, sent_back, units = refunds_of(world, order, gross)
    tax = order.spread(ZERO if any(back) else order.tax_inside)
    fees = fees_of(world, order)
    for n, line in enumerate(order.lines):
        yield line.line_id, {
            "list_value": lists[n],
            "markdown": lists[n] - line.amount - line.discount,
            "merchant_discount": line.discount + discount[n],
            "platform_subsidy": subsidy[n],
            "shipping_charged": shipping[n],
            "refunded_goods": back[n],
            "refunded_shipping": sent_back[n],
            "tax": ZERO if order.void else tax[n],
            "incentives": used[n],
            **{name: None if parts is None else parts[n] for name, parts in fees.items()},
        }, line.qty - units[n]  # fmt: skip


def fees_of(world: World, order: files.Order) -> dict[str, list[Decimal] | None]:
    """Fees and parcels by line; None where the feeds say nothing."""
    key, nothing = (order.source, order.order_id), [ZERO] * len(order.lines)
    settled, parcels = world.settled.get(key, {}), world.parcels.get(key, {})

    def of(types: tuple[str, ...], bears: bool) -> list[Decimal] | None:
        amounts = [Decimal(text) for name in types for text in settled.get(name, [])]
        return order.spread(-sum(amounts)) if amounts else None if bears and not order.void else nothing

    costs = [text for texts in parcels.values() for text in texts]
    unknown = order.source != "pos" and not order.void and (not costs or "" in costs)
    return {
        "platform_fee": of(PLATFORM, order.source == "tmall"),
        "commission": of(COMMISSION, order.source == "tmall"),
        "payment_fee": order.spread(order.fee)
        if order.fee is not None
        else of(("payment_fee",), order.source == "web"),
        "fulfilment": None if unknown else order.spread(sum((Decimal(text) for text in costs), ZERO)),
    }


def goods_cost(
    world: World, order: files.Order, line: files.Line, units: Decimal
) -> tuple[Decimal | None, Decimal | None]:
    """Cost of the goods in the order's currency and in dollars."""
    row = files.valid(world.costs.get((line.sku or "",), []), order.on)
    if order.void:
        return ZERO, ZERO
    if row is None:
        return None, None
    cost = units * sum(files.amount(row[name]) for name in ("unit_cost", "freight_in", "packaging"))
    return tuple(files.convert(cost, (row["currency"], to), order.on, world.rates) for to in (order.currency, "USD"))


def finish(own: Waterfall, void: bool) -> Waterfall:
    """The sums of a waterfall."""
    gross = own["list_value"] - own["markdown"] - own["merchant_discount"]
    cancelled = gross + own["shipping_charged"] if void else ZERO
    net = gross + own["shipping_charged"] - cancelled - own["refunded_goods"] - own["refunded_shipping"] - own["tax"]
    costs = [own[k] for k in ("cogs", "platform_fee", "payment_fee", "commission", "fulfilment", "incentives")]
    left = None if None in costs else net - sum(costs)
    return own | {"gross_merchandise": gross, "cancelled": cancelled, "net_revenue": net, "contribution": left}


def test_every_order_is_in_the_files_once_and_only_those(read: World) -> None:
    truth = read.truth["orders"]
    for source, orders in read.orders.items():
        expected = truth.filter(pl.col("source_system") == source)
        assert set(orders) == set(expected["order_id"])
        days = dict(zip(expected["order_id"], expected["ordered_on"], strict=True))
        assert all(order.on == days[key] for key, order in orders.items())
        counts = dict(zip(expected["order_id"], expected["line_n"], strict=True))
        assert all(len(order.lines) == counts[key] for key, order in orders.items())


def test_every_waterfall_line_equals_a_plain_computation(read: World) -> None:
    truth = {
        (row["source_system"], row["order_id"], row["order_line_id"]): row
        for row in read.truth["order_line_economics"].iter_rows(named=True)
    }
    seen = 0
    for orders in read.orders.values():
        for order in orders.values():
            for (line_id, own, units), line in zip(own_waterfall(read, order), order.lines, strict=True):
                row = truth[order.source, order.order_id, line_id]
                dollars = {
                    name: None if value is None else files.convert(value, (order.currency, "USD"), order.on, read.rates)
                    for name, value in own.items()
                }
                own["cogs"], dollars["cogs"] = goods_cost(read, order, line, units)
                for suffix, amounts in (("", own), ("_reporting", dollars)):
                    for name, value in finish(amounts, order.void).items():
                        assert row[name + suffix] == value, (order, line_id, name + suffix)
                assert row["is_costed"] == (row["contribution"] is not None)
                seen += 1
    assert seen == len(truth)


def test_totals_of_the_exports_agree_with_their_own_lines(read: World) -> None:
    for order in (order for orders in read.orders.values() for order in orders.values()):
        goods = sum(line.amount for line in order.lines)
        expected = goods - order.discount + order.shipping + order.tax_on_top
        assert order.total == expected, order


def test_dated_refunds_equal_truth_by_day(read: World) -> None:
    truth = read.truth["refunds"]
    by_day = truth.group_by("source_system", "refunded_on").agg(pl.col("refunded_goods", "refunded_shipping").sum())
    found: dict[tuple[str, date], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for (source, _), rows in read.feed.items():
        for row in rows:
            day = found[source, files.local_day(row["at"], "UTC")]
            day[0] += Decimal(row["goods_amount"]) + files.amount(row["platform_subsidy_returned"])
            day[1] += files.amount(row["shipping_amount"])
    for _, _, on, net in read.pos_refunds:
        found["pos", on][0] += net
    for order in read.orders["web"].values():
        if order.refunded and not order.void and not read.feed.get(("web", order.order_id)):
            whole = order.refunded == order.total
            found["web", order.on][0] += order.total - order.shipping - order.tax_on_top if whole else order.refunded
            found["web", order.on][1] += order.shipping if whole else ZERO
    expected = {(row[0], row[1]): list(row[2:]) for row in by_day.iter_rows()}
    assert {key: value for key, value in found.items() if any(value)} == expected


def test_the_feed_agrees_with_what_the_exports_say_was_refunded(read: World) -> None:
    start, covered = date(2024, 7, 1), 0
    for order in read.orders["web"].values():
        rows = read.feed.get(("web", order.order_id), [])
        assert not rows or order.on >= start
        if order.on < start or order.void:
            continue
        goods = sum((Decimal(row["goods_amount"]) for row in rows), ZERO).quantize(Decimal("0.01"))
        shipping = sum((Decimal(row["shipping_amount"]) for row in rows), ZERO)
        assert goods + shipping <= order.refunded <= goods + shipping + order.tax_on_top
        assert bool(rows) == (order.refunded > 0)
        covered += bool(rows)
    assert covered > 20
