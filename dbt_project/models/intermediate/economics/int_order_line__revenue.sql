-- Lines from list price to gross merchandise, in the order's currency, with their shares of shipping, of the tax
-- contained in the order, and of its costs. The shares are joined component by component: side by side before the join
-- they would fill the memory.
{% set sale = ['order_discount', 'shipping_charged', 'platform_subsidy', 'tax_total'] %}
{% set costs = ['platform_fee', 'payment_fee', 'commission', 'fulfilment', 'incentives'] %}

select
    lines.order_no,
    lines.order_line_key,
    lines.sku,
    lines.qty,
    lines.list_value is not null as is_list_price_known,
    coalesce(lines.list_value, lines.line_amount + lines.line_discount) as list_value,
    coalesce(lines.list_value - lines.line_amount - lines.line_discount, 0) as markdown,
    lines.line_discount + coalesce(order_discount.amount, 0) as merchant_discount,
    lines.line_amount - coalesce(order_discount.amount, 0) as gross_merchandise,
    coalesce(lines.platform_subsidy, platform_subsidy.amount, 0) as platform_subsidy,
    coalesce(shipping_charged.amount, 0) as shipping_charged,
    coalesce(lines.tax, tax_total.amount, 0) as tax_contained,
    {% for component in costs %}
    coalesce({{ component }}.amount, 0) as {{ component }},
    coalesce({{ component }}.amount_reporting, 0) as {{ component }}_reporting,
    {% endfor %}
    lines.unit_cost,
    lines.cost_order_rate,
    lines.cost_reporting_rate
from {{ ref('int_order_line__priced') }} as lines
{% for component in sale + costs %}
left join {{ ref('int_order_line__shared') }} as {{ component }}
    on lines.order_line_key = {{ component }}.order_line_key and {{ component }}.component = '{{ component }}'
{% endfor %}
