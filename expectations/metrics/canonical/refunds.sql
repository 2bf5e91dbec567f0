-- Truth: refunds are positive, give back part of what was sold, and belong to orders. Told by source.
with sold as (
    select
        source_system,
        sum(line_amount) as amount
    from intermediate.int_order_line__unioned
    group by source_system
)

select
    r.source_system,
    count(*)::double as refund_n,
    (count(*) filter (where r.goods_amount < 0 or r.shipping_amount < 0))::double as negative_n,
    (count(*) filter (where o.order_key is null))::double / count(*) as orphan_rate,
    (count(*) filter (where r.refunded_at < o.ordered_at - interval 1 day))::double / count(*) as early_rate,
    (count(*) filter (where r.currency <> o.currency))::double / count(*) as other_currency_rate
from intermediate.int_refund__unioned as r
left join intermediate.int_order__unioned as o on r.order_key = o.order_key
group by r.source_system
order by r.source_system
