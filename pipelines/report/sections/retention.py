"""Retention and value by age: who comes back, and what a customer is worth at equal age.

Lives here: the blocks of the two sections over age. Stays out: maturity and intervals (the marts).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from pipelines.report import formatting as fmt
from pipelines.report import theme
from pipelines.report.blocks import Block, DataTable, Figure, Note, headings
from pipelines.report.charts import retention as charts
from pipelines.report.drawing import draw
from pipelines.report.published import Published
from pipelines.report.queries import retention
from pipelines.report.queries.customers import MIN_CELL_N
from pipelines.report.queries.run import run_facts

KINDS = {
    "exact": "in that period",
    "within_n": "by then",
    "rolling": "then or later",
    "survival": "never lost so far",
}
"""How each kind of retention is named on the page."""
PERIODS = (1, 3, 6, 12)
MOST_COHORTS, MOST_VALUES = 8, 8
KNOWN_ENOUGH = 0.95


def interval(lo: float | None, hi: float | None, places: int = 1) -> str:
    """12.1 to 14.9%, or nothing where no interval can be stated."""
    if lo is None or hi is None:
        return ""
    return f"{fmt.percent(lo, places).rstrip('%')} to {fmt.percent(hi, places)}"


def heatmap_figure(published: Published) -> list[Block]:
    """Cohort by age: the share with a kept order in the period."""
    cells = list(retention.cells(published, "exact").iter_rows(named=True))
    top = max(0.01, *(row["est"] for row in cells))
    rows = [_heat_cell(row, top) for row in cells]
    drawing = draw(
        "retention",
        f"Share of customers who bought again, by month of the first order and 30-day period; "
        f"up to {fmt.percent(top, 0)}.",
        lambda width: charts.heatmap(rows, width),
        scrolls=True,
    )
    small = retention.small_cohorts(published)
    caption = (
        "Per cent of the customers of a month (their number beside it) with a kept order in each 30-day period after "
        "the first. Only periods that the whole cohort has lived through are shown."
        + (f" {small} cohorts of fewer than {MIN_CELL_N} customers are left out." if small else "")
    )
    table = DataTable(
        "Retention by cohort",
        headings("Cohort", right=("Period", "Days", "Bought", "Of", "Rate", "95% interval")),
        tuple(
            (
                fmt.month(row["cohort_on"]),
                str(row["period_n"]),
                f"{row['age_days'] - 29}–{row['age_days']}",
                fmt.count(row["kept_n"]),
                fmt.count(row["n"]),
                fmt.percent(row["est"]),
                interval(row["lo"], row["hi"]),
            )
            for row in cells
        ),
    )
    return [Figure("retention-cohorts", "Who buys again, month by month", caption, drawing, table)]


def _heat_cell(row: dict[str, Any], top: float) -> dict[str, Any]:
    return {
        "cohort": f"{fmt.month(row['cohort_on'])} · {row['cohort_n']:,}",
        "age": row["period_n"],
        "step": theme.heat_step(row["est"], 0.0, top),
        "shown": fmt.decimal(row["est"] * 100, 0),
        "hint": f"First order in {fmt.month(row['cohort_on'])}, days {row['age_days'] - 29} to {row['age_days']}: "
        f"{row['kept_n']:,} of {row['n']:,}, {fmt.percent(row['est'])} ({interval(row['lo'], row['hi'])})",
    }


def curve_figure(published: Published) -> list[Block]:
    """All cohorts pooled, by kind of retention, with intervals."""
    frame = retention.pooled(published)
    rows = [
        {
            "age": row["period_n"],
            "rate": row["est"],
            "lo": row["lo"] if row["lo"] is not None else row["est"],
            "hi": row["hi"] if row["hi"] is not None else row["est"],
            "kind": KINDS.get(row["retention_kind"], fmt.words(row["retention_kind"])),
            "hint": f"{KINDS.get(row['retention_kind'])}, period {row['period_n']}: {fmt.percent(row['est'])} "
            f"({interval(row['lo'], row['hi'])}) of {row['n']:,}",
        }
        for row in frame.iter_rows(named=True)
    ]
    drawing = draw("curve", "Retention by age, all cohorts pooled.", lambda _: charts.curve(rows), width=theme.HALF)
    table = DataTable(
        "Retention, all cohorts pooled",
        (("Bought again", "l"), ("Days", "r"), ("Observed", "r"), ("Rate", "r"), ("95% interval", "r")),
        tuple(
            (
                KINDS.get(row["retention_kind"], row["retention_kind"]),
                fmt.count(row["age_days"]),
                fmt.count(row["n"]),
                fmt.percent(row["est"]),
                interval(row["lo"], row["hi"]),
            )
            for row in frame.iter_rows(named=True)
        ),
    )
    caption = (
        "Four ways to ask who stays, all cohorts pooled, with 95% intervals: an order in that period, by then, then or "
        "later, and never silent long enough to count as lost. Each point counts the customers observed so long."
    )
    return [Figure("retention-curve", "Who stays, by age", caption, drawing, table, is_half=True)]


def channel_figure(published: Published) -> list[Block]:
    """Bought again within 30, 90, 180 and 360 days, by the channel of the first order."""
    frame = retention.by_dimension(published, "first_channel", PERIODS)
    values = list(dict.fromkeys(frame["dim_value"]))[:MOST_VALUES]
    shown = frame.filter(pl.col("dim_value").is_in(values))
    rows = [
        {
            "name": row["dim_value"],
            "age": f"{row['age_days']} days",
            "rate": row["est"],
            "lo": row["lo"] if row["lo"] is not None else row["est"],
            "hi": row["hi"] if row["hi"] is not None else row["est"],
            "hint": f"{row['dim_value']}, within {row['age_days']} days: {fmt.percent(row['est'])} "
            f"({interval(row['lo'], row['hi'])}) of {row['n']:,}",
        }
        for row in shown.iter_rows(named=True)
    ]
    drawing = draw(
        "again",
        "Share of customers who bought again within 30, 90, 180 and 360 days, by channel of the first order.",
        lambda _: charts.dots(rows),
        width=theme.HALF,
    )
    table = DataTable(
        "Bought again, by channel of the first order",
        (("First channel", "l"), ("Within days", "r"), ("Observed", "r"), ("Rate", "r"), ("95% interval", "r")),
        tuple(
            (
                row["dim_value"],
                fmt.count(row["age_days"]),
                fmt.count(row["n"]),
                fmt.percent(row["est"]),
                interval(row["lo"], row["hi"]),
            )
            for row in frame.iter_rows(named=True)
        ),
    )
    caption = (
        "Share with another kept order within so many days of the first, by the channel of the first order; the bars "
        "are 95% intervals."
    )
    return [Figure("retention-channel", "Which channel's customers come back", caption, drawing, table, is_half=True)]


def value_figure(published: Published) -> list[Block]:
    """Mean money per acquired customer at fixed ages, by cohort.

    On the headline basis, unless that is unknown of so many customers that the mean of the others would mislead:
    who buys often is the likelier to have an order with a cost that is not known.
    """
    facts = run_facts(published)
    known = retention.known_share(published, facts.basis)
    basis = facts.basis if known >= KNOWN_ENOUGH else "net_revenue"
    grain, frame = retention.value_by_age(published, basis, MOST_COHORTS)
    if frame.is_empty():
        return [Note("No cohort has been observed long enough to compare customers at equal age.")]
    cohorts = frame["cohort_on"].unique(maintain_order=True).to_list()
    labels = {cohort: _cohort(cohort, grain) for cohort in cohorts}
    rows: list[dict[str, Any]] = []
    for row in frame.iter_rows(named=True):
        mean = row["amount"] / Decimal(row["known_n"])
        rows.append(
            {
                "cohort": labels[row["cohort_on"]],
                "age_days": row["age_days"],
                "amount": float(mean),
                "hint": f"First order in {labels[row['cohort_on']]}, day {row['age_days']}: "
                f"{fmt.money(mean, facts.currency, 2)} from each of {row['known_n']:,} customers",
            }
        )
    name = fmt.words(basis)
    drawing = draw(
        "value",
        f"Mean {name} per customer by age, one line per cohort.",
        lambda width: charts.value_by_age(rows, facts.currency, width),
    )
    caption = (
        f"Mean {name} per customer acquired in a {'half-year' if grain == 'half' else grain}, from the first order to "
        "fixed ages, refunds booked on their orders. An age is shown once every customer of the cohort has reached it."
        + (f" Contribution is known of {fmt.percent(known, 0)} of customers only." if basis != facts.basis else "")
    )
    table = _value_table(frame, labels, facts.currency)
    return [Figure("value-by-age", f"What a customer has brought in, at equal age ({name})", caption, drawing, table)]


def _value_table(frame: pl.DataFrame, labels: dict[date, str], currency: str) -> DataTable:
    ages = sorted(set(frame["age_days"]))
    cells = {(row["cohort_on"], row["age_days"]): row for row in frame.iter_rows(named=True)}
    rows = []
    for cohort, label in labels.items():
        first = next(cells[cohort, age] for age in ages if (cohort, age) in cells)
        means = [
            fmt.money(cells[cohort, age]["amount"] / Decimal(cells[cohort, age]["known_n"]), currency, 2)
            if (cohort, age) in cells
            else ""
            for age in ages
        ]
        rows.append(
            (
                label,
                fmt.count(first["customer_n"]),
                fmt.percent(fmt.share(first["known_n"], first["customer_n"])),
                *means,
            )
        )
    columns = headings("Cohort", right=("Customers", "Money known", *(f"Day {age}" for age in ages)))
    return DataTable("Mean money per customer by age", columns, tuple(rows))


def _cohort(start: date, grain: str) -> str:
    if grain == "month":
        return fmt.month(start)
    if grain == "quarter":
        return f"Q{(start.month + 2) // 3} {start.year}"
    if grain == "half":
        return f"{start.year} {'Jan–Jun' if start.month == 1 else 'Jul–Dec'}"
    return str(start.year)
