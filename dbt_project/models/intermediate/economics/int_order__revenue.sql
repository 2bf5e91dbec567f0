-- Goods and shipping of whole orders, in the order's currency: what there is to be refunded.
select
    order_no,
    {{ sum_money('gross_merchandise') }} as gross_merchandise,
    {{ sum_money('shipping_charged') }} as shipping_charged
from {{ ref('int_order_line__revenue') }}
group by order_no
