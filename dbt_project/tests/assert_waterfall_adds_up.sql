-- Truth: gross = list - markdown - discount; net = gross + shipping - cancelled - refunds - tax; contribution = net less
-- every cost, in both currencies; and a contribution is known exactly when every cost is.
-- Usual cause: an amount converted twice, or a new line of the waterfall that one of the sums does not know.
-- Where to look: fct_order_line_economics, from `sold` down.
{{ config(meta={'dagster': {'ref': {'name': 'fct_order_line_economics'}}}) }}

select order_line_key
from {{ ref('fct_order_line_economics') }}
where
    {% for suffix in ['', '_reporting'] %}
    gross_merchandise{{ suffix }} <> list_value{{ suffix }} - markdown{{ suffix }} - merchant_discount{{ suffix }}
    or net_revenue{{ suffix }} <> gross_merchandise{{ suffix }} + shipping_charged{{ suffix }} - cancelled{{ suffix }}
    - refunded_goods{{ suffix }} - refunded_shipping{{ suffix }} - tax{{ suffix }}
    or contribution{{ suffix }} <> net_revenue{{ suffix }} - cogs{{ suffix }} - platform_fee{{ suffix }}
    - payment_fee{{ suffix }} - commission{{ suffix }} - fulfilment{{ suffix }} - incentives{{ suffix }}
    or
    {% endfor %}
    (contribution is not null) <> (is_cogs_known and is_fees_known and is_fulfilment_known and incentives is not null)
    or (contribution is not null) <> is_costed
