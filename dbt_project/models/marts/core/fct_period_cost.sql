-- Costs of months that belong to no order, converted at the rate of the month's first day, added up over sources.
with run_context as (
    select reporting_currency from {{ source('meta', 'run_context') }}
),

converted as (
    select
        costs.month,
        costs.category,
        costs.allocation_rule,
        {{
            convert_money(
                'costs.amount', rate_between('costs.currency', 'run_context.reporting_currency', 'rates.rate')
            )
        }} as amount_reporting
    from {{ ref('int_period_cost__unioned') }} as costs
    cross join run_context
    left join {{ ref('int_fx_rate__daily') }} as rates
        on
            costs.month = rates.converted_on
            and costs.currency = rates.from_currency
            and run_context.reporting_currency = rates.to_currency
)

select
    month,
    category,
    min(allocation_rule) as allocation_rule,
    {{ sum_known('amount_reporting') }} as amount_reporting
from converted
group by month, category
