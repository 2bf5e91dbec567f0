-- Orders as known at the as-of day, with the sums of their lines. A sum over lines of which one is unknown is unknown.
{% set amounts = [
    'list_value', 'markdown', 'merchant_discount', 'gross_merchandise', 'refunded_goods', 'net_revenue', 'contribution'
] %}

with line_sums as (
    select
        order_key,
        count(*) as line_n,
        {% for suffix in ['', '_reporting'] %}
        {% for amount in amounts %}
        {{ sum_known(amount ~ suffix) }} as {{ amount }}{{ suffix }},
        {% endfor %}
        {% endfor %}
        sum(case when contribution_reporting is not null then net_revenue_reporting else 0 end)
            as costed_net_revenue_reporting
    from {{ ref('fct_order_line_economics') }}
    group by order_key
),

first_skus as (
    select
        order_key,
        sku as first_sku,
        row_number() over (partition by order_key order by gross_merchandise desc, sku asc) as place
    from {{ ref('fct_order_line_economics') }}
    where sku is not null
),

kept_orders as (
    select
        orders.order_key,
        row_number() over (
            partition by people.customer_id order by orders.ordered_at, orders.order_key
        ) as kept_order_n
    from {{ ref('int_order__rated') }} as orders
    inner join {{ ref('int_order__kept') }} as kept on orders.order_key = kept.order_key
    inner join {{ ref('int_account__assigned') }} as people on orders.account_key = people.account_key
    where kept.is_kept
)

select
    orders.order_key,
    orders.source_system,
    orders.channel,
    orders.store_id,
    orders.account_key,
    people.customer_id,
    orders.ordered_at,
    orders.ordered_on,
    case when kept.is_wholly_refunded then 'refunded' else orders.status end as status,
    kept.is_kept,
    kept_orders.kept_order_n,
    orders.attributed_campaign_id,
    orders.currency,
    orders.reporting_currency,
    coalesce(line_sums.line_n, 0) as line_n,
    first_skus.first_sku,
    kept.refund_precision,
    {% for suffix in ['', '_reporting'] %}
    {% for amount in amounts %}
    line_sums.{{ amount }}{{ suffix }},
    {% endfor %}
    {% endfor %}
    cast(coalesce(line_sums.costed_net_revenue_reporting, 0) as decimal(18, 4)) as costed_net_revenue_reporting
from {{ ref('int_order__rated') }} as orders
inner join {{ ref('int_order__kept') }} as kept on orders.order_key = kept.order_key
inner join {{ ref('int_account__assigned') }} as people on orders.account_key = people.account_key
left join line_sums on orders.order_key = line_sums.order_key
left join first_skus on orders.order_key = first_skus.order_key and first_skus.place = 1
left join kept_orders on orders.order_key = kept_orders.order_key
