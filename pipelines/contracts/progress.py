"""Progress: how long work tells where it is, without knowing who listens.

Lives here: the protocol and the listener that keeps quiet. The console's listener lives in `orchestration`.
"""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener to the steps of a run. A step is started, may advance, and is finished."""

    def start(self, step: str, total: int | None = None) -> None:
        """A step begins; `total` is its size when it is known."""

    def advance(self, step: str, amount: int = 1) -> None:
        """`amount` more of the step is done."""

    def finish(self, step: str, rows: int | None = None) -> None:
        """The step is done and produced `rows` rows."""


class Quiet:
    """A listener that says nothing."""

    def start(self, step: str, total: int | None = None) -> None:
        """Say nothing."""

    def advance(self, step: str, amount: int = 1) -> None:
        """Say nothing."""

    def finish(self, step: str, rows: int | None = None) -> None:
        """Say nothing."""
