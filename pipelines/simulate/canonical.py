"""Canonical CSV as the company's own systems write it, and the faults planted into it.

Lives here: text frames with all columns of an entity, and the faults by entity.
Stays out: the rows themselves (`crm`, `outreach`, `ops`, `finance`) and the columns (`contracts.entities`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from pipelines.contracts.entities import ENTITIES
from pipelines.simulate.cards import pick
from pipelines.simulate.clock import DAY, UTC_ZONE, Flags, Ints
from pipelines.simulate.world import Company
from pipelines.simulate.writer import (
    BAD_ENUM,
    BAD_VALUE,
    FIELD_COUNT,
    KEY_MISSING,
    MISSING_REQUIRED,
    UNTERMINATED_QUOTE,
    Fault,
    Landing,
    Layout,
    nothing,
    spoil,
)

FAULTS: dict[str, tuple[Fault, ...]] = {
    "source_customer": (Fault(BAD_ENUM, "buyer_key_kind", "genuine"), Fault(BAD_VALUE, "birth_date", "1988-02-30")),
    "identity_link": (Fault(KEY_MISSING, "id_value_b"),),
    "consent": (Fault(BAD_ENUM, "status", "maybe"), Fault(FIELD_COUNT, fields=-1)),
    "refund": (
        Fault(BAD_ENUM, "kind", "swap"),
        Fault(MISSING_REQUIRED, "order_id"),
        Fault(BAD_VALUE, "goods_amount", "12,5O"),
    ),
    "shipment": (Fault(BAD_VALUE, "shipped_at", "2025-13-01T00:00:00Z"), Fault(UNTERMINATED_QUOTE)),
    "settlement_line": (
        Fault(BAD_ENUM, "type", "bonus"),
        Fault(BAD_VALUE, "amount", "--4.00"),
        Fault(FIELD_COUNT, fields=1),
    ),
    "event": (Fault(BAD_ENUM, "consent_state", "perhaps"), Fault(MISSING_REQUIRED, "name")),
    "incentive": (Fault(MISSING_REQUIRED, "kind"),),
    "product": (Fault(FIELD_COUNT, fields=-2),),
    "product_cost": (Fault(BAD_VALUE, "unit_cost", "9.l5"),),
    "fx_rate": (Fault(BAD_VALUE, "rate", "7.1.8"),),
    "touch": (Fault(BAD_VALUE, "sent_at", "yesterday"),),
    "assignment": (Fault(MISSING_REQUIRED, "arm"),),
}  # fmt: skip
"""Planted faults by entity."""
KEYS = {
    "source_customer": {"source_customer_id": "MB{k}", "member_no": "M1999999{k}"},
    "identity_link": {"id_value_a": "M1999999{k}"},
    "consent": {"source_customer_id": "MB{k}"},
    "refund": {"refund_id": "RB{k}", "order_id": "5900000000{k}"},
    "shipment": {"shipment_id": "SB{k}", "order_id": "5900000000{k}"},
    "settlement_line": {"settlement_id": "LB{k}", "order_id": "5900000000{k}"},
    "event": {"event_id": "EB{k}"},
    "incentive": {"incentive_id": "IB{k}"},
    "product": {"sku": "SKU-9{k}"},
    "product_cost": {"sku": "SKU-9{k}"},
    "fx_rate": {"from_currency": "EUR"},
    "touch": {"touch_id": "TB{k}"},
    "assignment": {"source_customer_id": "MB{k}"},
}
"""What makes a broken record one of its own."""
Columns = Mapping[str, pl.Series]


def entity_frame(entity: str, columns: Columns) -> pl.DataFrame:
    """All columns of the entity as text, empty where the source says nothing."""
    unknown = set(columns) - set(ENTITIES[entity].names)
    if unknown:
        raise ValueError(f"{entity} has no column {', '.join(sorted(unknown))}")
    height = len(next(iter(columns.values())))
    blank = nothing(height)
    return pl.DataFrame({name: columns.get(name, blank) for name in ENTITIES[entity].names})


def write_entity(
    landing: Landing,
    source: str,
    entity: str,
    columns: Columns,
    faulty: bool = True,
    name: str = "",
    mark: bool = False,
) -> None:
    frame = entity_frame(entity, columns)
    faults = FAULTS.get(entity, ()) if faulty else ()
    keys = [{c: text.format(k=k) for c, text in KEYS[entity].items()} for k in range(len(faults))]
    broken = spoil(frame, np.arange(frame.height), faults, keys)
    landing.write(source, f"{name or entity}.csv", f"canonical__{entity}", frame, Layout(mark=mark), broken)


def constant(text: str, height: int) -> pl.Series:
    return pl.Series([text]).new_from_index(0, height)


def flag(values: Flags) -> pl.Series:
    return pick(("false", "true"), values.astype(np.int64))


def declare(company: Company, landing: Landing, source: str) -> None:
    """Declare one of the company's own systems."""
    landing.declare(
        source, adapter="canonical", time_zone=UTC_ZONE, phone_region="US",
        complete_to=company.clock.last_day.isoformat(),
    )  # fmt: skip


def in_years(company: Company, utc: Ints) -> list[tuple[str, Ints]]:
    """Rows by calendar year of their moment."""
    years = np.array([company.clock.day(day).year for day in range(-1, company.clock.n_days + 1)])[utc // DAY + 1]
    return [(str(year), np.flatnonzero(years == year)) for year in np.unique(years)]
