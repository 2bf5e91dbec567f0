"""Terms of orders: states, order discounts, shipping, taxes, subsidies, and the key by which the buyer is known.

Lives here: `Orders`, one entry a visit, and how its terms are drawn.
Stays out: goods (`orders`), refunds (`refunds`), fees (`costs`) and how exports write the terms down.

Some cancelled web orders had been paid, and were paid back when they were cancelled, every second one weeks later:
nothing of them is sold, but their payment fee was charged. Web orders to the United States carry sales tax on top of
the goods (some states have none), to Britain value added tax inside the prices, to China none. Marketplace and shop
prices have no tax inside. Only web orders have discounts on the whole order, only marketplace orders a subsidy of the
platform.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.simulate.clock import DAY, Clock, Flags, Ints, stream
from pipelines.simulate.exact import Spans
from pipelines.simulate.orders import Lines, Visits, plant
from pipelines.simulate.people import CN, GB, POS, TMALL, WEB, People

PAID, CANCELLED, PENDING = 0, 1, 2
STATUSES = ("paid", "cancelled", "pending")
ACCOUNT, EMAIL, SECOND_EMAIL, PHONE, NOBODY = 0, 1, 2, 3, 4
"""Key of the buyer: native account, first or second e-mail address, telephone only, or none (walk-in, masked)."""
CODES = ("", "WELCOME10", "SPRING15", "VIP20", "FIVEOFF")


@dataclass(frozen=True)
class Orders:
    """Terms of every visit; money in whole cents or fen."""

    visits: Visits
    status: Ints
    key: Ints
    code: Ints  # index of the discount code
    discount: Ints
    shipping: Ints
    tax: Ints
    tax_inside: Flags
    coupon: Ints  # subsidies of the platform: coupons and points
    points: Ints
    tip: Ints
    by_card: Flags
    paid: Ints  # UTC seconds, -1 for never; some cancelled web orders had been paid
    closed: Ints  # UTC seconds of the cancellation, -1 for none
    goods: Ints  # sum of line amounts

    @property
    def subsidy(self) -> Ints:
        """What the platform pays."""
        return self.coupon + self.points

    @property
    def subtotal(self) -> Ints:
        """Goods less the order's discount."""
        return self.goods - self.discount

    @property
    def total(self) -> Ints:
        """What the order asks for: goods, shipping and the tax on top."""
        return self.subtotal + self.shipping + np.where(self.tax_inside, 0, self.tax)

    @property
    def alive(self) -> Flags:
        """Paid and not cancelled."""
        return self.status == PAID


def _status(rng: np.random.Generator, visits: Visits, clock: Clock) -> Ints:
    draw, source = rng.random(visits.n), visits.source
    cancelled = ((source == WEB) & (draw < 0.025)) | ((source == TMALL) & (draw < 0.04))
    fresh = visits.utc > clock.end - 2 * 86_400
    pending = ((source == WEB) & (draw > 0.992)) | ((source == TMALL) & fresh & (draw > 0.7))
    status = np.where(cancelled, CANCELLED, np.where(pending, PENDING, PAID))
    for wanted, where in ((CANCELLED, WEB), (PENDING, WEB), (CANCELLED, TMALL)):
        here = np.flatnonzero(source == where)
        if len(here) > 3 and not (status[here] == wanted).any():
            status[here[len(here) // 2 + wanted]] = wanted
    return status.astype(np.int64)


def masked_from(clock: Clock) -> int:
    """Day from which the marketplace masks buyers who are not members of the shop."""
    return int(clock.month_starts[clock.months * 2 // 3])


def _keys(rng: np.random.Generator, people: People, visits: Visits, clock: Clock) -> Ints:
    draw, person, source = rng.random(visits.n), visits.person, visits.source
    email = np.where(visits.day >= people.second_email_day[person], SECOND_EMAIL, EMAIL)
    web = np.where(draw < 0.015, PHONE, np.where(draw > 0.995, NOBODY, email))
    masked = (visits.day >= masked_from(clock)) & ~people.is_member[person]
    tmall = np.where(masked, NOBODY, ACCOUNT)
    pos = np.where(people.has_square_card[person] & (draw < 0.85), ACCOUNT, NOBODY)
    key = np.select([source == WEB, source == TMALL], [web, tmall], pos).astype(np.int64)
    for wanted in (PHONE, NOBODY):
        here = np.flatnonzero(source == WEB)
        if len(here) > 3 and not (key[here] == wanted).any():
            key[here[len(here) // 3 + wanted - PHONE]] = wanted
    return key


def _order_discount(rng: np.random.Generator, source: Ints, goods: Ints) -> tuple[Ints, Ints]:
    """Codes of web orders: a percentage, or five dollars off an order of twenty and more."""
    code = np.where((source == WEB) & (rng.random(len(goods)) < 0.17), rng.integers(1, len(CODES), len(goods)), 0)
    code = np.where((code == 4) & (goods < 2000), 0, code)
    percent = np.array([0, 10, 15, 20, 0])[code]
    return code, np.where(code == 4, 500, goods * percent // 100)


def _tax(orders_source: Ints, country: Ints, rate: Ints, subtotal: Ints, shipping: Ints) -> tuple[Ints, Flags]:
    inside = (orders_source == WEB) & (country == GB)
    on_top = (orders_source != TMALL) & (country != CN) & ~inside
    top = (subtotal * rate + 50_000) // 100_000
    return np.where(inside, (subtotal + shipping + 3) // 6, np.where(on_top, top, 0)), inside


def _closed_late(closed: Ints, regretted: Flags, clock: Clock) -> Ints:
    """Every second of the paid orders that are cancelled stands for one to seven weeks, if the world lasts so long."""
    nth = np.cumsum(regretted)
    later = closed + (7 + nth % 43) * DAY
    return np.where(regretted & (nth % 2 == 1) & (later < clock.end), later, closed)


def plan_orders(people: People, cards: pl.DataFrame, visits: Visits, lines: Lines, clock: Clock, seed: int) -> Orders:
    """Draw the terms of every visit."""
    rng = stream(seed, "terms")
    source, person, n = visits.source, visits.person, visits.n
    spans: Spans = lines.spans
    goods = spans.total(lines.amount)
    status = _status(rng, visits, clock)
    code, discount = _order_discount(rng, source, goods)
    subtotal = goods - discount
    web_shipping = np.where(subtotal >= 7_500, 0, np.where(people.country[person] == 0, 599, 1_499))
    shipping = np.select([source == WEB, source == TMALL], [web_shipping, np.where(goods < 8_800, 1_000, 0)], 0)
    rate = cards["sales_tax"].to_numpy()[person]
    tax, inside = _tax(source, people.country[person], rate, subtotal, shipping)
    helped = (source == TMALL) & (status == PAID)
    coupon = np.where(helped & (rng.random(n) < 0.25), np.minimum(rng.integers(5, 31, n) * 100, goods // 4), 0)
    points = np.where(helped & (rng.random(n) < 0.06), rng.integers(1, 300, n), 0)
    tipped = (source == POS) & (rng.random(n) < 0.1)
    waits = rng.integers(40, 900, n)
    regretted = (status == CANCELLED) & (source == WEB) & (visits.day % 3 == 0)
    plant(regretted, (status == CANCELLED) & (source == WEB))
    paid = np.where((status == PAID) | regretted, np.minimum(visits.utc + waits, clock.end - 1), -1)
    closed = np.where(status == CANCELLED, np.minimum(visits.utc + waits * 60, clock.end - 1), -1)
    closed = _closed_late(closed, regretted, clock)
    return Orders(
        visits=visits,
        status=status,
        key=_keys(rng, people, visits, clock),
        code=code,
        discount=discount,
        shipping=shipping.astype(np.int64),
        tax=tax,
        tax_inside=inside,
        coupon=coupon,
        points=np.minimum(points, goods // 10),
        tip=np.where(tipped, rng.integers(1, 9, n) * 50, 0),
        by_card=(source == POS) & (rng.random(n) < 0.86),
        paid=paid,
        closed=closed,
        goods=goods,
    )
