"""Book: what was read of every file, and where every row and amount went.

Lives here: the blocks of the section on the account book. Stays out: how files are read (`pipelines.ingest`).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from pipelines.report import formatting as fmt
from pipelines.report import theme
from pipelines.report.blocks import Block, DataTable, Figure, headings
from pipelines.report.charts import quality as charts
from pipelines.report.drawing import draw
from pipelines.report.published import Published
from pipelines.report.queries import quality

MOST_FILES, MOST_BARS = 200, 16
OUTCOMES = ("read", "accepted", "quarantined", "duplicate")
PANELS = [
    ("read_n", "Rows read", theme.TOTAL),
    ("quarantined_n", "Quarantined", theme.LEAK),
    ("duplicate_n", "Duplicates", theme.GOLD),
]


def book_figure(published: Published) -> list[Block]:
    """Rows read, set aside and seen before, by source and raw table; they always add up."""
    frame = quality.book(published)
    read, accepted, quarantined, duplicate = (int(frame[f"{name}_n"].sum()) for name in OUTCOMES)
    rows = [_bar(row) for row in frame.head(MOST_BARS).iter_rows(named=True)]
    drawing = draw("book", "Rows by source and outcome.", lambda width: charts.account_book(rows, PANELS, width))
    ties = "=" if read == accepted + quarantined + duplicate else "≠"
    left = len(frame) - len(rows)
    caption = (
        f"{fmt.counted(int(frame['file_n'].sum()), 'file')}: {fmt.count(read)} rows read {ties} {fmt.count(accepted)} "
        f"accepted + {fmt.count(quarantined)} quarantined + {fmt.count(duplicate)} duplicate. Each panel has a scale "
        "of its own, so that few rows set aside stay visible."
        + (f" {left} smaller tables stand in the table only." if left else "")
        + _money_verdict(published)
    )
    table = DataTable(
        "Account book by source",
        headings("Source", "Raw table", right=("Files", "Read", "Accepted", "Quarantined", "Duplicate")),
        tuple(
            (row["source_system"], row["raw_table"], *(fmt.count(row[f"{name}_n"]) for name in ("file", *OUTCOMES)))
            for row in frame.iter_rows(named=True)
        ),
    )
    return [Figure("account-book", "Everything read is accounted for", caption, drawing, table)]


def _bar(row: dict[str, Any]) -> dict[str, Any]:
    name = f"{row['source_system']} · {fmt.words(row['raw_table'].rpartition('__')[2])}"
    counts = {field: row[field] for field, _, _ in PANELS}
    told = ", ".join(f"{row[f'{outcome}_n']:,} {outcome}" for outcome in OUTCOMES)
    hint = f"{name}: {fmt.counted(row['file_n'], 'file')}; rows: {told}"
    return {"name": name, **counts, **{f"{field}_shown": fmt.count(n) for field, n in counts.items()}, "hint": hint}


def _money_verdict(published: Published) -> str:
    money = quality.book_money(published)
    if money.is_empty():
        return ""
    ties = all(_ties(row) for row in money.iter_rows(named=True))
    return " The amounts tie out as well." if ties else " The amounts do not tie out."


def _ties(row: dict[str, Any]) -> bool:
    return bool(row["read"] == row["accepted"] + row["quarantined"] + row["duplicate"])


def book_tables(published: Published) -> list[Block]:
    """The money of the account book, and its files."""
    money = quality.book_money(published)
    return [*([_money_table(money)] if not money.is_empty() else []), _file_table(quality.files(published))]


def _money_table(money: pl.DataFrame) -> DataTable:
    rows = []
    for row in money.iter_rows(named=True):
        amounts = [
            fmt.money(row[name], row["currency"], 2) if row["currency"] else fmt.decimal(row[name], 2)
            for name in OUTCOMES
        ]
        rows.append((row["source_system"], row["raw_table"], *amounts, "yes" if _ties(row) else "no"))
    return DataTable(
        "The same in money, in the currency of the files",
        headings("Source", "Raw table", right=("Read", "Accepted", "Quarantined", "Duplicate", "Ties out")),
        tuple(rows),
        is_folded=True,
    )


def _file_table(files: pl.DataFrame) -> DataTable:
    shown = files.head(MOST_FILES)
    rows = []
    for row in shown.iter_rows(named=True):
        counts = [fmt.count(row[f"{name}_n"]) for name in OUTCOMES]
        remark = row["reason"] or row["warnings"] or ""
        remark = row["reason"] or row["warnings"] or ""
        rows.append((row["source_system"], row["file_name"], row["outcome"], *counts, remark))
    return DataTable(
        "The file" if len(files) == 1 else f"All {fmt.count(len(files))} files",
        (
            *headings("Source", "File", "Outcome", right=("Read", "Accepted", "Quarantined", "Duplicate")),
            *headings("Remarks"),
        ),
        tuple(rows),
        is_folded=True,
        note=f"The first {MOST_FILES} are listed; meta.files has all." if len(files) > MOST_FILES else "",
        tones=tuple("bad" if outcome == "refused" else "" for outcome in shown["outcome"]),
    )
