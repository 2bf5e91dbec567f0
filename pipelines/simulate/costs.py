"""Costs of selling: fees and commissions, parcels, benefits used, and which products lack a cost.

Lives here: settlement lines, shipments and incentives as arrays, and the choice of products without a cost.
Stays out: their allocation to lines (`economics`) and the files (`canonical`).

Fees and parcels of an order are in the order's currency. What happens after the last day has not happened: the newest
orders have no parcel and no settlement yet, so their costs are not known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.clock import DAY, Clock, Flags, Ints, stream
from pipelines.simulate.orders import BLANK, Lines
from pipelines.simulate.people import POS, TMALL, WEB, People
from pipelines.simulate.products import Catalogue
from pipelines.simulate.refunds import RETURN, Refunds
from pipelines.simulate.terms import EMAIL, Orders

PAYMENT_FEE, SERVICE_FEE, COMMISSION, CHANNEL_SPLIT, RECRUIT_FEE, INSURANCE, GOODS = range(7)
FEE_TYPES = (
    "payment_fee", "service_fee", "commission", "channel_split", "merchant_recruit_fee", "insurance", "goods",
)  # fmt: skip
POINTS, GIFT, CASHBACK, REFERRAL, STAFF, COUPON = range(6)
INCENTIVES = ("points", "gift", "cashback", "referral_reward", "staff", "coupon")
FUNDERS = ("merchant", "platform", "influencer")
UNCOSTED_SHARE = 0.022
"""Share of goods sold whose product has no cost."""
NEVER = 10**6
"""A first day of cost that never comes."""


@dataclass(frozen=True)
class Settlements:
    """Settlement lines; `amount` in cents, negative when the merchant pays."""

    order: Ints
    type: Ints
    amount: Ints
    utc: Ints


@dataclass(frozen=True)
class Shipments:
    """Parcels; `cost` in cents, -1 when not known."""

    order: Ints
    utc: Ints
    cost: Ints
    carrier: Ints
    transit_days: Ints
    returning: Flags


@dataclass(frozen=True)
class Benefits:
    """Granted benefits; `order` is the order that used one, or -1."""

    person: Ints
    order: Ints
    kind: Ints
    funder: Ints
    amount: Ints  # cents of the order's currency (dollars for unused ones)
    in_cny: Flags
    granted: Ints
    by_member: Flags  # granted to the member record rather than to the account of the web store


@dataclass(frozen=True)
class Costs:
    """All of it, and the first day from which each product's cost is stated."""

    settlements: Settlements
    shipments: Shipments
    benefits: Benefits
    cost_from_day: Ints


def _settle(rng: np.random.Generator, orders: Orders, clock: Clock) -> Settlements:
    source, n = orders.visits.source, orders.visits.n
    web = np.flatnonzero((orders.paid >= 0) & (source == WEB))
    tmall = np.flatnonzero(orders.alive & (source == TMALL))
    wait = np.where(source == WEB, rng.integers(1, 3, n), rng.integers(7, 13, n))
    posted = (orders.visits.day + wait) * DAY + rng.integers(11 * 3600, 16 * 3600, n)
    goods = orders.goods
    by_kol, recruited, insured = rng.random(n) < 0.10, rng.random(n) < 0.04, rng.random(n) < 0.5
    some_kol, some_recruited = tmall[by_kol[tmall]], tmall[recruited[tmall]]
    rows = [
        (web, PAYMENT_FEE, -((orders.total * 29 + 500) // 1000 + 30)),
        (tmall, SERVICE_FEE, -(goods * 6 // 1000 + 50)),
        (tmall, COMMISSION, -((goods - orders.coupon) * 5 // 100 + 1)),
        (some_kol, CHANNEL_SPLIT, -(goods * 8 // 100 + 1)),
        (some_recruited, RECRUIT_FEE, -(goods * 3 // 100 + 1)),
        (tmall[insured[tmall]], INSURANCE, -(30 + goods % 70)),
        (tmall, GOODS, goods + orders.shipping),
    ]
    order = np.concatenate([chosen for chosen, _, _ in rows])
    kind = np.concatenate([np.full(len(chosen), code) for chosen, code, _ in rows])
    amount = np.concatenate([values[chosen] for chosen, _, values in rows])
    done = posted[order] < clock.end
    by_time = np.lexsort((kind[done], order[done], posted[order][done]))
    return Settlements(*(values[done][by_time] for values in (order, kind, amount, posted[order])))


def _ship(rng: np.random.Generator, orders: Orders, refunds: Refunds, clock: Clock) -> Shipments:
    source, n = orders.visits.source, orders.visits.n
    sent = np.flatnonzero(orders.alive & (source != POS))
    twice = sent[rng.random(len(sent)) < 0.03]
    back = np.unique(refunds.order[(refunds.kind == RETURN) & (source[refunds.order] != POS) & (refunds.feed == 0)])
    moment = rng.integers(11 * 3600, 16 * 3600, n)
    wait = rng.integers(1, 4, n)
    when = (orders.visits.day + wait) * DAY + moment
    refunded = np.full(n, clock.end)
    refunded[refunds.order] = refunds.utc
    order = np.concatenate([sent, twice, back])
    returning = np.concatenate([np.zeros(len(sent) + len(twice), dtype=bool), np.ones(len(back), dtype=bool)])
    utc = np.where(returning, refunded[order], when[order])
    base = np.where(source[order] == WEB, rng.integers(420, 1_280, len(order)), rng.integers(500, 1_600, len(order)))
    unknown = (rng.random(len(order)) < 0.002) & ~returning
    if len(sent):
        unknown[len(sent) // 2] = True
    done = utc < clock.end
    by_time = np.lexsort((order[done], utc[done]))
    values = (order, utc, np.where(unknown, -1, base), rng.integers(0, 3, len(order)),
              rng.integers(1, 7, len(order)), returning)  # fmt: skip
    return Shipments(*(value[done][by_time] for value in values))


def _uses(rng: np.random.Generator, people: People, orders: Orders) -> tuple[Ints, Ints, Ints, Ints]:
    """Orders that use a benefit: at most one each; its kind, funder and amount."""
    n, source = orders.visits.n, orders.visits.source
    member = people.is_member[orders.visits.person]
    staff = people.is_employee[orders.visits.person]
    known = np.where(source == WEB, member | (orders.key <= EMAIL + 1), member)
    usable = orders.alive & known & (orders.goods > 1_500)
    draw = np.where(usable, rng.random(n), 1.0)
    points = np.where(source == TMALL, 0.0, 0.05)
    kind = np.full(n, -1, dtype=np.int64)
    kind[draw < points] = POINTS
    kind[(draw >= 0.05) & (draw < 0.065)] = GIFT
    kind[(draw >= 0.065) & (draw < 0.075)] = REFERRAL
    kind[(draw >= 0.075) & (draw < 0.09) & (source == TMALL)] = CASHBACK
    kind[usable & staff & (source == POS)] = STAFF
    kind[usable & (orders.code > 0) & (kind < 0)] = COUPON
    used = np.flatnonzero(kind >= 0)
    foreign = rng.random(len(used))
    funder = np.where(kind[used] == STAFF, 0, np.where(foreign < 0.12, 1, np.where(foreign < 0.17, 2, 0)))
    amount = np.where(kind[used] == COUPON, orders.discount[used], rng.integers(100, 1_400, len(used)))
    return used, kind[used], funder, amount


def _benefit(rng: np.random.Generator, people: People, orders: Orders, clock: Clock) -> Benefits:
    used, kind, funder, amount = _uses(rng, people, orders)
    person = orders.visits.person[used]
    idle = np.flatnonzero(people.is_member & (rng.random(people.n) < 0.2))
    granted = orders.visits.utc[used] - rng.integers(1, 25, len(used)) * DAY
    idle_day = np.minimum(people.acquired_day[idle] + rng.integers(1, 90, len(idle)), clock.n_days - 1)
    everyone = np.concatenate([person, idle])
    nothing = np.full(len(idle), -1, dtype=np.int64)
    in_cny = np.concatenate([orders.visits.source[used] == TMALL, np.zeros(len(idle), dtype=bool)])
    values = (
        everyone,
        np.concatenate([used, nothing]),
        np.concatenate([kind, rng.integers(0, 4, len(idle))]),
        np.concatenate([funder, rng.integers(0, 2, len(idle))]),
        np.concatenate([amount, rng.integers(1, 10, len(idle)) * 100]),
        in_cny,
        np.concatenate([granted, idle_day * DAY + 12 * 3600]),
        people.is_member[everyone],
    )
    by_time = np.lexsort((values[1], values[0], values[6]))
    return Benefits(*(value[by_time] for value in values))


def _first_costs(rng: np.random.Generator, orders: Orders, lines: Lines, catalogue: Catalogue, clock: Clock) -> Ints:
    """First day of every product's cost: some products have none, a few have one only from some day on."""
    sold = np.zeros(catalogue.n)
    rows = (lines.sku != BLANK) & orders.alive[lines.spans.order]
    worth = lines.amount / np.where(orders.visits.source[lines.spans.order] == TMALL, 7.2, 1.0)
    np.add.at(sold, lines.sku[rows], worth[rows])
    shuffled = rng.permutation(catalogue.n)
    room = UNCOSTED_SHARE * sold.sum()
    first = np.full(catalogue.n, -365, dtype=np.int64)
    for sku in shuffled:
        if 0 < sold[sku] <= room:
            room -= sold[sku]
            first[sku] = NEVER
    costed = shuffled[first[shuffled] < NEVER]
    first[costed[:3]] = clock.n_days // 12
    return first


def plan_costs(
    people: People, orders: Orders, lines: Lines, refunds: Refunds, catalogue: Catalogue, clock: Clock, seed: int
) -> Costs:
    """Draw fees, parcels, benefits and missing costs."""
    return Costs(
        settlements=_settle(stream(seed, "settlements"), orders, clock),
        shipments=_ship(stream(seed, "shipments"), orders, refunds, clock),
        benefits=_benefit(stream(seed, "benefits"), people, orders, clock),
        cost_from_day=_first_costs(stream(seed, "missing costs"), orders, lines, catalogue, clock),
    )
