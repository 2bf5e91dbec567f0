"""State: what outlives rebuilds and rollbacks, written with a publish and naming the version it belongs to.

Lives here: append-only logs below CAW_HOME/state. A log is a folder of segments, one JSON-lines file per version (or
run); a segment is written once, whole, and never changed. Stays out: what is computed from the logs (`meta`).

Logs: `versions` (one record per published version), `runs` (one per run that published or failed), `files` (one per
export file, when a version first held it), `moves` (one per rollback).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipelines.contracts.settings import Settings
from pipelines.warehouse.files import write_atomic

_SEGMENT = re.compile(r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,120}$")


def append(settings: Settings, log: str, segment: str, records: Sequence[Mapping[str, Any]]) -> bool:
    """Write a segment of a log, unless it is there already; returns whether it was written.

    Writing it twice is harmless, so a publish that died half-way can be finished. ValueError for a name that is no
    plain file name.
    """
    if not _SEGMENT.match(segment):
        raise ValueError(f"{segment!r} cannot name a segment")
    path = settings.state_dir / log / f"{segment}.jsonl"
    if path.exists():
        return False
    lines = (json.dumps(dict(record), sort_keys=True, ensure_ascii=False, default=str) for record in records)
    write_atomic(path, "".join(line + "\n" for line in lines))
    return True


def read(settings: Settings, log: str) -> list[dict[str, Any]]:
    """Every record of a log, in the order of the segments' names."""
    records = []
    for path in sorted((settings.state_dir / log).glob("*.jsonl")):
        records += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return records


def record_failed_run(settings: Settings, run_id: str, message: str) -> None:
    """Remember that a run failed, so that the next version published tells of it in `meta.runs`.

    `message` is published: it names steps and kinds of errors, and no value of the data.
    """
    ended = datetime.now(UTC).replace(microsecond=0).isoformat()
    record = {"run_id": run_id, "outcome": "failed", "version_id": None, "as_of_on": None}
    append(settings, "runs", run_id, [{**record, "ended_at": ended, "message": message}])
