"""The order in which marts are computed: several at a time, each once the marts that it reads are done.

Lives here: `compute_ready`. Stays out: how one mart is computed (`runner`), reading and writing (the caller's).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import polars as pl

from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.runner import compute
from pipelines.science.threads import one_thread


def compute_ready(
    marts: Iterable[Mart], read: Callable[[Mart], Inputs], params: MartParams, threads: int
) -> Iterator[tuple[Mart, pl.DataFrame]]:
    """Yield each mart with its table, at most `threads` at work; `read` is called here, in the caller's thread.

    A mart is begun once those among `marts` that it reads were yielded and the caller came back for more, so what the
    caller wrote of them can be read; those that most others wait for are begun first. The tables are equal for any
    number of threads. Raises ValueError when marts wait for each other, and what a mart raises, after those beside it.
    """
    waiting = _most_awaited_first(tuple(marts))
    names, done = {mart.name for mart in waiting}, set[str]()
    running: dict[Future[pl.DataFrame], Mart] = {}
    with one_thread(rescan=True), ThreadPoolExecutor(threads) as pool:
        while waiting or running:
            ready = [mart for mart in waiting if names.intersection(mart.inputs) <= done]
            for mart in ready[: threads - len(running)]:
                waiting.remove(mart)
                running[pool.submit(compute, mart, read(mart), params)] = mart
            if not running:
                raise ValueError(f"Each of these marts reads another of them: {', '.join(m.name for m in waiting)}.")
            for finished in wait(running, return_when=FIRST_COMPLETED).done:
                mart = running.pop(finished)
                yield mart, finished.result()
                done.add(mart.name)


def _most_awaited_first(marts: tuple[Mart, ...]) -> list[Mart]:
    """Sorted by the number of marts that read it, or read one that does; the given order among equals."""
    awaited: dict[str, set[str]] = {mart.name: set() for mart in marts}
    for mart in reversed(marts):
        for name in awaited.keys() & set(mart.inputs):
            awaited[name] |= {mart.name} | awaited[mart.name]
    return sorted(marts, key=lambda mart: -len(awaited[mart.name]))
