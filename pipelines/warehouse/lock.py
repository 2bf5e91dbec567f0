"""The writer's lock: one run at a time works on a house.

Lives here: an flock on a file that names its holder. The kernel frees it when the holder dies, so it is never stale.
Stays out: readers, who never need it.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.contracts.settings import Settings
from pipelines.warehouse.errors import LockedError

_POLL_SECONDS = 0.1


@dataclass
class _Held:
    descriptor: int
    run_id: str
    depth: int


_held: dict[Path, _Held] = {}
_guard = threading.Lock()


def lock_path(settings: Settings) -> Path:
    """The file that is locked."""
    return settings.home.resolve() / "writer.lock"


@contextmanager
def writer_lock(settings: Settings, run_id: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the writer's lock for the length of the block.

    The same run may take it again inside the block (a publish inside a run). Raises LockedError, naming the holder's
    run, process and start, when another run has it after `wait_seconds`.
    """
    path = lock_path(settings)
    _acquire(path, run_id, time.monotonic() + wait_seconds)
    try:
        yield
    finally:
        _release(path)


def _acquire(path: Path, run_id: str, deadline: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with _guard:
            held = _held.get(path)
            if held is not None and held.run_id == run_id:
                held.depth += 1
                return
            descriptor = None if held is not None else _try_lock(path, run_id)
            if descriptor is not None:
                _held[path] = _Held(descriptor, run_id, 1)
                return
        if time.monotonic() >= deadline:
            raise LockedError(f"Another run is at work: {_holder(path)}.", "Wait for it to end, then try again.")
        time.sleep(_POLL_SECONDS)


def _try_lock(path: Path, run_id: str) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    holder = {"run_id": run_id, "pid": os.getpid(), "started_at": datetime.now(UTC).isoformat(timespec="seconds")}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)
    return descriptor


def _release(path: Path) -> None:
    with _guard:
        held = _held[path]
        held.depth -= 1
        if held.depth == 0:
            del _held[path]
            os.ftruncate(held.descriptor, 0)
            os.close(held.descriptor)


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"run {holder['run_id']}, process {holder['pid']}, since {holder['started_at']}"
    except (OSError, ValueError, KeyError):
        return "it has only just begun"
