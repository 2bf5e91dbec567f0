-- Truth: on every day core holds the canonical orders and their goods; told by channel and month.
-- Cause when not: a dropped day or partition, a time zone applied twice.
with canonical as (
    select
        o.channel,
        o.ordered_on,
        count(distinct o.order_key) as order_n,
        sum(coalesce(l.line_amount, 0)) as line_amount
    from intermediate.int_order__unioned as o
    left join intermediate.int_order_line__unioned as l on o.order_key = l.order_key
    group by all
),

discounts as (
    select
        o.channel,
        o.ordered_on,
        sum(coalesce(o.order_discount, 0)) as order_discount
    from intermediate.int_order__unioned as o
    where exists (select 1 from intermediate.int_order_line__unioned as l where l.order_key = o.order_key)
    group by all
),

orders as (
    select
        channel,
        ordered_on,
        count(*) as order_n
    from core.fct_order
    group by all
),

lines as (
    select
        channel,
        ordered_on,
        sum(gross_merchandise) as gross
    from core.fct_order_line_economics
    group by all
),

days as (
    select
        coalesce(c.channel, o.channel, l.channel) as channel,
        coalesce(c.ordered_on, o.ordered_on, l.ordered_on) as ordered_on,
        coalesce(c.order_n, 0) <> coalesce(o.order_n, 0) as has_other_orders,
        coalesce(c.line_amount, 0) - coalesce(d.order_discount, 0) <> coalesce(l.gross, 0) as has_other_money
    from canonical as c
    left join discounts as d on c.channel = d.channel and c.ordered_on = d.ordered_on
    full outer join orders as o on c.channel = o.channel and c.ordered_on = o.ordered_on
    full outer join lines as l
        on coalesce(c.channel, o.channel) = l.channel and coalesce(c.ordered_on, o.ordered_on) = l.ordered_on
)

select
    channel,
    strftime(ordered_on, '%Y-%m') as month,
    (count(*) filter (where has_other_orders))::double as other_order_days,
    (count(*) filter (where has_other_money))::double as other_money_days
from days
group by all
order by channel, month
