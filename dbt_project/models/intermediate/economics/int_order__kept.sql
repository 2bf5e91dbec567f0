-- Which orders are kept: paid, not cancelled and not wholly refunded; and how exactly their refunds are dated.
with refunded as (
    select
        order_key,
        sum(refunded_goods) as refunded_goods,
        max(case when refund_precision = 'dated' then 1 else 0 end) as is_dated
    from {{ ref('int_refund__converted') }}
    group by order_key
)

select
    orders.order_key,
    coalesce(refunded.refunded_goods >= sums.gross_merchandise and sums.gross_merchandise > 0, false)
        as is_wholly_refunded,
    not orders.is_void
    and not coalesce(refunded.refunded_goods >= sums.gross_merchandise and sums.gross_merchandise > 0, false)
        as is_kept,
    case
        when refunded.order_key is null then 'none'
        when refunded.is_dated = 1 then 'dated'
        else 'order'
    end as refund_precision
from {{ ref('int_order__rated') }} as orders
left join {{ ref('int_order__revenue') }} as sums on orders.order_key = sums.order_key
left join refunded on orders.order_key = refunded.order_key
