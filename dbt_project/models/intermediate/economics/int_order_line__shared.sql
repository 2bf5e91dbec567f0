-- Every amount of an order on its lines: shared by largest remainder in its own currency, then each line's share
-- converted once. One row per line and component, in the order's currency and in the reporting one.
{{ config(materialized='view') }}

with of_orders as (
    select
        amounts.component,
        amounts.amount_currency,
        amounts.amount_units,
        amounts.order_rate,
        amounts.reporting_rate,
        lines.order_no,
        lines.order_line_key,
        lines.line_n,
        lines.weight_units,
        lines.weight_total_units
    from {{ ref('int_order_amount__rated') }} as amounts
    inner join {{ ref('int_order_line__priced') }} as lines on amounts.order_no = lines.order_no
    where amounts.order_line_key is null and amounts.amount_units <> 0
),

shared as (
    {{
        allocate(
            'of_orders', ['order_no', 'component', 'amount_currency'],
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
    order_line_key,
    component,
    {{ sum_money('amount') }} as amount,
    {{ sum_money('amount_reporting') }} as amount_reporting
from converted
group by order_line_key, component
