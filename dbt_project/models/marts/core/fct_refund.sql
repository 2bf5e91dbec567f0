-- Refunds on the lines they are booked on, each on its day.
select
    refunds.refund_key,
    refunds.order_line_key,
    refunds.order_key,
    lines.source_system,
    lines.channel,
    kept.customer_id,
    lines.ordered_on,
    refunds.refunded_on,
    refunds.refund_precision,
    refunds.kind,
    {% for suffix in ['', '_reporting'] %}
    refunds.refunded_goods{{ suffix }},
    refunds.refunded_shipping{{ suffix }},
    refunds.tax_returned{{ suffix }},
    refunds.cogs_returned{{ suffix }},
    {% endfor %}
    lines.currency,
    lines.reporting_currency
from {{ ref('int_refund__converted') }} as refunds
inner join {{ ref('int_order_line__revenue') }} as lines on refunds.order_line_key = lines.order_line_key
inner join {{ ref('int_order__kept') }} as kept on lines.order_no = kept.order_no
