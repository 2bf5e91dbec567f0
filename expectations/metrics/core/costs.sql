-- Truth: where a cost of a product holds on the day of an order, the order line carries it. Told by channel.
with known as (
    select
        sku,
        min(valid_from) as first_on,
        max(coalesce(valid_to, date '9999-12-31')) as last_on
    from intermediate.int_product_cost__unioned
    where unit_cost is not null
    group by sku
)

select
    l.channel,
    count(*)::double as line_n,
    (count(*) filter (where l.cogs is null))::double / count(*) as lost_rate
from core.fct_order_line_economics as l
inner join known as k on l.sku = k.sku and l.ordered_on between k.first_on and k.last_on
group by l.channel
order by l.channel
