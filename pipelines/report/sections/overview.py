"""Overview: the headline figures, and what to look at first.

Lives here: the cards and the sentences at the top of the page, every figure of them computed from the file.
Stays out: the charts they point to.
"""

from __future__ import annotations

from decimal import Decimal

from pipelines.report import formatting as fmt
from pipelines.report.blocks import Block, Card, Cards, Note, Sentence, Sentences
from pipelines.report.published import AbsentError, Published
from pipelines.report.queries import customers, profit, quality
from pipelines.report.queries.run import Window, run_facts, window
from pipelines.report.sections import findings

HEADLINE_RATE = Decimal("0.95")


def cards(published: Published) -> list[Block]:
    """Customers, orders, money, coverage and gates as cards; a card whose figure is missing says so."""
    found: list[Card] = []
    for build in (_size_cards, _money_cards, _basis_card, _gate_card):
        try:
            found.extend(build(published))
        except AbsentError:
            continue
    if not found:
        raise AbsentError("The file holds none of the tables that the headline figures are read from.")
    return [Cards(tuple(found))]


def _span(months: Window) -> str:
    if months.is_partial:
        return "running month"
    return f"last {months.months} months" if months.months > 1 else "last month"


def _trend(now: Decimal | int | None, before: Decimal | int | None) -> tuple[str | None, str]:
    text = fmt.change(now, before)
    if text is None or now is None or before is None:
        return None, "plain"
    return text, "good" if now > before else "bad" if now < before else "plain"


def _size_cards(published: Published) -> list[Card]:
    months = window(published)
    base = customers.base(published, months)
    trend, tone = _trend(base.orders, base.orders_before)
    identified = fmt.percent(fmt.share(base.identified_orders, base.kept_orders))
    before = f"{fmt.count(base.orders_before)} in the twelve before" if base.orders_before is not None else ""
    return [
        Card(
            "Customers identified",
            fmt.count(base.customers),
            f"{fmt.count(base.buyers)} with a kept order; {identified} of kept orders are theirs",
        ),
        Card(
            f"Kept orders, {_span(months)}",
            fmt.count(base.orders),
            before or f"{fmt.count(base.kept_orders)} in all",
            trend,
            tone,
        ),
    ]


def _money_cards(published: Published) -> list[Card]:
    facts, months = run_facts(published), window(published)
    now = dict(profit.waterfall(published, months).select("line", "amount").iter_rows())
    past = profit.waterfall_before(published, months)
    before = dict(past.select("line", "amount").iter_rows()) if past is not None else {}
    found = []
    for line, label in (("net_revenue", "Net revenue"), ("contribution", "Contribution")):
        trend, tone = _trend(now.get(line), before.get(line))
        notes = []
        if line == "contribution" and now.get(line) is not None:
            costed = now["net_revenue"] + (now.get("uncosted_net_revenue") or 0)
            notes.append(f"{fmt.percent(fmt.share(now[line], costed))} of costed net revenue")
        if before.get(line) is not None:
            notes.append(f"{fmt.compact_money(before[line], facts.currency)} in the twelve before")
        if line == "contribution" and now.get(line) is None:
            notes = ["no order has every cost known"]
        value = now.get(line)
        shown = fmt.money(value, facts.currency)
        tone = "unknown" if value is None else tone
        found.append(Card(f"{label}, {_span(months)}", shown, "; ".join(notes), trend, tone))
    return found


def _basis_card(published: Published) -> list[Card]:
    facts = run_facts(published)
    rate = facts.costed_rate
    note = (
        "no net revenue to judge it by"
        if rate is None
        else f"every cost known for {fmt.percent(rate)} of net revenue; contribution leads from 95%"
    )
    tone = "good" if rate is not None and rate >= HEADLINE_RATE else "watch"
    return [
        Card("Headline basis", fmt.title(facts.basis), note, None, tone),
        Card("As of", fmt.day(facts.as_of), f"version {facts.version}" if facts.version else "not published"),
    ]


def _gate_card(published: Published) -> list[Card]:
    layers = quality.gates(published)
    sums = {
        name: int(layers[f"{name}_n"].sum()) for name in ("check", "passed", "warned", "failed", "errored", "skipped")
    }
    shut = sums["failed"] + sums["errored"]
    if shut:
        value, tone = f"{fmt.count(shut)} did not pass", "bad"
    elif sums["warned"]:
        value, tone = f"Open, {fmt.count(sums['warned'])} warnings", "watch"
    else:
        value, tone = "All open", "good"
    note = f"{fmt.count(sums['passed'])} of {fmt.count(sums['check'])} checks passed"
    if sums["skipped"]:
        note += f", {fmt.count(sums['skipped'])} do not apply"
    book = quality.book(published) if published.has(quality.FILES) else None
    found = [Card("Gates", value, note, None, tone)]
    if book is not None:
        aside = int(book["quarantined_n"].sum())
        read = int(book["read_n"].sum())
        note = (
            f"{fmt.count(int(book['file_n'].sum()))} files; {fmt.count(aside)} rows ({_small(aside, read)}) quarantined"
        )
        found.append(Card("Rows read", fmt.count(read), note))
    return found


def _small(part: int, whole: int) -> str:
    return fmt.percent(fmt.share(part, whole), 2) if part else "0%"


def what_to_look_at(published: Published) -> list[Block]:
    """The findings, the ones that cost most first; each stands alone, what is missing is left out."""
    found: list[Sentence] = []
    for find in findings.FINDINGS:
        try:
            found.extend(find(published))
        except AbsentError:
            continue
    if not found:
        return [Note("There are too few figures in this file to say what to look at.")]
    return [Sentences(tuple(found))]


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
