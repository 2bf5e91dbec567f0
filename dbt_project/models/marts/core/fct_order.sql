-- Orders as known at the as-of day, with the sums of their lines. A contribution that one line lacks the order lacks
-- too.
{% set amounts = [
    'list_value', 'markdown', 'merchant_discount', 'gross_merchandise', 'refunded_goods', 'net_revenue'
] %}

with line_sums as (
    select
        order_key,
        count(*) as line_n,
        {% for suffix in ['', '_reporting'] %}
        {% for amount in amounts %}
        {{ sum_money(amount ~ suffix) }} as {{ amount }}{{ suffix }},
        {% endfor %}
        {{ sum_known('contribution' ~ suffix) }} as contribution{{ suffix }},
        {% endfor %}
        {{ sum_money('net_revenue_reporting', 'contribution_reporting is not null') }}
            as costed_net_revenue_reporting,
        max(case when sku is not null then gross_merchandise end) as greatest_gross,
        min(sku) as least_sku
    from {{ ref('fct_order_line_economics') }}
    group by order_key
),

first_skus as (
    select
        line_sums.order_key,
        min(lines.sku) as first_sku
    from line_sums
    inner join {{ ref('fct_order_line_economics') }} as lines
        on line_sums.order_key = lines.order_key and line_sums.greatest_gross = lines.gross_merchandise
    where line_sums.line_n > 1
    group by line_sums.order_key
),

kept_orders as (
    select
        order_no,
        row_number() over (partition by customer_id order by ordered_at, order_no) as kept_order_n
    from {{ ref('int_order__kept') }}
    where is_kept
)

select
    orders.order_key,
    orders.source_system,
    orders.channel,
    orders.store_id,
    orders.account_key,
    orders.customer_id,
    orders.ordered_at,
    orders.ordered_on,
    orders.paid_on,
    orders.first_known_at,
    orders.known_at,
    case when orders.is_wholly_refunded then 'refunded' else orders.status end as status,
    orders.is_kept,
    kept_orders.kept_order_n,
    orders.attributed_campaign_id,
    orders.currency,
    orders.reporting_currency,
    coalesce(line_sums.line_n, 0) as line_n,
    case when line_sums.line_n = 1 then line_sums.least_sku else first_skus.first_sku end as first_sku,
    orders.refund_precision,
    case
        when orders.cancelled_on is not null then 'dated'
        when orders.status = 'cancelled' then 'order'
        else 'none'
    end as cancellation_precision,
    {% for suffix in ['', '_reporting'] %}
    {% for amount in amounts + ['contribution'] %}
    line_sums.{{ amount }}{{ suffix }},
    {% endfor %}
    {% endfor %}
    cast(coalesce(line_sums.costed_net_revenue_reporting, 0) as decimal(18, 4)) as costed_net_revenue_reporting
from {{ ref('int_order__kept') }} as orders
left join line_sums on orders.order_key = line_sums.order_key
left join first_skus on orders.order_key = first_skus.order_key
left join kept_orders on orders.order_no = kept_orders.order_no
