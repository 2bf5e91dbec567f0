"""Codes: groups and ranges of integer codes in arrays.

Lives here: what sorted arrays of codes are counted and joined with, at a tenth of what a query on a small table costs.
Stays out: what the codes mean (`book`, `core_facts`, `uses`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def is_new(keys: np.ndarray) -> np.ndarray:
    """Which of sorted keys differ from the one before."""
    new = np.empty(len(keys), dtype=bool)
    new[:1] = True
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    return new


def runs(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and length of each run of equal keys."""
    starts = np.flatnonzero(is_new(keys))
    return starts, np.diff(starts, append=len(keys))


def ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The positions of several ranges, one range after the other."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - ends + lengths, lengths) + np.arange(ends[-1] if len(ends) else 0)


def marked(codes: Sequence[int] | np.ndarray, n: int) -> np.ndarray:
    """Which of the codes 0 to n - 1 occur."""
    is_marked = np.zeros(n, dtype=bool)
    is_marked[np.asarray(codes, dtype=np.int64)] = True
    return is_marked
