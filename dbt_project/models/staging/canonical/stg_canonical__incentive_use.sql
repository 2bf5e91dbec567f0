-- Uses of granted benefits; they may speak of another source's order.
with latest as ({{ latest_records('canonical__incentive_use') }})

select
    {{ source_key('source_system', 'incentive_id') }} as incentive_key,
    {{ source_key(owner_of('order_source'), 'order_id') }} as order_key,
    source_system,
    amount,
    currency,
    {{ quoted('at') }} as used_at,
    known_at
from latest
