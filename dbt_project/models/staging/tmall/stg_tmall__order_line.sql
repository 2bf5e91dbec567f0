-- Lines of marketplace orders. The price is what one unit was offered at; the list price is not exported. A refund of
-- all that the buyer paid for a line gives back the platform's part too, so all of the line. An order without lines in
-- the export keeps its goods as one line without a product.
with measured as (
    select
        *,
        cast(price * quantity as decimal(18, 4)) as asked,
        coalesce(goods_due, cast(price * quantity as decimal(18, 4))) as line_amount
    from ({{ latest_records('tmall__order_lines') }}) as lines
),

itemised as (
    select distinct
        source_system,
        order_id
    from ({{ latest_records('tmall__order_lines') }}) as lines
),

itemless as (
    select orders.*
    from ({{ latest_records('tmall__orders') }}) as orders
    left join itemised
        on orders.source_system = itemised.source_system and orders.order_id = itemised.order_id
    where itemised.order_id is null
)

select
    {{ source_key('source_system', "order_id || '/' || sub_order_id") }} as order_line_key,
    {{ source_key('source_system', 'order_id') }} as order_key,
    source_system,
    sub_order_id as order_line_id,
    coalesce(merchant_code, external_code) as sku,
    quantity as qty,
    line_amount,
    price as unit_price,
    cast(asked - line_amount as decimal(18, 4)) as line_discount,
    case
        when refund_amount > 0 and refund_amount >= paid_amount then line_amount
        else refund_amount
    end as refunded_total,
    {{ not_exported('order_line', ['list_price', 'list_value', 'platform_subsidy', 'tax']) }},
    known_at
from measured
union all
select
    {{ source_key('source_system', "order_id || '/1'") }} as order_line_key,
    {{ source_key('source_system', 'order_id') }} as order_key,
    source_system,
    '1' as order_line_id,
    cast(null as varchar) as sku,
    cast(1 as decimal(18, 6)) as qty,
    goods_due as line_amount,
    goods_due as unit_price,
    cast(0 as decimal(18, 4)) as line_discount,
    cast(null as decimal(18, 4)) as refunded_total,
    {{ not_exported('order_line', ['list_price', 'list_value', 'platform_subsidy', 'tax']) }},
    known_at
from itemless
