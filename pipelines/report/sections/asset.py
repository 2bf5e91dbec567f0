"""The customer asset: the ledger as a waterfall, its months, who moved between segments, what is realised.

Lives here: the blocks of the two sections on the asset. Stays out: how the figures come about (the marts).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from pipelines.report import formatting as fmt
from pipelines.report import theme
from pipelines.report.blocks import Block, DataTable, Figure, headings
from pipelines.report.charts import asset as charts
from pipelines.report.charts import money
from pipelines.report.drawing import draw
from pipelines.report.published import Published
from pipelines.report.queries import asset
from pipelines.report.queries.run import RunFacts, run_facts

LABELS = {
    "opening": "Opening value",
    "late_data_restatement": "Late data",
    "identity_revision": "Identity",
    "model_revision": "New models",
    "erased": "Erased",
    "acquired": "Acquired",
    "reactivated": "Came back",
    "deepened": "Worth more",
    "depreciated": "Worth less",
    "lapsed": "Gone silent",
    "churned": "Churned",
    "dormant_revaluation": "Still silent",
    "closing": "Closing value",
    "value": "Value of all buyers",
    "anonymous": "No key",
    "unreachable": "Not reachable",
    "thin_data": "Thin data",
    "untreated": "Not treated",
    "unmeasured": "Not measured",
    "realised": "Realised",
}
"""Lines as they stand on the page."""
ENDS = ("opening", "closing", "value", "realised")
STATE_ORDER = ("none", "new", "active", "reactivated", "unstated", "at_risk", "dormant", "churned")
STATE_LABELS = {"none": "No order yet", "unstated": "Not told", "at_risk": "At risk"}


def ledger_figure(published: Published) -> list[Block]:
    """The ledger of the last periods as one waterfall from opening to closing."""
    facts = run_facts(published)
    lines = asset.ledger(published, facts.basis)
    first, last = lines["first_on"].min(), lines["last_on"].max()
    rows = _steps(lines, facts.currency)
    amounts = dict(lines.select("line", "amount").iter_rows())
    drawing = draw(
        "ledger",
        f"Waterfall of the value of the customer base from {fmt.money(amounts.get('opening'), facts.currency)} "
        f"to {fmt.money(amounts.get('closing'), facts.currency)}.",
        lambda width: money.waterfall(rows, facts.currency, width),
    )
    caption = (
        f"Value is the expected {facts.basis.replace('_', ' ')} of the coming horizon, discounted; opening before "
        f"{_month(first)}, closing at the end of {_month(last)}. Late data, identity and new models restate the "
        "opening and are no business; every other line is what customers did, by the state they were in and the "
        "state they are in now."
    )
    table = DataTable(
        "The ledger, line by line",
        headings("Line", right=("Amount", "Customers in the base")),
        tuple(
            (LABELS.get(line, fmt.title(line)), fmt.money(amount, facts.currency), fmt.count(heads))
            for line, amount, heads in lines.select("line", "amount", "head_n").iter_rows()
            if line != "reclassified"
        ),
    )
    return [Figure("ledger", "What changed the value of the customer base", caption, drawing, table)]


def _month(day: object) -> str:
    return fmt.month(day) if isinstance(day, date) else ""


def _steps(lines: pl.DataFrame, currency: str) -> list[dict[str, Any]]:
    """Bars: the ends from zero, steps from where the last one ended; empty steps are left out."""
    rows: list[dict[str, Any]] = []
    whole = next((amount for line, amount in lines.select("line", "amount").iter_rows() if line in ENDS), None)
    level = Decimal(0)
    for line, amount in lines.select("line", "amount").iter_rows():
        if line not in ENDS and amount == 0:
            continue
        is_end = line in ENDS
        start, level = (Decimal(0), amount) if is_end else (level, level + amount)
        sign = "+" if amount > 0 and not is_end else ""
        part = "" if line == "opening" or not whole else f" ({fmt.percent(fmt.share(amount, whole))})"
        shown = f"{sign}{fmt.compact_money(amount, currency)}"
        rows.append(
            {
                "label": LABELS.get(line, fmt.title(line)),
                "start": float(start),
                "end": float(level),
                "kind": "total" if is_end else "gain" if amount > 0 else "loss",
                "shown": shown + part,
                "brief": shown,
                "hint": f"{LABELS.get(line, line)}: {fmt.money(amount, currency)}",
            }
        )
    return rows


def month_figure(published: Published) -> list[Block]:
    """Closing value of every period, and the lines that led there."""
    facts = run_facts(published)
    frame = asset.months(published, facts.basis)
    moved = frame.filter(~pl.col("line").is_in(["opening", "closing", "reclassified"]) & (pl.col("amount") != 0))
    names = [LABELS[line] for line in moved.sort("position")["line"].unique(maintain_order=True)]
    rows = [
        {
            "month": row["period_on"].isoformat(),
            "name": LABELS[row["line"]],
            "place": row["position"],
            "amount": float(row["amount"]),
            "hint": f"{fmt.month(row['period_on'])}, {LABELS[row['line']]}: "
            f"{fmt.money(row['amount'], facts.currency)} of {fmt.counted(row['customer_n'], 'customer')}",
        }
        for row in moved.iter_rows(named=True)
    ]
    closings = [
        {
            "month": row["period_on"].isoformat(),
            "amount": float(row["amount"]),
            "hint": f"{fmt.month(row['period_on'])}: {fmt.money(row['amount'], facts.currency)}",
        }
        for row in frame.filter(pl.col("line") == "closing").iter_rows(named=True)
    ]
    drawing = draw(
        "ledger-months",
        "Value of the customer base at every close, and what was added and lost, by line.",
        lambda width: charts.movements(rows, closings, facts.currency, names, width),
    )
    caption = (
        "Above, the value at the end of every month; below, what was added to it and what left. Months in which models "
        "were fitted anew show how much that alone changed."
    )
    table = _variance_table(published, facts)
    return [Figure("ledger-months", "Month by month", caption, drawing, table)]


def _variance_table(published: Published, facts: RunFacts) -> DataTable:
    """Expected against actual money of the base, month by month."""
    return DataTable(
        "Expected of the customers of the opening, and what came",
        headings("Month", right=("Expected", "Came", "Difference", "From new customers")),
        tuple(
            (
                fmt.month(row["period_on"]),
                fmt.money(row["expected"], facts.currency),
                fmt.money(row["actual"], facts.currency),
                fmt.money(row["actual"] - row["expected"], facts.currency),
                fmt.money(row["new_money"], facts.currency),
            )
            for row in asset.variances(published, facts.basis).iter_rows(named=True)
        ),
    )


def migration_figure(published: Published) -> list[Block]:
    """Who went from which state to which in the last period."""
    facts = run_facts(published)
    frame = asset.migration(published, facts.basis)
    present = {*frame["from_segment"], *frame["to_segment"]}
    order = [name for name in STATE_ORDER if name in present]
    label = {name: STATE_LABELS.get(name, fmt.title(name)) for name in order}
    rows = [
        {
            "start": label[row["from_segment"]],
            "end": label[row["to_segment"]],
            "step": theme.heat_step(float(row["moved_rate"]), 0.0, 1.0),
            "shown": f"{fmt.count(row['customer_n'])} · {fmt.percent(row['moved_rate'], 0)}",
            "hint": f"{label[row['from_segment']]} to {label[row['to_segment']]}: {fmt.count(row['customer_n'])} of "
            f"{fmt.count(row['from_customer_n'])} customers, {fmt.money(row['closing_amount'], facts.currency)}",
        }
        for row in frame.iter_rows(named=True)
    ]
    drawing = draw(
        "migration",
        "Customers by state at the opening and at the close of the last period.",
        lambda width: charts.migration(rows, [label[name] for name in order], width),
        scrolls=True,
    )
    caption = (
        f"States at the opening (down) and at the close (across) of {_month(frame['period_on'][0])}, both by the cut "
        "points of the close, so that only what customers did moves them. Customers, and their share of the row."
    )
    table = DataTable(
        "Who moved, and what they are worth",
        headings("From", "To", right=("Customers", "Of the row", "Value before", "Value after")),
        tuple(
            (
                label[row["from_segment"]],
                label[row["to_segment"]],
                fmt.count(row["customer_n"]),
                fmt.percent(row["moved_rate"]),
                fmt.money(row["opening_amount"], facts.currency),
                fmt.money(row["closing_amount"], facts.currency),
            )
            for row in frame.iter_rows(named=True)
        ),
        is_folded=True,
    )
    return [Figure("migration", "Who moved between states", caption, drawing, table)]


def forecast_tables(published: Published) -> list[Block]:
    """What the coming months are expected to bring, and how such forecasts came out before."""
    facts = run_facts(published)
    ahead, record = asset.forecast(published, facts.basis), asset.forecast_record(published, facts.basis)

    coming = DataTable(
        "What the coming months are expected to bring",
        headings("Month", right=("Today's customers", "Customers to come", "Both", "At least", "At most")),
        tuple(
            (fmt.month(on), *(fmt.money(amount, facts.currency) for amount in amounts))
            for on, *amounts in ahead.iter_rows()
        ),
        note="Limits come from how far forecasts so many months ahead were off before.",
        is_half=True,
    )
    before = DataTable(
        "How such forecasts came out",
        headings("Months ahead", right=("Forecasts", "Inside their limits", "Off by")),
        tuple(
            (str(months), fmt.count(n), fmt.count(inside), fmt.percent(error))
            for months, n, inside, error in record.iter_rows()
        ),
        note="Forecasts that the same method makes on past month-ends, with what was known then.",
        is_half=True,
    )
    return [coming, *([before] if len(record) else [])]


def realised_figure(published: Published) -> list[Block]:
    """From the value of all buyers to the part that is realised."""
    facts = run_facts(published)
    lines = asset.realised(published, facts.basis)
    rows = _steps(lines, facts.currency)
    amounts = dict(lines.select("line", "amount").iter_rows())
    drawing = draw(
        "realised",
        f"Waterfall from the value of all buyers {fmt.money(amounts.get('value'), facts.currency)} "
        f"to what is realised {fmt.money(amounts.get('realised'), facts.currency)}.",
        lambda width: money.waterfall(rows, facts.currency, width),
    )
    caption = (
        "Value times what is known of a customer (a key, a channel with consent, filled fields) times what is done "
        "(a treatment counts half while its effect is not measured). The longest red bar is what to fix first."
    )
    table = DataTable(
        "What is lost on the way, and what to fix first",
        headings("Line", right=("Amount", "Of the value", "Customers", "Fix")),
        tuple(
            (
                LABELS[row["line"]],
                fmt.money(row["amount"], facts.currency),
                fmt.percent(row["value_rate"]),
                fmt.count(row["customer_n"]),
                "" if row["fix_rank"] is None else str(row["fix_rank"]),
            )
            for row in lines.iter_rows(named=True)
        ),
    )
    return [Figure("realised", "How much of the asset is realised", caption, drawing, table)]
