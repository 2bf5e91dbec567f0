-- Lines from list price to gross merchandise, in the order's currency, with their shares of shipping, of the tax
-- contained in the order, and of its costs.
select
    lines.order_no,
    lines.order_line_key,
    lines.sku,
    lines.qty,
    lines.list_value is not null as is_list_price_known,
    coalesce(lines.list_value, lines.line_amount + lines.line_discount) as list_value,
    coalesce(lines.list_value - lines.line_amount - lines.line_discount, 0) as markdown,
    lines.line_discount + coalesce(shares.order_discount, 0) as merchant_discount,
    lines.line_amount - coalesce(shares.order_discount, 0) as gross_merchandise,
    coalesce(lines.platform_subsidy, shares.platform_subsidy, 0) as platform_subsidy,
    coalesce(shares.shipping_charged, 0) as shipping_charged,
    coalesce(lines.tax, shares.tax_total, 0) as tax_contained,
    {% for component in ['platform_fee', 'payment_fee', 'commission', 'fulfilment', 'incentives'] %}
    coalesce(shares.{{ component }}, 0) as {{ component }},
    coalesce(shares.{{ component }}_reporting, 0) as {{ component }}_reporting,
    {% endfor %}
    lines.unit_cost,
    lines.cost_order_rate,
    lines.cost_reporting_rate
from {{ ref('int_order_line__priced') }} as lines
left join {{ ref('int_order_line__shared') }} as shares on lines.order_line_key = shares.order_line_key
