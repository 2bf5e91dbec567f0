-- Lines at their prices and costs: the price asked, the list value, and what one unit cost on the day of the order,
-- with the rates of that cost's currency. No unit cost where none is stated.
with costed as (
    select
        lines.*,
        costs.unit_cost,
        costs.currency as cost_currency
    from {{ ref('int_order_line__listed') }} as lines
    left join {{ ref('int_product_cost__effective') }} as costs
        on
            lines.sku = costs.sku
            and lines.ordered_on >= costs.valid_from
            and lines.ordered_on <= costs.last_on
)

select
    costed.order_no,
    costed.order_line_key,
    costed.sku,
    costed.qty,
    costed.line_amount,
    costed.line_discount,
    costed.list_value,
    costed.platform_subsidy,
    costed.tax,
    costed.refunded_total,
    costed.line_n,
    costed.weight_units,
    costed.weight_total_units,
    costed.unit_cost,
    {{ rate_between('costed.cost_currency', 'costed.currency', 'to_order.rate') }} as cost_order_rate,
    {{ rate_between('costed.cost_currency', 'costed.reporting_currency', 'to_reporting.rate') }} as cost_reporting_rate
from costed
{{ join_rates('costed', 'cost_currency') }}
