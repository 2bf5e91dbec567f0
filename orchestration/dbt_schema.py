"""The dbt project's YAML that says what the contracts say, written from the contracts.

Lives here: `python -m orchestration.dbt_schema`, which writes the raw sources, the contracts of the canonical and core
models with their key tests, and the macro that knows the columns of an entity. A drift test fails when a file on disk
differs from what this writes.
Stays out: descriptions of models that have no contract in `pipelines.contracts` (written by hand beside the models).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from pipelines.channels.registry import RAW_TABLES
from pipelines.contracts.canonical import CANONICAL
from pipelines.contracts.columns import Column, Table
from pipelines.contracts.core import CORE
from pipelines.contracts.identity import OUTPUTS
from pipelines.contracts.marketing import CONTROL_ARMS

PROJECT_DIR = Path(__file__).resolve().parent.parent / "dbt_project"
HEAD = "# Written by `python -m orchestration.dbt_schema` from the contracts. Do not edit.\n"

RELATIONSHIPS: dict[tuple[str, str], str] = {
    ("dim_account", "customer_id"): "dim_customer",
    ("identity_assignment", "account_key"): "dim_account",
    ("fct_order", "customer_id"): "dim_customer",
    ("fct_order", "account_key"): "dim_account",
    ("fct_order_line_economics", "order_key"): "fct_order",
    ("fct_order_line_economics", "sku"): "dim_product",
    ("fct_refund", "order_line_key"): "fct_order_line_economics",
    ("fct_touch", "campaign_id"): "dim_campaign",
    ("fct_assignment", "campaign_id"): "dim_campaign",
    ("fct_event", "customer_id"): "dim_customer",
    ("fct_cancellation", "order_line_key"): "fct_order_line_economics",
}
"""Columns of core that point at the key of another core table, which is called by the same name."""

RUN_CONTEXT = "One row: the as-of day, the first instant after it, and the parameters of the run."


def rendered() -> dict[Path, str]:
    """Every generated file: its path below the project and its text."""
    return {
        Path("models/staging/_sources.yml"): HEAD + _yaml({"version": 2, "sources": _sources()}),
        Path("models/intermediate/canonical/_canonical.yml"): HEAD + _models(CANONICAL.values()),
        Path("models/marts/core/_core.yml"): HEAD + _models(CORE.values()),
        Path("macros/contracts/entity_columns.sql"): _entity_columns(),
        Path("macros/contracts/raw_tables.sql"): _raw_tables(),
        Path("macros/contracts/control_arms.sql"): _control_arms(),
    }


def write(project_dir: Path = PROJECT_DIR) -> list[Path]:
    """Write the files that differ and return their paths."""
    changed = []
    for name, text in rendered().items():
        path = project_dir / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def _yaml(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False, width=118, allow_unicode=True)


def _sources() -> list[dict[str, Any]]:
    raw = [{"name": table.name, "description": table.description} for table in RAW_TABLES]
    identity = [
        {
            "name": table.name,
            "description": table.description,
            "config": {"meta": {"dagster": {"asset_key": ["identity", table.name]}}},
            "columns": [_documented(column) for column in table.columns],
        }
        for table in OUTPUTS.values()
    ]
    return [
        {"name": "raw", "schema": "raw", "description": "Typed, tokenised exports.", "tables": raw},
        {"name": "identity", "schema": "identity", "description": "Who is whom.", "tables": identity},
        {
            "name": "meta",
            "schema": "meta",
            "description": "What the run says about itself.",
            "tables": [{"name": "run_context", "description": RUN_CONTEXT}],
        },
    ]


def _models(tables: Any) -> str:
    return _yaml({"version": 2, "models": [_model(table) for table in tables]})


def _model(table: Table) -> dict[str, Any]:
    grain = ", ".join(table.grain)
    model: dict[str, Any] = {
        "name": table.name,
        "description": f"{table.description.rstrip('.')}. One row per {grain}.",
        "config": {"contract": {"enforced": True}},
    }
    if len(table.grain) > 1:
        model["data_tests"] = [{"unique_grain": {"arguments": {"columns": list(table.grain)}}}]
    model["columns"] = [_column(table, column) for column in table.columns]
    return model


def _documented(column: Column) -> dict[str, Any]:
    return {"name": column.name, "data_type": column.type.duckdb, "description": column.comment}


def _column(table: Table, column: Column) -> dict[str, Any]:
    """Column, constraints and tests. Accepted values are not among them: the gates count them in one scan a table."""
    entry = _documented(column)
    if column.required:
        entry["constraints"] = [{"type": "not_null"}]
    tests: list[Any] = []
    if table.grain == (column.name,):
        tests.append("unique")
    target = RELATIONSHIPS.get((table.name, column.name))
    if target:
        tests.append({"relationships": {"arguments": {"to": f"ref('{target}')", "field": column.name}}})
    if tests:
        entry["data_tests"] = tests
    return entry


def _raw_tables() -> str:
    lines = [
        "{#- Written by `python -m orchestration.dbt_schema` from the channels. Do not edit. -#}",
        "{#- Names of all raw tables. -#}",
        "{% macro raw_tables() -%}",
        "{{ return([",
    ]
    lines += [f'    "{table.name}",' for table in RAW_TABLES]
    lines += ["]) }}", "{%- endmacro %}", ""]
    lines += [
        "{#- Raw tables that list orders: what tells one order from another, and which rows count. -#}",
        "{% macro order_witnesses() -%}",
        "{{ return([",
    ]
    for table in RAW_TABLES:
        if table.witness and table.witness.lists:
            entry = {"table": table.name, "order": table.witness.order, "where": table.witness.where}
            lines.append(f"    {json.dumps(entry)},")
    lines += ["]) }}", "{%- endmacro %}", ""]
    return "\n".join(lines)


def _entity_columns() -> str:
    lines = [
        "{#- Written by `python -m orchestration.dbt_schema` from the contracts. Do not edit. -#}",
        "{#- Names and types of the columns that a staging model of an entity hands over, in order. -#}",
        "{% macro entity_columns(entity) -%}",
        "{%- set columns = {",
    ]
    for entity, table in CANONICAL.items():
        lines.append(f'    "{entity}": [')
        lines += [f'        {{"name": "{c.name}", "type": "{c.type.duckdb}"}},' for c in table.columns]
        lines.append("    ],")
    lines += ["} -%}", "{{ return(columns[entity]) }}", "{%- endmacro %}", ""]
    return "\n".join(lines)


def _control_arms() -> str:
    arms = ", ".join(f"'{arm}'" for arm in CONTROL_ARMS)
    lines = [
        "{#- Written by `python -m orchestration.dbt_schema` from the contracts. Do not edit. -#}",
        "{#- Names of the arm of an experiment that is not treated. -#}",
        "{% macro control_arms() -%}",
        f"    ({arms})",
        "{%- endmacro %}",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    for path in write():
        sys.stdout.write(f"wrote {path.relative_to(PROJECT_DIR)}\n")
