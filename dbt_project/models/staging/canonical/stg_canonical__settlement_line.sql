-- Lines of platforms' and payment providers' statements; they may speak of another source's order.
with latest as ({{ latest_records('canonical__settlement_line') }})

select
    {{ source_key('source_system', 'settlement_id') }} as settlement_key,
    {{ source_key(owner_of('order_source'), 'order_id') }} as order_key,
    {{ source_key(owner_of('order_source'), "order_id || '/' || order_line_id") }} as order_line_key,
    source_system,
    posted_at,
    type,
    amount,
    currency,
    raw_description,
    known_at
from latest
