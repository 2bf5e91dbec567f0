-- Truth: core holds the canonical orders, lines and money, channel by channel, no more and no less.
-- Cause when not: a join that fans out (a doubled channel), a filter that drops, a currency that was swapped.
with priced as (
    select
        l.order_key,
        count(*) as line_n,
        sum(l.line_amount) as line_amount
    from intermediate.int_order_line__unioned as l
    group by l.order_key
),

canonical as (
    select
        o.source_system,
        o.channel,
        o.currency,
        count(*) as order_n,
        sum(coalesce(p.line_n, 0)) as line_n,
        sum(case when p.order_key is null then 0 else p.line_amount - coalesce(o.order_discount, 0) end) as gross,
        sum(case when p.order_key is null then 0 else coalesce(o.shipping_charged, 0) end) as shipping,
        sum(epoch_us(o.ordered_at)::hugeint) as clock
    from intermediate.int_order__unioned as o
    left join priced as p on o.order_key = p.order_key
    group by all
),

core_lines as (
    select
        source_system,
        channel,
        currency,
        count(*) as line_n,
        sum(gross_merchandise) as gross,
        sum(shipping_charged) as shipping
    from core.fct_order_line_economics
    group by all
),

core_orders as (
    select
        source_system,
        channel,
        currency,
        count(*) as order_n,
        sum(epoch_us(ordered_at)::hugeint) as clock
    from core.fct_order
    group by all
)

select
    coalesce(c.source_system, o.source_system, l.source_system) as source_system,
    coalesce(c.channel, o.channel, l.channel) as channel,
    coalesce(c.currency, o.currency, l.currency) as currency,
    (coalesce(o.order_n, 0) - coalesce(c.order_n, 0))::double as order_diff_n,
    (coalesce(l.line_n, 0) - coalesce(c.line_n, 0))::double as line_diff_n,
    (coalesce(l.gross, 0) - coalesce(c.gross, 0))::double as gross_merchandise_diff,
    (coalesce(l.shipping, 0) - coalesce(c.shipping, 0))::double as shipping_charged_diff,
    ((coalesce(o.clock, 0) - coalesce(c.clock, 0)) / 3600000000.0)::double as ordered_at_diff_hours
from canonical as c
full outer join core_orders as o using (source_system, channel, currency)
full outer join core_lines as l
    on
        coalesce(c.source_system, o.source_system) = l.source_system
        and coalesce(c.channel, o.channel) = l.channel
        and coalesce(c.currency, o.currency) = l.currency
order by source_system, channel, currency
