-- Truth: the refunds on their days and the refunds of the order-dated waterfall are the same money, line by line.
-- Usual cause: a refund row of a line that is not in the waterfall, or a void order with refunds.
-- Where to look: the CTE `refunds` of fct_order_line_economics.
{{ config(meta={'dagster': {'ref': {'name': 'fct_refund'}}}) }}

with dated as (
    select
        order_line_key,
        {% for suffix in ['', '_reporting'] %}
        sum(refunded_goods{{ suffix }}) as goods{{ suffix }},
        sum(refunded_shipping{{ suffix }}) as shipping{{ suffix }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('fct_refund') }}
    group by order_line_key
)

select coalesce(lines.order_line_key, dated.order_line_key) as order_line_key
from (
    select * from {{ ref('fct_order_line_economics') }}
    where refunded_goods <> 0 or refunded_shipping <> 0
) as lines
full outer join dated on lines.order_line_key = dated.order_line_key
where
    coalesce(lines.refunded_goods, 0) <> coalesce(dated.goods, 0)
    or coalesce(lines.refunded_shipping, 0) <> coalesce(dated.shipping, 0)
    or lines.refunded_goods_reporting is distinct from dated.goods_reporting
    or lines.refunded_shipping_reporting is distinct from dated.shipping_reporting
