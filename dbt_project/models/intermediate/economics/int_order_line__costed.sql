-- What the goods of each line cost: the unit cost that held on the day of the order, in the currency of whoever states
-- it, and the line's cost in both currencies. Only lines whose cost is stated.
with costed as (
    select
        lines.order_line_key,
        lines.ordered_on,
        lines.currency,
        lines.reporting_currency,
        costs.unit_cost,
        costs.currency as cost_currency,
        cast(lines.qty * costs.unit_cost as decimal(18, 4)) as cost
    from {{ ref('int_order_line__priced') }} as lines
    inner join {{ ref('int_product_cost__effective') }} as costs
        on
            lines.sku = costs.sku
            and lines.ordered_on >= costs.valid_from
            and lines.ordered_on <= costs.last_on
),

rated as (
    select
        costed.order_line_key,
        costed.unit_cost,
        costed.cost,
        {{ rate_between('costed.cost_currency', 'costed.currency', 'to_order.rate') }} as order_rate,
        {{ rate_between('costed.cost_currency', 'costed.reporting_currency', 'to_reporting.rate') }} as reporting_rate
    from costed
    {{ join_rates('costed', 'cost_currency') }}
)

select
    order_line_key,
    unit_cost,
    order_rate,
    reporting_rate,
    {{ convert_money('cost', 'order_rate') }} as cost,
    {{ convert_money('cost', 'reporting_rate') }} as cost_reporting
from rated
