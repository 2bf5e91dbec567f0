"""Gaps: which costs, rates and consents are missing, and how much they touch.

Lives here: the blocks of the section on what is not known. Stays out: what follows from a gap (`marts`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipelines.report import formatting as fmt
from pipelines.report import theme
from pipelines.report.blocks import Block, DataTable, Figure, Note, Sentence, Sentences, headings, say
from pipelines.report.charts import quality as charts
from pipelines.report.drawing import draw
from pipelines.report.published import AbsentError, Published
from pipelines.report.queries import quality

SERIOUS_RATE = Decimal("0.05")
"""A gap that touches more than this share is worth looking at."""
NO_LINES = "No order line has reached the warehouse, so there is no coverage to show."
ITEMS = {
    "Exchange rate": None,
    "List price": None,
    "Cost of goods": "cogs_known_rate",
    "Fees": "fees_known_rate",
    "Fulfilment": "fulfilment_known_rate",
    "Every cost": "costed_rate",
}
"""What may be known of a channel, and the column that tells it."""
Gap = tuple[Decimal | int, Decimal | int, str]
"""What is missing, of how much, and the sentence that says so."""


def coverage_figure(published: Published) -> list[Block]:
    """Channel by item: the share that is known."""
    frame = quality.coverage(published)
    flags = {row["channel"]: row for row in quality.line_flags(published).iter_rows(named=True)}
    channels = [row for row in frame.iter_rows(named=True) if row["dim"] == "channel"]
    if not channels:
        raise AbsentError(NO_LINES)
    known = {row["dim_value"]: _known(row, flags.get(row["dim_value"], {})) for row in channels}
    cells = [_cell(channel, item, rate) for channel, rates in known.items() for item, rate in rates.items()]
    drawing = draw("coverage", "Share known, by channel and item.", lambda width: charts.coverage(cells, width))
    caption = (
        "Exchange rates and list prices: share of order lines. Costs: share of net revenue. What a channel does not "
        "bear counts as known; what no source tells is not known, never nothing."
    )
    table = DataTable(
        "Coverage by channel",
        headings("Channel", right=tuple(ITEMS)),
        tuple((channel, *(_shown(rate) for rate in rates.values())) for channel, rates in known.items()),
    )
    return [Figure("coverage", "How much is known", caption, drawing, table)]


def _known(row: dict[str, Any], flags: dict[str, Any]) -> dict[str, Decimal | None]:
    lines = row["order_line_n"]
    told = {
        "Exchange rate": fmt.share(lines - row["unconverted_order_line_n"], lines),
        "List price": fmt.share(flags.get("list_price_n"), flags.get("line_n")),
    }
    return {item: row[column] if column else told[item] for item, column in ITEMS.items()}


def _shown(rate: Decimal | None) -> str:
    return "–" if rate is None else fmt.percent(rate, 0)


def _cell(channel: str, item: str, rate: Decimal | None) -> dict[str, Any]:
    return {
        "channel": channel,
        "item": item,
        "step": 0 if rate is None else theme.heat_step(float(rate), 0.0, 1.0),
        "shown": _shown(rate),
        "hint": f"{channel}, {item.lower()}: known for {_shown(rate)}",
    }


def gap_sentences(published: Published) -> list[Block]:
    """What is missing, in words, the widest first."""
    found: list[tuple[Decimal, Sentence]] = []
    for part, whole, pattern in [gap for find in (_money_gaps, _line_gaps, _people_gaps) for gap in find(published)]:
        rate = fmt.share(part, whole)
        if part and rate is not None:
            text = say(pattern, share=fmt.percent(rate), n=fmt.decimal(part))
            found.append((rate, Sentence(text, "watch" if rate > SERIOUS_RATE else "plain")))
    if not found:
        return [Note("Nothing that these figures rest on is missing.", "good")]
    return [Sentences(tuple(sentence for _, sentence in sorted(found, key=lambda pair: -pair[0])))]


def _money_gaps(published: Published) -> list[Gap]:
    total = quality.coverage(published).row(0, named=True)
    if not total["order_line_n"]:
        raise AbsentError(NO_LINES)
    net = max(total["net_revenue"], Decimal(0))
    costs, unconverted = quality.period_costs(published)
    return [
        (
            total["unconverted_order_line_n"],
            total["order_line_n"],
            "{share} of order lines ({n}) have no exchange rate for their day; their money is left out, not guessed.",
        ),
        (
            net * (1 - (total["costed_rate"] or 0)),
            net,
            "{share} of net revenue has a cost that no source tells; contribution leaves it out.",
        ),
        (unconverted, costs, "{share} of the costs of the period ({n}) have no exchange rate."),
    ]


def _line_gaps(published: Published) -> list[Gap]:
    flags = quality.line_flags(published)
    lines, priced, named, undated = (
        int(flags[name].sum()) for name in ("line_n", "list_price_n", "sku_n", "undated_refund_n")
    )
    return [
        (lines - priced, lines, "{share} of order lines have no list price; their markdown counts as nothing."),
        (lines - named, lines, "{share} of order lines name no article."),
        (
            undated,
            lines,
            "{share} of order lines have refunds without a day of their own; they stand on the day of the order.",
        ),
    ]


def _people_gaps(published: Published) -> list[Gap]:
    people = quality.customer_gaps(published)
    return [
        (
            people.unidentified_orders,
            people.kept_orders,
            "{share} of kept orders ({n}) belong to nobody who can be told; they count in money, not in customers.",
        ),
        (
            people.without_email_consent,
            people.customers,
            "{share} of customers were never asked about e-mail.",
        ),
        (people.without_sms_consent, people.customers, "{share} of customers were never asked about SMS."),
        (
            people.without_contact,
            people.customers,
            "{share} of customers ({n}) have neither a usable e-mail address nor a telephone number.",
        ),
        (people.without_acquisition, people.customers, "For {share} of customers no source says what brought them."),
    ]
