"""Period costs: each month's costs that belong to no order, shared over the values of every dimension.

Lives here: the rules of allocation (`net_revenue`, `orders`, `channel:<name>`, `none`), exact to the ten-thousandth by
largest remainder. Stays out: the waterfall's other lines (`profit_waterfall`).

A cost whose rule finds no positive weight in its month stays unallocated, in every dimension alike, so that dimensions
keep summing to the total. Weights are order-dated in both datings; negative net revenue weighs nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from pipelines.contracts.money import allocate

TOTAL = "total"
UNALLOCATED_VALUE = "(unallocated)"
UNALLOCATED_LINES = ("unallocated", "contribution_after_period_costs")
_CHANNEL = "channel:"

Cell = tuple[str, str, date]
"""Dimension, value, month."""


@dataclass
class Shares:
    """What is allocated and what is not, by cell; months with a cost that has no exchange rate."""

    allocated: dict[Cell, int] = field(default_factory=lambda: defaultdict(int))
    unallocated: dict[Cell, int] = field(default_factory=lambda: defaultdict(int))
    unknown_months: set[date] = field(default_factory=set)


def _weights(rows: Iterable[dict], dim: str, measure: str, channel: str | None) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        if channel is None or row["channel"] == channel:
            sums[TOTAL if dim == TOTAL else row[dim]] += row[measure]
    return {value: max(0, weight) for value, weight in sorted(sums.items())}


def _measure(rule: str) -> tuple[str | None, str | None]:
    """The measure that weighs and the channel it is limited to; no measure when nothing allocates."""
    if rule == "orders":
        return "kept_order_n", None
    if rule == "net_revenue":
        return "net_revenue", None
    if rule.startswith(_CHANNEL):
        return "net_revenue", rule.removeprefix(_CHANNEL)
    return None, None


def share(costs: Iterable[dict], weights: Iterable[dict], dims: tuple[str, ...]) -> Shares:
    """Share each cost (month, allocation_rule, period_cost or None) over the values of every dimension."""
    by_month: dict[date, list[dict]] = defaultdict(list)
    for row in weights:
        by_month[row["month"]].append(row)
    shares = Shares()
    for cost in costs:
        month, amount = cost["month"], cost["period_cost"]
        if amount is None:
            shares.unknown_months.add(month)
            continue
        measure, channel = _measure(cost["allocation_rule"] or "none")
        total = _weights(by_month[month], TOTAL, measure, channel) if measure else {}
        for dim in (TOTAL, *dims):
            if measure and sum(total.values()) > 0:
                found = _weights(by_month[month], dim, measure, channel)
                for value, part in zip(found, allocate(amount, list(found.values())), strict=True):
                    shares.allocated[(dim, value, month)] += part
            else:
                value = TOTAL if dim == TOTAL else UNALLOCATED_VALUE
                shares.unallocated[(dim, value, month)] += amount
    return shares


def _frame(shares: Shares) -> pl.DataFrame:
    cells = sorted({*shares.allocated, *shares.unallocated})
    return pl.DataFrame(
        {
            "dim": [dim for dim, _, _ in cells],
            "dim_value": [value for _, value, _ in cells],
            "month": [month for _, _, month in cells],
            "period_cost": [shares.allocated.get(cell, 0) for cell in cells],
            "unallocated": [shares.unallocated.get(cell, 0) for cell in cells],
        },
        schema={
            "dim": pl.String,
            "dim_value": pl.String,
            "month": pl.Date,
            "period_cost": pl.Int64,
            "unallocated": pl.Int64,
        },
    )


def with_period_costs(cells: pl.DataFrame, parts: pl.LazyFrame, dims: tuple[str, ...]) -> pl.DataFrame:
    """Cells with `period_cost`, `unallocated` and `contribution_after_period_costs`.

    The last is null in months of which no order line is costed or a period cost has no exchange rate: in every cell
    alike, so that dimensions sum to the total. Cells that only period costs have are added, with zero order lines.
    """
    costs = parts.filter(pl.col("part") == "period").sort("month", "category", "allocation_rule").collect()
    weights = (
        parts.filter(pl.col("part").is_in(["order", "orders"]))
        .group_by("month", *dims)
        .agg(pl.col("net_revenue", "kept_order_n").sum())
        .sort("month", *dims)
        .collect()
    )
    shares = share(costs.iter_rows(named=True), list(weights.iter_rows(named=True)), dims)
    datings = pl.DataFrame({"dating": ["order", "refund"]})
    placed = datings.join(_frame(shares), how="cross")
    keys = ["dating", "dim", "dim_value", "month"]
    whole = cells.join(placed, on=keys, how="full", coalesce=True).with_columns(
        pl.col(name).fill_null(0) for name in [*cells.columns, "period_cost", "unallocated"] if name not in keys
    )
    nothing_costed = (pl.col("costed_n") == 0) & (pl.col("contribution") == 0) & (pl.col("order_line_n") > 0)
    of_month = whole.filter(pl.col("dim") == TOTAL).select("dating", "month", nothing_costed.alias("is_uncosted"))
    unknown = pl.col("is_uncosted") | pl.col("month").is_in(sorted(shares.unknown_months))
    after = pl.col("contribution") - pl.col("period_cost") - pl.col("unallocated")
    return (
        whole.join(of_month, on=["dating", "month"], how="left")
        .with_columns(pl.when(~unknown).then(after).alias("contribution_after_period_costs"))
        .drop("is_uncosted")
    )
