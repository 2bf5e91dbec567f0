"""States of customers on a day, by given cut points.

Lives here: the lifecycle state from a summary of facts, and the line of the ledger that a change of state belongs to.
Stays out: where cut points come from (`lifecycle_cut_points`), and value tiers (`value_tiers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from pipelines.contracts.marts import MartParams
from pipelines.marts.asset.assumptions import CUTS
from pipelines.marts.churn.customer_lifecycle import STATES, state_of
from pipelines.marts.churn.lifecycle_cut_points import POOLED, finalize
from pipelines.science.numerics import Index

Flags = npt.NDArray[np.bool_]

UNSTATED = "unstated"
"""State of a customer with an order where there are no gaps between orders to take cut points from."""
PROSPECT = STATES[0]
NAMES = (*STATES, UNSTATED)
_CODE = {name: place for place, name in enumerate(NAMES)}
_LIVELY = ("new", "active", "reactivated", UNSTATED)
_SILENT = ("at_risk", "dormant")
_CHURNED = _CODE["churned"]

ACQUIRED, REACTIVATED, DEEPENED, DEPRECIATED, LAPSED, CHURNED, DORMANT = BEHAVIOURS = (
    "acquired", "reactivated", "deepened", "depreciated", "lapsed", "churned", "dormant_revaluation",
)  # fmt: skip
"""Lines that customers' behaviour makes; every customer has exactly one in a period."""


def codes(states: pl.Series) -> Index:
    """Numbers of states (their place in `NAMES`), prospects for null."""
    return states.fill_null(PROSPECT).replace_strict(_CODE, return_dtype=pl.Int64).to_numpy()


def cut_points(summary: pl.DataFrame, gaps: pl.DataFrame, on: date, params: MartParams) -> pl.DataFrame:
    """Cut points as of a day by segment, from completed `gaps` (segment, days) and the open ones of a summary."""
    complete = gaps.select(
        "segment", "days", pl.lit(1, dtype=pl.Int64).alias("gap_n"), pl.lit(0, dtype=pl.Int64).alias("open_gap_n")
    )
    silent = (pl.lit(on, dtype=pl.Date) - pl.col("last_on")).dt.total_days().clip(lower_bound=0)
    ongoing = summary.select(
        "segment",
        silent.alias("days"),
        pl.lit(0, dtype=pl.Int64).alias("gap_n"),
        pl.lit(1, dtype=pl.Int64).alias("open_gap_n"),
    )
    return finalize(pl.concat([complete, ongoing]).lazy(), replace(params, as_of=on)).collect()


def states(
    silences: pl.DataFrame, kinds: tuple[Sequence[str | None], Index], cuts: pl.DataFrame, on: date, params: MartParams
) -> Index:
    """The state of every customer by its segment's cut points, as in `customer_lifecycle`; numbers.

    `silences`: first_on, last_on, last_gap_days; `kinds` are the segments, and the place of each customer's.
    """
    segments, segment = kinds
    rows = {name: place for place, name in enumerate(cuts["segment"])}
    place = pl.Series([rows.get(name, rows.get(POOLED)) for name in segments], dtype=pl.UInt32)
    cut = cuts.select(pl.col(list(CUTS)).gather(place.gather(segment)))
    silent = (pl.lit(on, dtype=pl.Date) - pl.col("last_on")).dt.total_days().clip(lower_bound=0)
    known = silences.select(silent.alias("silence_days"), pl.col("first_on").alias("first_order_on"), "last_gap_days")
    found = known.hstack(cut).select(state_of(replace(params, as_of=on)).fill_null(UNSTATED).alias("state"))
    return codes(found["state"])


def in_base(state: Index) -> Index:
    """1 for customers of the base: with a kept order and not churned; else 0."""
    return ((state != _CODE[PROSPECT]) & (state != _CHURNED)).astype(np.int64)


def behaviour(before: Index, after: Index, bought: Flags, change: Index) -> Index:
    """The line of each customer: its place in `BEHAVIOURS`.

    `before` and `after` are states by the same cut points, `bought` says that the last kept order is of the period,
    `change` is the change of value. A customer whose orders were all refunded or cancelled in the period has churned.
    """
    lively = np.isin(before, [_CODE[name] for name in _LIVELY])
    silent, churned = np.isin(before, [_CODE[name] for name in _SILENT]), before == _CHURNED
    still = np.isin(after, [_CODE[name] for name in _LIVELY])
    gone = (after == _CHURNED) | (after == _CODE[PROSPECT])
    newly_silent = lively & np.isin(after, [_CODE[name] for name in _SILENT])
    deeper = (before == _CODE["at_risk"]) & (after == _CODE["dormant"])
    rules = [
        (before == _CODE[PROSPECT], ACQUIRED),
        ((silent | churned) & bought, REACTIVATED),
        (gone & ~churned, CHURNED),
        (newly_silent | deeper, LAPSED),
        (lively & still & (change >= 0), DEEPENED),
        (lively & still, DEPRECIATED),
    ]
    return np.select(
        [rule for rule, _ in rules], [BEHAVIOURS.index(name) for _, name in rules], BEHAVIOURS.index(DORMANT)
    )
