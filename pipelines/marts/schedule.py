"""The order in which marts are computed: several at a time, each once the marts that it reads are done.

Lives here: `compute_ready`. Stays out: how one mart is computed (`runner`), reading and writing (the caller's).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.rows import Rows
from pipelines.marts.runner import compute_rows
from pipelines.science.threads import one_thread


def compute_ready(
    marts: Iterable[Mart], read: Callable[[Mart], Iterable[Inputs]], params: MartParams, threads: int
) -> Iterator[tuple[Mart, Rows]]:
    """Yield each mart with its rows, at most `threads` at work; `read` tells the parts of its inputs (`compute_rows`).

    `read` is called here, in the caller's thread; the parts are gone through where the mart is computed. Rows that were
    yielded are not held on to.

    A mart is begun once those among `marts` that it reads were yielded and the caller came back for more, so what the
    caller wrote of them can be read; those that most others wait for are begun first. The rows are equal for any
    number of threads. Raises ValueError when marts wait for each other, and what a mart raises, after those beside it.
    """
    waiting = _most_awaited_first(tuple(marts))
    names, done = {mart.name for mart in waiting}, set[str]()
    running: dict[Future[Rows], Mart] = {}
    with one_thread(rescan=True), ThreadPoolExecutor(threads) as pool:
        while waiting or running:
            ready = [mart for mart in waiting if names.intersection(mart.inputs) <= done]
            for mart in ready[: threads - len(running)]:
                waiting.remove(mart)
                running[pool.submit(compute_rows, mart, read(mart), params)] = mart
            if not running:
                raise ValueError(f"Each of these marts reads another of them: {', '.join(m.name for m in waiting)}.")
            finished = list(wait(running, return_when=FIRST_COMPLETED).done)
            while finished:
                mart = running.pop(finished[-1])
                yield mart, finished.pop().result()
                done.add(mart.name)


def _most_awaited_first(marts: tuple[Mart, ...]) -> list[Mart]:
    """Sorted by the number of marts that read it, or read one that does; the given order among equals."""
    awaited: dict[str, set[str]] = {mart.name: set() for mart in marts}
    for mart in reversed(marts):
        for name in awaited.keys() & set(mart.inputs):
            awaited[name] |= {mart.name} | awaited[mart.name]
    return sorted(marts, key=lambda mart: -len(awaited[mart.name]))
