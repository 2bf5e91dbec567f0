-- Every refund once, dated or not, with whether it gives back all goods of its order.
with refunds as (
    select
        refund_key,
        order_no,
        order_line_key,
        refunded_on,
        known_at,
        'dated' as refund_precision,
        kind,
        refund_currency,
        goods,
        shipping,
        restocked_qty
    from {{ ref('int_refund__dated') }}
    union all
    select
        refund_key,
        order_no,
        order_line_key,
        refunded_on,
        known_at,
        'order' as refund_precision,
        'refund_only' as kind,
        refund_currency,
        goods,
        shipping,
        cast(0 as decimal(18, 6)) as restocked_qty
    from {{ ref('int_refund__undated') }}
)

select
    refunds.*,
    refunds.order_line_key is null
    and refunds.refund_currency = orders.currency
    and refunds.goods = sums.gross_merchandise as is_all_goods
from refunds
inner join {{ ref('int_order__rated') }} as orders on refunds.order_no = orders.order_no
inner join {{ ref('int_order__revenue') }} as sums on refunds.order_no = sums.order_no
