-- Refunds on the lines they are booked on, each on its day.
select
    refunds.refund_key,
    refunds.order_line_key,
    refunds.order_key,
    lines.source_system,
    lines.channel,
    people.customer_id,
    lines.ordered_on,
    refunds.refunded_on,
    refunds.refund_precision,
    refunds.kind,
    lines.currency,
    lines.reporting_currency,
    {%- for suffix in ['', '_reporting'] %}
    {%- for amount in ['refunded_goods', 'refunded_shipping', 'tax_returned', 'cogs_returned'] %}
    refunds.{{ amount }}{{ suffix }}{{ ',' if not (loop.last and suffix) }}
    {%- endfor %}
    {%- endfor %}
from {{ ref('int_refund__converted') }} as refunds
inner join {{ ref('int_order_line__revenue') }} as lines on refunds.order_line_key = lines.order_line_key
inner join {{ ref('int_account__assigned') }} as people on lines.account_key = people.account_key
