-- Lines of known orders, with the weights by which amounts of the order are shared among them: the line amounts, or
-- equal ones where all are zero.
{{ config(materialized='view') }}

with totals as (
    select
        order_key,
        count(*) as line_n,
        cast(sum(greatest({{ to_units('line_amount') }}, 0)) as bigint) as size_total_units
    from {{ ref('int_order_line__unioned') }}
    group by order_key
),

orders as (
    select
        orders.order_no,
        orders.order_key,
        orders.channel,
        orders.store_id,
        orders.ordered_on,
        orders.currency,
        orders.reporting_currency,
        totals.line_n,
        totals.size_total_units
    from {{ ref('int_order__rated') }} as orders
    inner join totals on orders.order_key = totals.order_key
)

select
    orders.order_no,
    orders.channel,
    orders.store_id,
    orders.ordered_on,
    orders.currency,
    orders.reporting_currency,
    orders.line_n,
    lines.order_line_key,
    lines.sku,
    lines.qty,
    lines.line_amount,
    coalesce(lines.line_discount, 0) as line_discount,
    coalesce(lines.list_value, cast(lines.qty * lines.list_price as decimal(18, 4))) as stated_list_value,
    lines.platform_subsidy,
    lines.tax,
    lines.refunded_total,
    case
        when orders.size_total_units = 0 then 1 else greatest({{ to_units('lines.line_amount') }}, 0)
    end as weight_units,
    case when orders.size_total_units = 0 then orders.line_n else orders.size_total_units end as weight_total_units
from {{ ref('int_order_line__unioned') }} as lines
inner join orders on lines.order_key = orders.order_key
