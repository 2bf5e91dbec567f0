-- Truth: on every day core holds the canonical orders and their goods; told by channel and month.
-- Cause when not: a dropped day or partition, a time zone applied twice.
with priced as (
    select
        order_key,
        sum(line_amount) as line_amount
    from intermediate.int_order_line__unioned
    group by order_key
),

canonical as (
    select
        o.channel,
        o.ordered_on,
        count(*) as order_n,
        sum(case when p.order_key is null then 0 else coalesce(p.line_amount, 0) - coalesce(o.order_discount, 0) end)
            as gross
    from intermediate.int_order__unioned as o
    left join priced as p on o.order_key = p.order_key
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
        coalesce(c.gross, 0) <> coalesce(l.gross, 0) as has_other_money
    from canonical as c
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
