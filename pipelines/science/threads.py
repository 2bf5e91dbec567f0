"""Threads: numerical libraries on one thread while small problems are solved.

Lives here: one context manager. Matrices here have a handful of rows; waking a second BLAS thread costs more than it
computes, and one thread gives equal bits on any machine.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread(*, rescan: bool = False) -> AbstractContextManager:
    """Limit BLAS and OpenMP libraries to one thread inside the `with` block; `rescan` finds those loaded since."""
    if rescan:
        _controller.cache_clear()
    return _controller().limit(limits=1)
