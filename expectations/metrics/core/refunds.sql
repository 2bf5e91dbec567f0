-- Truth: the refund ledger, the refunds on order lines and the canonical refund feed say the same, channel by channel.
-- Orders cancelled or never paid have nothing to refund; a refund in another currency is left to the ledger.
with lines as (
    select
        channel,
        sum(refunded_goods) as goods,
        sum(refunded_shipping) as shipping
    from core.fct_order_line_economics
    group by channel
),

ledger as (
    select
        channel,
        sum(refunded_goods) as goods,
        sum(refunded_shipping) as shipping,
        (count(*) filter (where refunded_goods < 0 or refunded_shipping < 0)) as negative_n,
        (count(*) filter (where refunded_on < ordered_on)) as early_n,
        count(*) as refund_n
    from core.fct_refund
    group by channel
),

dated as (
    select
        channel,
        sum(goods) as goods
    from (
        select
            r.channel,
            c.refund_key,
            sum(r.refunded_goods) - max(c.goods_amount + coalesce(c.platform_subsidy_returned, 0)) as goods
        from core.fct_refund as r
        inner join intermediate.int_refund__unioned as c on r.refund_key = c.refund_key and r.currency = c.currency
        where r.refund_precision = 'dated'
        group by all
    ) as refunds
    group by channel
)

select
    l.channel,
    (coalesce(g.goods, 0) - l.goods)::double as goods_diff,
    (coalesce(g.shipping, 0) - l.shipping)::double as shipping_diff,
    coalesce(d.goods, 0)::double as feed_diff,
    coalesce(g.negative_n, 0)::double as negative_n,
    case when g.refund_n > 0 then g.early_n::double / g.refund_n end as early_rate
from lines as l
left join ledger as g on l.channel = g.channel
left join dated as d on l.channel = d.channel
order by l.channel
