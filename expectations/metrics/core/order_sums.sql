-- Truth: an order is the sum of its lines. Told by channel: the number of orders for which it is not.
with sums as (
    select
        order_key,
        count(*) as line_n,
        sum(list_value) as list_value,
        sum(gross_merchandise) as gross_merchandise,
        sum(refunded_goods) as refunded_goods,
        sum(net_revenue) as net_revenue,
        case when count(contribution) = count(*) then sum(contribution) end as contribution,
        case when count(net_revenue_reporting) = count(*) then sum(net_revenue_reporting) end as net_revenue_reporting
    from core.fct_order_line_economics
    group by order_key
)

select
    o.channel,
    (count(*) filter (where o.line_n <> coalesce(s.line_n, 0)))::double as line_n_wrong_n,
    (count(*) filter (where o.list_value is distinct from s.list_value))::double as list_value_wrong_n,
    (count(*) filter (where o.gross_merchandise is distinct from s.gross_merchandise))::double as gross_wrong_n,
    (count(*) filter (where o.refunded_goods is distinct from s.refunded_goods))::double as refunds_wrong_n,
    (count(*) filter (where o.net_revenue is distinct from s.net_revenue))::double as net_revenue_wrong_n,
    (count(*) filter (where o.contribution is distinct from s.contribution))::double as contribution_wrong_n,
    (count(*) filter (where o.net_revenue_reporting is distinct from s.net_revenue_reporting))::double
        as net_revenue_reporting_wrong_n
from core.fct_order as o
left join sums as s on o.order_key = s.order_key
group by o.channel
order by o.channel
