-- Refunds that deserve a look: booked on no order, on one that was never paid or was cancelled, before it was placed,
-- or beyond what it was worth. The first two are not in fct_refund (of a cancelled order fct_cancellation has them),
-- the others are: money that went back went back.
{{ config(materialized='view') }}

with dated as (
    select
        refunds.refund_key,
        refunds.order_key,
        refunds.source_system,
        refunds.refunded_on,
        refunds.goods_amount,
        refunds.currency,
        orders.order_no,
        orders.ordered_on,
        orders.is_void
    from {{ ref('int_refund__unioned') }} as refunds
    left join {{ ref('int_order__rated') }} as orders on refunds.order_key = orders.order_key
),

given_back as (
    select
        order_no,
        {{ sum_money('refunded_goods') }} as refunded_goods
    from {{ ref('int_refund__converted') }}
    group by order_no
),

excessive as (
    select given_back.order_no
    from given_back
    inner join {{ ref('int_order__revenue') }} as sums on given_back.order_no = sums.order_no
    where given_back.refunded_goods > sums.gross_merchandise
)

select
    dated.refund_key,
    dated.order_key,
    dated.source_system,
    dated.refunded_on,
    dated.goods_amount,
    dated.currency,
    case
        when dated.order_no is null then 'no_order'
        when dated.is_void then 'order_void'
        when dated.refunded_on < dated.ordered_on then 'before_order'
        else 'more_than_order'
    end as reason
from dated
left join excessive on dated.order_no = excessive.order_no
where
    dated.order_no is null
    or dated.is_void
    or dated.refunded_on < dated.ordered_on
    or excessive.order_no is not null
