"""Products: what is sold, at which list price on which day, and what a unit costs.

Lives here: `Catalogue` with dense (sku, day) tables of prices and costs, and how it is drawn.
Stays out: which products lack a cost (`orders.plan` decides by revenue) and the files (`canonical`).

SKUs are numbered so that their index order is their text order. Prices are whole cents (fen in China).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.clock import Clock, Flags, Floats, Ints, stream
from pipelines.simulate.names import CATEGORIES, STYLES

N_SKU = 400
NO_LIST = 6
"""Products without any list price."""


@dataclass(frozen=True)
class Catalogue:
    """Products by index; tables are (sku, day). Costs are in ten-thousandths of a dollar (yuan where `cost_in_cny`)."""

    category: Ints
    style: Ints
    brand: Ints
    popularity: Floats
    list_usd: Ints
    list_cny: Ints
    price_from: list[list[int]]  # first days of the list prices of a sku
    has_list: Flags
    us_only: Flags
    rrp: Ints  # the manufacturer's price shown by the web store instead of the list price, or -1
    cost: Ints
    cost_from: list[list[int]]
    freight: Ints  # -1: none stated
    packaging: Ints  # -1: none stated
    cost_in_cny: Flags
    markdown: Ints  # percent by (sku, day)

    @property
    def n(self) -> int:
        """Products."""
        return len(self.category)

    @property
    def skus(self) -> list[str]:
        """Stock keeping units by index."""
        return [f"SKU-{index:04d}" for index in range(self.n)]


def _periods(rng: np.random.Generator, clock: Clock, mean: float) -> list[list[int]]:
    """First days of a product's periods: one long before the start, then a few changes."""
    periods = []
    for _ in range(N_SKU):
        changes = rng.integers(20, max(clock.n_days, 21), rng.poisson(mean))
        periods.append([-365, *sorted({int(day) for day in changes if day < clock.n_days})])
    return periods


def _table(clock: Clock, periods: list[list[int]], values: list[list[int]]) -> Ints:
    """Spread values by period over the days of the world."""
    table = np.empty((N_SKU, clock.n_days), dtype=np.int64)
    for sku, (starts, amounts) in enumerate(zip(periods, values, strict=True)):
        for day, amount in zip(starts, amounts, strict=True):
            table[sku, max(day, 0) :] = amount
    return table


def _walk(
    rng: np.random.Generator, first: Floats, periods: list[list[int]], unit: int, drift: float
) -> list[list[int]]:
    """Amounts that change a little at every period, rounded to `unit`, never equal to the one before."""
    result = []
    for base, starts in zip(first, periods, strict=True):
        amounts = [max(int(base) // unit * unit, unit)]
        for _ in starts[1:]:
            step = amounts[-1] * (1 + drift + rng.normal(0, 0.06))
            amounts.append(
                max(int(step) // unit * unit, unit) + (unit if int(step) // unit * unit == amounts[-1] else 0)
            )
        result.append(amounts)
    return result


def _markdown(rng: np.random.Generator, clock: Clock, category: Ints) -> Ints:
    """Percent off the list price: promotions by category and month, deeper in November and June."""
    table = np.zeros((N_SKU, clock.n_days), dtype=np.int64)
    for month in range(clock.months):
        calendar_month = (clock.start.month - 1 + month) % 12 + 1
        days = slice(int(clock.month_starts[month]), int(clock.month_starts[month + 1]))
        for group in range(len(CATEGORIES)):
            if rng.random() < (0.8 if calendar_month in (6, 11) else 0.22):
                depth = int(rng.choice([10, 15, 20, 30]))
                chosen = (category == group) & (rng.random(N_SKU) < 0.6)
                table[chosen, days] = depth
    return table


def draw_catalogue(clock: Clock, seed: int) -> Catalogue:
    """Draw the products of a world."""
    rng = stream(seed, "products")
    category = np.sort(rng.permutation(np.arange(N_SKU) % len(CATEGORIES))).astype(np.int64)
    typical = np.array([c[3] for c in CATEGORIES])[category] * 100
    first = np.maximum(typical * np.exp(rng.normal(0, 0.45, N_SKU)), 300)
    price_from, cost_from = _periods(rng, clock, 1.3), _periods(rng, clock, 1.0)
    usd = _walk(rng, first, price_from, 10, 0.03)
    cny = [[int(cents * 7.3) // 100 * 100 for cents in amounts] for amounts in usd]
    list_usd = _table(clock, price_from, [[cents - 1 for cents in amounts] for amounts in usd])
    cost_in_cny = rng.random(N_SKU) < 0.06
    share = rng.uniform(0.28, 0.46, N_SKU) * np.where(cost_in_cny, 7.1, 1.0)
    cost = _table(clock, cost_from, _walk(rng, first * share * 100, cost_from, 25, 0.02))
    small = np.where(cost_in_cny, 7, 1) * 100
    rrp = np.where(rng.random(N_SKU) < 0.06, list_usd.max(axis=1) // 10 * 11 + 99, -1)
    has_list = np.ones(N_SKU, dtype=bool)
    has_list[rng.choice(N_SKU, NO_LIST, replace=False)] = False
    return Catalogue(
        category=category,
        style=rng.integers(0, len(STYLES), N_SKU),
        brand=rng.integers(0, 4, N_SKU),
        popularity=rng.pareto(1.6, N_SKU) + 0.2,
        list_usd=list_usd,
        list_cny=_table(clock, price_from, cny),
        price_from=price_from,
        has_list=has_list,
        us_only=rng.random(N_SKU) < 0.12,
        rrp=np.where(has_list, rrp, -1),
        cost=cost,
        cost_from=cost_from,
        freight=np.where(rng.random(N_SKU) < 0.3, -1, rng.integers(10, 120, N_SKU) * small),
        packaging=np.where(rng.random(N_SKU) < 0.3, -1, rng.integers(5, 40, N_SKU) * small),
        cost_in_cny=cost_in_cny,
        markdown=_markdown(rng, clock, category),
    )
