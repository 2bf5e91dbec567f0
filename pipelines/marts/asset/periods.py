"""Periods: the month-ends of the ledger, which of them are closed, and when assumptions are reviewed.

Lives here: rules about days only. Stays out: facts and values.
"""

from __future__ import annotations

from datetime import date, timedelta

REVIEW_MONTHS = (6, 12)
"""Assumptions are reviewed at the ends of these months, at the first month-end, and at the as-of day."""


def month_end(day: date) -> date:
    """The last day of a day's month."""
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return following - timedelta(days=1)


def period_ends(first: date, as_of: date) -> list[date]:
    """The month-ends from a first day on, and the as-of day as the last one, whether or not a month ends on it."""
    ends = []
    day = month_end(first)
    while day < as_of:
        ends.append(day)
        day = month_end(day + timedelta(days=1))
    return [*ends, as_of]


def review_days(ends: list[date]) -> list[date]:
    """The period ends at which models and cut points are fitted anew."""
    return [end for place, end in enumerate(ends) if place in (0, len(ends) - 1) or end.month in REVIEW_MONTHS]


def last_closed(as_of: date, published: date | None) -> date | None:
    """The last closed period end, carried as it was published; None when everything is computed.

    A month is closed for a run when a version as of its end or later is served and it ended before the run's as-of
    day. A version as of a later day says nothing about an earlier one.
    """
    if published is None or published > as_of:
        return None
    ended = published if published == month_end(published) else published.replace(day=1) - timedelta(days=1)
    return ended if ended < as_of else as_of.replace(day=1) - timedelta(days=1)
