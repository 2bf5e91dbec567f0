-- Refunds, each on its day; they may speak of another source's order.
with latest as ({{ latest_records('canonical__refund') }})

select
    {{ source_key('source_system', 'refund_id') }} as refund_key,
    {{ source_key(owner_of('order_source'), 'order_id') }} as order_key,
    {{ source_key(owner_of('order_source'), "order_id || '/' || order_line_id") }} as order_line_key,
    source_system,
    {{ quoted('at') }} as refunded_at,
    event_on as refunded_on,
    goods_amount,
    shipping_amount,
    platform_subsidy_returned,
    currency,
    qty,
    restocked,
    reason_code,
    kind,
    known_at
from latest
