-- Order lines. The export numbers none, so a line's id is its place in the order of contents, not of rows.
with latest as ({{ latest_records('shopify__orders') }}),

heads as (
    select
        source_system,
        record_key,
        coalesce(id, order_name) as order_id
    from latest
    where total is not null
),

numbered as (
    select
        *,
        cast(row_number() over (
            partition by source_system, record_key
            order by
                lineitem_sku asc nulls last, lineitem_price asc, lineitem_quantity asc,
                coalesce(lineitem_discount, 0) asc, lineitem_compare_at_price asc nulls last,
                lineitem_name asc nulls last
        ) as varchar) as order_line_id
    from latest
)

select
    {{ source_key('numbered.source_system', "heads.order_id || '/' || order_line_id") }} as order_line_key,
    {{ source_key('numbered.source_system', 'heads.order_id') }} as order_key,
    numbered.source_system,
    order_line_id,
    lineitem_sku as sku,
    lineitem_quantity as qty,
    cast({{ shopify_line_amount() }} as decimal(18, 4)) as line_amount,
    case when lineitem_compare_at_price >= lineitem_price then lineitem_compare_at_price end as list_price,
    lineitem_price as unit_price,
    lineitem_discount as line_discount,
    {{ not_exported('order_line', ['list_value', 'platform_subsidy', 'tax', 'refunded_total']) }},
    known_at
from numbered
inner join heads
    on numbered.source_system = heads.source_system and numbered.record_key = heads.record_key
