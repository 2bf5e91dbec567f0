"""Operations: `landing/ops`.

Lives here: refunds of the covered orders, parcels, benefits with their uses, and products, as canonical CSV.
Stays out: what is true (`world`) and how entities become files (`canonical`).

Rows name the system of the order or account they refer to. A refund's `known_at` may be weeks after it was given, a few
refunds are stated twice (the row known later corrects the first), the latest are exported again, and a few parcels do
not say what they cost.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.simulate.canonical import Columns, constant, declare, flag, in_years, write_entity
from pipelines.simulate.cards import pick
from pipelines.simulate.clock import DAY, Ints
from pipelines.simulate.costs import FUNDERS, INCENTIVES
from pipelines.simulate.names import BRANDS, CATEGORIES, GOODS, STYLES
from pipelines.simulate.people import SOURCES, TMALL
from pipelines.simulate.refunds import FEED, KINDS, REASONS, REFUND_ONLY, WHOLE_ORDER
from pipelines.simulate.terms import SECOND_EMAIL
from pipelines.simulate.world import Company
from pipelines.simulate.writer import Landing, cents, only, units


def _refund_rows(company: Company, rows: Ints) -> dict[str, pl.Series]:
    refunds, clock = company.refunds, company.clock
    order, line = refunds.order[rows], refunds.line[rows]
    tmall = company.orders.visits.source[order] == TMALL
    qty = refunds.qty[rows]
    return {
        "refund_id": "R" + pl.Series(rows + 1_000_000).cast(str),
        "order_source": pick(("web", "tmall"), tmall.astype(np.int64)),
        "order_id": company.order_id.gather(order),
        "order_line_id": only(company.line_id.gather(np.maximum(line, 0)), line != WHOLE_ORDER),
        "at": clock.utc_text(refunds.utc[rows]),
        "goods_amount": units(refunds.goods[rows]),
        "shipping_amount": units(refunds.shipping[rows]),
        "platform_subsidy_returned": only(units(refunds.subsidy[rows]), refunds.subsidy[rows] > 0),
        "currency": pick(("USD", "CNY"), tmall.astype(np.int64)),
        "qty": only(pl.Series(qty).cast(str), qty > 0),
        "restocked": flag(refunds.restocked[rows]),
        "reason_code": pick(REASONS, refunds.reason[rows]),
        "kind": pick(KINDS, refunds.kind[rows]),
        "known_at": clock.utc_text(refunds.known[rows]),
    }


def _first_statements(company: Company, rows: Ints) -> dict[str, pl.Series]:
    """Refunds as first stated: half the amount, an hour after they were given; the later row corrects it."""
    refunds = company.refunds
    half = refunds.goods[rows] // 2
    early = company.clock.utc_text(refunds.utc[rows] + 3600)
    return _refund_rows(company, rows) | {"goods_amount": units(half), "known_at": early}


def _write_refunds(company: Company, landing: Landing) -> None:
    """All refunds of the feed by when they became known, and a re-export of the latest ones."""
    refunds = company.refunds
    rows = np.flatnonzero(refunds.feed == FEED)
    rows = rows[np.lexsort((rows, refunds.known[rows]))]
    restated = rows[(refunds.kind[rows] == REFUND_ONLY) & (refunds.order[rows] % 16 == 3) & (refunds.goods[rows] > 0)]
    stated = pl.concat([pl.DataFrame(_refund_rows(company, rows)), pl.DataFrame(_first_statements(company, restated))])
    stated = stated.sort("known_at", "refund_id", "goods_amount")
    write_entity(landing, "ops", "refund", stated.to_dict())
    latest = rows[refunds.known[rows] > company.clock.end - 30 * DAY]
    write_entity(landing, "ops", "refund", _refund_rows(company, latest), faulty=False, name="refund_latest")


def _shipment_rows(company: Company, rows: Ints) -> Columns:
    parcels, clock = company.costs.shipments, company.clock
    order = parcels.order[rows]
    tmall = (company.orders.visits.source[order] == TMALL).astype(np.int64)
    arrived = parcels.utc[rows] + parcels.transit_days[rows] * DAY
    return {
        "shipment_id": "S" + pl.Series(rows + 10_000_000).cast(str),
        "order_source": pick(("web", "tmall"), tmall),
        "order_id": company.order_id.gather(order),
        "shipped_at": clock.utc_text(parcels.utc[rows]),
        "promised_at": clock.utc_text(np.minimum(parcels.utc[rows] + 4 * DAY, clock.end)),
        "delivered_at": only(clock.utc_text(np.minimum(arrived, clock.end)), arrived < clock.end),
        "carrier": pick(("UPS", "SF Express", "DHL"), parcels.carrier[rows]),
        "cost": only(cents(np.maximum(parcels.cost[rows], 0)), parcels.cost[rows] >= 0),
        "currency": pick(("USD", "CNY"), tmall),
        "return_leg": flag(parcels.returning[rows]),
    }


def _grants(company: Company) -> tuple[Columns, Columns]:
    """Benefits granted, and their uses."""
    benefits, clock = company.costs.benefits, company.clock
    n, cards = len(benefits.person), company.cards[benefits.person]
    second = (benefits.order >= 0) & (company.orders.key[benefits.order] == SECOND_EMAIL)
    frame = pl.DataFrame({"member": benefits.by_member, "second": second, "m": "MB" + cards["member_no"].str.slice(1),
                          "one": cards["customer_id"], "two": cards["customer_id_2"]})  # fmt: skip
    account = pl.when("member").then("m").when("second").then("two").otherwise("one")
    ids = "G" + pl.Series(np.arange(n, dtype=np.int64) + 1_000_000).cast(str)
    currency = pick(("USD", "CNY"), benefits.in_cny.astype(np.int64))
    granted = {
        "incentive_id": ids,
        "account_source": pick(("web", "crm"), benefits.by_member.astype(np.int64)),
        "source_customer_id": frame.select(account).to_series(),
        "kind": pick(INCENTIVES, benefits.kind),
        "granted_at": clock.utc_text(benefits.granted),
        "expires_at": clock.utc_text(np.minimum(benefits.granted + 90 * DAY, clock.end)),
        "face_value": cents(benefits.amount),
        "currency": currency,
        "funder": pick(FUNDERS, benefits.funder),
        "audience_rule": pick(("all", "targeted"), benefits.person % 2),
    }
    used = np.flatnonzero(benefits.order >= 0)
    order = benefits.order[used]
    uses = {
        "incentive_id": ids.gather(used),
        "order_source": pick(SOURCES, company.orders.visits.source[order]),
        "order_id": company.order_id.gather(order),
        "amount": cents(benefits.amount[used]),
        "currency": currency.gather(used),
        "at": clock.utc_text(company.orders.visits.utc[order]),
    }
    return granted, uses


def _products(company: Company) -> Columns:
    catalogue, n = company.catalogue, company.catalogue.n
    category, skus = catalogue.category, pl.Series(company.catalogue.skus)
    words = [GOODS[c[2]][0] for c in CATEGORIES]
    return {
        "sku": skus,
        "product_id": "P" + pl.Series(np.arange(n) // 2 + 1000).cast(str),
        "title": pick(STYLES, catalogue.style) + " " + pick(words, category),
        **{f"category_l{k + 1}": pick([str(c[k]) for c in CATEGORIES], category) for k in range(3)},
        "brand": pick(BRANDS, catalogue.brand),
        "is_consumable": flag(np.array([c[4] for c in CATEGORIES])[category]),
        "typical_cycle_days": pl.Series(np.array([c[5] for c in CATEGORIES])[category]).cast(str),
        "first_sale_at": constant(f"{company.clock.start.isoformat()}T00:00:00Z", n),
    }


def write_ops(company: Company, landing: Landing) -> None:
    """Write the folder of operations."""
    declare(company, landing, "ops")
    granted, uses = _grants(company)
    _write_refunds(company, landing)
    write_entity(landing, "ops", "incentive", granted)
    write_entity(landing, "ops", "incentive_use", uses)
    write_entity(landing, "ops", "product", _products(company))
    years = in_years(company, company.costs.shipments.utc)
    for year, rows in years:
        columns = _shipment_rows(company, rows)
        write_entity(landing, "ops", "shipment", columns, faulty=year == years[-1][0], name=f"shipment_{year}")
