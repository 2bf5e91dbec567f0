"""Canonical CSV: one raw table for each canonical entity, made from the entity's contract.

Lives here: how an entity becomes a format (which columns identify it, which one dates it, which amount is booked).
Stays out: the columns themselves (`pipelines.contracts.entities`).

A file is recognised by the entity's required columns. `currency` may be left out where the source declares one, and an
order's `channel` where the source declares that; `op` (upsert or delete) may be added to any file.
"""

from __future__ import annotations

from pipelines.channels.base import Adapter, Field, OrderWitness, RawTable
from pipelines.contracts.columns import Column, Table
from pipelines.contracts.entities import ENTITIES

WITNESSES = {
    "order": OrderWitness("order_id"),
    "order_line": OrderWitness("order_id", "line_amount", lists=False),
}

EVENT = {
    "source_customer": "created_at",
    "identity_link": "seen_at",
    "consent": "at",
    "order": "ordered_at",
    "refund": "at",
    "shipment": "shipped_at",
    "settlement_line": "posted_at",
    "product_cost": "valid_from",
    "price_list": "valid_from",
    "incentive": "granted_at",
    "incentive_use": "at",
    "event": "at",
    "period_cost": "month",
    "fx_rate": "on",
    "campaign": "starts_at",
    "touch": "sent_at",
    "assignment": "assigned_at",
}
"""The column that dates a row of an entity. Order lines take their order's date in staging; products have none."""

MONEY = {
    "order": "shipping_charged",
    "order_line": "line_amount",
    "refund": "goods_amount",
    "shipment": "cost",
    "settlement_line": "amount",
    "product_cost": "unit_cost",
    "price_list": "list_price",
    "incentive": "face_value",
    "incentive_use": "amount",
    "event": "value",
    "period_cost": "amount",
    "campaign": "budget",
    "touch": "cost",
}
"""The amount that the account book ties out."""

PLANS = ("product_cost", "price_list", "incentive", "campaign", "fx_rate", "period_cost")
"""Entities whose dates may lie ahead; they say nothing about how far the data goes."""

DERIVED = {("event", "url"): "url_place"} | {
    ("event", name): "no_address"
    for name in ("name", "category", "session_id", "utm_source", "utm_medium", "utm_campaign")
}
"""Texts that sites fill by themselves, and not seldom with an e-mail address: what may name somebody is left out."""

_OP = Field("op", ("op",), description="What the row asks for", values=("upsert", "delete"), case="lower")


def _default(entity: Table, column: Column) -> str | None:
    if column.name == "currency":
        return "currency"
    return "channel" if (entity.name, column.name) == ("order", "channel") else None


def _field(entity: Table, column: Column) -> Field:
    default = _default(entity, column)
    return Field(
        column.name,
        (column.name,),
        column.type,
        description=column.description,
        fingerprint=column.required and default is None,
        required=column.required,
        identifier=column.identifier,
        keeps_mask=column.keeps_mask,
        owner="account_source" if column.identifier == "account_id" and "account_source" in entity.names else None,
        default=default,
        values=column.values,
        case="lower" if column.values else "upper" if default == "currency" else None,
        derive=DERIVED.get((entity.name, column.name)),
        pattern=r"^[A-Z]{3}$" if column.name == "currency" else None,
    )


def raw_table(entity: Table) -> RawTable:
    """The raw table of a canonical entity."""
    names = entity.names
    return RawTable(
        name=f"canonical__{entity.name}",
        adapter="canonical",
        description=entity.description,
        fields=(*(_field(entity, column) for column in entity.columns), _OP),
        key=entity.grain,
        witness=WITNESSES.get(entity.name),
        event=EVENT.get(entity.name),
        money=MONEY.get(entity.name),
        dates_activity=entity.name not in PLANS,
        currency="currency" if "currency" in names else None,
    )


TABLES: tuple[RawTable, ...] = tuple(raw_table(entity) for entity in ENTITIES.values())

CANONICAL = Adapter("canonical", "Canonical CSV", TABLES, channel=None)
