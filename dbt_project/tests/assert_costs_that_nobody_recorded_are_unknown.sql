-- Truth: a cost that the channel bears and nobody recorded is unknown, never zero; of orders that count.
-- Usual cause: a coalesce to zero on the way, or a channel missing from cost_components.
-- Where to look: int_channel__cost_rule, int_order__recorded and the CTE `recorded` of fct_order_line_economics.
{{ config(meta={'dagster': {'ref': {'name': 'fct_order_line_economics'}}}) }}

select lines.order_line_key
from {{ ref('fct_order_line_economics') }} as lines
inner join {{ ref('int_order__kept') }} as orders on lines.order_key = orders.order_key
inner join {{ ref('int_channel__cost_rule') }} as rules on lines.channel = rules.channel
left join {{ ref('int_order__recorded') }} as records on orders.order_no = records.order_no
where
    not orders.is_void
    and (
        {% for fee in ['platform_fee', 'payment_fee', 'commission', 'fulfilment'] %}
        (rules.bears_{{ fee }} and not coalesce(records.has_{{ fee }}, false) and lines.{{ fee }} is not null)
        or
        {% endfor %}
        (rules.bears_cogs and lines.sku is null and lines.cogs is not null)
    )
