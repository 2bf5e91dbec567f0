-- Items sold at the till. A sale without items in the export keeps its net sales as one line without a product.
with items as ({{ square_numbered_items(square_is_sale()) }}),

itemised as (
    select distinct
        source_system,
        transaction_id
    from ({{ latest_records('square__items') }}) as items
    where {{ square_is_sale() }}
),

itemless as (
    select sales.*
    from ({{ latest_records('square__transactions') }}) as sales
    left join itemised
        on sales.source_system = itemised.source_system and sales.transaction_id = itemised.transaction_id
    where itemised.transaction_id is null and {{ square_is_sale() }}
)

select
    {{ source_key('source_system', "transaction_id || '/' || ordinal") }} as order_line_key,
    {{ source_key('source_system', 'transaction_id') }} as order_key,
    source_system,
    ordinal as order_line_id,
    sku,
    qty,
    net_sales as line_amount,
    cast(gross_sales - net_sales as decimal(18, 4)) as line_discount,
    {{
        not_exported('order_line', [
            'list_price', 'list_value', 'unit_price', 'platform_subsidy', 'tax', 'refunded_total'
        ])
    }},
    known_at
from items
union all
select
    {{ source_key('source_system', "transaction_id || '/' || coalesce(payment_id, '1')") }} as order_line_key,
    {{ source_key('source_system', 'transaction_id') }} as order_key,
    source_system,
    coalesce(payment_id, '1') as order_line_id,
    cast(null as varchar) as sku,
    cast(1 as decimal(18, 6)) as qty,
    net_sales as line_amount,
    cast(gross_sales - net_sales as decimal(18, 4)) as line_discount,
    {{
        not_exported('order_line', [
            'list_price', 'list_value', 'unit_price', 'platform_subsidy', 'tax', 'refunded_total'
        ])
    }},
    known_at
from itemless
