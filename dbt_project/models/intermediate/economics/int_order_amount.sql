-- Amounts stated for an order as a whole, and costs stated for one of its lines: one row per order, line, component and
-- currency.
{{ config(materialized='view') }}

with line_statements as (
    select
        order_key,
        count(platform_subsidy) > 0 as has_subsidies,
        count(tax) > 0 as has_taxes
    from {{ ref('int_order_line__priced') }}
    group by order_key
),

charges as (
    select
        orders.*,
        lines.has_subsidies,
        lines.has_taxes
    from {{ ref('int_order__unioned') }} as orders
    inner join line_statements as lines on orders.order_key = lines.order_key
)

select order_key, cast(null as varchar) as order_line_key, 'order_discount' as component, currency, order_discount as amount
from charges
where order_discount <> 0
union all
select order_key, cast(null as varchar) as order_line_key, 'shipping_charged' as component, currency, shipping_charged as amount
from charges
where shipping_charged <> 0
union all
select order_key, cast(null as varchar) as order_line_key, 'platform_subsidy' as component, currency, platform_subsidy as amount
from charges
where platform_subsidy <> 0 and not has_subsidies
union all
select order_key, cast(null as varchar) as order_line_key, 'tax' as component, currency, tax_total as amount
from charges
where tax_total <> 0 and not has_taxes
union all
select order_key, order_line_key, component, currency, amount
from {{ ref('int_order_cost') }}
