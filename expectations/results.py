"""Results: a layer's verdict, and what it says of each table.

Lives here: `LayerResult` and `TableVerdict`, made from the stored record. Stays out: the record itself
(`pipelines.warehouse.gates`) and how it was reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pipelines.warehouse.gates import CheckRecord, GateRecord, Outcome


@dataclass(frozen=True)
class TableVerdict:
    """What a layer's gate says of one table. `passed` is false when a check blocks, or when none looked at it."""

    table: str
    passed: bool
    message: str
    passed_n: int
    failed_n: int
    errored_n: int
    skipped_n: int
    endangered: tuple[str, ...]


@dataclass(frozen=True)
class LayerResult:
    """The verdict on one layer."""

    record: GateRecord

    @property
    def layer(self) -> str:
        """The layer that was judged."""
        return self.record.layer

    @property
    def passed(self) -> bool:
        """Whether the gate is open."""
        return self.record.passed

    @property
    def declared(self) -> int:
        """Checks declared."""
        return self.record.declared_n

    @property
    def evaluated(self) -> int:
        """Checks that came to a verdict: passed or failed."""
        return sum(check.outcome in (Outcome.PASSED, Outcome.FAILED) for check in self.record.checks)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the gate is shut, in sentences; empty when it is open."""
        return self.record.problems

    @property
    def warnings(self) -> tuple[CheckRecord, ...]:
        """Checks that failed without stopping anything."""
        return tuple(c for c in self.record.outcomes if c.outcome is Outcome.FAILED and not c.blocks)

    @cached_property
    def _by_table(self) -> dict[str, list[CheckRecord]]:
        tables: dict[str, list[CheckRecord]] = {}
        for check in self.record.outcomes:
            tables.setdefault(check.table, []).append(check)
        return tables

    def table(self, name: str) -> TableVerdict:
        """What the gate says of a table (schema.name). A table that no check of the suite looked at has not passed."""
        checks = self._by_table.get(name, [])
        looked_at = any(check.table == name for check in self.record.checks)
        counts = {outcome: sum(check.outcome is outcome for check in checks) for outcome in Outcome}
        blocking = [check for check in checks if check.blocks]
        message = _message(checks, blocking, counts) if looked_at else "No check of the gate looked at it."
        endangered = tuple(dict.fromkeys(mart for check in blocking for mart in check.endangered))
        return TableVerdict(
            name,
            passed=looked_at and not blocking,
            message=message,
            passed_n=counts[Outcome.PASSED],
            failed_n=counts[Outcome.FAILED],
            errored_n=counts[Outcome.ERRORED],
            skipped_n=counts[Outcome.SKIPPED],
            endangered=endangered,
        )


def _message(checks: list[CheckRecord], blocking: list[CheckRecord], counts: dict[Outcome, int]) -> str:
    told = blocking or [check for check in checks if check.outcome is Outcome.FAILED]
    if told:
        return "; ".join(f"{check.check} {check.outcome.value}: {check.message}" for check in told)
    if counts[Outcome.SKIPPED] == len(checks):
        return f"Nothing to check: {checks[0].message}"
    return f"{counts[Outcome.PASSED]} checks passed."
