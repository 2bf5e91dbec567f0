-- Order lines in the canonical form. They carry no date of their own: their order's counts.
with latest as ({{ latest_records('canonical__order_line') }})

select
    {{ source_key('source_system', "order_id || '/' || order_line_id") }} as order_line_key,
    {{ source_key('source_system', 'order_id') }} as order_key,
    source_system,
    order_line_id,
    sku,
    qty,
    line_amount,
    list_price,
    list_value,
    unit_price,
    line_discount,
    platform_subsidy,
    tax,
    refunded_total,
    known_at
from latest
