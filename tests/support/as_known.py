"""Core as a run of an earlier day would have made it, from the core of a later one.

Lives here: `as_known`, which takes the news of later days out of the facts about orders, one by one in plain Python.
Stays out: order lines, which nothing that looks back reads.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

Row = dict[str, Any]


def as_known(core: dict[str, pl.DataFrame], day: date) -> dict[str, pl.DataFrame]:
    """The orders, refunds and cancellations known at the end of a day; all other tables as they are."""
    refunds, cancellations = (_by_order(core[name]) for name in ("fct_refund", "fct_cancellation"))
    orders, given_back, gone = [], [], []
    for order in core["fct_order"].iter_rows(named=True):
        if order["ordered_on"] > day or order["first_known_at"].date() > day:
            continue
        if order["paid_on"] is not None and order["paid_on"] > day:
            continue
        own, ended = refunds.get(order["order_key"], []), cancellations.get(order["order_key"], [])
        stands = any(row["kind"] == "cancelled" and _is_late(row, "cancelled_on", day) for row in ended)
        back = [row for row in own if not _is_late(row, "refunded_on", day)]
        if stands:
            back += [_as_refund(row) for row in ended if not _is_late(row, "cancelled_on", day)]
        else:
            gone += ended
        orders.append(_then(order, [*own, *ended], back, day, stands=stands))
        given_back += back
    frames = {"fct_order": orders, "fct_refund": given_back, "fct_cancellation": gone}
    return core | {name: pl.DataFrame(rows, schema=core[name].schema, orient="row") for name, rows in frames.items()}


def _by_order(frame: pl.DataFrame) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(row["order_key"], []).append(row)
    return found


def _is_late(row: Row, on: str, day: date) -> bool:
    return row[on] > day or row["known_at"].date() > day


def _as_refund(row: Row) -> Row:
    """What went back before a cancellation, as the refund that it was while the order stood."""
    shared = {name: row[name] for name in row if not name.startswith("cancel")}
    names = {"goods": "refunded_goods", "shipping": "refunded_shipping", "tax": "tax_returned", "cogs": "cogs_returned"}
    money = {
        f"{name}{suffix}": row[f"cancelled_{part}{suffix}"]
        for part, name in names.items() for suffix in ("", "_reporting")
    }  # fmt: skip
    of_refund = {
        "refund_key": row["cancellation_key"], "refunded_on": row["cancelled_on"], "kind": "refund_only",
        "refund_precision": "dated",
    }  # fmt: skip
    return shared | money | of_refund


def _lost(row: Row) -> dict[str, Decimal | None]:
    """Net revenue and contribution that a refund or cancellation took."""
    if "cancelled_goods" in row:
        return {name: row[f"cancelled_{name}_reporting"] for name in ("net_revenue", "contribution")}
    parts = [row[f"{name}_reporting"] for name in ("refunded_goods", "refunded_shipping", "tax_returned")]
    net = None if None in parts else parts[0] + parts[1] - parts[2]
    cogs = row["cogs_returned_reporting"]
    return {"net_revenue": net, "contribution": None if net is None or cogs is None else net - cogs}


def _then(order: Row, taken: list[Row], back: list[Row], day: date, *, stands: bool) -> Row:
    """An order as it stood: later money undone, and its state by what had been given back."""
    late = [row for row in taken if _is_late(row, "cancelled_on" if "cancelled_on" in row else "refunded_on", day)]
    then = dict(order)
    for name in ("net_revenue", "contribution"):
        amounts = [order[f"{name}_reporting"], *(_lost(row)[name] for row in late)]
        then[f"{name}_reporting"] = None if None in amounts else sum(amounts, Decimal(0))
    then["refunded_goods"] = sum((row["refunded_goods"] for row in back), Decimal(0))
    if stands:
        then["cancellation_precision"] = "none"
    if stands or order["status"] in ("paid", "refunded"):
        is_whole = order["gross_merchandise"] > 0 and then["refunded_goods"] >= order["gross_merchandise"]
        then |= {"status": "refunded" if is_whole else "paid", "is_kept": not is_whole}
    return then
