"""Quality: what was read, what the gates said, and what is not known.

Lives here: the blocks on the account book, the gates and the gaps. Stays out: verdicts and thresholds.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipelines.report import formatting as fmt
from pipelines.report import theme
from pipelines.report.blocks import Block, DataTable, Figure, Note, Sentence, Sentences, say
from pipelines.report.charts import quality as charts
from pipelines.report.drawing import draw
from pipelines.report.published import AbsentError, Published
from pipelines.report.queries import quality
from pipelines.report.queries.run import run_facts

MOST_FILES, MOST_CHECKS, MOST_BARS = 200, 600, 16
SERIOUS_RATE = Decimal("0.05")
"""A gap that touches more than this share is worth looking at."""


def book_figure(published: Published) -> list[Block]:
    """Rows read, set aside and seen before, by source and raw table; they always add up."""
    frame = quality.book(published)
    read, accepted, quarantined, duplicate = (
        int(frame[name].sum()) for name in ("read_n", "accepted_n", "quarantined_n", "duplicate_n")
    )
    rows: list[dict[str, Any]] = []
    for row in frame.head(MOST_BARS).iter_rows(named=True):
        name = f"{row['source_system']} · {fmt.words(row['raw_table'].rpartition('__')[2])}"
        rows.append(
            {
                "name": name,
                **{field: row[field] for field in ("read_n", "quarantined_n", "duplicate_n")},
                **{f"{field}_shown": fmt.count(row[field]) for field in ("read_n", "quarantined_n", "duplicate_n")},
                "hint": f"{name}: {row['file_n']:,} files, {row['read_n']:,} rows read, "
                f"{row['accepted_n']:,} accepted, {row['quarantined_n']:,} quarantined, "
                f"{row['duplicate_n']:,} duplicate",
            }
        )
    panels = [
        ("read_n", "Rows read", theme.TOTAL),
        ("quarantined_n", "Quarantined", theme.LEAK),
        ("duplicate_n", "Duplicates", theme.GOLD),
    ]
    drawing = draw("book", "Rows by source and outcome.", lambda width: charts.account_book(rows, panels, width))
    ties = "=" if read == accepted + quarantined + duplicate else "≠"
    left = len(frame) - len(rows)
    caption = (
        f"{fmt.count(int(frame['file_n'].sum()))} files: {fmt.count(read)} rows read {ties} {fmt.count(accepted)} "
        f"accepted + {fmt.count(quarantined)} quarantined + {fmt.count(duplicate)} duplicate. Each panel has a scale "
        "of its own, so that few rows set aside stay visible."
        + (f" {left} smaller tables stand in the table only." if left else "")
        + _money_verdict(published)
    )
    table = DataTable(
        "Account book by source",
        (
            ("Source", "l"),
            ("Raw table", "l"),
            ("Files", "r"),
            ("Read", "r"),
            ("Accepted", "r"),
            ("Quarantined", "r"),
            ("Duplicate", "r"),
        ),
        tuple(
            (row["source_system"], row["raw_table"], *(fmt.count(row[f"{name}_n"]) for name in _BOOK))
            for row in frame.iter_rows(named=True)
        ),
    )
    return [Figure("account-book", "Everything read is accounted for", caption, drawing, table)]


def _money_verdict(published: Published) -> str:
    money = quality.book_money(published)
    if money.is_empty():
        return ""
    ties = all(_ties(row) for row in money.iter_rows(named=True))
    return " The amounts tie out as well." if ties else " The amounts do not tie out."


def _ties(row: dict[str, Any]) -> bool:
    return bool(row["read"] == row["accepted"] + row["quarantined"] + row["duplicate"])


_BOOK = ("file", "read", "accepted", "quarantined", "duplicate")


def book_tables(published: Published) -> list[Block]:
    """The money of the account book, and its files."""
    blocks: list[Block] = []
    money = quality.book_money(published)
    if not money.is_empty():
        rows = []
        for row in money.iter_rows(named=True):
            amounts = [
                fmt.money(row[name], row["currency"], 2) if row["currency"] else fmt.decimal(row[name], 2)
                for name in ("read", "accepted", "quarantined", "duplicate")
            ]
            rows.append((row["source_system"], row["raw_table"], *amounts, "yes" if _ties(row) else "no"))
        headings = ("Read", "Accepted", "Quarantined", "Duplicate", "Ties out")
        blocks.append(
            DataTable(
                "The same in money, in the currency of the files",
                (("Source", "l"), ("Raw table", "l"), *((heading, "r") for heading in headings)),
                tuple(rows),
                is_folded=True,
            )
        )
    files = quality.files(published)
    shown = files.head(MOST_FILES)
    blocks.append(
        DataTable(
            f"All {fmt.count(len(files))} files",
            (
                ("Source", "l"),
                ("File", "l"),
                ("Outcome", "l"),
                ("Read", "r"),
                ("Accepted", "r"),
                ("Quarantined", "r"),
                ("Duplicate", "r"),
                ("Remarks", "l"),
            ),
            tuple(
                (
                    row["source_system"],
                    row["file_name"],
                    row["outcome"],
                    *(fmt.count(row[f"{name}_n"]) for name in _BOOK[1:]),
                    row["reason"] or row["warnings"] or "",
                )
                for row in shown.iter_rows(named=True)
            ),
            is_folded=True,
            note=f"The first {MOST_FILES} are listed; meta.files has all." if len(files) > MOST_FILES else "",
            tones=tuple("bad" if row["outcome"] == "refused" else "" for row in shown.iter_rows(named=True)),
        )
    )
    return blocks


def gate_table(published: Published) -> list[Block]:
    """The gates by layer, and every check that did not pass."""
    layers = quality.gates(published)
    names = ("check", "passed", "warned", "failed", "errored", "skipped", "table", "evaluated")
    headings = ("Checks", "Passed", "Warned", "Failed", "Errored", "Not applicable", "Tables", "Values looked at")
    shut = [row["failed_n"] + row["errored_n"] for row in layers.iter_rows(named=True)]
    rows = tuple(
        (
            fmt.title(row["layer"]),
            *(fmt.count(row[f"{name}_n"]) for name in names),
            "shut" if blocked else "open",
        )
        for row, blocked in zip(layers.iter_rows(named=True), shut, strict=True)
    )
    tones = tuple("bad" if blocked else "" for blocked in shut)
    return [
        DataTable(
            "Gates by layer",
            (("Layer", "l"), *((heading, "r") for heading in headings), ("Gate", "r")),
            rows,
            tones=tones,
            note="Nothing is published while a gate is shut. A warning is told and does not shut it; a check that "
            "does not apply to this data is not counted as passed.",
        ),
        *_check_tables(published),
    ]


def _check_tables(published: Published) -> list[Block]:
    frame = quality.checks(published)
    odd = [row for row in frame.iter_rows(named=True) if row["outcome"] in ("failed", "errored")]
    blocks: list[Block] = []
    if odd:
        blocks.append(
            DataTable(
                "Checks that did not pass",
                (
                    ("Layer", "l"),
                    ("Table", "l"),
                    ("Check", "l"),
                    ("Outcome", "l"),
                    ("What it found", "l"),
                    ("Endangers", "l"),
                ),
                tuple(
                    (
                        fmt.title(row["layer"]),
                        row["table_name"],
                        fmt.words(row["check_name"]),
                        f"{row['outcome']} ({'warning' if row['severity'] == 'warn' else 'blocks'})",
                        row["message"],
                        row["endangered_marts"] or "",
                    )
                    for row in odd
                ),
                tones=tuple("watch" if row["severity"] == "warn" else "bad" for row in odd),
            )
        )
    shown = frame.head(MOST_CHECKS)
    blocks.append(
        DataTable(
            f"All {fmt.count(len(frame))} checks",
            (("Layer", "l"), ("Table", "l"), ("Column", "l"), ("Check", "l"), ("Outcome", "l"), ("Message", "l")),
            tuple(
                (
                    fmt.title(row["layer"]),
                    row["table_name"],
                    row["column_name"] or "",
                    fmt.words(row["check_name"]),
                    row["outcome"],
                    row["message"],
                )
                for row in shown.iter_rows(named=True)
            ),
            is_folded=True,
            note=f"The first {MOST_CHECKS} are listed; meta.check_results has all." if len(frame) > MOST_CHECKS else "",
        )
    )
    return blocks


ITEMS = (
    ("Exchange rate", None),
    ("List price", None),
    ("Cost of goods", "cogs_known_rate"),
    ("Fees", "fees_known_rate"),
    ("Fulfilment", "fulfilment_known_rate"),
    ("Every cost", "costed_rate"),
)


def coverage_figure(published: Published) -> list[Block]:
    """Channel by item: the share that is known."""
    frame = quality.coverage(published)
    channels = frame.filter(frame["dim"] == "channel")
    if channels.is_empty():
        return [Note("No order line has reached the warehouse, so there is no coverage to show.")]
    flags = {row["channel"]: row for row in quality.line_flags(published).iter_rows(named=True)}
    cells: list[dict[str, Any]] = []
    for row in channels.iter_rows(named=True):
        lines, known = row["order_line_n"], flags.get(row["dim_value"], {})
        told = {
            "Exchange rate": fmt.share(lines - row["unconverted_order_line_n"], lines),
            "List price": fmt.share(known.get("list_price_n"), known.get("line_n")),
        }
        for item, column in ITEMS:
            rate = row[column] if column else told[item]
            step = 0 if rate is None else theme.heat_step(float(rate), 0.0, 1.0)
            shown = "–" if rate is None else fmt.percent(rate, 0)
            hint = f"{row['dim_value']}, {item.lower()}: known for {shown}"
            cells.append({"channel": row["dim_value"], "item": item, "step": step, "shown": shown, "hint": hint})
    drawing = draw("coverage", "Share known, by channel and item.", lambda width: charts.coverage(cells, width))
    caption = (
        "Exchange rates and list prices: share of order lines. Costs: share of net revenue. What a channel does not "
        "bear counts as known; what no source tells is not known, never nothing."
    )
    by_channel: dict[str, list[str]] = {}
    for cell in cells:
        by_channel.setdefault(str(cell["channel"]), []).append(str(cell["shown"]))
    table = DataTable(
        "Coverage by channel",
        (("Channel", "l"), *((item, "r") for item, _ in ITEMS)),
        tuple((channel, *shown) for channel, shown in by_channel.items()),
    )
    return [Figure("coverage", "How much is known", caption, drawing, table)]


def gap_sentences(published: Published) -> list[Block]:
    """What is missing, in words, the widest first."""
    found: list[tuple[Decimal, Sentence]] = []
    for part, whole, pattern in _gaps(published):
        rate = fmt.share(part, whole)
        if part and rate is not None:
            text = say(pattern, share=fmt.percent(rate), n=fmt.count(part))
            found.append((rate, Sentence(text, "watch" if rate > SERIOUS_RATE else "plain")))
    if not found:
        return [Note("Nothing that these figures rest on is missing.", "good")]
    return [Sentences(tuple(sentence for _, sentence in sorted(found, key=lambda pair: -pair[0])))]


def _gaps(published: Published) -> list[tuple[int, int, str]]:
    total = quality.coverage(published).row(0, named=True)
    if not total["order_line_n"]:
        raise AbsentError("No order line has reached the warehouse, so there is no coverage to show.")
    gaps: list[tuple[int, int, str]] = [
        (
            total["unconverted_order_line_n"],
            total["order_line_n"],
            "{share} of order lines ({n}) have no exchange rate for their day; their money is left out, not guessed.",
        )
    ]
    if total["costed_rate"] is not None and total["net_revenue"] > 0 and total["costed_rate"] < 1:
        million = 1_000_000
        missing = int((1 - total["costed_rate"]) * million)
        gaps.append(
            (missing, million, "{share} of net revenue has a cost that no source tells; contribution leaves it out.")
        )
    flags = quality.line_flags(published)
    lines = int(flags["line_n"].sum())
    gaps += [
        (
            lines - int(flags["list_price_n"].sum()),
            lines,
            "{share} of order lines have no list price; their markdown counts as nothing.",
        ),
        (lines - int(flags["sku_n"].sum()), lines, "{share} of order lines name no article."),
        (
            int(flags["undated_refund_n"].sum()),
            lines,
            "{share} of order lines have refunds without a day of their own; they stand on the day of the order.",
        ),
    ]
    try:
        people = quality.customer_gaps(published)
    except AbsentError:
        return gaps
    gaps += [
        (
            people.unidentified_orders,
            people.kept_orders,
            "{share} of kept orders ({n}) belong to nobody who can be told; they count in money, not in customers.",
        ),
        (
            people.without_email_consent,
            people.customers,
            "{share} of customers were never asked for consent to e-mail.",
        ),
        (people.without_sms_consent, people.customers, "{share} of customers were never asked for consent to SMS."),
        (
            people.without_contact,
            people.customers,
            "{share} of customers ({n}) have neither a usable e-mail address nor a telephone number.",
        ),
        (
            people.without_acquisition,
            people.customers,
            "For {share} of customers no source says which traffic brought them.",
        ),
    ]
    return gaps


def stamp(published: Published) -> list[tuple[str, str]]:
    """The line below the title: as of when, in which money, which version."""
    try:
        facts = run_facts(published)
    except AbsentError:
        return []
    stamps = [("As of", fmt.day(facts.as_of)), ("Money in", facts.currency)]
    if facts.version:
        stamps.append(("Version", facts.version))
    return stamps
