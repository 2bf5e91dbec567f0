-- Orders with what every line of them needs: the two currencies, the rate of the order's day, and whether they count.
with run_context as (
    select reporting_currency from {{ source('meta', 'run_context') }}
)

select
    orders.order_key,
    orders.account_key,
    orders.source_system,
    orders.channel,
    orders.ordered_at,
    orders.ordered_on,
    orders.status,
    orders.status in ('cancelled', 'pending') as is_void,
    orders.currency,
    run_context.reporting_currency,
    {{ rate_between('orders.currency', 'run_context.reporting_currency', 'rates.rate') }} as reporting_rate,
    orders.store_id,
    orders.attributed_campaign_id
from {{ ref('int_order__unioned') }} as orders
cross join run_context
left join {{ ref('int_fx_rate__daily') }} as rates
    on
        orders.ordered_on = rates.converted_on
        and orders.currency = rates.from_currency
        and run_context.reporting_currency = rates.to_currency
