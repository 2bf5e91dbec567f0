"""The rule tables of RFM: scores to segments, high or low to types.

Lives here: the eleven segments, the eight types. Stays out: how scores are made (`customer_rfm`), value tiers
(`value_tiers`).

The segments and their cells are those of Shopify's RFM customer analysis: recency against FM, the mean of the
frequency and money scores. Its limits are half-open (champions: FM > 3), so a half counts up.
"""

from __future__ import annotations

PROSPECTS = "prospects"
SEGMENT_CELLS: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = (
    ("champions", (5,), (4, 5)),
    ("loyal", (3, 4), (4, 5)),
    ("active", (4, 5), (2, 3)),
    ("new", (5,), (1,)),
    ("promising", (4,), (1,)),
    ("needs_attention", (3,), (3,)),
    ("almost_lost", (3,), (1, 2)),
    ("previously_loyal", (1, 2), (5,)),
    ("at_risk", (1, 2), (3, 4)),
    ("dormant", (1, 2), (1, 2)),
)
"""Segment, its recency scores, its FM scores: the 25 cells, each in exactly one segment."""
SEGMENTS = (*(name for name, _, _ in SEGMENT_CELLS), PROSPECTS)

TYPE_RULES: tuple[tuple[str, bool, bool, bool], ...] = (
    ("important_value", True, True, True),
    ("important_develop", True, False, True),
    ("important_keep", False, True, True),
    ("important_win_back", False, False, True),
    ("general_value", True, True, False),
    ("general_develop", True, False, False),
    ("general_keep", False, True, False),
    ("general_win_back", False, False, False),
)
"""Type, then whether recency, frequency and money are high: recency at most the median days, the others above it."""
TYPES = tuple(name for name, *_ in TYPE_RULES)
