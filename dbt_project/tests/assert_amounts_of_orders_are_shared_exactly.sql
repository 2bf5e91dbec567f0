-- Truth: what is shared over the lines of an order adds up to what was stated for the order, to the last ten-thousandth.
-- Usual cause: an order line stated twice, or a weight that changed between the shares of one amount.
-- Where to look: macros/money/allocate.sql and int_order_line__weighted for the order's lines and weights.
{{ config(meta={'dagster': {'ref': {'name': 'int_order_line__revenue'}}}) }}

{% set costs = ['platform_fee', 'payment_fee', 'commission', 'fulfilment', 'incentives'] %}
{% set stated_of_lines = {'platform_subsidy': 'platform_subsidy', 'tax_total': 'tax_contained'} %}

with stated as (
    select
        amounts.order_no,
        {% for component in ['order_discount', 'shipping_charged', 'platform_subsidy', 'tax_total'] + costs %}
        sum(amounts.amount_units) filter (where amounts.component = '{{ component }}')
            as {{ component }}_units{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('int_order_amount__rated') }} as amounts
    group by amounts.order_no
    having min(amounts.order_rate) = 1 and max(amounts.order_rate) = 1
),

line_discounts as (
    select
        lines.order_no,
        sum(lines.line_discount) as line_discount
    from {{ ref('int_order_line__priced') }} as lines
    group by lines.order_no
),

shared as (
    select
        lines.order_no,
        {% for amount in ['merchant_discount', 'shipping_charged', 'platform_subsidy', 'tax_contained'] + costs %}
        sum(lines.{{ amount }}) as {{ amount }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('int_order_line__revenue') }} as lines
    group by lines.order_no
)

select
    stated.order_no
from stated
inner join shared on stated.order_no = shared.order_no
inner join line_discounts on stated.order_no = line_discounts.order_no
where
    shared.merchant_discount - line_discounts.line_discount
    <> {{ from_units('coalesce(stated.order_discount_units, 0)') }}
    {% for component in ['shipping_charged'] + costs %}
    or shared.{{ component }} <> {{ from_units('coalesce(stated.' ~ component ~ '_units, 0)') }}
    {% endfor %}
    {% for component, amount in stated_of_lines.items() %}
    or shared.{{ amount }} <> {{ from_units('stated.' ~ component ~ '_units') }}
    {% endfor %}
