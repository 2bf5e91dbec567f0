-- Amounts of orders in whole units, with their two rates: from their own currency to the order's, and to the reporting
-- currency.
with amounts as (
    select
        orders.order_no,
        amounts.order_line_key,
        amounts.component,
        amounts.currency as amount_currency,
        amounts.amount,
        orders.ordered_on,
        orders.currency,
        orders.reporting_currency
    from {{ ref('int_order_amount') }} as amounts
    inner join {{ ref('int_order__rated') }} as orders on amounts.order_key = orders.order_key
)

select
    amounts.order_no,
    amounts.order_line_key,
    amounts.component,
    amounts.amount_currency,
    {{ to_units('amounts.amount') }} as amount_units,
    {{ rate_between('amounts.amount_currency', 'amounts.currency', 'to_order.rate') }} as order_rate,
    {{ rate_between('amounts.amount_currency', 'amounts.reporting_currency', 'to_reporting.rate') }} as reporting_rate
from amounts
{{ join_rates('amounts', 'amount_currency') }}
