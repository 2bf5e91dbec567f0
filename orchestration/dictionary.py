"""The data dictionary as text, made from the contracts.

Lives here: Markdown of core tables and marts, for `caw dictionary` and for the documentation, which
`python -m orchestration.dictionary` writes anew (a drift test says when it must).
Stays out: the descriptions themselves (`pipelines.contracts.core`, `pipelines.marts`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pipelines.contracts.columns import Column, Table
from pipelines.contracts.core import CORE
from pipelines.contracts.errors import CawError
from pipelines.contracts.marts import Mart
from pipelines.marts import MARTS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "dbt_project" / "docs" / "dictionary.md"
README = ROOT / "README.md"
README_MARTS = re.compile(r"(<!-- marts: .*? -->\n).*?(<!-- end of marts -->)", re.DOTALL)


def rendered() -> dict[Path, str]:
    """The pages of the documentation that are made from the contracts, by path."""
    questions = "".join(_questions(mart) for mart in MARTS)
    return {
        PAGE: dictionary_markdown(),
        README: README_MARTS.sub(lambda found: f"{found[1]}{questions}{found[2]}", README.read_text()),
    }


def _questions(mart: Mart) -> str:
    row = mart.table.description.split(". ")[0].rstrip(".")
    return f"- **`marts.{mart.name}`** ({row[0].lower()}{row[1:]}): *{' '.join(mart.questions[:3])}*\n"


def dictionary_markdown(table: str | None = None) -> str:
    """Markdown of one table, or of every mart and core table; an unknown name is an error that lists the known."""
    marts = {mart.name: mart for mart in MARTS}
    if table is None:
        parts = ["# Data dictionary", "## Marts", *(_mart(mart) for mart in MARTS)]
        return "\n\n".join([*parts, "## Core", *(_table("core", core) for core in CORE.values())]) + "\n"
    name = table.split(".")[-1]
    if name in marts:
        return _mart(marts[name]) + "\n"
    if name in CORE:
        return _table("core", CORE[name]) + "\n"
    raise CawError(f"There is no table {table!r}.", f"Known: {', '.join([*marts, *CORE])}.")


def _mart(mart: Mart) -> str:
    parts = [_table("marts", mart.table), "Answers:", "\n".join(f"- {question}" for question in mart.questions)]
    if mart.example_sql:
        parts += ["For example:", f"```sql\n{mart.example_sql.strip()}\n```"]
    return "\n\n".join(parts)


def _table(schema: str, table: Table) -> str:
    return "\n\n".join(
        [
            f"### {schema}.{table.name}",
            f"{table.description.rstrip('.')}. One row per {', '.join(table.grain)}.",
            _columns(table.columns),
        ]
    )


def _columns(columns: Iterable[Column]) -> str:
    lines = ["| column | type | meaning |", "|---|---|---|"]
    lines += [f"| `{column.name}` | {column.type.duckdb} | {column.comment.replace('|', '/')} |" for column in columns]
    return "\n".join(lines)


if __name__ == "__main__":
    for path, text in rendered().items():
        path.write_text(text)
