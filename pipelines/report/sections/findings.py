"""Findings: what the figures say, in sentences.

Lives here: one function per finding and the list of them in the order of the page.
Stays out: effects. A finding states what is, never what caused it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from markupsafe import Markup

from pipelines.marts.profit.lines import LINES, STEP
from pipelines.report import formatting as fmt
from pipelines.report.blocks import Sentence, say
from pipelines.report.published import Published
from pipelines.report.queries import customers, profit, quality, retention
from pipelines.report.queries.run import run_facts, window

LABELS = {line.name: line.label for line in LINES}
NOT_LEAKS = frozenset(
    {"list_value", "shipping_charged", "tax", "cogs", "uncosted_net_revenue", "period_cost", "unallocated"}
)
"""Steps that are the price of doing business, or no loss at all."""
LEAKS = tuple(line.name for line in LINES if line.kind == STEP and line.name not in NOT_LEAKS)
MATERIAL_RATE = Decimal("0.001")
SERIOUS_RATE = Decimal("0.15")
MARGIN_GAP = Decimal("0.05")
MOST_LEAKS = 3

Amounts = dict[str, Decimal | None]


def _amounts(published: Published) -> tuple[Amounts, Amounts]:
    months = window(published)
    now = dict(profit.waterfall(published, months).select("line", "amount").iter_rows())
    past = profit.waterfall_before(published, months)
    return now, dict(past.select("line", "amount").iter_rows()) if past is not None else {}


def leaks(published: Published) -> list[Sentence]:
    """The lines that take most money between list value and contribution."""
    facts = run_facts(published)
    now, _ = _amounts(published)
    whole = now.get("list_value")
    lost = sorted(((-(now.get(name) or 0), name) for name in LEAKS), key=lambda pair: (-pair[0], pair[1]))
    top = [(amount, name) for amount, name in lost if amount > 0][:MOST_LEAKS]
    if not top or not whole:
        return []
    parts = [
        say(
            "{name} ({money}, {rate})",
            name=Markup(LABELS[name].lower()),
            money=fmt.compact_money(amount, facts.currency),
            rate=fmt.percent(fmt.share(amount, whole)),
        )
        for amount, name in top
    ]
    total = sum((amount for amount, _ in lost), Decimal(0))
    return [
        Sentence(
            say(
                "Beside cost of goods and tax, {total} of list value ({share}) left on the way. Most of it: {parts}.",
                total=fmt.compact_money(total, facts.currency),
                share=fmt.percent(fmt.share(total, whole)),
                parts=Markup(fmt.listing([str(part) for part in parts])),
            ),
            "bad" if total / whole > SERIOUS_RATE else "watch",
            "waterfall",
        )
    ]


def widened_leak(published: Published) -> list[Sentence]:
    """The leak whose share of list value grew most, and what that growth costs at today's volume."""
    facts = run_facts(published)
    now, past = _amounts(published)
    whole, whole_past = now.get("list_value"), past.get("list_value")
    if not whole or not whole_past:
        return []
    growth = []
    for name in LEAKS:
        amount, before = now.get(name), past.get(name)
        if amount is not None and before is not None:
            growth.append((-amount / whole - -before / whole_past, name, -amount / whole, -before / whole_past))
    growth.sort(key=lambda row: (-row[0], row[1]))
    if not growth or growth[0][0] < MATERIAL_RATE:
        return [Sentence(say("No leak took a larger share of list value than in the twelve months before."), "good")]
    rise, name, rate, before_rate = growth[0]
    return [
        Sentence(
            say(
                "{name} widened most: from {before} to {now} of list value in twelve months. At the earlier share, "
                "{money} more would have stayed.",
                name=LABELS[name],
                before=fmt.percent(before_rate),
                now=fmt.percent(rate),
                money=fmt.compact_money(rise * whole, facts.currency),
            ),
            "watch",
            "waterfall",
        )
    ]


def growth(published: Published) -> list[Sentence]:
    """Whether revenue and contribution move together."""
    now, past = _amounts(published)
    revenue, contribution = (fmt.change(now.get(name), past.get(name)) for name in ("net_revenue", "contribution"))
    if revenue is None:
        return []
    if contribution is None:
        return [
            Sentence(say("Net revenue changed by {revenue} over twelve months.", revenue=revenue), "plain", "months")
        ]
    grew = (now["net_revenue"] or 0) > (past["net_revenue"] or 0)
    earned = (now["contribution"] or 0) > (past["contribution"] or 0)
    pattern, tone = {
        (True, True): (
            "Net revenue ({revenue}) and contribution ({contribution}) both grew over twelve months.",
            "good",
        ),
        (True, False): (
            "Net revenue grew ({revenue}) while contribution fell ({contribution}) over twelve months: more is sold, "
            "less is earned.",
            "bad",
        ),
        (False, True): (
            "Contribution grew ({contribution}) on less net revenue ({revenue}) over twelve months.",
            "good",
        ),
        (False, False): (
            "Net revenue ({revenue}) and contribution ({contribution}) both fell over twelve months.",
            "bad",
        ),
    }[grew, earned]
    return [Sentence(say(pattern, revenue=revenue, contribution=contribution), tone, "months")]


def period_costs(published: Published) -> list[Sentence]:
    """What the costs of the period leave of contribution."""
    facts = run_facts(published)
    now, _ = _amounts(published)
    after, contribution = now.get("contribution_after_period_costs"), now.get("contribution")
    if after is None or contribution is None or after == contribution:
        return []
    return [
        Sentence(
            say(
                "Costs of the period ({costs}) leave {after} of the contribution of {contribution}.",
                costs=fmt.compact_money(contribution - after, facts.currency),
                after=fmt.compact_money(after, facts.currency),
                contribution=Markup(fmt.compact_money(contribution, facts.currency)),
            ),
            "bad" if after < 0 else "plain",
            "waterfall",
        )
    ]


def channels(published: Published) -> list[Sentence]:
    """The channels that keep most and least of their costed net revenue."""
    lines = profit.by_channel(published, window(published))
    sums: dict[str, Amounts] = {}
    for channel, line, amount in lines.select("channel", "line", "amount").iter_rows():
        sums.setdefault(channel, {})[line] = amount
    margins = []
    for channel, amounts in sums.items():
        net, contribution = amounts.get("net_revenue"), amounts.get("contribution")
        costed = None if net is None else net + (amounts.get("uncosted_net_revenue") or 0)
        if costed is not None and costed > 0 and contribution is not None:
            margins.append((contribution / costed, channel))
    margins.sort()
    if len(margins) < 2 or margins[-1][0] - margins[0][0] < MARGIN_GAP:
        return []
    (low, worst), (high, best) = margins[0], margins[-1]
    return [
        Sentence(
            say(
                "{worst} keeps {low} of its net revenue as contribution, {best} {high}.",
                worst=worst,
                low=fmt.percent(low),
                best=best,
                high=fmt.percent(high),
            ),
            "bad" if low < 0 else "watch",
            "channels",
        )
    ]


def retention_trend(published: Published) -> list[Sentence]:
    """Whether newer customers come back more, at equal age."""
    found = retention.trend(published)
    if found is None:
        return []
    before = "the same months a year before" if found.is_year_apart else f"the {found.cohorts} months before"
    verdict = "" if found.is_clear else " The difference is within what chance can do."
    direction = "more" if found.now > found.before else "fewer"
    text = say(
        f"Of the customers of the latest {found.cohorts} months that are old enough, {{now}} bought again within "
        f"{found.age_days} days; of {before}, {{before}}."
        + (f" {direction.capitalize()} come back, by {{points}} points." if found.is_clear else verdict),
        now=fmt.percent(found.now),
        before=fmt.percent(found.before),
        points=fmt.decimal(abs(found.now - found.before) * 100, 1),
    )
    tone = "plain" if not found.is_clear else "good" if found.now > found.before else "bad"
    return [Sentence(text, tone, "retention-cohorts")]


def at_risk(published: Published) -> list[Sentence]:
    """How much of the last year's money comes from customers that are now silent too long."""
    facts = run_facts(published)
    frame = customers.states(published, facts)
    silent = frame.filter(frame["state"].is_in(["at_risk", "dormant", "churned"]))
    amount, whole = silent["recent_amount"].sum(), frame["recent_amount"].sum()
    people, reachable = int(silent["customer_n"].sum()), int(silent["reachable_n"].sum())
    rate = fmt.share(amount, whole)
    if not people or rate is None or rate <= 0:
        return []
    return [
        Sentence(
            say(
                "{rate} of the "
                + fmt.words(facts.basis)
                + " of the last 365 days ({money}) came from {people} customers "
                "who are now at risk, dormant or lost; {reachable} of them can be reached with consent.",
                rate=fmt.percent(rate),
                money=fmt.compact_money(amount, facts.currency),
                people=fmt.count(people),
                reachable=fmt.count(reachable),
            ),
            "bad" if rate > SERIOUS_RATE * 2 else "watch",
            "states-map",
        )
    ]


def concentration(published: Published) -> list[Sentence]:
    """How few customers hold most of the expected money, and what others are expected to lose."""
    facts = run_facts(published)
    found = customers.concentration(published)
    if found is None or found.high_rate is None or found.high_from is None:
        return []
    lost = " Customers who cost more than they bring are expected to lose {lost}." if found.negative < 0 else ""
    return [
        Sentence(
            say(
                "{rate} of {all} hold 80% of the {basis} that is expected in the coming horizon." + lost,
                rate=fmt.percent(found.high_rate),
                all=Markup(fmt.counted(found.customers, "customer")),
                basis=Markup(fmt.words(facts.basis)),
                lost=fmt.compact_money(-found.negative, facts.currency),
            ),
            "plain",
            "segments-map",
        )
    ]


def costs(published: Published) -> list[Sentence]:
    """Whether costs are known well enough for contribution to lead."""
    facts = run_facts(published)
    if facts.basis == "contribution" or facts.costed_rate is None:
        return []
    known = "Every cost is known for {rate} of net revenue only" if facts.costed_rate > 0 else "No cost is known"
    text = say(
        known + ", so net revenue leads on this page. Cost, fee and shipment files would tell what is earned.",
        rate=fmt.percent(facts.costed_rate),
    )
    return [Sentence(text, "watch", "coverage")]


def set_aside(published: Published) -> list[Sentence]:
    """Rows that could not be read, refused files, and warnings of the gates."""
    book = quality.book(published)
    aside, refused = int(book["quarantined_n"].sum()), int(book["refused_n"].sum())
    found = []
    if refused:
        text = say("{n} refused whole, with no row in these figures.", n=fmt.counted(refused, "file"))
        found.append(Sentence(text, "bad", "account-book"))
    if aside:
        text = say("{n} could not be read and went to quarantine.", n=fmt.counted(aside, "row"))
        found.append(Sentence(text, "plain", "account-book"))
    if published.has(quality.CHECKS):
        warned = int(quality.gates(published)["warned_n"].sum())
        if warned:
            text = say("{n} of the gates, which does not stop the publish.", n=fmt.counted(warned, "warning"))
            found.append(Sentence(text, "watch", "gates"))
    return found


FINDINGS: tuple[Callable[[Published], list[Sentence]], ...] = (
    growth,
    period_costs,
    leaks,
    widened_leak,
    channels,
    retention_trend,
    at_risk,
    concentration,
    costs,
    set_aside,
)
"""Every finding, in the order of the page."""
