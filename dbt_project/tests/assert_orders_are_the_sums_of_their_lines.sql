-- Truth: an order's money is the sum of its lines' money, and a person's kept orders are numbered without gaps.
-- Usual cause: a line that changed its order, or orders that appear twice.
-- Where to look: fct_order.
{{ config(meta={'dagster': {'ref': {'name': 'fct_order'}}}) }}

with lines as (
    select
        order_key,
        count(*) as line_n,
        sum(net_revenue) as net_revenue,
        sum(gross_merchandise) as gross_merchandise,
        sum(case when contribution_reporting is not null then net_revenue_reporting else 0 end) as costed
    from {{ ref('fct_order_line_economics') }}
    group by order_key
),

uneven as (
    select orders.order_key
    from {{ ref('fct_order') }} as orders
    left join lines on orders.order_key = lines.order_key
    where
        orders.line_n <> coalesce(lines.line_n, 0)
        or orders.net_revenue is distinct from lines.net_revenue
        or orders.gross_merchandise is distinct from lines.gross_merchandise
        or orders.costed_net_revenue_reporting <> coalesce(lines.costed, 0)
),

misnumbered as (
    select customer_id as order_key
    from {{ ref('fct_order') }}
    where is_kept
    group by customer_id
    having max(kept_order_n) <> count(*) or min(kept_order_n) <> 1
)

select order_key from uneven
union all
select order_key from misnumbered
