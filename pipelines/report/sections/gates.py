"""Gates: what the checks of every layer said.

Lives here: the blocks of the section on the gates. Stays out: suites, thresholds and verdicts (`expectations`).
"""

from __future__ import annotations

from typing import Any

from pipelines.report import formatting as fmt
from pipelines.report.blocks import Block, DataTable, headings
from pipelines.report.published import Published
from pipelines.report.queries import quality

MOST_CHECKS = 600
COUNTS = {
    "check": "Checks",
    "passed": "Passed",
    "warned": "Warned",
    "failed": "Failed",
    "errored": "Errored",
    "skipped": "Not applicable",
    "table": "Tables",
}


def gate_table(published: Published) -> list[Block]:
    """The gates by layer."""
    layers = list(quality.gates(published).iter_rows(named=True))
    shut = [row["failed_n"] + row["errored_n"] > 0 for row in layers]
    rows = tuple(
        (fmt.title(row["layer"]), *(fmt.count(row[f"{name}_n"]) for name in COUNTS), "shut" if blocked else "open")
        for row, blocked in zip(layers, shut, strict=True)
    )
    return [
        DataTable(
            "Gates by layer",
            headings("Layer", right=(*COUNTS.values(), "Gate")),
            rows,
            tones=tuple("bad" if blocked else "" for blocked in shut),
            note="Nothing is published while a gate is shut. A warning is told and does not shut it; a check that "
            "does not apply to this data is not counted as passed.",
        )
    ]


def check_tables(published: Published) -> list[Block]:
    """The checks that did not pass, and all of them."""
    rows = list(quality.checks(published).iter_rows(named=True))
    odd = [row for row in rows if row["outcome"] in ("failed", "errored")]
    return [*([_odd_table(odd)] if odd else []), _all_table(rows)]


def _odd_table(rows: list[dict[str, Any]]) -> DataTable:
    return DataTable(
        "Checks that did not pass",
        headings("Layer", "Table", "Check", "Outcome", "What it found", "Endangers"),
        tuple(
            (
                fmt.title(row["layer"]),
                row["table_name"],
                fmt.words(row["check_name"]),
                f"{row['outcome']} ({'warning' if _warns(row) else 'blocks'})",
                row["message"],
                row["endangered_marts"] or "",
            )
            for row in rows
        ),
        tones=tuple("watch" if _warns(row) else "bad" for row in rows),
    )


def _warns(row: dict[str, Any]) -> bool:
    return bool(row["outcome"] == "failed" and row["severity"] == "warn")


def _all_table(rows: list[dict[str, Any]]) -> DataTable:
    return DataTable(
        f"All {fmt.counted(len(rows), 'check')}",
        headings("Layer", "Table", "Column", "Check", "Outcome", "Message"),
        tuple(
            (
                fmt.title(row["layer"]),
                row["table_name"],
                row["column_name"] or "",
                fmt.words(row["check_name"]),
                row["outcome"],
                row["message"],
            )
            for row in rows[:MOST_CHECKS]
        ),
        is_folded=True,
        note=f"The first {MOST_CHECKS} are listed; meta.check_results has all." if len(rows) > MOST_CHECKS else "",
    )
