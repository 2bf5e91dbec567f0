-- Goods and shipping of whole orders, in the order's currency: what there is to be refunded.
select
    order_no,
    min(order_key) as order_key,
    cast(sum(gross_merchandise) as decimal(18, 4)) as gross_merchandise,
    cast(sum(shipping_charged) as decimal(18, 4)) as shipping_charged
from {{ ref('int_order_line__revenue') }}
group by order_no
