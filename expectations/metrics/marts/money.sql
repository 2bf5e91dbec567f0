-- Truth: what the marts say customers brought in is what core says their orders brought in.
with people as (
    select customer_id
    from core.dim_customer
    where is_identified and not is_test
),

orders as (
    select o.*
    from core.fct_order as o
    inner join people as p on o.customer_id = p.customer_id
),

by_customer as (
    select
        customer_id,
        case when count(net_revenue_reporting) = count(*) then sum(net_revenue_reporting) end as net_revenue,
        sum(costed_net_revenue_reporting) as costed
    from orders
    group by customer_id
)

select
    (
        (select coalesce(sum(net_revenue), 0) from marts.customer_360)
        - (select coalesce(sum(net_revenue), 0) from by_customer)
    )::double as customer_360_net_revenue_diff,
    (
        (select coalesce(sum(costed_net_revenue), 0) from marts.customer_360)
        - (select coalesce(sum(costed), 0) from by_customer)
    )::double as customer_360_costed_diff,
    (
        (select coalesce(sum(order_n), 0) from marts.customer_channel) - (select count(*) from orders)
    )::double as customer_channel_order_diff_n,
    (
        (select coalesce(sum(net_revenue), 0) from marts.mart_coverage where dim = 'total')
        - (select coalesce(sum(net_revenue_reporting), 0) from core.fct_order_line_economics)
    )::double as coverage_net_revenue_diff,
    (
        (select coalesce(sum(order_line_n), 0) from marts.mart_coverage where dim = 'total')
        - (select count(*) from core.fct_order_line_economics)
    )::double as coverage_line_diff_n
