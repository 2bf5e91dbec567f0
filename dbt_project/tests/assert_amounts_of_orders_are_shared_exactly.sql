-- Truth: what is shared over the lines of an order adds up to what was stated for the order, to the last ten-thousandth.
-- Usual cause: an order line stated twice, or a weight that changed between the shares of one amount.
-- Where to look: macros/money/allocate.sql and int_order_line__weighted for the order's lines and weights.
{{ config(meta={'dagster': {'ref': {'name': 'int_order_line__revenue'}}}) }}

{% set sale = ['order_discount', 'shipping_charged', 'platform_subsidy', 'tax_total'] %}
{% set costs = ['platform_fee', 'payment_fee', 'commission', 'fulfilment', 'incentives'] %}

with stated as (
    select
        amounts.order_no,
        {% for component in sale + costs %}
        sum(case when amounts.component = '{{ component }}' then amounts.amount_units else 0 end)
            as {{ component }}_units{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('int_order_amount__rated') }} as amounts
    group by amounts.order_no
    having min(amounts.order_rate) = 1 and max(amounts.order_rate) = 1
),

shared as (
    select
        lines.order_no,
        {% for component in sale + costs %}
        sum(coalesce(shares.{{ component }}, 0)) as {{ component }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('int_order_line__priced') }} as lines
    inner join {{ ref('int_order_line__shared') }} as shares on lines.order_line_key = shares.order_line_key
    group by lines.order_no
)

select
    stated.order_no
from stated
inner join shared on stated.order_no = shared.order_no
where
    {% for component in sale + costs %}
    {{ 'or ' if not loop.first }}stated.{{ component }}_units <> shared.{{ component }} * 10000
    {% endfor %}
