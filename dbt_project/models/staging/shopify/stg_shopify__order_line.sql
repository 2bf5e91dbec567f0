-- Order lines. The export numbers none, so a line's id is its place in the order of contents, not of rows.
with heads as (
    select
        source_system,
        record_key,
        coalesce(id, order_name) as order_id
    from ({{ latest_records('shopify__orders') }}) as latest
    where total is not null
),

numbered as (
    select
        latest.*,
        heads.order_id,
        cast(row_number() over (
            partition by latest.source_system, latest.record_key
            order by
                latest.lineitem_sku asc nulls last, latest.lineitem_price asc, latest.lineitem_quantity asc,
                coalesce(latest.lineitem_discount, 0) asc, latest.lineitem_compare_at_price asc nulls last,
                latest.lineitem_name asc nulls last
        ) as varchar) as order_line_id
    from ({{ latest_records('shopify__orders') }}) as latest
    inner join heads on latest.source_system = heads.source_system and latest.record_key = heads.record_key
)

select
    {{ source_key('source_system', "order_id || '/' || order_line_id") }} as order_line_key,
    {{ source_key('source_system', 'order_id') }} as order_key,
    source_system,
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
