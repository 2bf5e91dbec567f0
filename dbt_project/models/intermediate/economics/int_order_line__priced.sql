-- Lines of known orders at the prices asked, with the weights by which amounts of the order are shared among them.
with lines as (
    select
        lines.*,
        greatest({{ to_units('lines.line_amount') }}, 0) as size_units,
        coalesce(lines.line_discount, 0) as own_discount
    from {{ ref('int_order_line__unioned') }} as lines
),

totals as (
    select
        order_key,
        count(*) as line_n,
        cast(sum(size_units) as bigint) as size_total_units
    from lines
    group by order_key
)

select
    lines.order_line_key,
    lines.order_key,
    orders.source_system,
    orders.channel,
    orders.account_key,
    orders.store_id,
    lines.sku,
    orders.ordered_at,
    orders.ordered_on,
    orders.is_void,
    orders.currency,
    orders.reporting_currency,
    orders.reporting_rate,
    lines.qty,
    lines.line_amount,
    lines.own_discount as line_discount,
    coalesce(lines.list_value, cast(lines.qty * lines.list_price as decimal(18, 4))) as stated_list_value,
    lines.platform_subsidy,
    lines.tax,
    lines.refunded_total,
    totals.line_n,
    case when totals.size_total_units = 0 then 1 else lines.size_units end as weight_units,
    case when totals.size_total_units = 0 then totals.line_n else totals.size_total_units end as weight_total_units
from lines
inner join totals on lines.order_key = totals.order_key
inner join {{ ref('int_order__rated') }} as orders on lines.order_key = orders.order_key
