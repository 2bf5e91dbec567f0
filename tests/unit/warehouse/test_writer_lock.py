"""The writer's lock: one run at a time, the second is told who is at work, a dead holder holds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter

import pytest

from pipelines.contracts.errors import ExitCode
from pipelines.contracts.settings import Settings
from pipelines.warehouse import writer_lock
from pipelines.warehouse.errors import LockedError

HOLD = """
import sys, time
from pathlib import Path
from pipelines.contracts.settings import Settings
from pipelines.warehouse.lock import writer_lock
with writer_lock(Settings(home=Path(sys.argv[1])), "other run"):
    print("held", flush=True)
    sys.stdin.readline()
"""

ATTEMPT = """
import sys
from pathlib import Path
from pipelines.contracts.settings import Settings
from pipelines.warehouse.errors import LockedError
from pipelines.warehouse.lock import writer_lock
sys.stdin.readline()
try:
    with writer_lock(Settings(home=Path(sys.argv[1])), "run " + sys.argv[2]):
        print("ran", flush=True)
        sys.stdin.readline()
except LockedError as error:
    print("locked" if "Another run is at work" in str(error) else error, flush=True)
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_second_process_is_told_who_holds_the_lock(settings: Settings) -> None:
    holder = start(HOLD, str(settings.home))
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LockedError, match=rf"run other run, process {holder.pid}, since 20") as locked:
        writer_lock(settings, "mine").__enter__()
    assert locked.value.exit_code is ExitCode.LOCKED
    holder.communicate("\n")
    with writer_lock(settings, "mine"):
        pass


def test_a_killed_holder_holds_nothing(settings: Settings) -> None:
    holder = start(HOLD, str(settings.home))
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.communicate()
    with writer_lock(settings, "mine"):
        pass


def test_the_same_run_may_take_it_again_and_another_may_not(settings: Settings) -> None:
    with writer_lock(settings, "mine"):
        with writer_lock(settings, "mine"):
            pass
        with pytest.raises(LockedError, match="run mine"):
            writer_lock(settings, "yours", wait_seconds=0.2).__enter__()
    with writer_lock(settings, "yours"):
        pass


def test_of_many_starts_at_once_exactly_one_runs(settings: Settings) -> None:
    attempts = [start(ATTEMPT, str(settings.home), str(number)) for number in range(4)]
    for attempt in attempts:
        assert attempt.stdin is not None
        attempt.stdin.write("go\n")
        attempt.stdin.flush()
    words = [attempt.stdout.readline().strip() for attempt in attempts if attempt.stdout is not None]
    for attempt in attempts:
        attempt.communicate("\n")
    assert Counter(words) == {"ran": 1, "locked": 3}
