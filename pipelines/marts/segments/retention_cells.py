"""The cells of cohort_retention: estimates and intervals from whole-number statistics.

Lives here: which kinds and measures a cell has, their estimates, methods and reasons.
Stays out: the statistics (`retention_statistics`) and the formulas of intervals (`pipelines.science`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.contracts.marts import MartParams
from pipelines.marts.common import BASES, NO_RATE, stamp
from pipelines.marts.profit.mart_coverage import HEADLINE_PERCENT
from pipelines.marts.segments.retention_statistics import PERIOD_DAYS, Counter, Group, Numbers, groups
from pipelines.science.intervals import ratio_of_sums, wilson
from pipelines.science.survival import kaplan_meier

POOLED = "(all)"
KINDS = ("exact", "within_n", "rolling", "survival")
MEASURES = ("customers", *BASES)
NO_CUT = "there is no cut point for churn"
NO_BASE = "the money of the first day is not positive"
NO_COVERAGE = f"costs are known for less than {HEADLINE_PERCENT} % of net revenue"
NO_SPREAD = "no interval: one customer, or no money that varies"
SHARE = "share of the customers, Wilson interval"
LOWER_BOUND = "share of the customers seen so far in the period or later, a lower bound; Wilson interval"
RATIO = "ratio of sums, linearised normal interval"
_GROUP = {
    "dim": pl.String(),
    "dim_value": pl.String(),
    "cohort": pl.String(),
    "cohort_on": pl.Date(),
    "cohort_n": pl.Int64(),
}
_CELL = {
    "retention_kind": pl.String(),
    "measure": pl.String(),
    "period_n": pl.Int64(),
    "n": pl.Int64(),
    "kept_n": pl.Int64(),
    "amount": pl.Int64(),
    "base_amount": pl.Int64(),
    "est": pl.Float64(),
    "lo": pl.Float64(),
    "hi": pl.Float64(),
    "method": pl.String(),
    "why_not": pl.String(),
}
Floats = NDArray[np.float64]
Columns = dict[str, list]
"""Cells as a list of values for each column."""


def cells(parts: pl.LazyFrame, params: MartParams) -> pl.LazyFrame:
    """All cells of the mart, amounts in whole ten-thousandths."""
    found = list(groups(parts, params))
    cut = next((max(days) for group in found if (days := group.counter.by_day("cut"))), None)
    told = [rows for group in found for rows in _group_cells(group, cut, params)]
    columns = {name: [value for rows in told for value in rows[name]] for name in (*_CELL, *_GROUP)}
    return (
        pl.LazyFrame(columns, schema={**_CELL, **_GROUP})
        .with_columns(pl.col("est", "lo", "hi").fill_nan(None))
        .with_columns(
            (pl.col("period_n") * PERIOD_DAYS).alias("age_days"),
            pl.col("est").is_not_null().alias("is_identified"),
            *stamp(params),
        )
    )


def _group_cells(group: Group, cut: int | None, params: MartParams) -> Iterator[Columns]:
    """Cells of the group of every kind and measure, for k = 1 and on."""
    n = group.counter.base("customers")
    last = max((k for k in range(1, group.mature_n + 1) if n[k] > 0), default=0)
    shared = {
        "dim": group.dim,
        "dim_value": group.dim_value,
        "cohort": POOLED if group.cohort_on is None else f"{group.cohort_on:%Y-%m}",
        "cohort_on": group.cohort_on,
        "cohort_n": n[0],
    }
    for rows in (*_customer_cells(group, n, cut, params), *_money_cells(group.counter, n, params)):
        told = {name: values[1 : last + 1] for name, values in rows.items()}
        yield told | {name: [value] * last for name, value in shared.items()}


def _rows(kind: str, measure: str, n: Numbers, **columns: object) -> Columns:
    """Cells for k = 0 and on; a column is one value for all or a list; NaN stands for null."""
    size = len(n)
    given = {"retention_kind": kind, "measure": measure, "period_n": list(range(size)), "n": list(n), **columns}
    return {name: value if isinstance(value := given.get(name), list) else [value] * size for name in _CELL}


def _share(kept: Numbers, n: Numbers, params: MartParams) -> dict[str, list[float]]:
    """Shares with their Wilson interval."""
    k, total = kept.astype(np.float64), n.astype(np.float64)
    low, high = wilson(k, total, params.confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {"est": list(k / total), "lo": list(low), "hi": list(high)}


def _customer_cells(group: Group, n: Numbers, cut: int | None, params: MartParams) -> list[Columns]:
    counter = group.counter
    counted = (
        ("exact", counter.at("active"), SHARE),
        ("within_n", counter.up_to("first_return"), SHARE),
        ("rolling", counter.since("last"), LOWER_BOUND),
    )
    rows = [
        _rows(kind, "customers", n, kept_n=list(kept), method=method, **_share(kept, n, params))
        for kind, kept, method in counted
    ]
    return [*rows, _survival(group, n, cut, params)]


def _survival(group: Group, n: Numbers, cut: int | None, params: MartParams) -> Columns:
    """Cohorts by month are all observed for k periods: a share. Pooled customers are not: Kaplan-Meier."""
    ends = f"a silence of more than {cut} days ends it"
    if cut is None:
        return _rows("survival", "customers", n, method=SHARE, why_not=NO_CUT)
    kept = n - group.counter.up_to("lapse_period")
    simple = _share(kept, n, params)
    if group.cohort_on is not None:
        return _rows("survival", "customers", n, kept_n=list(kept), method=f"{SHARE}; {ends}", **simple)
    lapse, censor = group.counter.by_day("lapse"), group.counter.by_day("censor")
    days = sorted({*lapse, *censor})
    curve = kaplan_meier(days, [lapse.get(day, 0) for day in days], [censor.get(day, 0) for day in days])
    ages = np.arange(len(n)) * PERIOD_DAYS
    est = curve.value_at(ages)
    low, high = curve.interval_at(ages, params.confidence)
    low = np.where(est == 1, simple["lo"], low)
    high = np.where(est == 1, 1.0, np.where(est == 0, simple["hi"], high))
    low = np.where(est == 0, 0.0, low)
    method = f"Kaplan-Meier, log-log interval (Wilson at 0 and 1); {ends}"
    return _rows(
        "survival", "customers", n, kept_n=list(kept), est=list(est), lo=list(low), hi=list(high), method=method
    )


def _money_cells(counter: Counter, n: Numbers, params: MartParams) -> list[Columns]:
    """For each basis: money of period k, and up to it, as multiples of the first day's."""
    net, costed, no_rate = (counter.base(stat) + counter.up_to(stat) for stat in ("net_revenue", "costed", "no_rate"))
    rows = []
    for basis in BASES:
        unknown = [NO_RATE if missing > 0 else None for missing in no_rate]
        if basis == "contribution":
            unknown = [
                reason or (None if 100 * part >= HEADLINE_PERCENT * whole else NO_COVERAGE)
                for reason, part, whole in zip(unknown, costed, net, strict=True)
            ]
        x, xx = counter.base(basis), counter.base(f"{basis}:yy")
        sums = {
            "exact": (counter.at(basis), counter.at(f"{basis}:yy"), counter.at(f"{basis}:xy")),
            "within_n": (counter.up_to(basis), counter.up_to(f"{basis}:grown"), counter.up_to(f"{basis}:xy")),
        }
        rows += [_money(kind, basis, n, x, xx, of_kind, unknown, params) for kind, of_kind in sums.items()]
    return rows


def _money(
    kind: str,
    basis: str,
    n: Numbers,
    x: Numbers,
    xx: Numbers,
    of_kind: tuple[Numbers, Numbers, Numbers],
    unknown: list[str | None],
    params: MartParams,
) -> Columns:
    y, yy, xy = of_kind
    est, low, high = ratio_of_sums(n, y, x, yy, xy, xx, params.confidence)
    reasons = [reason or (NO_BASE if base <= 0 else None) for reason, base in zip(unknown, x, strict=True)]
    told = np.array([reason is None for reason in reasons])
    spread = told & (high > low)
    why_not = [reason or (None if varies else NO_SPREAD) for reason, varies in zip(reasons, spread, strict=True)]
    return _rows(
        kind,
        basis,
        n,
        amount=[value if known else None for value, known in zip(y, told, strict=True)],
        base_amount=[value if known else None for value, known in zip(x, told, strict=True)],
        est=list(np.where(told, est, np.nan)),
        lo=list(np.where(spread, low, np.nan)),
        hi=list(np.where(spread, high, np.nan)),
        method=RATIO,
        why_not=why_not,
    )
