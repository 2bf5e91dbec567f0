"""Errors a user can act on: a code, what happened, and the next step.

Lives here: the base of every such error and the exit codes of the command line. Stays out: the errors of each room.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `caw`."""

    OK = 0
    GATE_FAILED = 1
    USAGE = 2
    INPUT_REFUSED = 3
    LOCKED = 4
    RESOURCE = 5
    BUG = 70


class CawError(Exception):
    """Something a user can mend. `fix` says how; `exit_code` is what the command line returns."""

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(self, message: str, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}" if self.fix else self.message
