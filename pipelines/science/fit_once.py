"""Fits made once: a count model fitted to the same rows again is the one fitted before.

Lives here: the memo of fits in this process, by their data. Stays out: fitting (`count_model`).

A fit is a pure function of its rows and its prior, and several marts ask for the same one: the value, the risk of
silence and the ledger's last review all fit all customers as of the same day. The memo only saves the time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from copy import copy
from hashlib import blake2b
from threading import Lock
from typing import TypeVar

from pipelines.science.count_model import CountModel, CountRows

Model = TypeVar("Model", bound=CountModel)
_MOST = 256
"""Fits that are remembered; each holds a handful of numbers."""
_made: OrderedDict[tuple, Future[CountModel]] = OrderedDict()
_lock = Lock()


def fit_once(
    kind: type[Model],
    rows: CountRows,
    *,
    prior: Mapping[str, float] | None = None,
    prior_sd: float = 0.5,
    polish: bool = False,
) -> Model:
    """`kind(prior=prior, prior_sd=prior_sd).fit_rows(rows, polish=polish)`, or a copy of it where it was made before.

    Who asks for a fit that another thread is at waits for it. What a fit raises, everyone who asks for it gets.
    """
    key = (kind, _digest(rows), tuple(sorted(prior.items())) if prior else None, prior_sd, polish)
    with _lock:
        is_new = key not in _made
        promise = _made.setdefault(key, Future())
        _made.move_to_end(key)
        if len(_made) > _MOST:
            _made.popitem(last=False)
    if is_new:
        try:
            promise.set_result(kind(prior=prior, prior_sd=prior_sd).fit_rows(rows, polish=polish))
        except BaseException as error:
            promise.set_exception(error)
            raise
    found = promise.result()
    assert isinstance(found, kind)
    return copy(found)


def _digest(rows: CountRows) -> bytes:
    found = blake2b(digest_size=16)
    for column in (rows.x, rows.t_x, rows.age, rows.n):
        found.update(len(column).to_bytes(8, "little"))
        found.update(column.tobytes())
    return found.digest()
