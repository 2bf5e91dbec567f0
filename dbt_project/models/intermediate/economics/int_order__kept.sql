-- Orders with who ordered, whether they are kept (paid, not cancelled and not wholly refunded), and how their refunds
-- are dated.
with refunded as (
    select
        order_no,
        {{ sum_money('refunded_goods') }} as refunded_goods,
        max(case when refund_precision = 'dated' then 1 else 0 end) as is_dated
    from {{ ref('int_refund__converted') }}
    where not is_void
    group by order_no
),

judged as (
    select
        orders.*,
        coalesce(refunded.refunded_goods >= sums.gross_merchandise and sums.gross_merchandise > 0, false)
            as is_wholly_refunded,
        case
            when refunded.order_no is null then 'none'
            when refunded.is_dated = 1 then 'dated'
            else 'order'
        end as refund_precision
    from {{ ref('int_order__rated') }} as orders
    left join {{ ref('int_order__revenue') }} as sums on orders.order_no = sums.order_no
    left join refunded on orders.order_no = refunded.order_no
)

select
    judged.order_no,
    judged.order_key,
    judged.source_system,
    judged.channel,
    judged.store_id,
    judged.account_key,
    people.customer_id,
    judged.attributed_campaign_id,
    judged.ordered_at,
    judged.ordered_on,
    judged.paid_on,
    judged.first_known_at,
    judged.known_at,
    judged.status,
    judged.is_void,
    judged.cancelled_on,
    judged.cancellation_known_at,
    judged.is_wholly_refunded,
    not judged.is_void and not judged.is_wholly_refunded as is_kept,
    judged.refund_precision,
    judged.currency,
    judged.reporting_currency,
    judged.reporting_rate
from judged
inner join {{ ref('int_account__assigned') }} as people on judged.account_key = people.account_key
