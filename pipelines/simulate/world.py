"""The planned company: everything that is true, before any source writes it down.

Lives here: `Company`, the bundle that the export modules and the truth tables read, and `plan_company`.
Stays out: how each part is drawn (`people`, `products`, `orders`, `terms`, `refunds`, `costs`) and all files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from pipelines.simulate.cards import coded, make_cards
from pipelines.simulate.clock import Clock, Ints, stream
from pipelines.simulate.costs import Costs, plan_costs
from pipelines.simulate.economics import Economics, compute_economics
from pipelines.simulate.events import Events, plan_events
from pipelines.simulate.fx import Rates, draw_rates
from pipelines.simulate.orders import Lines, plan_lines, plan_visits
from pipelines.simulate.people import POS, SOURCES, TMALL, WEB, People, draw_people
from pipelines.simulate.products import Catalogue, draw_catalogue
from pipelines.simulate.refunds import Refunds, plan_refunds
from pipelines.simulate.terms import Orders, plan_orders

SHOPIFY_ID, SHOPIFY_ID_STEP = 5_210_000_000_000, 32_768
TMALL_ID, TMALL_ID_STEP = 2_186_000_000_000_000_000, 10_007
HALF_YEAR = 6


@dataclass(frozen=True)
class Company:
    """All plans of a world."""

    seed: int
    clock: Clock
    people: People
    cards: pl.DataFrame
    catalogue: Catalogue
    rates: Rates
    orders: Orders
    lines: Lines
    refunds: Refunds
    costs: Costs
    economics: Economics
    events: Events

    def of(self, source: int) -> Ints:
        """Positions of a source's orders, in time order."""
        return np.flatnonzero(self.orders.visits.source == source)

    @cached_property
    def number(self) -> Ints:
        """Ordinal of every order in its source, from 0."""
        source = self.orders.visits.source
        starts = np.searchsorted(source, np.arange(len(SOURCES)))
        return np.arange(len(source), dtype=np.int64) - starts[source]

    @cached_property
    def order_id(self) -> pl.Series:
        """Native id of every order: Shopify `Id`, Tmall 订单编号, Square `Transaction ID`."""
        web, tmall, pos = (self.of(source) for source in (WEB, TMALL, POS))
        square = coded(stream(self.seed, "square ids"), len(pos), 22)
        return pl.concat(
            [
                pl.Series(SHOPIFY_ID + self.number[web] * SHOPIFY_ID_STEP).cast(pl.String),
                pl.Series(TMALL_ID + self.number[tmall] * TMALL_ID_STEP).cast(pl.String),
                square,
            ]
        )

    @cached_property
    def line_id(self) -> pl.Series:
        """Native id of every line: 子订单编号 at Tmall, elsewhere the ordinal in the order by SKU, from 1."""
        order = self.lines.spans.order
        tmall = self.orders.visits.source[order] == TMALL
        several = self.lines.spans.size[order] > 1
        sub = TMALL_ID + self.number[order] * TMALL_ID_STEP + np.where(several, self.lines.ordinal, 0)
        return pl.Series(np.where(tmall, sub, self.lines.ordinal)).cast(pl.String)

    @cached_property
    def sku(self) -> pl.Series:
        """SKU of every line, null for goods typed in by hand."""
        names = pl.Series(self.catalogue.skus)
        return names.gather(pl.Series(np.where(self.lines.sku < 0, 0, self.lines.sku))).set(
            pl.Series(self.lines.sku < 0), None
        )

    def half_years(self, months: Ints) -> list[tuple[str, Ints]]:
        """Rows by half-year of the world: the first month of each half-year, and the rows' positions."""
        block = months // HALF_YEAR
        result = []
        for half in range((self.clock.months + HALF_YEAR - 1) // HALF_YEAR):
            first = self.clock.day(int(self.clock.month_starts[half * HALF_YEAR]))
            result.append((first.strftime("%Y-%m"), np.flatnonzero(block == half)))
        return result


def plan_company(clock: Clock, customers: int, seed: int) -> Company:
    """Plan a company of `customers` people over the months of the clock."""
    people = draw_people(clock, customers, seed)
    cards = make_cards(people, seed)
    catalogue, rates = draw_catalogue(clock, seed), draw_rates(clock, seed)
    visits = plan_visits(people, clock, seed)
    lines = plan_lines(people, visits, catalogue, seed)
    orders = plan_orders(people, cards, visits, lines, clock, seed)
    refunds = plan_refunds(orders, lines, catalogue, clock, seed)
    costs = plan_costs(people, orders, lines, refunds, catalogue, clock, seed)
    economics = compute_economics(orders, lines, refunds, costs, catalogue, rates)
    events = plan_events(people, orders, lines, clock, catalogue.n, seed)
    return Company(seed, clock, people, cards, catalogue, rates, orders, lines, refunds, costs, economics, events)
