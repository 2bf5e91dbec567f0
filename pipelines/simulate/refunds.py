"""Refunds: which orders are given back, how much of them, when, and when the company learns it.

Lives here: `Refunds` (one entry a planned refund row) and how refunds are drawn for each source.
Stays out: their share of lines (`economics`) and the files.

Web orders placed before month 7 have no refund feed: only their order total tells. They are refunded wholly, or in
part when no tax is inside or on top, so that no convention about tax is needed. From month 7 on the feed has every
refund, by line or for the whole order. Orders with tax inside are only ever refunded wholly. Amounts are in whole
ten-thousandths of the order's currency.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from pipelines.simulate.clock import DAY, NEW_YORK, Clock, Flags, Ints, stream
from pipelines.simulate.exact import Spans
from pipelines.simulate.orders import Lines
from pipelines.simulate.people import POS, TMALL, WEB
from pipelines.simulate.products import Catalogue
from pipelines.simulate.terms import Orders

FEED, TOTAL_ONLY, NATIVE = 0, 1, 2
"""How the warehouse can learn it: the canonical feed, the order's total without a date, or rows of the export."""
REFUND_ONLY, RETURN, CHARGEBACK = 0, 1, 2
KINDS = ("refund_only", "return_refund", "chargeback")
REASONS = ("changed_mind", "damaged", "late", "wrong_item", "goodwill")
COVERED_FROM_MONTH = 6
WHOLE_ORDER = -1


@dataclass(frozen=True)
class Refunds:
    """Planned refund rows, sorted by order."""

    order: Ints
    line: Ints  # position among all lines, or WHOLE_ORDER
    utc: Ints
    known: Ints
    goods: Ints  # cash for goods
    shipping: Ints
    subsidy: Ints  # returned to the platform
    qty: Ints  # units that came back, 0 for money only
    restocked: Flags
    kind: Ints
    reason: Ints
    feed: Ints

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.order)


def _rows(order: Ints, line: Ints, goods: Ints, kind: Ints, feed: int, **more: Ints | Flags) -> dict[str, Any]:
    zero = np.zeros(len(order), dtype=np.int64)
    return {"order": order, "line": line, "goods": goods, "kind": kind, "feed": zero + feed, "shipping": zero,
            "subsidy": zero, "qty": zero, "restocked": zero.astype(bool), **more}  # fmt: skip


@dataclass(frozen=True)
class _Plan:
    """What the draws of every source need."""

    rng: np.random.Generator
    orders: Orders
    lines: Lines
    catalogue: Catalogue
    gross: Ints  # line amounts less their share of the order's discount, in ten-thousandths

    @property
    def spans(self) -> Spans:
        return self.lines.spans

    def lines_of(self, chosen: Ints) -> Ints:
        """Positions of all lines of the chosen orders."""
        return np.flatnonzero(np.isin(self.spans.order, chosen))

    def one_line(self, chosen: Ints) -> Ints:
        """One line of each chosen order."""
        step = (self.rng.random(len(chosen)) * self.spans.size[chosen]).astype(np.int64)
        return self.spans.first[chosen] + step

    def came_back(self, line: Ints) -> dict[str, Any]:
        """Kind and stock of lines that are given back wholly."""
        kind = np.where(self.rng.random(len(line)) < 0.75, RETURN, REFUND_ONLY)
        back = kind == RETURN
        restocked = back & (self.rng.random(len(line)) < 0.8)
        return {"kind": kind, "qty": np.where(back, self.lines.qty[line], 0), "restocked": restocked}


def gross_units(orders: Orders, lines: Lines) -> Ints:
    """Gross merchandise of every line: its amount less its share of the order's discount."""
    amount = lines.amount * 100
    return amount - lines.spans.share(orders.discount * 100, amount)


def _web_before_feed(plan: _Plan, chosen: Ints) -> list[dict[str, Any]]:
    orders = plan.orders
    partial = (plan.rng.random(len(chosen)) < 0.45) & (orders.tax[chosen] == 0) & (orders.subtotal[chosen] > 100)
    whole, part = chosen[~partial], chosen[partial]
    share = plan.rng.integers(10, 61, len(part))
    return [
        _rows(whole, np.full(len(whole), WHOLE_ORDER), orders.subtotal[whole] * 100,
              np.full(len(whole), RETURN), TOTAL_ONLY, shipping=orders.shipping[whole] * 100),
        _rows(part, np.full(len(part), WHOLE_ORDER), orders.subtotal[part] * share // 100 * 100,
              np.full(len(part), REFUND_ONLY), TOTAL_ONLY),
    ]  # fmt: skip


def _web_feed(plan: _Plan, chosen: Ints) -> list[dict[str, Any]]:
    orders, lines, rng = plan.orders, plan.lines, plan.rng
    draw = np.where(orders.tax_inside[chosen], 0.0, rng.random(len(chosen)))
    whole, one, some, kind_word = (chosen[(draw >= low) & (draw < high)]
                                   for low, high in ((0, 0.35), (0.35, 0.6), (0.6, 0.75), (0.75, 1)))  # fmt: skip
    all_lines = plan.lines_of(whole)
    all_lines = all_lines[plan.gross[all_lines] > 0]
    shipped = whole[orders.shipping[whole] > 0]
    line, part = plan.one_line(one), plan.one_line(some)
    line, part = line[plan.gross[line] > 0], part[(lines.qty[part] > 1) & (plan.gross[part] > 100)]
    units = 1 + (rng.random(len(part)) * (lines.qty[part] - 1)).astype(np.int64)
    simple = ~plan.catalogue.cost_in_cny[lines.sku[part]] & (rng.random(len(part)) < 0.8)
    goodwill = orders.subtotal[kind_word] * rng.integers(5, 31, len(kind_word)) // 100 * 100
    dispute = np.where(rng.random(len(kind_word)) < 0.2, CHARGEBACK, REFUND_ONLY)
    order = plan.spans.order
    return [
        _rows(order[all_lines], all_lines, plan.gross[all_lines], feed=FEED, **plan.came_back(all_lines)),
        _rows(shipped, np.full(len(shipped), WHOLE_ORDER), np.zeros(len(shipped), dtype=np.int64),
              np.full(len(shipped), REFUND_ONLY), FEED, shipping=orders.shipping[shipped] * 100),
        _rows(order[line], line, plan.gross[line], feed=FEED, **plan.came_back(line)),
        _rows(order[part], part, plan.gross[part] * units // lines.qty[part] // 100 * 100,
              np.full(len(part), RETURN), FEED, qty=units, restocked=simple),
        _rows(kind_word, np.full(len(kind_word), WHOLE_ORDER), goodwill, dispute, FEED),
    ]  # fmt: skip


def _tmall(plan: _Plan, chosen: Ints) -> list[dict[str, Any]]:
    orders, lines, rng = plan.orders, plan.lines, plan.rng
    order = plan.spans.order
    subsidy = plan.spans.share(orders.subsidy * 100, lines.amount * 100) // 100 * 100
    draw = rng.random(len(chosen))
    whole, one, money = chosen[draw < 0.4], chosen[(draw >= 0.4) & (draw < 0.7)], chosen[draw >= 0.7]
    full = np.sort(np.concatenate([plan.lines_of(whole), plan.one_line(one)]))
    lonely = (plan.spans.size[order[full]] == 1) & np.isin(order[full], whole)
    part = plan.one_line(money)
    amount = lines.amount[part] * rng.integers(5, 51, len(part)) // 100 * 100
    return [
        _rows(order[full], full, lines.amount[full] * 100 - subsidy[full], feed=FEED, subsidy=subsidy[full],
              shipping=np.where(lonely, orders.shipping[order[full]] * 100, 0), **plan.came_back(full)),
        _rows(order[part], part, amount, np.full(len(part), REFUND_ONLY), FEED),
    ]  # fmt: skip


def _pos(plan: _Plan, chosen: Ints) -> list[dict[str, Any]]:
    draw = plan.rng.random(len(chosen))
    line = np.sort(np.concatenate([plan.lines_of(chosen[draw < 0.5]), plan.one_line(chosen[draw >= 0.5])]))
    line = line[plan.gross[line] > 0]
    kind = np.full(len(line), RETURN)
    return [_rows(plan.spans.order[line], line, plan.gross[line], kind, NATIVE, qty=plan.lines.qty[line])]


def _choose(rng: np.random.Generator, among: Flags, share: float, least: int) -> Ints:
    """About `share` of the orders among which to choose, and at least `least` of them while there are enough."""
    picked = among & (rng.random(len(among)) < share)
    places = np.flatnonzero(among)
    if picked.sum() < least:
        picked[places[: least * 7 : 7]] = True
    return np.flatnonzero(picked)


def plan_refunds(orders: Orders, lines: Lines, catalogue: Catalogue, clock: Clock, seed: int) -> Refunds:
    """Draw the refunds that happen before the world ends."""
    rng = stream(seed, "refunds")
    plan = _Plan(rng, orders, lines, catalogue, gross_units(orders, lines))
    source, alive = orders.visits.source, orders.alive
    lag = np.ceil(rng.gamma(2.0, 6.0, orders.visits.n)).astype(np.int64) + 1
    alive = alive & (orders.visits.day + lag < clock.n_days - 1)
    early = clock.month_of[orders.visits.day] < COVERED_FROM_MONTH
    parts = [
        *_web_before_feed(plan, _choose(rng, alive & (source == WEB) & early, 0.07, 6)),
        *_web_feed(plan, _choose(rng, alive & (source == WEB) & ~early, 0.07, 30)),
        *_tmall(plan, _choose(rng, alive & (source == TMALL), 0.09, 12)),
        *_pos(plan, _choose(rng, alive & (source == POS), 0.03, 8)),
    ]
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    by_order = np.lexsort((table["line"], table["order"]))
    return _dated({name: values[by_order] for name, values in table.items()}, rng, orders, lag, clock)


def _dated(table: dict[str, Any], rng: np.random.Generator, orders: Orders, lag: Ints, clock: Clock) -> Refunds:
    """Give all refunds of an order one moment, and the feed's rows the moment the company learnt it."""
    order = table["order"]
    day = orders.visits.day[order] + lag[order]
    # Late morning to afternoon UTC: the same day in New York and Shanghai.
    second = rng.integers(11 * 3600, 16 * 3600, orders.visits.n)
    utc = day * DAY + second[order]
    shop = table["feed"] == NATIVE
    utc = np.where(shop, clock.utc(NEW_YORK, day, second[order] - 3600), utc)
    late = rng.random(orders.visits.n) < 0.15
    if len(order):
        late[order[table["feed"] == FEED][:1]] = True
    wait = np.where(late, rng.integers(5 * DAY, 40 * DAY, orders.visits.n), 3 * 3600)
    reason = rng.integers(0, 4, len(order))
    values = {
        **table,
        "utc": utc,
        "known": np.minimum(utc + wait[order], clock.end - 1),
        "reason": np.where(table["kind"] == REFUND_ONLY, 4, reason),
    }
    return Refunds(**{field.name: values[field.name] for field in fields(Refunds)})
