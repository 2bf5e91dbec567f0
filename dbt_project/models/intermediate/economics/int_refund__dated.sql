-- Refunds that a feed states, each on its day. Orders that were cancelled or never paid have nothing to refund, save
-- what was given back before a cancellation: it is part of what the cancellation took, on an earlier day.
{{ config(materialized='view') }}

select
    orders.order_no,
    refunds.refund_key,
    lines.order_line_key,
    refunds.refunded_on,
    refunds.known_at,
    refunds.kind,
    refunds.currency as refund_currency,
    cast(refunds.goods_amount + coalesce(refunds.platform_subsidy_returned, 0) as decimal(18, 4)) as goods,
    cast(coalesce(refunds.shipping_amount, 0) as decimal(18, 4)) as shipping,
    cast(case when refunds.restocked then coalesce(refunds.qty, 0) else 0 end as decimal(18, 6)) as restocked_qty
from {{ ref('int_refund__unioned') }} as refunds
inner join {{ ref('int_order__rated') }} as orders on refunds.order_key = orders.order_key
left join {{ ref('int_order_line__priced') }} as lines
    on refunds.order_line_key = lines.order_line_key and orders.order_no = lines.order_no
where not orders.is_void or refunds.refunded_on < orders.cancelled_on
