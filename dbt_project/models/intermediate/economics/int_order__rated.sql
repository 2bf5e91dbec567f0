-- Orders with what every line of them needs: the two currencies, the rate of the order's day, and whether they count,
-- with the day up to which a cancelled one did: it had been paid, and the export says when it was cancelled.
-- order_no numbers the orders of this build by their key: a short form of the key for joins, which nothing stores.
-- They are numbered before the join, for rows that are sorted are carried whole.
with run_context as (
    select reporting_currency from {{ source('meta', 'run_context') }}
),

numbered as (
    select
        order_key,
        row_number() over (order by order_key) as order_no
    from {{ ref('int_order__unioned') }}
)

select
    numbered.order_no,
    orders.order_key,
    orders.account_key,
    orders.source_system,
    orders.channel,
    orders.store_id,
    orders.attributed_campaign_id,
    orders.ordered_at,
    orders.ordered_on,
    orders.paid_on,
    orders.first_known_at,
    orders.known_at,
    orders.status,
    orders.status in ('cancelled', 'pending') as is_void,
    case when orders.status = 'cancelled' and orders.paid_at < orders.cancelled_at then orders.cancelled_on end
        as cancelled_on,
    case when orders.status = 'cancelled' then greatest(orders.cancelled_at, orders.known_at) end
        as cancellation_known_at,
    orders.currency,
    run_context.reporting_currency,
    {{ rate_between('orders.currency', 'run_context.reporting_currency', 'rates.rate') }} as reporting_rate
from {{ ref('int_order__unioned') }} as orders
inner join numbered on orders.order_key = numbered.order_key
cross join run_context
left join {{ ref('int_fx_rate__daily') }} as rates
    on
        orders.ordered_on = rates.converted_on
        and orders.currency = rates.from_currency
        and run_context.reporting_currency = rates.to_currency
