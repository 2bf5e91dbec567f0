-- Which costs are recorded for an order, and whether all that is recorded is known: in the order's currency and in the
-- reporting one. A parcel without a price or a fee without a rate makes the component unknown, not cheap.
{% set components = ['platform_fee', 'payment_fee', 'commission', 'fulfilment', 'incentives'] %}

select
    {% for component in components %}
    count(*) filter (where component = '{{ component }}') > 0 as has_{{ component }},
    count(*) filter (where component = '{{ component }}' and (amount_units is null or order_rate is null)) = 0
        as knows_{{ component }},
    count(*) filter (where component = '{{ component }}' and (amount_units is null or reporting_rate is null)) = 0
        as knows_{{ component }}_reporting,
    {% endfor %}
    order_no
from {{ ref('int_order_amount__rated') }}
where component in ('{{ components | join("', '") }}')
group by order_no
