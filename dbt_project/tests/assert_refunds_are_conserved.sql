-- Truth: every refund of a paid order is in core with all its money: its shares on lines add up to what was stated.
-- Usual cause: a refund in a currency without a rate, a line-level refund of a line that does not exist.
-- Where to look: int_refund__stated, int_refund__shared; what is left out on purpose is in int_refund__exception.
{{ config(meta={'dagster': {'ref': {'name': 'fct_refund'}}}) }}

with stated as (
    select
        refunds.refund_key,
        refunds.goods,
        refunds.shipping
    from {{ ref('int_refund__stated') }} as refunds
    inner join {{ ref('int_order__rated') }} as orders on refunds.order_no = orders.order_no
    where refunds.refund_currency = orders.currency and not orders.is_void
),

booked as (
    select
        refund_key,
        sum(refunded_goods) as goods,
        sum(refunded_shipping) as shipping
    from {{ ref('fct_refund') }}
    group by refund_key
)

select
    stated.refund_key,
    stated.goods,
    booked.goods as booked_goods
from stated
left join booked on stated.refund_key = booked.refund_key
where coalesce(booked.goods, 0) <> stated.goods or coalesce(booked.shipping, 0) <> stated.shipping
