-- Truth: the last weeks look like the weeks before them. Told by channel with at least eight weeks of at least 20 orders:
-- orders of the last seven days against the median week, and days of the last four weeks with hardly any order.
with daily as (
    select
        o.channel,
        o.ordered_on,
        count(*) as order_n
    from intermediate.int_order__unioned as o
    group by all
),

ends as (
    select
        channel,
        max(ordered_on) as last_on
    from daily
    group by channel
),

weeks as (
    select
        d.channel,
        (e.last_on - d.ordered_on) // 7 as week_n,
        sum(d.order_n) as order_n
    from daily as d
    inner join ends as e on d.channel = e.channel
    where e.last_on - d.ordered_on < 63
    group by all
),

usual as (
    select
        channel,
        median(order_n) filter (where week_n > 0) as median_n,
        max(order_n) filter (where week_n = 0) as last_n,
        count(*) filter (where week_n > 0) as week_n
    from weeks
    group by channel
)

select
    u.channel,
    u.last_n / u.median_n as last_week_factor,
    (28 - count(*) filter (where e.last_on - d.ordered_on < 28 and d.order_n * 70 >= u.median_n))::double as thin_days
from usual as u
inner join ends as e on u.channel = e.channel
inner join daily as d on u.channel = d.channel
where u.week_n = 8 and u.median_n >= 20
group by u.channel, u.last_n, u.median_n
order by u.channel
