-- Every amount of an order on its lines: shared by largest remainder in its own currency, then each line's share
-- converted once. Per component one column in
-- each currency, null where nothing is recorded or a part of it is unknown, and whether anything is recorded.
{% set components = [
    'order_discount', 'shipping_charged', 'platform_subsidy', 'tax_total', 'platform_fee', 'payment_fee', 'commission',
    'fulfilment', 'incentives'
] %}

with of_orders as (
    select
        amounts.component,
        amounts.amount_currency,
        amounts.amount_units,
        amounts.order_rate,
        amounts.reporting_rate,
        lines.order_key,
        lines.order_line_key,
        lines.line_n,
        lines.weight_units,
        lines.weight_total_units
    from {{ ref('int_order_amount__rated') }} as amounts
    inner join {{ ref('int_order_line__priced') }} as lines on amounts.order_key = lines.order_key
    where amounts.order_line_key is null
),

shared as (
    {{
        allocate(
            'of_orders', ['order_key', 'component', 'amount_currency'],
            ['order_line_key', 'component', 'order_rate', 'reporting_rate']
        )
    }}
    union all
    select
        order_line_key,
        component,
        order_rate,
        reporting_rate,
        amount_units as shared_units
    from {{ ref('int_order_amount__rated') }}
    where order_line_key is not null
),

converted as (
    select
        order_line_key,
        component,
        {{ convert_money(from_units('shared_units'), 'order_rate') }} as amount,
        {{ convert_money(from_units('shared_units'), 'reporting_rate') }} as amount_reporting
    from shared
)

select
    {% for component in components %}
    {{ sum_known('amount', "component = '" ~ component ~ "'") }} as {{ component }},
    {{ sum_known('amount_reporting', "component = '" ~ component ~ "'") }} as {{ component }}_reporting,
    count(case when component = '{{ component }}' then 1 end) > 0 as has_{{ component }},
    {% endfor %}
    order_line_key
from converted
group by order_line_key
