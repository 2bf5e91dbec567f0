"""Orders: when each person orders, where, which goods, at which price, and what becomes of the order.

Lives here: `Orders` and `Lines` (arrays), the plan of purchases and of the goods in them.
Stays out: taxes, shipping and states of orders (`terms`), refunds, fees and files.

Orders are sorted by (source, time, person); the lines of an order lie together, sorted by SKU. Money of the plan is in
whole cents or fen of the order's currency.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.clock import NEW_YORK, SHANGHAI, Clock, Floats, Ints, stream
from pipelines.simulate.exact import Spans
from pipelines.simulate.people import POS, TMALL, WEB, People
from pipelines.simulate.products import Catalogue

ZONES = {WEB: NEW_YORK, TMALL: SHANGHAI, POS: NEW_YORK}
SIZES = (0.50, 0.27, 0.13, 0.06, 0.03, 0.01)
"""Chances of one to six lines."""
MAX_STRIDE = 60
BLANK = -1
"""SKU index of an item that the merchant typed in by hand: the export has no SKU."""


@dataclass(frozen=True)
class Visits:
    """Purchases before their goods are known."""

    person: Ints
    source: Ints
    day: Ints  # local day in the source's zone
    utc: Ints

    @property
    def n(self) -> int:
        """Orders."""
        return len(self.person)


@dataclass(frozen=True)
class Lines:
    """Goods; -1 stands for unknown in `sku`, `list_price` and `compare_at`."""

    spans: Spans
    sku: Ints
    qty: Ints
    price: Ints  # asked for one unit, before line discounts
    list_price: Ints  # the list price that the warehouse can know
    compare_at: Ints  # shown in the export
    discount: Ints  # of the line, taken off `amount`
    amount: Ints

    @property
    def ordinal(self) -> Ints:
        """Position in the order, from 1."""
        return np.arange(len(self.sku), dtype=np.int64) - self.spans.first[self.spans.order] + 1


def plan_visits(people: People, clock: Clock, seed: int) -> Visits:
    """A first purchase on the day of acquisition, then a Poisson process in season until the person has left."""
    rng = stream(seed, "visits")
    clock_face = np.concatenate([[0.0], np.cumsum(clock.season)])
    start = clock_face[people.acquired_day + 1]
    last = np.minimum(people.acquired_day + 1 + people.lifetime_days, clock.n_days)
    stop = np.interp(last, np.arange(clock.n_days + 1), clock_face)
    repeats = rng.poisson(people.rate * np.maximum(stop - start, 0))
    repeater = np.repeat(np.arange(people.n, dtype=np.int64), repeats)
    at = start[repeater] + rng.random(len(repeater)) * (stop - start)[repeater]
    day = np.clip(np.searchsorted(clock_face, at, side="right") - 1, 0, clock.n_days - 1)
    person = np.concatenate([np.arange(people.n, dtype=np.int64), repeater])
    days = np.concatenate([people.acquired_day, day]).astype(np.int64)
    elsewhere = (rng.random(len(person)) < people.second_share[person]) & (people.second[person] >= 0)
    elsewhere[: people.n] = False
    source = np.where(elsewhere, people.second[person], people.home[person])
    return _timed(rng, clock, person, source, days)


def _timed(rng: np.random.Generator, clock: Clock, person: Ints, source: Ints, day: Ints) -> Visits:
    """Give every visit a time of day (06:00 to 23:59 local, inside the world) and sort."""
    second = (6 * 3600 + rng.beta(2.4, 1.8, len(day)) * 17.99 * 3600).astype(np.int64)
    utc = np.zeros(len(day), dtype=np.int64)
    for key, zone in ZONES.items():
        here = source == key
        utc[here] = clock.utc(zone, day[here], second[here])
        late = here & (utc >= clock.end)
        utc[late] = clock.utc(zone, day[late], 7 * 3600 + second[late] % (9 * 3600))
    order = np.lexsort((person, utc, source))
    return Visits(person[order], source[order], day[order], utc[order])


def _assortment(catalogue: Catalogue) -> tuple[Ints, Ints, Floats]:
    """Products by category and price, where each category starts, and the running popularity inside it."""
    by_price = np.lexsort((catalogue.list_usd[:, 0], catalogue.category)).astype(np.int64)
    starts = np.searchsorted(catalogue.category[by_price], np.arange(13)).astype(np.int64)
    return by_price, starts, catalogue.popularity[by_price]


def _first_place(rng: np.random.Generator, people: People, visits: Visits, catalogue: Catalogue) -> Ints:
    """Position in the assortment: favourite category six times of ten, dearer goods for higher spend levels."""
    _, starts, popularity = _assortment(catalogue)
    other = rng.integers(0, 12, visits.n)
    category = np.where(rng.random(visits.n) < 0.6, people.favourite[visits.person], other)
    place = np.zeros(visits.n, dtype=np.int64)
    level = rng.random(visits.n) ** (1 / people.spend_level[visits.person])
    for group in range(12):
        here = category == group
        running = np.cumsum(popularity[starts[group] : starts[group + 1]])
        place[here] = starts[group] + np.searchsorted(running, level[here] * running[-1])
    return place


def plan_lines(people: People, visits: Visits, catalogue: Catalogue, seed: int) -> Lines:
    """The goods of every visit, at the prices of its day and source."""
    rng = stream(seed, "goods")
    size = rng.choice(np.arange(1, 7), size=visits.n, p=SIZES)
    first = np.concatenate([[0], np.cumsum(size)[:-1]]).astype(np.int64)
    order = np.repeat(np.arange(visits.n, dtype=np.int64), size)
    step = np.arange(len(order), dtype=np.int64) - first[order]
    stride = rng.integers(1, MAX_STRIDE, visits.n)
    place = _first_place(rng, people, visits, catalogue)[order] + step * stride[order]
    by_price = _assortment(catalogue)[0]
    abroad = by_price[~catalogue.us_only[by_price]]
    sku = np.where(visits.source[order] == TMALL, abroad[place % len(abroad)], by_price[place % len(by_price)])
    typed = (size[order] == 1) & (rng.random(len(order)) < 0.004) & (visits.source[order] != TMALL)
    plant(typed, (size[order] == 1) & (visits.source[order] == WEB))
    plant(typed, (size[order] == 1) & (visits.source[order] == POS))
    by_sku = np.lexsort((sku, order))
    sku, typed = sku[by_sku], typed[by_sku]
    return _priced(rng, people, visits, catalogue, Spans(order, first), sku, typed)


def plant(flags: np.ndarray, among: np.ndarray) -> None:
    """Make sure that `flags` holds for one of `among`, if there is one."""
    if not (flags & among).any() and among.any():
        flags[np.flatnonzero(among)[-1]] = True


def _priced(
    rng: np.random.Generator,
    people: People,
    visits: Visits,
    catalogue: Catalogue,
    spans: Spans,
    sku: Ints,
    typed: np.ndarray,
) -> Lines:
    order = spans.order
    source, day, n = visits.source[order], visits.day[order], len(sku)
    dollars = np.where(source == TMALL, catalogue.list_cny[sku, day], catalogue.list_usd[sku, day])
    markdown = np.where(source == TMALL, 0, catalogue.markdown[sku, day])
    price = dollars * (100 - markdown) // 100
    by_hand = rng.integers(3, 60, n) * 100 + 50
    by_hand[np.flatnonzero(typed & (source == POS))[:1]] = 124_000
    price = np.where(typed, by_hand, price)
    qty = 1 + rng.poisson(0.25 * np.minimum(people.spend_level[visits.person[order]], 2.5))
    rrp = catalogue.rrp[sku]
    shown = np.where(rrp > 0, rrp, np.where(rng.random(n) < 0.7, dollars, -1))
    compare_at = np.where((source == WEB) & ~typed & ((markdown > 0) | (rrp > 0)), shown, -1)
    listed = catalogue.has_list[sku] & ~typed
    list_price = np.where(compare_at > 0, compare_at, np.where(listed, dollars, -1))
    discount = _line_discount(rng, visits, spans, price * qty, typed)
    return Lines(
        spans=spans,
        sku=np.where(typed, BLANK, sku),
        qty=qty.astype(np.int64),
        price=price,
        list_price=list_price,
        compare_at=compare_at,
        discount=discount,
        amount=price * qty - discount,
    )


def _line_discount(rng: np.random.Generator, visits: Visits, spans: Spans, gross: Ints, typed: np.ndarray) -> Ints:
    """Discounts of single lines: usual in China, rarer elsewhere; the free gift of some web orders is all discount."""
    source = visits.source[spans.order]
    chance = np.array([0.12, 0.75, 0.10])[source]
    percent = rng.integers(5, 26, len(gross))
    discount = np.where((rng.random(len(gross)) < chance) & ~typed, gross * percent // 100, 0)
    in_order = np.arange(len(gross)) - spans.first[spans.order]
    several = (spans.size[spans.order] > 1) & (source == WEB) & (in_order == 1)
    gift = several & (rng.random(len(gross)) < 0.02)
    plant(gift, several)
    return np.where(gift, gross, discount)
