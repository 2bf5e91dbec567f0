"""True economics: every order line from list price to contribution, from what was planned.

Lives here: the waterfall of the plan in whole ten-thousandths, in the order's currency and in dollars.
Stays out: reading any export back, and any formula of the warehouse. Only the rules are shared:

- amounts of a whole order go to its lines by largest remainder, weighted by line amounts, ties by line id;
- an amount is converted line by line, once, at the rate of the order's day; sums are sums of converted amounts;
- cancelled and unpaid orders have no tax, no goods sold and no refund; their goods and shipping are `cancelled`, and of
  fees they bear what was charged, else nothing;
- a fee, parcel or product cost that the feeds do not state is not known (-1 in `known` columns), never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.simulate.clock import Flags, Ints
from pipelines.simulate.costs import (
    CHANNEL_SPLIT,
    COMMISSION,
    COUPON,
    INSURANCE,
    PAYMENT_FEE,
    RECRUIT_FEE,
    SERVICE_FEE,
    Costs,
)
from pipelines.simulate.exact import Spans, convert
from pipelines.simulate.fx import Rates
from pipelines.simulate.orders import BLANK, Lines
from pipelines.simulate.people import POS, TMALL, WEB
from pipelines.simulate.products import Catalogue
from pipelines.simulate.refunds import TOTAL_ONLY, WHOLE_ORDER, Refunds
from pipelines.simulate.terms import Orders

CENT = 100
COST_LINES = ("cogs", "platform_fee", "payment_fee", "commission", "fulfilment")
GROSS_LINES = ("list_value", "markdown", "merchant_discount", "platform_subsidy")


@dataclass(frozen=True)
class Economics:
    """Waterfall lines by name, in the order's currency and in dollars; `known` says which costs are known."""

    own: dict[str, Ints]
    reporting: dict[str, Ints]
    known: dict[str, Flags]
    refund_row: Ints  # refunds on lines: the refund, the line, and the amounts by name
    refund_line: Ints
    refund_amounts: dict[str, Ints]
    is_kept: Flags  # by order

    @property
    def is_costed(self) -> Flags:
        """Lines of which every cost is known."""
        return np.logical_and.reduce([self.known[name] for name in COST_LINES])


@dataclass(frozen=True)
class _World:
    orders: Orders
    lines: Lines
    refunds: Refunds
    costs: Costs
    catalogue: Catalogue
    rates: Rates

    @property
    def spans(self) -> Spans:
        return self.lines.spans

    @cached_property
    def weight(self) -> Ints:
        """Weights of lines in everything that is shared: their amounts."""
        return self.lines.amount * CENT

    def by_order(self, order: Ints, amount: Ints) -> Ints:
        """Sum of amounts by order."""
        total = np.zeros(self.orders.visits.n, dtype=np.int64)
        np.add.at(total, order, amount)
        return total

    def spread(self, amount: Ints) -> Ints:
        """Cents of orders, as ten-thousandths of their lines."""
        return self.spans.share(amount * CENT, self.weight)


def _sales(world: _World) -> dict[str, Ints]:
    lines, orders = world.lines, world.orders
    asked = lines.price * lines.qty
    list_value = np.where(lines.list_price >= 0, lines.list_price * lines.qty, asked) * CENT
    return {
        "list_value": list_value,
        "markdown": list_value - asked * CENT,
        "merchant_discount": lines.discount * CENT + world.spread(orders.discount),
        "platform_subsidy": world.spread(orders.subsidy),
        "shipping_charged": world.spread(orders.shipping),
    }


def _spread_refunds(world: _World) -> tuple[Ints, Ints, Ints, Ints]:
    """Refund rows on lines: row, line, goods (subsidy included) and shipping."""
    refunds, spans = world.refunds, world.spans
    whole = refunds.line == WHOLE_ORDER
    rows = np.arange(refunds.n)
    size = np.where(whole, spans.size[refunds.order], 1)
    row = np.repeat(rows, size)
    step = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    line = np.where(whole[row], spans.first[refunds.order[row]] + step, refunds.line[row])
    pairs = Spans(row, (np.cumsum(size) - size).astype(np.int64))
    weight = world.weight[line]
    goods = pairs.share(refunds.goods + refunds.subsidy, weight)
    shipping = pairs.share(refunds.shipping, weight)
    everything = whole & (refunds.feed == TOTAL_ONLY) & (refunds.goods == world.orders.subtotal[refunds.order] * CENT)
    gross = world.weight - spans.share(world.orders.discount * CENT, world.weight)
    return row, line, np.where(everything[row], gross[line], goods), shipping


def _unit_cost(world: _World) -> tuple[Ints, Flags, Flags]:
    """Cost of one unit with freight and packaging, whether it is in yuan, and whether it is stated."""
    catalogue, sku = world.catalogue, world.lines.sku
    day = world.orders.visits.day[world.spans.order]
    extra = np.maximum(catalogue.freight, 0) + np.maximum(catalogue.packaging, 0)
    known = (sku != BLANK) & (day >= world.costs.cost_from_day[sku])
    return catalogue.cost[sku, day] + extra[sku], catalogue.cost_in_cny[sku], known


def _fees(world: _World) -> tuple[dict[str, Ints], dict[str, Flags]]:
    """Fees by line and, by order, whether they are known."""
    orders, settled = world.orders, world.costs.settlements
    source = orders.visits.source
    groups = {
        "platform_fee": (SERVICE_FEE, INSURANCE),
        "commission": (COMMISSION, CHANNEL_SPLIT, RECRUIT_FEE),
        "payment_fee": (PAYMENT_FEE,),
    }
    seen = np.zeros(orders.visits.n, dtype=bool)
    seen[settled.order] = True
    amounts, known = {}, {}
    for name, types in groups.items():
        chosen = np.isin(settled.type, types)
        total = world.by_order(settled.order[chosen], -settled.amount[chosen])
        if name == "payment_fee":
            total = total + np.where(source == POS, square_fee(orders), 0)
        bears = source == (WEB if name == "payment_fee" else TMALL)
        amounts[name] = world.spread(total)
        known[name] = ~bears | seen | ~orders.alive
    return amounts, known


def square_fee(orders: Orders) -> Ints:
    """Card fees of the point of sale in cents: 2.6 percent and ten cents, nothing for cash."""
    collected = orders.total + orders.tip
    return np.where(orders.by_card, (collected * 26 + 500) // 1000 + 10, 0)


def _fulfilment(world: _World) -> tuple[Ints, Flags]:
    orders, parcels = world.orders, world.costs.shipments
    stated = parcels.cost >= 0
    cost = world.by_order(parcels.order[stated], parcels.cost[stated])
    sent = world.by_order(parcels.order, np.ones(len(parcels.order), dtype=np.int64)) > 0
    gap = world.by_order(parcels.order, (~stated).astype(np.int64)) > 0
    return world.spread(cost), (sent & ~gap) | (orders.visits.source == POS) | ~orders.alive


def _incentives(world: _World) -> Ints:
    benefits = world.costs.benefits
    counted = (benefits.order >= 0) & (benefits.funder == 0) & (benefits.kind != COUPON)
    return world.spread(world.by_order(benefits.order[counted], benefits.amount[counted]))


class _Converter:
    """Converts line amounts to dollars, and costs of either currency to the order's currency and to dollars."""

    def __init__(self, world: _World) -> None:
        day = world.orders.visits.day[world.spans.order]
        self.abroad = world.orders.visits.source[world.spans.order] == TMALL
        self.cny_usd, self.usd_cny = world.rates.on(day, "cny_usd"), world.rates.on(day, "usd_cny")

    def dollars(self, amount: Ints, line: Ints | None = None) -> Ints:
        """Amounts in the order's currency as dollars."""
        rows = slice(None) if line is None else line
        return _converted_where(self.abroad[rows], amount, self.cny_usd[rows])

    def cost(self, amount: Ints, in_cny: Flags, line: Ints | None = None) -> tuple[Ints, Ints]:
        """Costs in the order's currency and in dollars."""
        rows = slice(None) if line is None else line
        abroad = self.abroad[rows]
        dollars = _converted_where(in_cny, amount, self.cny_usd[rows])
        own = _converted_where(abroad & ~in_cny, np.where(abroad, amount, dollars), self.usd_cny[rows])
        return own, dollars


def _converted_where(foreign: Flags, amount: Ints, rate: Ints) -> Ints:
    """Amounts converted where `foreign`, as they are elsewhere."""
    result = amount.copy()
    result[foreign] = convert(amount[foreign], rate[foreign])
    return result


def compute_economics(
    orders: Orders, lines: Lines, refunds: Refunds, costs: Costs, catalogue: Catalogue, rates: Rates
) -> Economics:
    """The true waterfall of every line."""
    world = _World(orders, lines, refunds, costs, catalogue, rates)
    converter, alive = _Converter(world), orders.alive[lines.spans.order]
    row, line, refund_goods, refund_shipping = _spread_refunds(world)
    own = _sales(world)
    own["refunded_goods"] = _add(refund_goods, line, lines)
    own["refunded_shipping"] = _add(refund_shipping, line, lines)
    own["incentives"] = _incentives(world)
    fees, known = _fees(world)
    fulfilment, sent = _fulfilment(world)
    own |= fees | {"fulfilment": fulfilment}
    own["tax"] = np.where(alive, _kept_tax(world), 0)
    unit, in_cny, costed = _unit_cost(world)
    returned = np.where(refunds.restocked, refunds.qty, 0)[row]
    units_back = _add(returned, line, lines)
    reporting = {name: converter.dollars(amount) for name, amount in own.items()}
    reporting["refunded_goods"] = _add(converter.dollars(refund_goods, line), line, lines)
    own["cogs"], reporting["cogs"] = converter.cost((lines.qty - units_back) * unit, in_cny)
    by_line = {name: flags[lines.spans.order] for name, flags in {**known, "fulfilment": sent}.items()}
    by_line["cogs"] = costed | ~alive
    for table in (own, reporting):
        _finish(table, alive)
    gross = world.weight - lines.spans.share(orders.discount * CENT, world.weight)
    goods_left = lines.spans.total(gross - own["refunded_goods"])
    return Economics(
        own=own,
        reporting=reporting,
        known=by_line,
        refund_row=row,
        refund_line=line,
        refund_amounts=_refund_amounts(world, converter, line, refund_goods, refund_shipping, returned),
        is_kept=orders.alive & ~((goods_left <= 0) & (lines.spans.total(gross) > 0)),
    )


def _refund_amounts(
    world: _World, converter: _Converter, line: Ints, goods: Ints, shipping: Ints, returned: Ints
) -> dict[str, Ints]:
    """Amounts of refunds on lines, in the order's currency and in dollars."""
    orders, (unit, in_cny, _) = world.orders, _unit_cost(world)
    tax = world.spread(np.where(orders.tax_inside, orders.tax, 0))[line]
    own = {
        "refunded_goods": goods,
        "refunded_shipping": shipping,
        "tax_returned": np.where(goods > 0, tax, 0),
    }
    amounts: dict[str, Ints] = {}
    for name, values in own.items():
        amounts |= {name: values, f"{name}_reporting": converter.dollars(values, line)}
    cost = converter.cost(returned * unit[line], in_cny[line], line)
    return amounts | {"cogs_returned": cost[0], "cogs_returned_reporting": cost[1]}


def _add(values: Ints, line: Ints, lines: Lines) -> Ints:
    """Sum of values by line."""
    total = np.zeros(len(lines.sku), dtype=np.int64)
    np.add.at(total, line, values)
    return total


def _kept_tax(world: _World) -> Ints:
    """Tax inside the prices; an order with tax inside is refunded wholly or not at all."""
    orders = world.orders
    refunded = np.zeros(orders.visits.n, dtype=bool)
    refunded[world.refunds.order] = True
    return world.spread(np.where(orders.tax_inside & ~refunded, orders.tax, 0))


def _finish(table: dict[str, Ints], alive: Flags) -> None:
    """The sums of the waterfall, as positive amounts; goods of dead orders cost nothing."""
    table["cogs"] = np.where(alive, table["cogs"], 0)
    table["gross_merchandise"] = table["list_value"] - table["markdown"] - table["merchant_discount"]
    offered = table["gross_merchandise"] + table["shipping_charged"]
    table["cancelled"] = np.where(alive, 0, offered)
    table["net_revenue"] = (
        offered - table["cancelled"] - table["refunded_goods"] - table["refunded_shipping"] - table["tax"]
    )
    spent = sum((table[name] for name in (*COST_LINES, "incentives")), np.zeros(len(alive), dtype=np.int64))
    table["contribution"] = table["net_revenue"] - spent
