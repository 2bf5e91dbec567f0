"""Canonical tables: an entity as it stands in the warehouse, keyed and without direct identifiers.

Lives here: the columns of `intermediate.int_<entity>__unioned`, made from the entities: keys that join across
sources, identifiers replaced by their tokens, and when each row was learnt. The dbt contracts, the staging models'
columns and the gates are made from it.
Stays out: the entities themselves (`entities`) and what dbt computes from them (`core`).
"""

from __future__ import annotations

from dataclasses import replace

from pipelines.contracts.columns import Column, Table, day, instant, integer, text
from pipelines.contracts.entities import ENTITIES

TOKEN_STATUSES = ("valid", "masked", "virtual", "blocked", "invalid", "missing")

_SOURCE = text("source_system", "Source that reported it", required=True)
_KNOWN_AT = instant("known_at", "When the company learnt it", required=True)
_ORDER_KEY = text("order_key", "Source and native id of the order", required=True)
_LINE_KEY = text("order_line_key", "Order key and native id of the line", required=True)
_ACCOUNT_KEY = text("account_key", "Immutable pseudonymous key of the account", required=True)
_LINE_CONCERNED = replace(_LINE_KEY, required=False, null_means="not tied to a line")

_KEYS: dict[str, tuple[Column, ...]] = {
    "source_customer": (_ACCOUNT_KEY,),
    "identity_link": (text("link_key", "Source and record of the statement", required=True),),
    "consent": (_ACCOUNT_KEY,),
    "order": (_ORDER_KEY, _ACCOUNT_KEY),
    "order_line": (_LINE_KEY, _ORDER_KEY),
    "refund": (
        text("refund_key", "Source and native id of the refund", required=True),
        _ORDER_KEY,
        replace(_LINE_CONCERNED, null_means="the refund concerns the whole order"),
    ),
    "shipment": (text("shipment_key", "Source and native id of the shipment", required=True), _ORDER_KEY),
    "settlement_line": (
        text("settlement_key", "Source and native id of the settlement line", required=True),
        replace(_ORDER_KEY, required=False, null_means="not tied to an order"),
        _LINE_CONCERNED,
    ),
    "incentive": (
        text("incentive_key", "Source and native id of the grant", required=True),
        replace(_ACCOUNT_KEY, required=False, null_means="the source does not say whose"),
    ),
    "incentive_use": (text("incentive_key", "Source and native id of the grant", required=True), _ORDER_KEY),
    "event": (
        text("event_key", "Source and native id of the event", required=True),
        replace(_ACCOUNT_KEY, required=False, null_means="nobody was logged in"),
    ),
    "campaign": (text("campaign_key", "Source and native id of the campaign", required=True),),
    "touch": (text("touch_key", "Source and native id of the touch", required=True), _ACCOUNT_KEY),
    "assignment": (text("assignment_key", "Source, experiment and account", required=True), _ACCOUNT_KEY),
}
"""Keys put in front of an entity's columns; entities without an entry are keyed by their own grain."""

_GRAIN: dict[str, tuple[str, ...]] = {
    "source_customer": ("account_key",),
    "identity_link": ("link_key",),
    "consent": ("account_key", "purpose", "channel", "decided_at"),
    "order": ("order_key",),
    "order_line": ("order_line_key",),
    "refund": ("refund_key",),
    "shipment": ("shipment_key",),
    "settlement_line": ("settlement_key",),
    "incentive": ("incentive_key",),
    "incentive_use": ("incentive_key", "order_key"),
    "event": ("event_key",),
    "campaign": ("campaign_key",),
    "touch": ("touch_key",),
    "assignment": ("assignment_key",),
    "price_list": ("source_system", "sku", "channel", "store", "valid_from"),
    "fx_rate": ("source_system", "rated_on", "from_currency", "to_currency"),
}

_DAYS: dict[tuple[str, str], Column] = {
    ("order", "ordered_at"): day("ordered_on", "Local business day the order was placed", required=True),
    ("order", "paid_at"): day(
        "paid_on", "Local business day it was paid", null_means="not paid, or the export does not say when"
    ),
    ("order", "cancelled_at"): day(
        "cancelled_on",
        "Local business day it was cancelled",
        null_means="not cancelled, or the export does not say when",
    ),
    ("refund", "at"): day("refunded_on", "Local business day of the refund", required=True),
    ("event", "at"): day("occurred_on", "Local business day of the event", required=True),
}
"""The business day of an event, in the time zone of its source, behind its time."""

_NEWS: dict[str, tuple[Column, ...]] = {
    "order": (instant("first_known_at", "When the company learnt of the order at first", required=True),),
}
"""What else is told of when a row was learnt, in front of `known_at`."""

_ABSORBED = (
    "order_source", "account_source", "order_id", "order_line_id", "refund_id", "shipment_id", "settlement_id",
    "incentive_id", "touch_id", "event_id", "known_at",
)  # fmt: skip
"""Columns that live on inside the keys; orders and their lines keep their native ids for people to search by."""

RENAMED: dict[tuple[str, str], str] = {
    ("consent", "at"): "decided_at",
    ("refund", "at"): "refunded_at",
    ("incentive_use", "at"): "used_at",
    ("event", "at"): "occurred_at",
    ("event", "name"): "event_name",
    ("event", "value"): "event_value",
    ("fx_rate", "on"): "rated_on",
}
"""Columns of an entity whose plain name is a reserved word of SQL."""


def canonical_name(entity: str) -> str:
    """The dbt model that holds an entity over all channels."""
    return f"int_{entity}__unioned"


def canonical_table(entity: str) -> Table:
    """The canonical form of `entity`: keys, tokens instead of identifiers, and a `known_at` that is never null.

    Raises KeyError for an unknown entity.
    """
    source = ENTITIES[entity]
    own_ids = {"order": {"order_id"}, "order_line": {"order_line_id"}}.get(entity, set())
    columns = [*_KEYS.get(entity, ()), _SOURCE]
    for column in source.columns:
        if column.name not in _ABSORBED or column.name in own_ids:
            renamed = replace(column, name=RENAMED.get((entity, column.name), column.name))
            columns.extend(_tokenised(renamed, entity))
        if (entity, column.name) in _DAYS:
            columns.append(_DAYS[entity, column.name])
    columns.extend((*_NEWS.get(entity, ()), _KNOWN_AT))
    grain = _GRAIN.get(entity, ("source_system", *source.grain))
    return Table(canonical_name(entity), f"{source.description.rstrip('.')}, over all channels.", grain, tuple(columns))


def _tokenised(column: Column, entity: str) -> tuple[Column, ...]:
    """The column itself, or what stands for a direct identifier after ingest."""
    kind = column.identifier
    if kind is None:
        return (column,)
    if kind == "account_id" and entity not in {"order", "source_customer"}:
        return ()  # the account key says it
    if kind == "birth_date":
        return (integer("birth_year", "Year of birth", unit="calendar year"),)
    token = replace(
        column,
        name=f"{column.name}_key",
        description=f"Keyed hash of: {column.description}",
        required=False,
        identifier=None,
        keeps_mask=False,
        null_means="missing, masked or not usable, see the status",
    )
    masks = (mask_column(column.name, column.description),) if column.keeps_mask else ()
    if kind == "name":
        return (replace(token, null_means="not stated"), *masks)
    status = text(
        f"{column.name}_status",
        f"How far the identifier could be used: {column.description}",
        values=TOKEN_STATUSES,
        null_means="the channel does not export it",
    )
    return (token, status, *masks)


def mask_column(name: str, description: str) -> Column:
    """The column for what a mask leaves of an identifier: a hint to look at, which identifies nobody."""
    about = description[:1].lower() + description[1:]
    return text(
        f"{name}_mask_key", f"Keyed hash of what a mask still shows of: {about}", null_means="nothing is masked"
    )


CANONICAL: dict[str, Table] = {entity: canonical_table(entity) for entity in ENTITIES}
"""Every canonical table by the name of its entity."""
