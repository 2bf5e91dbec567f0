"""Finance: `landing/finance`.

Lives here: settlement lines, product costs, list prices, exchange rates and costs of the month, as canonical CSV.
Stays out: what is true (`world`) and how entities become files (`canonical`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.simulate.canonical import Columns, declare, in_years, write_entity
from pipelines.simulate.cards import pick
from pipelines.simulate.clock import Ints, add_months
from pipelines.simulate.costs import FEE_TYPES, NEVER
from pipelines.simulate.people import TMALL
from pipelines.simulate.world import Company
from pipelines.simulate.writer import Landing, cents, only, units


def _settlement_rows(company: Company, rows: Ints) -> Columns:
    settled, clock = company.costs.settlements, company.clock
    order = settled.order[rows]
    tmall = (company.orders.visits.source[order] == TMALL).astype(np.int64)
    kind = pick(FEE_TYPES, settled.type[rows])
    return {
        "settlement_id": "L" + pl.Series(rows + 10_000_000).cast(str),
        "order_source": pick(("web", "tmall"), tmall),
        "order_id": company.order_id.gather(order),
        "posted_at": clock.utc_text(settled.utc[rows]),
        "type": kind,
        "amount": cents(settled.amount[rows]),
        "currency": pick(("USD", "CNY"), tmall),
        "raw_description": kind.str.replace_all("_", " "),
    }


def _cost_rows(company: Company) -> Columns:
    """Costs of products from the day on from which they are stated."""
    catalogue = company.catalogue
    rows: list[tuple[int, int, int]] = []
    for index, starts in enumerate(catalogue.cost_from):
        stated = int(company.costs.cost_from_day[index])
        if stated < NEVER:
            days = sorted({max(start, stated) for start in starts})
            rows += [(index, first, int(catalogue.cost[index, max(first, 0)])) for first in days]
    sku, day, cost = np.array(rows, dtype=np.int64).T
    freight, packaging = catalogue.freight[sku], catalogue.packaging[sku]
    return {
        "sku": pl.Series(catalogue.skus).gather(sku),
        "valid_from": company.clock.date_text(day),
        "unit_cost": units(cost),
        "freight_in": only(units(np.maximum(freight, 0)), freight >= 0),
        "packaging": only(units(np.maximum(packaging, 0)), packaging >= 0),
        "currency": pick(("USD", "CNY"), catalogue.cost_in_cny[sku].astype(np.int64)),
    }


CHANNELS = ("", "web_store", "tmall", "pos")
"""Channels of list prices; the first stands for every channel."""


def _price_rows(company: Company) -> Columns:
    """List prices by channel; goods sold only in America have one for every channel. Half state their last day."""
    catalogue = company.catalogue
    rows: list[tuple[int, int, int, int, int]] = []
    for sku, starts in enumerate(catalogue.price_from):
        if not catalogue.has_list[sku]:
            continue
        for start, following in zip(starts, [*starts[1:], 0], strict=True):
            last = following - 1 if following and sku % 2 else -1
            for channel in (0,) if catalogue.us_only[sku] else (1, 2, 3):
                table = catalogue.list_cny if CHANNELS[channel] == "tmall" else catalogue.list_usd
                rows.append((sku, channel, start, last, int(table[sku, max(start, 0)])))
    index, code, first, last_day, price = np.array(rows, dtype=np.int64).T
    return {
        "sku": pl.Series(catalogue.skus).gather(index),
        "channel": only(pick(CHANNELS, code), code > 0),
        "valid_from": company.clock.date_text(first),
        "valid_to": only(company.clock.date_text(last_day), last_day >= 0),
        "list_price": cents(price),
        "currency": pick(("USD", "CNY"), (code == CHANNELS.index("tmall")).astype(np.int64)),
        "public_offer": pl.Series(["true"]).new_from_index(0, len(rows)),
    }


def _rate_rows(company: Company) -> Columns:
    rates = company.rates
    days = np.concatenate([rates.day, rates.day])
    millionths = np.concatenate([rates.usd_cny, rates.cny_usd])
    whole = pl.Series(millionths // 1_000_000).cast(str)
    first = np.arange(len(days)) < len(rates.day)
    return {
        "on": company.clock.date_text(days),
        "from_currency": pick(("CNY", "USD"), first.astype(np.int64)),
        "to_currency": pick(("USD", "CNY"), first.astype(np.int64)),
        "rate": whole + "." + pl.Series(millionths % 1_000_000).cast(str).str.zfill(6),
    }


PERIOD_COSTS = (
    ("agency", 420_000, "USD", "channel:web_store"),
    ("software", 180_000, "USD", "orders"),
    ("warehouse", 650_000, "USD", "orders"),
    ("staff", 1_900_000, "USD", "net_revenue"),
    ("shop_operator", 2_400_000, "CNY", "channel:tmall"),
    ("office", 300_000, "USD", "none"),
)
"""Category, cents a month in the first month of a company of `PERIOD_COST_PEOPLE`, currency, allocation rule."""

PERIOD_COST_PEOPLE = 20_000
"""Costs of the month grow with the company: as many times the people who ever buy, as many times the costs."""


def _period_rows(company: Company) -> Columns:
    clock, people = company.clock, len(company.people.acquired_day)
    rows = [
        (add_months(clock.start, month).isoformat(), name, first + first * month // 50, currency, rule)
        for month in range(clock.months)
        for name, amount, currency, rule in PERIOD_COSTS
        for first in [amount * people // PERIOD_COST_PEOPLE]
    ]
    month, name, amount, currency, rule = (list(values) for values in zip(*rows, strict=True))
    return {
        "month": pl.Series(month), "category": pl.Series(name), "amount": cents(np.array(amount, dtype=np.int64)),
        "currency": pl.Series(currency), "allocation_rule": pl.Series(rule),
    }  # fmt: skip


def write_finance(company: Company, landing: Landing) -> None:
    """Write the folder of finance."""
    declare(company, landing, "finance")
    years = in_years(company, company.costs.settlements.utc)
    for year, rows in years:
        columns, last = _settlement_rows(company, rows), year == years[-1][0]
        write_entity(landing, "finance", "settlement_line", columns, faulty=last, name=f"settlement_line_{year}")
    write_entity(landing, "finance", "product_cost", _cost_rows(company))
    write_entity(landing, "finance", "price_list", _price_rows(company))
    write_entity(landing, "finance", "fx_rate", _rate_rows(company))
    write_entity(landing, "finance", "period_cost", _period_rows(company))
