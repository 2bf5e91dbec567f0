"""Money: exact amounts, in one place.

Lives here: the conversion between DECIMAL(18,4) columns and whole ten-thousandths (Int64) that Polars jobs compute
with, rounding half away from zero, and allocation by largest remainder.
Stays out: any formula of the business. Nothing here ever makes a float of an amount.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

SCALE = 4
UNITS_PER_WHOLE = 10**SCALE
"""Ten-thousandths in one unit of currency."""


def to_units(column: str | pl.Expr) -> pl.Expr:
    """DECIMAL(18,4) to whole ten-thousandths (Int64); null stays null."""
    expression = pl.col(column) if isinstance(column, str) else column
    scaled = expression.cast(pl.Decimal(38, SCALE)) * pl.lit(UNITS_PER_WHOLE, dtype=pl.Decimal(38, 0))
    return scaled.cast(pl.Int64)


def from_units(column: str | pl.Expr) -> pl.Expr:
    """Whole ten-thousandths (Int64) to DECIMAL(18,4); null stays null."""
    expression = pl.col(column) if isinstance(column, str) else column
    return (expression.cast(pl.Decimal(38, SCALE)) * pl.lit("0.0001").cast(pl.Decimal(38, SCALE))).cast(
        pl.Decimal(18, SCALE)
    )


def divide_half_away(numerator: int, denominator: int) -> int:
    """Integer division rounded half away from zero; `denominator` must be positive."""
    if denominator <= 0:
        raise ValueError("denominator must be positive")
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Share `amount` (whole units) over `weights` by largest remainder; the shares sum to `amount` exactly.

    Remaining units go to the largest remainders, ties to the earlier position. All-zero weights count as equal.
    Raises ValueError for no weights or a negative one.
    """
    if not weights:
        raise ValueError("nothing to allocate to")
    if any(weight < 0 for weight in weights):
        raise ValueError("weights must not be negative")
    used = list(weights) if any(weights) else [1] * len(weights)
    total, sign, size = sum(used), (-1 if amount < 0 else 1), abs(amount)
    shares = [size * weight // total for weight in used]
    remainders = [size * weight % total for weight in used]
    order = sorted(range(len(used)), key=lambda i: (-remainders[i], i))
    for position in order[: size - sum(shares)]:
        shares[position] += 1
    return [sign * share for share in shares]
