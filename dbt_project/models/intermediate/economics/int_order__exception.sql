-- Orders and lines that do not find each other: lines whose order is not known (quarantined, say) are in no fact;
-- orders without lines are worth nothing until their lines arrive.
{{ config(materialized='view') }}

select
    orders.order_key,
    cast(null as varchar) as order_line_key,
    orders.source_system,
    'order_without_lines' as reason
from {{ ref('int_order__unioned') }} as orders
left join {{ ref('int_order_line__unioned') }} as lines on orders.order_key = lines.order_key
where lines.order_key is null
union all
select
    lines.order_key,
    lines.order_line_key,
    lines.source_system,
    'line_without_order' as reason
from {{ ref('int_order_line__unioned') }} as lines
left join {{ ref('int_order__unioned') }} as orders on lines.order_key = orders.order_key
where orders.order_key is null
