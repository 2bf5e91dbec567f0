"""Whole-number arithmetic of the simulator against the plain definitions."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.contracts.money import allocate, divide_half_away
from pipelines.simulate.exact import MILLION, Spans, convert

ORDERS = st.lists(
    st.tuples(st.integers(0, 10**9), st.lists(st.integers(0, 10**8), min_size=1, max_size=6)), min_size=1, max_size=8
)


@settings(max_examples=150, deadline=None)
@given(ORDERS)
def test_share_is_the_largest_remainder_of_every_order(orders: list[tuple[int, list[int]]]) -> None:
    size = np.array([len(weights) for _, weights in orders])
    spans = Spans(np.repeat(np.arange(len(orders)), size), np.cumsum(size) - size)
    shares = spans.share(np.array([a for a, _ in orders]), np.array([w for _, weights in orders for w in weights]))
    assert shares.tolist() == [part for amount, weights in orders for part in allocate(amount, weights)]


@given(st.lists(st.tuples(st.integers(-(10**10), 10**10), st.integers(1, 9 * 10**6)), min_size=1, max_size=20))
def test_convert_rounds_half_away_from_zero(pairs: list[tuple[int, int]]) -> None:
    amounts, rates = (np.array(values, dtype=np.int64) for values in zip(*pairs, strict=True))
    expected = [divide_half_away(amount * rate, MILLION) for amount, rate in pairs]
    assert convert(amounts, rates).tolist() == expected
