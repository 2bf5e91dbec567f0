"""Columns that several canonical entities share.

Lives here: currency, when a row was learnt, and the source that a row speaks about where it is not its own.
Stays out: the entities (`entities`, `marketing`) and the envelope that reading adds (`pipelines.ingest`).
"""

from __future__ import annotations

from pipelines.contracts.columns import instant, text

CURRENCY = text("currency", "ISO 4217 code of the row's money", required=True)
KNOWN_AT = instant(
    "known_at", "When the company learnt it", null_means="the source's extract date, else the event's time"
)

ORDER_SOURCE = text(
    "order_source", "Source system of the order", null_means="the order is of the row's own source system"
)
ACCOUNT_SOURCE = text(
    "account_source", "Source system of the account", null_means="the account is of the row's own source system"
)
