-- Refunds on the lines they are booked on, each on its day.
select
    refunds.refund_key,
    refunds.order_line_key,
    orders.order_key,
    orders.source_system,
    orders.channel,
    orders.customer_id,
    orders.ordered_on,
    refunds.refunded_on,
    refunds.known_at,
    refunds.refund_precision,
    refunds.kind,
    {% for suffix in ['', '_reporting'] %}
    refunds.refunded_goods{{ suffix }},
    refunds.refunded_shipping{{ suffix }},
    refunds.tax_returned{{ suffix }},
    refunds.cogs_returned{{ suffix }},
    {% endfor %}
    orders.currency,
    orders.reporting_currency
from {{ ref('int_refund__converted') }} as refunds
inner join {{ ref('int_order__kept') }} as orders on refunds.order_no = orders.order_no
where not refunds.is_void
