-- Amounts stated for an order as a whole, and costs stated for one of its lines: one row per order, line, component and
-- currency. Subsidies and taxes that the lines state themselves are not shared again.
{{ config(materialized='view') }}

with stated_by_lines as (
    select
        order_key,
        count(platform_subsidy) > 0 as has_subsidies,
        count(tax) > 0 as has_taxes
    from {{ ref('int_order_line__unioned') }}
    where platform_subsidy is not null or tax is not null
    group by order_key
),

charges as (
    select
        orders.*,
        coalesce(lines.has_subsidies, false) as has_subsidies,
        coalesce(lines.has_taxes, false) as has_taxes
    from {{ ref('int_order__unioned') }} as orders
    left join stated_by_lines as lines on orders.order_key = lines.order_key
    where
        orders.order_discount <> 0
        or orders.shipping_charged <> 0
        or orders.platform_subsidy <> 0
        or orders.tax_total <> 0
)

{% for component, has_on_lines in {
    'order_discount': none, 'shipping_charged': none, 'platform_subsidy': 'has_subsidies', 'tax_total': 'has_taxes'
}.items() %}
select
    order_key,
    cast(null as varchar) as order_line_key,
    '{{ component }}' as component,
    currency,
    {{ component }} as amount
from charges
where {{ component }} <> 0{{ ' and not ' ~ has_on_lines if has_on_lines }}
union all
{% endfor %}
select
    order_key,
    order_line_key,
    component,
    currency,
    amount
from {{ ref('int_order_cost') }}
