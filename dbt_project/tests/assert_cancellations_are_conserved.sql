-- Truth: what cancellations took on their days is what the order-dated waterfall calls cancelled, line by line and in
-- both currencies, for every order that was cancelled on a known day after it had been paid, and for no other.
-- Usual cause: a refund before the cancellation that is booked twice, or a line that the cancellation does not reach.
-- Where to look: fct_cancellation, and what int_order__rated says of cancelled_on.
{{ config(meta={'dagster': {'ref': {'name': 'fct_cancellation'}}}) }}

with dated as (
    select
        order_line_key,
        {% for suffix in ['', '_reporting'] %}
        sum(cancelled_goods{{ suffix }} + cancelled_shipping{{ suffix }}) as taken{{ suffix }},
        sum(cancelled_net_revenue{{ suffix }} + cancelled_tax{{ suffix }}) as asked{{ suffix }},
        sum(cancelled_net_revenue{{ suffix }} - cancelled_cogs{{ suffix }}) as left_over{{ suffix }},
        sum(cancelled_contribution{{ suffix }}) as contribution{{ suffix }},
        {% endfor %}
        count(case when kind = 'cancelled' then 1 end) as cancelled_n
    from {{ ref('fct_cancellation') }}
    group by order_line_key
),

lines as (
    select
        lines.order_line_key,
        lines.cancelled,
        lines.cancelled_reporting
    from {{ ref('fct_order_line_economics') }} as lines
    inner join {{ ref('fct_order') }} as orders on lines.order_key = orders.order_key
    where orders.cancellation_precision = 'dated'
)

select coalesce(lines.order_line_key, dated.order_line_key) as order_line_key
from lines
full outer join dated on lines.order_line_key = dated.order_line_key
where
    lines.order_line_key is null
    or dated.order_line_key is null
    or dated.cancelled_n <> 1
    {% for suffix in ['', '_reporting'] %}
    or lines.cancelled{{ suffix }} is distinct from dated.taken{{ suffix }}
    or lines.cancelled{{ suffix }} is distinct from dated.asked{{ suffix }}
    or dated.contribution{{ suffix }} <> dated.left_over{{ suffix }}
    {% endfor %}
