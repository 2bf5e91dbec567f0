"""The catalogue of what is published: every schema, table and relation, from the contracts.

Lives here: the list that publishing, comments, the data dictionary and the relations are made from.
Stays out: the columns themselves (`contracts.core`, the marts, `meta_tables`).
"""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.contracts.columns import Table
from pipelines.contracts.core import CORE
from pipelines.marts import MARTS
from pipelines.warehouse.meta_tables import META

OWNERS = {
    "customer_id": ("core", "dim_customer"),
    "account_key": ("core", "dim_account"),
    "order_key": ("core", "fct_order"),
    "order_line_key": ("core", "fct_order_line_economics"),
    "sku": ("core", "dim_product"),
    "campaign_id": ("core", "dim_campaign"),
}
"""The table whose rows a key identifies; a column of that name elsewhere refers to it."""

PAST_IDS = ("identity_assignment",)
"""Tables whose customer ids include those no longer in use."""

LOOSE = {("fct_event", "account_key"), ("fct_event", "sku")}
"""Keys that need not be found: visitors log in with accounts and look at products that nothing else speaks of."""

ROLES = {("core", "fct_order", "first_sku"): ("core", "dim_product", "sku")}
"""References by a column of another name."""


def published_tables() -> dict[str, tuple[Table, ...]]:
    """Every published table by schema, in the order in which they are written."""
    return {"core": tuple(CORE.values()), "marts": tuple(mart.table for mart in MARTS), "meta": META}


def relationships() -> Iterator[tuple[str, str, str, str, str, str]]:
    """References between published tables: schema, table and column, and those they refer to.

    DuckDB's foreign keys do not reach clients and make facts slow to write, so they are told here and tested instead.
    """
    for schema, tables in published_tables().items():
        for table in tables:
            for column in table.names:
                owner = OWNERS.get(column)
                is_past = column == "customer_id" and table.name in PAST_IDS
                is_loose = is_past or (table.name, column) in LOOSE
                if owner is not None and owner != (schema, table.name) and not is_loose:
                    yield (schema, table.name, column, *owner, column)
                if (schema, table.name, column) in ROLES:
                    yield (schema, table.name, column, *ROLES[schema, table.name, column])
    for mart in MARTS:
        for column, target in mart.relationships.items():
            table_name, target_column = target.rsplit(".", 1)
            schema = "core" if table_name in CORE else "marts"
            yield ("marts", mart.name, column, schema, table_name, target_column)
