"""Customers: segments, tiers, states of the lifecycle and their cut points.

Lives here: the blocks of the two sections on groups of customers. Stays out: how groups are made (the marts).
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import polars as pl

from pipelines.report import formatting as fmt
from pipelines.report import theme
from pipelines.report.blocks import Block, DataTable, Figure, Note
from pipelines.report.charts import segments as charts
from pipelines.report.drawing import draw
from pipelines.report.published import Published
from pipelines.report.queries import customers
from pipelines.report.queries.customers import MIN_CELL_N
from pipelines.report.queries.run import RunFacts, run_facts

STATE_COLOURS = {
    "new": "var(--c6)",
    "active": theme.GAIN,
    "reactivated": "var(--c5)",
    "at_risk": theme.GOLD,
    "dormant": "var(--c4)",
    "churned": "var(--c9)",
}
BANDS = ("active", "at risk", "dormant", "churned")
MOST_SEGMENTS = 12


def basis_name(facts: RunFacts) -> str:
    """The headline basis in words."""
    return fmt.words(facts.basis)


def _mean(amount: Decimal | None, known: int) -> Decimal | None:
    return None if amount is None or known == 0 else amount / Decimal(known)


def segment_figure(published: Published) -> list[Block]:
    """RFM segments as tiles: area is customers, colour the money of the last 365 days per customer."""
    facts = run_facts(published)
    frame = customers.segments(published, facts)
    buyers = frame.filter(pl.col("segment") != "prospects")
    if buyers.is_empty():
        return [Note(customers.NO_CUSTOMERS)]
    total, money = int(buyers["customer_n"].sum()), buyers["amount"].sum()
    means = [_mean(row["amount"], row["customer_n"]) for row in buyers.iter_rows(named=True)]
    top = max((float(mean) for mean in means if mean is not None), default=0.0)
    rows: list[dict[str, Any]] = []
    for row, mean in zip(buyers.iter_rows(named=True), means, strict=True):
        name, hidden = fmt.title(row["segment"]), row["customer_n"] < MIN_CELL_N
        size = f"{fmt.count(row['customer_n'])} ({fmt.percent(fmt.share(row['customer_n'], total), 0)})"
        each = "money not shown" if hidden else f"{fmt.money(mean, facts.currency)} each"
        part = "" if hidden else f"{fmt.percent(fmt.share(row['amount'], money), 0)} of {basis_name(facts)}"
        rows.append(
            {
                "name": name,
                "size": row["customer_n"],
                "step": 0 if hidden or mean is None else theme.heat_step(max(float(mean), 0), 0, top),
                "lines": [name, size, each, part],
                "hint": f"{name}: {size} customers, {each}, {part}",
            }
        )
    drawing = draw(
        "segments",
        f"{len(rows)} segments of {fmt.count(total)} customers; the largest is {rows[0]['name']}.",
        lambda width: charts.tiles(rows, width),
    )
    caption = (
        f"{fmt.count(total)} customers with a kept order. Area: customers. Colour: {basis_name(facts)} of the last 365 "
        "days per customer, the stronger the more."
    )
    return [Figure("segments-map", "Segments by size and value", caption, drawing, _segment_table(frame, facts))]


def _segment_table(frame: pl.DataFrame, facts: RunFacts) -> DataTable:
    total, money = frame["customer_n"].sum(), frame["amount"].sum()
    rows = []
    for row in frame.iter_rows(named=True):
        hidden = row["customer_n"] < MIN_CELL_N
        rows.append(
            (
                fmt.title(row["segment"]),
                fmt.count(row["customer_n"]),
                fmt.percent(fmt.share(row["customer_n"], total)),
                "–" if hidden else fmt.money(row["amount"], facts.currency),
                "–" if hidden else fmt.percent(fmt.share(row["amount"], money)),
                "–" if hidden else fmt.money(_mean(row["amount"], row["customer_n"]), facts.currency, 2),
                "" if row["median_recency_days"] is None else fmt.count(row["median_recency_days"]),
            )
        )
    name = fmt.title(facts.basis)
    headings = ("Customers", "Share", f"{name}, 365 days", "Share of it", "Each", "Median days since order")
    return DataTable("Segments", (("Segment", "l"), *((heading, "r") for heading in headings)), tuple(rows))


def grid_figure(published: Published) -> list[Block]:
    """The grid of recency and frequency scores."""
    facts = run_facts(published)
    frame = customers.score_grid(published, facts)
    most = max(frame["customer_n"])
    rows = []
    for row in frame.iter_rows(named=True):
        mean = _mean(row["amount"], row["customer_n"])
        each = "" if row["customer_n"] < MIN_CELL_N else f", {fmt.money(mean, facts.currency, 2)} each in 365 days"
        rows.append(
            {
                "r": row["r_score"],
                "f": row["f_score"],
                "step": theme.heat_step(math.sqrt(row["customer_n"]), 0, math.sqrt(most)),
                "shown": fmt.count(row["customer_n"]),
                "hint": f"Recency {row['r_score']}, frequency {row['f_score']}: {row['customer_n']:,} customers{each}",
            }
        )
    drawing = draw("grid", "Customers by recency and frequency score.", lambda _: charts.grid(rows), width=theme.HALF)
    limits = customers.score_limits(published)
    caption = "Customers in each cell of recency and frequency scores; equal values share a score." + _used(limits)
    table = DataTable(
        "Scores and their limits",
        (("Score of", "l"), ("Score", "r"), ("More than", "r"), ("Up to", "r"), ("Customers", "r")),
        tuple(
            (
                {"recency": "Recency, days", "frequency": "Frequency, orders"}.get(row["dimension"], row["dimension"]),
                str(row["score"]),
                "" if row["above_n"] is None else fmt.count(row["above_n"]),
                "" if row["up_to_n"] is None else fmt.count(row["up_to_n"]),
                fmt.count(row["customer_n"]),
            )
            for row in limits.iter_rows(named=True)
        ),
        note="The number of customers in each cell of the grid is written in the cell.",
    )
    return [Figure("segments-grid", "Recency by frequency", caption, drawing, table, is_half=True)]


def _used(limits: pl.DataFrame) -> str:
    used = {row["dimension"]: row["used_score_n"] for row in limits.iter_rows(named=True)}
    few = [f"{name} uses {n} of 5 scores" for name, n in used.items() if n < 5]
    return f" Because many customers are equal, {fmt.listing(few)}." if few else ""


def tier_table(published: Published) -> list[Block]:
    """Value tiers with what they are expected to bring in, what they brought, and the bar."""
    facts = run_facts(published)
    frame, found = customers.tiers(published, facts), customers.concentration(published)
    total, value = frame["customer_n"].sum(), frame["value"].sum()
    rows = tuple(
        (
            fmt.title(row["tier"]),
            fmt.count(row["customer_n"]),
            fmt.percent(fmt.share(row["customer_n"], total)),
            fmt.money(row["value"], facts.currency),
            fmt.percent(fmt.share(row["value"], value)),
            fmt.money(row["amount"], facts.currency),
        )
        for row in frame.iter_rows(named=True)
    )
    note = (
        f"A customer is of high value from {fmt.money(found.high_from, facts.currency, 2)} expected in the horizon, "
        "and leaves the tier only below 90% of the bar."
        if found and found.high_from is not None
        else ""
    )
    headings = (
        ("Tier", "l"),
        ("Customers", "r"),
        ("Share", "r"),
        (f"Expected {facts.basis.replace('_', ' ')}", "r"),
        ("Share of it", "r"),
        ("Last 365 days", "r"),
    )
    return [DataTable("Value tiers", headings, rows, note=note, is_half=True)]


def state_figure(published: Published) -> list[Block]:
    """Lifecycle states: customers, and the money they have brought in to date."""
    facts = run_facts(published)
    frame = customers.states(published, facts)
    buyers = frame.filter(pl.col("state") != "prospect")
    if buyers.is_empty():
        return [Note(customers.NO_CUSTOMERS)]
    rows = []
    for row in buyers.iter_rows(named=True):
        name, hidden = fmt.title(row["state"]), row["customer_n"] < MIN_CELL_N
        amount = None if hidden else row["amount"]
        rows.append(
            {
                "name": name,
                "customers": row["customer_n"],
                "customers_shown": fmt.count(row["customer_n"]),
                "amount": float(amount or 0),
                "amount_shown": "" if amount is None else fmt.compact_money(amount, facts.currency),
                "colour": STATE_COLOURS.get(row["state"], theme.UNKNOWN),
                "hint": f"{name}: {row['customer_n']:,} customers, "
                f"{fmt.money(amount, facts.currency)} {basis_name(facts)} to date, {row['reachable_n']:,} reachable",
            }
        )
    drawing = draw(
        "states",
        "Customers and money to date by state of the lifecycle.",
        lambda width: charts.two_bars(rows, width, "Customers", f"{fmt.title(facts.basis)} to date"),
        width=theme.HALF,
    )
    caption = "State by silence since the last kept order, against the cut points of the customer's own segment."
    return [
        Figure("states-map", "States of the customer life", caption, drawing, _state_table(frame, facts), is_half=True)
    ]


def _state_table(frame: pl.DataFrame, facts: RunFacts) -> DataTable:
    total = frame["customer_n"].sum()
    rows = []
    for row in frame.iter_rows(named=True):
        hidden = row["customer_n"] < MIN_CELL_N
        rows.append(
            (
                fmt.title(row["state"]),
                fmt.count(row["customer_n"]),
                fmt.percent(fmt.share(row["customer_n"], total)),
                "–" if hidden else fmt.money(row["amount"], facts.currency),
                "–" if hidden else fmt.money(row["recent_amount"], facts.currency),
                fmt.count(row["reachable_n"]),
            )
        )
    name = fmt.title(facts.basis)
    headings = ("Customers", "Share", f"{name} to date", "Of 365 days", "Reachable")
    note = "Money is summed over the order lines where it is known, so that it adds up to the waterfall."
    return DataTable("States", (("State", "l"), *((heading, "r") for heading in headings)), tuple(rows), note=note)


def cut_point_figure(published: Published) -> list[Block]:
    """After how much silence a customer is at risk, dormant and churned, by segment."""
    frame = customers.cut_points(published)
    own = frame.filter(~pl.col("is_pooled") & pl.col("dormant_days").is_not_null()).head(MOST_SEGMENTS)
    table = _cut_table(frame)
    if own.is_empty():
        return [Note("Too few customers have come back for cut points; nobody can be called silent yet.")]
    ends = [value for column in ("churned_days", "dormant_days") for value in own[column] if value is not None]
    edge = max(ends) * 1.15
    rows: list[dict[str, Any]] = []
    for row in own.iter_rows(named=True):
        name = "All customers" if row["segment"] == "(all)" else row["segment"]
        limits = [0, row["at_risk_days"], row["dormant_days"], row["churned_days"], None]
        for at, state in enumerate(BANDS):
            start, end = limits[at], limits[at + 1]
            if start is None:
                continue
            until = f"to {fmt.days(end)}" if end is not None else "on"
            rows.append(
                {
                    "segment": name,
                    "state": state,
                    "start": start,
                    "end": min(end, edge) if end is not None else edge,
                    "hint": f"{name}: {state} from {fmt.days(start)} {until} of silence ({row['gap_n']:,} gaps)",
                }
            )
    drawing = draw(
        "cuts",
        "Days of silence after which customers count as at risk, dormant and churned, by segment.",
        lambda _: charts.cut_points(rows, list(BANDS)),
        width=theme.HALF,
    )
    pooled = int(frame["is_pooled"].sum())
    caption = (
        "Read from the customers' own gaps: at risk beyond the 75th percentile, dormant beyond the 90th, churned when "
        "fewer than 10% return within the horizon."
        + (f" {pooled} segments with too few gaps use the cut points of all customers." if pooled else "")
    )
    return [Figure("cut-points", "How long a silence means what", caption, drawing, table, is_half=True)]


def _cut_table(frame: pl.DataFrame) -> DataTable:
    def cell(value: int | None) -> str:
        return "" if value is None else fmt.count(value)

    rows = []
    for row in frame.iter_rows(named=True):
        name = "All customers" if row["segment"] == "(all)" else row["segment"]
        churned = cell(row["churned_days"]) or (row["why_not"] or "")
        back = fmt.percent(row["return_rate"]) if row["return_rate"] is not None else ""
        rows.append(
            (
                name,
                fmt.count(row["gap_n"]),
                "of all customers" if row["is_pooled"] else "own",
                cell(row["median_gap_days"]),
                cell(row["at_risk_days"]),
                cell(row["dormant_days"]),
                churned,
                back,
            )
        )
    headings = ("Median gap, days", "At risk after", "Dormant after", "Churned after", "Return by then")
    return DataTable(
        "Cut points by acquisition channel",
        (("Segment", "l"), ("Gaps", "r"), ("Cut points", "l"), *((heading, "r") for heading in headings)),
        tuple(rows),
    )
