"""Events: what visitors of the web shop do before they buy, and on which browser.

Lives here: `Events`, one entry an event, and how visits are drawn.
Stays out: how the tracker writes them down (`site`).

Only some visitors are tracked. They look around without a login days before they buy, most members among them logged in
by their card; on the day they buy they come back and log in at the checkout. Some share a browser with somebody else, a
few visits are made at the shop's own tablet, and many visitors never buy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.clock import DAY, Clock, Flags, Ints, stream
from pipelines.simulate.orders import Lines
from pipelines.simulate.people import WEB, People
from pipelines.simulate.terms import EMAIL, SECOND_EMAIL, Orders

SEARCH, VIEW, CART, LOGIN, CHECKOUT, PURCHASE = range(6)
STEPS = ("search", "product_view", "add_to_cart", "login", "begin_checkout", "purchase")
NOBODY, SHOPPER, SECOND, MEMBER = range(4)
"""Who is logged in: nobody, a web account by the first or second address, a member."""
TABLET = 0
"""Browser of the tablet in the shop."""
NO_ONE = -1

TRACKED, SHARING, AT_TABLET, STRANGERS = 0.07, 0.1, 0.02, 0.1
"""Shares of people tracked, of those on another's browser, of visits at the tablet; strangers per person."""
_BUYING = ((VIEW, -840), (CART, -600), (LOGIN, -420), (CHECKOUT, -300), (PURCHASE, 0))
_LOOKING = ((SEARCH, 0), (VIEW, 60), (LOGIN, 120))
_STROLLING = ((SEARCH, 0), (VIEW, 45))


@dataclass(frozen=True)
class Events:
    """Events in time order; -1 stands for no person (a stranger) and no order."""

    utc: Ints
    step: Ints
    person: Ints
    browser: Ints
    session: Ints
    login: Ints
    order: Ints
    sku: Ints

    @property
    def n(self) -> int:
        """Events."""
        return len(self.utc)


@dataclass(frozen=True)
class _Visits:
    """Visits of one kind: entries of the steps that each takes."""

    utc: Ints
    person: Ints
    browser: Ints
    order: Ints
    sku: Ints

    def events(self, steps: tuple[tuple[int, int], ...], login: Ints, first_session: int) -> list[Ints]:
        """Columns of `Events` in its order."""
        n, k = len(self.utc), len(steps)
        step, offset = (np.array(column, dtype=np.int64) for column in zip(*steps, strict=True))
        logged_in = np.maximum.accumulate(step == LOGIN)
        session = first_session + np.repeat(np.arange(n, dtype=np.int64), k)
        person, browser, order, sku, who = (
            np.repeat(column, k) for column in (self.person, self.browser, self.order, self.sku, login)
        )
        whole = np.tile(step, n)
        return [
            np.repeat(self.utc, k) + np.tile(offset, n), whole, person, browser, session,
            np.where(np.tile(logged_in, n), who, NOBODY),
            np.where(np.isin(whole, (CHECKOUT, PURCHASE)), order, NO_ONE), np.where(whole == SEARCH, NO_ONE, sku),
        ]  # fmt: skip


def _browsers(rng: np.random.Generator, tracked: Flags) -> Ints:
    """The browser of every person: their own, or that of the tracked person before them."""
    browser = np.arange(len(tracked), dtype=np.int64) + 1
    who = np.flatnonzero(tracked)
    shares = np.flatnonzero(rng.random(max(len(who) - 1, 0)) < SHARING) + 1
    browser[who[shares]] = browser[who[shares - 1]]
    return browser


def plan_events(people: People, orders: Orders, lines: Lines, clock: Clock, skus: int, seed: int) -> Events:
    """Visits of tracked people around their web orders, and of strangers at any time."""
    rng, visits = stream(seed, "events"), orders.visits
    tracked = rng.random(people.n) < TRACKED
    browser = _browsers(rng, tracked)
    keyed = np.isin(orders.key, (EMAIL, SECOND_EMAIL)) & (visits.source == WEB)
    order = np.flatnonzero(keyed & tracked[visits.person])
    person, sku = visits.person[order], lines.sku[lines.spans.first[order]]
    buying = _Visits(visits.utc[order], person, browser[person], order, sku)
    earlier = np.maximum(visits.utc[order] - rng.integers(DAY, 20 * DAY, len(order)), 6 * 3_600)
    at_tablet = rng.random(len(order)) < AT_TABLET
    place = np.where(at_tablet, TABLET, browser[person])
    looking = _Visits(earlier, person, place, order, sku)
    n = int(people.n * STRANGERS)
    strolling = _Visits(
        rng.integers(0, clock.end - 120, n), np.full(n, NO_ONE), people.n + 1 + np.arange(n, dtype=np.int64),
        np.full(n, NO_ONE), rng.integers(0, skus, n),
    )  # fmt: skip
    by_card = people.is_member[person] & (rng.random(len(order)) < 0.7)
    account = np.where(orders.key[order] == SECOND_EMAIL, SECOND, SHOPPER)
    parts = [
        buying.events(_BUYING, account, 0),
        looking.events(_LOOKING, np.where(by_card, MEMBER, NOBODY), len(order)),
        strolling.events(_STROLLING, np.full(n, NOBODY), 2 * len(order)),
    ]
    utc, step, who, *rest = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    login = rest[2]
    # A visit on which nobody logs in has no login step.
    kept = np.flatnonzero((step != LOGIN) | (login != NOBODY))
    kept = kept[np.lexsort((step[kept], rest[1][kept], utc[kept]))]
    return Events(utc[kept], step[kept], who[kept], *(column[kept] for column in rest))
