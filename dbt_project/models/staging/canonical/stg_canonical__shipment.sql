-- Parcels and what they cost; they may speak of another source's order.
with latest as ({{ latest_records('canonical__shipment') }})

select
    {{ source_key('source_system', 'shipment_id') }} as shipment_key,
    {{ source_key(owner_of('order_source'), 'order_id') }} as order_key,
    source_system,
    shipped_at,
    promised_at,
    delivered_at,
    carrier,
    cost,
    currency,
    return_leg,
    known_at
from latest
