"""Run: as of when, in which currency, on which basis, and over which months the page speaks.

Lives here: the facts that every section shares, and the window of twelve full months.
Stays out: the figures of the sections.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from pipelines.report.published import AbsentError, Published

MONTHS = 12


@dataclass(frozen=True)
class RunFacts:
    """What the page stands on.

    `basis` is the headline basis; `costed_rate` is null where net revenue is not positive; `version` is null in a
    file that was not published.
    """

    as_of: date
    currency: str
    basis: str
    costed_rate: Decimal | None
    version: str | None


@dataclass(frozen=True)
class Window:
    """The months shown, and the same number of months before them where the data reach back that far."""

    first: date
    last: date
    months: int
    before_first: date | None
    is_partial: bool

    @property
    def after(self) -> date:
        """The day after the window."""
        return next_month(self.last)

    @property
    def sql(self) -> str:
        """The condition on a `month` column."""
        return f"month between date '{self.first}' and date '{self.last}'"


def next_month(month: date) -> date:
    """First day of the following month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def months_back(month: date, months: int) -> date:
    """First day of the month `months` earlier."""
    at = month.year * 12 + month.month - 1 - months
    return date(at // 12, at % 12 + 1, 1)


def run_facts(published: Published) -> RunFacts:
    """As-of day, currency and headline basis; AbsentError when the file does not even tell its as-of day."""
    return published.once("run_facts", _run_facts)


def _run_facts(published: Published) -> RunFacts:
    version = None
    if published.has("meta.versions", ("is_this",)):
        versions = published.frame("select version_id from meta.versions where is_this order by version_id")
        version = None if versions.is_empty() else versions.item(-1, 0)
    if published.has("meta.headline"):
        rows = published.frame("select as_of_on, reporting_currency, headline_basis, costed_rate from meta.headline")
        if not rows.is_empty():
            as_of, currency, basis, costed = rows.row(0)
            return RunFacts(as_of, currency, basis, costed, version)
    as_of, currency = published.frame(
        "select as_of_on, reporting_currency from meta.run_context",
        "meta.run_context",
        empty="The file does not say as of which day it was computed.",
    ).row(0)
    basis, costed = "net_revenue", None
    if published.has("marts.mart_coverage"):
        rows = published.frame("select headline_basis, costed_rate from marts.mart_coverage where dim = 'total'")
        if not rows.is_empty():
            basis, costed = rows.row(0)
    return RunFacts(as_of, currency, basis, costed, version)


def window(published: Published) -> Window:
    """The last twelve months that are over at the as-of day; fewer where the data are younger.

    When no month is over yet, the running one. AbsentError when the waterfall is empty.
    """
    return published.once("window", _window)


def _window(published: Published) -> Window:
    as_of = run_facts(published).as_of
    rows = published.frame(
        "select min(month) as first, max(month) as last from marts.profit_waterfall where dim = 'total'",
        "marts.profit_waterfall",
    )
    first, last = rows.row(0)
    if first is None:
        raise AbsentError("No order line has reached the warehouse, so there is no money to show.")
    running = as_of.replace(day=1)
    over = running if next_month(running) == as_of + timedelta(days=1) else months_back(running, 1)
    is_partial = first > over
    last = min(last, as_of) if is_partial else min(last, over)
    start = max(first, months_back(last, MONTHS - 1))
    months = (last.year - start.year) * 12 + last.month - start.month + 1
    before = months_back(start, MONTHS)
    return Window(start, last, months, before if months == MONTHS and before >= first else None, is_partial)
