"""Truth tables: what the world knows and no export says, as Parquet beside the landing folder.

Lives here: the tables `persons`, `account_person`, `orders`, `order_line_economics`, `refunds`, `events`,
`broken_rows`, `files` and `world`, written from the plan.
Stays out: how the amounts came about (`economics`).

Money is DECIMAL(18,4): `x` in the order's currency, `x_reporting` in dollars. Costs that no feed states are null, and
so is the contribution of their lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.contracts.core import WATERFALL
from pipelines.simulate.cards import pick
from pipelines.simulate.clock import NEW_YORK, Flags, Ints
from pipelines.simulate.economics import COST_LINES
from pipelines.simulate.names import CHANNELS
from pipelines.simulate.people import POS, SOURCES, TMALL, WEB
from pipelines.simulate.refunds import FEED, KINDS, NATIVE, TOTAL_ONLY
from pipelines.simulate.site import true_events
from pipelines.simulate.terms import EMAIL, NOBODY, PHONE, SECOND_EMAIL, STATUSES
from pipelines.simulate.world import Company
from pipelines.simulate.writer import Landing, only

SALES_CHANNELS = ("web_store", "tmall", "pos")
CURRENCIES = ("USD", "CNY", "USD")
CHUNK = 250_000
"""Lines written at a time."""
PRECISIONS = ("dated", "order", "dated")
"""By how the refund is told: feed, order total, rows of the export."""


def _decimals(values: Ints, unknown: Flags | None) -> pl.Series:
    """Whole ten-thousandths as DECIMAL(18,4), null where `unknown`; the 128-bit form is laid out directly."""
    wide = np.stack([values, values >> 63], axis=1)
    valid = None if unknown is None else pa.py_buffer(np.packbits(~unknown, bitorder="little"))
    array = pa.Array.from_buffers(pa.decimal128(18, 4), len(values), [valid, pa.py_buffer(wide)])
    return pl.Series(array)


def _money(frame: pl.DataFrame, amounts: Mapping[str, Ints], unknown: Mapping[str, Flags]) -> pl.DataFrame:
    """Add amounts in whole ten-thousandths as decimals, null where `unknown`."""
    return frame.hstack([_decimals(values, unknown.get(name)).alias(name) for name, values in amounts.items()])


def _persons(company: Company) -> pl.DataFrame:
    people, clock = company.people, company.clock
    month = clock.n_days / clock.months
    campaigns = [name for _, names in CHANNELS for name in names]
    offset = np.cumsum([0, *(len(names) for _, names in CHANNELS[:-1])])
    campaign = pick(campaigns, offset[people.channel] + people.campaign)
    home = pick(SOURCES, people.home)
    second = pick(SOURCES, np.maximum(people.second, 0)).set(pl.Series(people.second < 0), None)
    return pl.DataFrame(
        {
            "person_id": company.cards["person_id"],
            "country": company.cards["country"],
            "home_source": home,
            "second_source": second,
            "second_share": people.second_share,
            "acquired_on": clock.dates(people.acquired_day),
            "acquisition_channel": pick([name for name, _ in CHANNELS], people.channel),
            "acquisition_campaign": campaign.set(campaign == "", None),
            "orders_per_month": people.rate * month,
            "lifetime_days": people.lifetime_days,
            "left_on": clock.dates(np.minimum(people.acquired_day + people.lifetime_days, 40_000).astype(np.int64)),
            "spend_level": people.spend_level,
            "favourite_category_n": people.favourite,
            "is_member": people.is_member,
            "is_employee": people.is_employee,
            "is_test": people.is_test,
            "shares_phone": people.shares_phone,
            "order_n": np.bincount(company.orders.visits.person, minlength=people.n),
        }
    )


def _orders(company: Company) -> pl.DataFrame:
    orders, visits, clock = company.orders, company.orders.visits, company.clock
    closed = np.maximum(orders.closed, 0)
    return pl.DataFrame(
        {
            "source_system": pick(SOURCES, visits.source),
            "order_id": company.order_id,
            "person_id": company.cards["person_id"].gather(visits.person),
            "channel": pick(SALES_CHANNELS, visits.source),
            "ordered_at": clock.instants(visits.utc),
            "ordered_on": clock.dates(visits.day),
            "currency": pick(CURRENCIES, visits.source),
            "status": pick(STATUSES, orders.status),
            "paid_at": only(clock.instants(np.maximum(orders.paid, 0)), orders.paid >= 0),
            "cancelled_at": only(clock.instants(closed), orders.closed >= 0),
            "cancelled_on": only(clock.dates(clock.local(NEW_YORK, closed)[0]), orders.closed >= 0),
            "is_kept": company.economics.is_kept,
            "is_identified": orders.key != NOBODY,
            "line_n": company.lines.spans.size,
        }
    )


def _accounts(company: Company) -> pl.DataFrame:
    """Every key by which a source knows a person, and every order of a buyer without one."""
    key, visits, cards = company.orders.key, company.orders.visits, company.cards
    parts = []

    def add(source: str, kind: str, person: Ints, native: pl.Series) -> None:
        parts.append(
            pl.DataFrame(
                {
                    "source_system": pick((source,), person * 0),
                    "key_kind": pick((kind,), person * 0),
                    "native_key": native,
                    "person_id": cards["person_id"].gather(person),
                }
            )
        )

    for source, code, kind, column in (
        (WEB, EMAIL, "email", "email"), (WEB, SECOND_EMAIL, "email", "email_2"),
        (WEB, EMAIL, "account", "customer_id"), (WEB, SECOND_EMAIL, "account", "customer_id_2"),
        (WEB, PHONE, "phone", "phone"), (TMALL, 0, "account", "nick"), (POS, 0, "account", "square_id"),
    ):  # fmt: skip
        person = np.unique(visits.person[(visits.source == source) & (key == code)])
        native = cards[column].gather(person)
        add(
            SOURCES[source],
            kind,
            person,
            "+" + cards["calling_code"].gather(person) + native if code == PHONE else native,
        )
    member = np.flatnonzero(company.people.is_member)
    add("crm", "account", member, "MB" + cards["member_no"].gather(member).str.slice(1))
    for source in (WEB, TMALL, POS):
        order = np.flatnonzero((visits.source == source) & (key == NOBODY))
        add(SOURCES[source], "order", visits.person[order], company.order_id.gather(order))
    return pl.concat(parts)


def _lines(company: Company, start: int) -> pl.DataFrame:
    """Economics of the lines from `start` on, at most `CHUNK` of them."""
    visits, economics, rows = company.orders.visits, company.economics, slice(start, start + CHUNK)
    order = company.lines.spans.order[rows]
    costed = economics.is_costed[rows]
    frame = pl.DataFrame(
        {
            "source_system": pick(SOURCES, visits.source[order]),
            "order_id": company.order_id.gather(order),
            "order_line_id": company.line_id[rows],
            "sku": company.sku[rows],
            "person_id": company.cards["person_id"].gather(visits.person[order]),
            "channel": pick(SALES_CHANNELS, visits.source[order]),
            "ordered_on": company.clock.dates(visits.day[order]),
            "currency": pick(CURRENCIES, visits.source[order]),
            "qty": company.lines.qty[rows],
            "is_kept": economics.is_kept[order],
            **{f"is_{name}_known": economics.known[name][rows] for name in COST_LINES},
            "is_costed": costed,
        }
    )
    unknown = {name: ~known[rows] for name, known in economics.known.items()} | {"contribution": ~costed}
    amounts: dict[str, Ints] = {}
    for name, _, _ in WATERFALL:
        amounts |= {name: economics.own[name][rows], f"{name}_reporting": economics.reporting[name][rows]}
    both = {f"{name}{end}": hidden for name, hidden in unknown.items() for end in ("", "_reporting")}
    return _money(frame, amounts, both)


def _write_lines(company: Company, path: Path) -> None:
    """Write the largest table piece by piece, so that memory stays small."""
    first = _lines(company, 0).to_arrow(compat_level=pl.CompatLevel.oldest())
    with pq.ParquetWriter(path, first.schema, compression="lz4") as writer:
        writer.write_table(first)
        for start in range(CHUNK, len(company.lines.sku), CHUNK):
            writer.write_table(_lines(company, start).to_arrow(compat_level=pl.CompatLevel.oldest()))


def _refunds(company: Company) -> pl.DataFrame:
    economics, refunds, clock, visits = company.economics, company.refunds, company.clock, company.orders.visits
    row, line = economics.refund_row, economics.refund_line
    order, feed = refunds.order[row], refunds.feed[row]
    true_day = np.where(feed == NATIVE, clock.local(NEW_YORK, refunds.utc[row])[0], refunds.utc[row] // 86_400)
    frame = pl.DataFrame(
        {
            "source_system": pick(SOURCES, visits.source[order]),
            "refund_id": ("R" + pl.Series(row + 1_000_000).cast(str)).set(pl.Series(feed != FEED), None),
            "order_id": company.order_id.gather(order),
            "order_line_id": company.line_id.gather(line),
            "channel": pick(SALES_CHANNELS, visits.source[order]),
            "currency": pick(CURRENCIES, visits.source[order]),
            "ordered_on": clock.dates(visits.day[order]),
            "refunded_on": clock.dates(np.where(feed == TOTAL_ONLY, visits.day[order], true_day)),
            "true_refunded_on": clock.dates(true_day),
            "known_at": clock.instants(refunds.known[row]).set(pl.Series(feed != FEED), None),
            "refund_precision": pick(PRECISIONS, feed),
            "kind": pick(KINDS, refunds.kind[row]),
        }
    )
    cost = dict.fromkeys(("cogs_returned", "cogs_returned_reporting"), ~economics.known["cogs"][line])
    return _money(frame, economics.refund_amounts, cost)


def _planted(rows: list[dict[str, object]], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema).sort("source_file", *(["source_row"] if "source_row" in schema else []))


BROKEN_SCHEMA: dict[str, pl.DataType] = {
    "source_system": pl.String(), "raw_table": pl.String(), "source_file": pl.String(), "source_row": pl.Int64(),
    "reason": pl.String(), "column": pl.String(),
}  # fmt: skip
FILES_SCHEMA: dict[str, pl.DataType] = {
    "source_system": pl.String(), "raw_table": pl.String(), "source_file": pl.String(), "bytes": pl.Int64(),
    "sha256": pl.String(), "rows": pl.Int64(), "broken_rows": pl.Int64(), "copy_of": pl.String(),
}  # fmt: skip


def write_planted(landing: Landing, folder: Path) -> None:
    """Write the lists of broken rows and of files."""
    _planted(landing.broken, BROKEN_SCHEMA).write_parquet(folder / "broken_rows.parquet")
    _planted(landing.files, FILES_SCHEMA).write_parquet(folder / "files.parquet")


def write_truth(company: Company, folder: Path) -> None:
    """Write the truth tables of a company's plan."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in (
        ("persons", _persons), ("account_person", _accounts), ("orders", _orders), ("refunds", _refunds),
        ("events", true_events),
    ):  # fmt: skip
        table(company).write_parquet(folder / f"{name}.parquet", compression="lz4")
    _write_lines(company, folder / "order_line_economics.parquet")
