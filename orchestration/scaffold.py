"""Scaffolds: the files a new channel or a new mart begins with, in the places where they belong.

Lives here: `add_channel` and `add_mart`, which write ordinary files to be edited and one line in a registry.
Stays out: the drift tests that say when the places disagree (`tests/dbt`, `tests/unit/marts`).
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from pathlib import Path

from orchestration import dbt_schema
from pipelines.contracts.canonical import CANONICAL
from pipelines.contracts.entities import ENTITIES
from pipelines.contracts.errors import CawError

ROOT = Path(__file__).resolve().parent.parent
NAME = re.compile(r"^[a-z][a-z0-9_]{0,40}$")


def add_channel(name: str, exports: dict[str, Path], entities: tuple[str, ...], root: Path = ROOT) -> list[Path]:
    """Write the module of an export format from its real headers, a staging model per entity, and the registry lines.

    `exports` gives a sample file for each raw table of the format. Every field begins as text and is yours to type;
    nothing is guessed. Returns the files written. Raises CawError for a bad or taken name or an unknown entity.
    """
    module = root / "pipelines" / "channels" / f"{name}.py"
    _check_name(name, module)
    unknown = [entity for entity in entities if entity not in ENTITIES]
    if unknown:
        raise CawError(f"There is no entity {unknown[0]!r}.", f"Known: {', '.join(ENTITIES)}.")
    written = [module]
    module.write_text(
        _channel_module(name, {table: _headers(path) for table, path in exports.items()}, "order" in entities)
    )
    first_table = f"{name}__{next(iter(exports))}"
    for entity in entities:
        model = root / "dbt_project" / "models" / "staging" / name / f"stg_{name}__{entity}.sql"
        model.parent.mkdir(parents=True, exist_ok=True)
        model.write_text(_staging_model(entity, first_table))
        written.append(model)
    registry = root / "pipelines" / "channels" / "registry.py"
    _insert(registry, "from pipelines.channels.shopify", f"from pipelines.channels.{name} import {name.upper()}\n")
    _insert(registry, '    "canonical": CANONICAL,', f'    "{name}": {name.upper()},\n')
    project = root / "dbt_project" / "dbt_project.yml"
    _insert(project, "    canonical:", f"    {name}: [{', '.join(entities)}]\n")
    return [*written, registry, project]


def add_mart(domain: str, name: str, root: Path = ROOT) -> list[Path]:
    """Write a mart that works (a customer's kept orders) under a new name, and its line in the registry.

    Returns the files written. Raises CawError for a bad or taken name.
    """
    folder = root / "pipelines" / "marts" / domain
    module = folder / f"{name}.py"
    _check_name(domain, folder / name / "free")
    _check_name(name, module)
    folder.mkdir(exist_ok=True)
    written = [module]
    package = folder / "__init__.py"
    if not package.exists():
        package.write_text(f'"""Marts of the domain {domain}."""\n')
        written.append(package)
    module.write_text(_MART.replace("$NAME", name).replace("$DOMAIN", domain))
    registry = root / "pipelines" / "marts" / "registry.py"
    _insert(registry, "\nMARTS:", f"from pipelines.marts.{domain} import {name}\n")
    text = registry.read_text()
    end = text.index("\n)\n", text.index("MARTS:"))
    registry.write_text(f"{text[:end]}\n    {name}.MART,{text[end:]}")
    return [*written, registry]


def refresh_generated() -> list[Path]:
    """Write anew what is made from the contracts; in a process that has imported the channels as they are now."""
    return dbt_schema.write()


def _check_name(name: str, path: Path) -> None:
    if not NAME.match(name):
        raise CawError(f"{name!r} is not a name.", "Use lower case letters, digits and underscores.")
    if path.exists():
        raise CawError(f"{path.name} exists already.", "Choose another name, or edit the file.")


def _headers(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        first = lines.readline()
    delimiter = max(",;\t", key=first.count)
    return next(csv.reader([first], delimiter=delimiter))


def _channel_module(name: str, tables: dict[str, list[str]], has_orders: bool) -> str:
    blocks = [
        _raw_table(name, table, headers, has_orders and place == 0)
        for place, (table, headers) in enumerate(tables.items())
    ]
    imports = "Adapter, Field, OrderWitness, RawTable" if has_orders else "Adapter, Field, RawTable"
    constants = ", ".join(table.upper() for table in tables)
    return (
        f'"""{name}: what the export is, and where it comes from.\n\n'
        "Lives here: the headers of the format and the raw columns they become.\n"
        f'Stays out: what the columns mean (`dbt_project/models/staging/{name}`).\n"""\n\n'
        "from __future__ import annotations\n\n"
        f"from pipelines.channels.base import {imports}\n"
        "from pipelines.contracts.columns import DataType\n\n"
        "_T = DataType\n\n"
        + "\n".join(blocks)
        + f'\n{name.upper()} = Adapter("{name}", "{name} exports", ({constants},), channel="{name}")\n'
    )


def _raw_table(name: str, table: str, headers: list[str], has_orders: bool) -> str:
    quoted = [json.dumps(header, ensure_ascii=False) for header in headers]
    fields = [
        f'        Field("{_snake(headers[place], place)}", ({header},), _T.TEXT, fingerprint=True),'
        for place, header in enumerate(quoted)
    ]
    key = _snake(headers[0], 0)
    witness = f'    witness=OrderWitness("{key}"),\n' if has_orders else ""
    return (
        f'{table.upper()} = RawTable(\n    name="{name}__{table}",\n    adapter="{name}",\n'
        f'    description="A row of the {table} export.",\n    key=("{key}",),\n{witness}    fields=(\n'
        + "\n".join(fields)
        + "\n    ),\n)\n"
    )


def _snake(header: str, position: int) -> str:
    plain = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or f"column_{position + 1}"


def _staging_model(entity: str, raw_table: str) -> str:
    names = [column.name for column in CANONICAL[entity].columns if column.name not in {"source_system", "known_at"}]
    listed = ",\n        ".join(f"'{name}'" for name in names)
    return (
        f"-- {ENTITIES[entity].description} Take a column out of not_exported and give it its source, one by one.\n"
        f"with latest as ({{{{ latest_records('{raw_table}') }}}})\n\nselect\n    source_system,\n"
        f"    {{{{ not_exported('{entity}', [\n        {listed}\n    ]) }}}},\n    known_at\nfrom latest\n"
    )


def _insert(path: Path, before: str, line: str) -> None:
    text = path.read_text()
    if before not in text:
        raise CawError(f"{path.name} no longer has the line that {line.strip()!r} goes before.", "Add it by hand.")
    path.write_text(text.replace(before, line + before, 1))


_MART = '''"""$NAME: what a row is.

Lives here: the mart `$NAME`. Stays out: what other marts answer.
"""

from __future__ import annotations

import polars as pl

from pipelines.contracts.columns import Table, integer
from pipelines.contracts.marts import Inputs, Mart, MartParams
from pipelines.marts.common import AS_OF, CURRENCY, CUSTOMER_ID, customers, stamp

TABLE = Table(
    "$NAME",
    "A customer and the kept orders to date.",
    ("customer_id",),
    (
        CUSTOMER_ID,
        AS_OF,
        CURRENCY,
        integer("kept_order_n", "Kept orders to date", required=True, unit="orders"),
    ),
)


def local(inputs: Inputs, params: MartParams) -> pl.LazyFrame:
    """Count a customer's kept orders."""
    kept = pl.col("is_kept").sum().cast(pl.Int64).alias("kept_order_n")
    counted = inputs["fct_order"].group_by("customer_id").agg(kept)
    mine = customers(inputs).select("customer_id").join(counted, on="customer_id", how="left")
    return mine.with_columns(pl.col("kept_order_n").fill_null(0), *stamp(params))


MART = Mart(
    code="X1",
    domain="$DOMAIN",
    table=TABLE,
    questions=(
        "How many customers have kept one order only?",
        "How are kept orders spread over customers?",
        "Who has kept the most orders?",
    ),
    example_sql="select kept_order_n, count(*) as customers from marts.$NAME group by all order by 1",
    inputs=("dim_customer", "fct_order"),
    reads={"dim_customer": ("customer_id", "is_identified", "is_test"), "fct_order": ("customer_id", "is_kept")},
    local=local,
)
'''
