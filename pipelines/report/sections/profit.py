"""Profit: from list value to contribution, whole and by channel, and the months.

Lives here: the blocks of the section on money. Stays out: what to look at first (`sections/overview`).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from pipelines.marts.profit.lines import LINES, MEMO, SUBTOTAL
from pipelines.report import formatting as fmt
from pipelines.report import theme
from pipelines.report.blocks import Block, DataTable, Figure, Note
from pipelines.report.charts import money
from pipelines.report.drawing import draw
from pipelines.report.published import Published
from pipelines.report.queries import profit
from pipelines.report.queries.run import RunFacts, Window, next_month, run_facts, window

LABELS = {line.name: line.label for line in LINES}
SHORT = LABELS | {
    "cancelled": "Cancelled, not paid",
    "uncosted_net_revenue": "Cost not known",
    "contribution": "Contribution",
    "period_cost": "Period costs",
    "unallocated": "Costs not allocated",
    "contribution_after_period_costs": "After period costs",
}
"""Labels that fit beside a bar; tables carry the full ones."""
PARTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Markdown", "var(--c10)", ("markdown",)),
    ("Discounts", "var(--c3)", ("merchant_discount",)),
    ("Cancelled", "var(--c9)", ("cancelled",)),
    ("Refunds", "var(--c8)", ("refunded_goods", "refunded_shipping")),
    ("Tax", "var(--c7)", ("tax",)),
    ("Net revenue, cost not known", theme.REVENUE, ("uncosted_net_revenue",)),
    ("Cost of goods", "var(--c2)", ("cogs",)),
    ("Fees, commissions", "var(--c6)", ("platform_fee", "payment_fee", "commission")),
    ("Fulfilment", "var(--c5)", ("fulfilment",)),
    ("Incentives", "var(--c4)", ("incentives",)),
    ("Contribution", theme.ACCENT, ("contribution",)),
)
"""Where a hundred of list value and shipping charged go, in the order of the bar."""


def period(months: Window) -> str:
    """July 2025 to June 2026, in words."""
    first, last = f"{months.first:%B %Y}", f"{months.last:%B %Y}"
    return last if first == last else f"{first} to {last}"


def waterfall_figure(published: Published) -> list[Block]:
    """The waterfall of the window; without any cost it ends at net revenue and says so."""
    facts, months = run_facts(published), window(published)
    lines = profit.waterfall(published, months)
    before = profit.waterfall_before(published, months)
    amounts = dict(lines.select("line", "amount").iter_rows())
    rows = _steps(lines, facts.currency)
    costed = amounts.get("contribution") is not None
    caption = (
        f"Every line of {period(months)}, in {facts.currency}; refunds stand on the day of the order they belong to. "
        + (
            "Blue is what is left at each stage, red what leaves, green what is added."
            if costed
            else "It ends at net revenue, because no cost is known."
        )
    )
    drawing = draw(
        "waterfall",
        f"Waterfall from list value {fmt.money(amounts.get('list_value'), facts.currency)} "
        f"to net revenue {fmt.money(amounts.get('net_revenue'), facts.currency)} "
        f"and contribution {fmt.money(amounts.get('contribution'), facts.currency)}.",
        lambda width: money.waterfall(rows, facts.currency, width),
    )
    table = _waterfall_table(lines, before, facts.currency)
    blocks: list[Block] = [Figure("waterfall", "From list value to contribution", caption, drawing, table)]
    missing = [
        LABELS[name]
        for name, kind, amount in lines.select("line", "line_kind", "amount").iter_rows()
        if amount is None and kind != MEMO and name in LABELS and not name.startswith(("period", "unalloc", "contrib"))
    ]
    if missing:
        blocks.append(Note(f"Not known for any order line: {fmt.listing([name.lower() for name in missing])}."))
    return blocks


def _steps(lines: pl.DataFrame, currency: str) -> list[dict[str, Any]]:
    """Bars of the waterfall: subtotals from zero, steps from where the last one ended; empty steps are left out."""
    rows: list[dict[str, Any]] = []
    whole = next((row["amount"] for row in lines.iter_rows(named=True) if row["line"] == "list_value"), None)
    is_costed = any(row["line"] == "contribution" and row["amount"] is not None for row in lines.iter_rows(named=True))
    level = Decimal(0)
    for row in lines.iter_rows(named=True):
        if row["line"] == "uncosted_net_revenue" and not is_costed:
            break
        amount, is_total = row["amount"], row["line_kind"] == SUBTOTAL or row["line"] == "list_value"
        if amount is None or row["line_kind"] == MEMO or (amount == 0 and not is_total):
            continue
        if row["line"] == "contribution_after_period_costs" and rows[-1]["label"] == SHORT["contribution"]:
            continue
        start, end = (Decimal(0), amount) if is_total else (level, level + amount)
        sign = "+" if amount > 0 and not is_total else ""
        part = fmt.percent(fmt.share(amount, whole))
        label = LABELS.get(row["line"], fmt.title(row["line"]))
        rows.append(
            {
                "label": SHORT.get(row["line"], label),
                "start": float(start),
                "end": float(end),
                "kind": "total" if is_total else "gain" if amount > 0 else "loss",
                "brief": f"{sign}{fmt.compact_money(amount, currency)}",
                "shown": f"{sign}{fmt.compact_money(amount, currency)} · {part}",
                "hint": f"{label}: {sign}{fmt.money(amount, currency)}, {part} of list value",
            }
        )
        level = end
    return rows


def _waterfall_table(lines: pl.DataFrame, before: pl.DataFrame | None, currency: str) -> DataTable:
    amounts = dict(lines.select("line", "amount").iter_rows())
    past = dict(before.select("line", "amount").iter_rows()) if before is not None else {}
    rows, tones = [], []
    for line, kind, amount, known, net in lines.select(
        "line", "line_kind", "amount", "known_net_revenue", "net_revenue"
    ).iter_rows():
        row = [
            LABELS.get(line, fmt.title(line)),
            fmt.money(amount, currency),
            fmt.percent(fmt.share(amount, amounts.get("list_value"))),
            fmt.percent(fmt.share(amount, amounts.get("net_revenue"))),
            fmt.percent(fmt.share(known, net)) if known is not None else "",
        ]
        rows.append(tuple([*row, fmt.money(past.get(line), currency)] if past else row))
        tones.append("total" if kind == SUBTOTAL else "")
    headings = [
        ("Line", "l"),
        ("Amount", "r"),
        ("Of list value", "r"),
        ("Of net revenue", "r"),
        ("Known for", "r"),
        ("Twelve months before", "r"),
    ]
    return DataTable(
        "Profit waterfall",
        tuple(headings if past else headings[:-1]),
        tuple(rows),
        note="Known for: share of net revenue whose order lines tell this line. Costs and contribution count only "
        "order lines with every cost known; the net revenue of the others leaves in a step of its own.",
        tones=tuple(tones),
    )


def channel_figure(published: Published) -> list[Block]:
    """Where a hundred of list value go in each channel."""
    facts, months = run_facts(published), window(published)
    lines = profit.by_channel(published, months)
    channels: dict[str, dict[str, Decimal | None]] = {}
    for channel, line, amount in lines.select("channel", "line", "amount").iter_rows():
        channels.setdefault(channel, {})[line] = amount
    rows = [row for channel, amounts in channels.items() for row in _bar(channel, amounts, facts.currency)]
    if not rows:
        return [Note("No channel has list value in these months, so channels cannot be compared.")]
    used = {row["part"] for row in rows}
    parts = [(name, colour) for name, colour, _ in PARTS if name in used]
    drawing = draw(
        "channels",
        "Share of list value and shipping charged that goes to each line, by channel.",
        lambda width: money.channel_split(rows, parts, width),
    )
    caption = (
        f"Of every 100 of list value and shipping charged in {period(months)}: what leaves on the way, and what "
        "remains as contribution. Channels by net revenue, the largest first."
    )
    table = _channel_table(channels, facts.currency)
    return [Figure("channels", "Where a hundred go, by channel", caption, drawing, table)]


def _bar(channel: str, amounts: dict[str, Decimal | None], currency: str) -> list[dict[str, Any]]:
    base = (amounts.get("list_value") or Decimal(0)) + (amounts.get("shipping_charged") or Decimal(0))
    if base <= 0:
        return []
    rows, at = [], Decimal(0)
    for name, _, lines in PARTS:
        amount = sum((amounts.get(line) or Decimal(0) for line in lines), Decimal(0))
        size = max(amount if name == "Contribution" else -amount, Decimal(0))
        if size == 0:
            continue
        part = size / base
        hint = f"{channel}, {name.lower()}: {fmt.money(size, currency)}, {fmt.percent(part)}"
        rows.append({"channel": channel, "part": name, "start": float(at), "end": float(at + part), "hint": hint})
        at += part
    return rows


def _channel_table(channels: dict[str, dict[str, Decimal | None]], currency: str) -> DataTable:
    wanted = ("list_value", "gross_merchandise", "refunded_goods", "net_revenue", "cogs", "contribution")
    rows = []
    for channel, amounts in channels.items():
        net, uncosted = amounts.get("net_revenue"), amounts.get("uncosted_net_revenue") or Decimal(0)
        costed = None if net is None else net + uncosted
        margin = fmt.share(amounts.get("contribution"), costed)
        known = fmt.percent(fmt.share(costed, net), 0)
        rows.append((channel, *(fmt.money(amounts.get(name), currency) for name in wanted), fmt.percent(margin), known))
    headings = [("Channel", "l"), *((LABELS[name], "r") for name in wanted), ("Margin", "r"), ("Costed", "r")]
    headings[6] = ("Contribution", "r")
    note = "Margin: contribution in net revenue, over order lines with every cost known. Costed: their share."
    return DataTable("Channels", tuple(headings), tuple(rows), note=note)


def month_figure(published: Published) -> list[Block]:
    """Net revenue and contribution of every month; a month that still runs is drawn fainter."""
    facts = run_facts(published)
    months = profit.by_month(published)
    has_contribution = months["contribution"].null_count() < len(months)
    names = ["Net revenue", "Contribution"] if has_contribution else ["Net revenue"]
    rows: list[dict[str, Any]] = []
    for month, net, contribution, _ in months.iter_rows():
        for name, amount in zip(names, (net, contribution), strict=False):
            if amount is not None:
                rows.append(_month_row(month, name, amount, facts))
    drawing = draw(
        "months",
        f"{' and '.join(names)} by month, {fmt.month(months['month'][0])} to {fmt.month(months['month'][-1])}.",
        lambda width: money.monthly(rows, facts.currency, names, width),
    )
    running = any(row["is_partial"] for row in rows)
    caption = (
        f"By month of the order, in {facts.currency}."
        + (" The faint month is not over yet." if running else "")
        + (" Contribution counts only order lines with every cost known." if has_contribution else "")
    )
    table = DataTable(
        "Months",
        (("Month", "l"), ("Net revenue", "r"), ("Contribution", "r"), ("Costed", "r")),
        tuple(
            (
                fmt.month(month),
                fmt.money(net, facts.currency),
                fmt.money(contribution, facts.currency),
                fmt.percent(fmt.share(costed, net)),
            )
            for month, net, contribution, costed in months.iter_rows()
        ),
    )
    title = "Net revenue and contribution by month" if has_contribution else "Net revenue by month"
    return [Figure("months", title, caption, drawing, table)]


def _month_row(month: date, name: str, amount: Decimal, facts: RunFacts) -> dict[str, Any]:
    running = month <= facts.as_of < next_month(month) - timedelta(days=1)
    hint = f"{fmt.month(month)}, {name.lower()}: {fmt.money(amount, facts.currency)}"
    return {"month": month.isoformat(), "name": name, "amount": float(amount), "hint": hint, "is_partial": running}
