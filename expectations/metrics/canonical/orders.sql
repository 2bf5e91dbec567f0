-- Truth: orders, lines and refunds belong together. Told by source.
with lines as (
    select
        l.source_system,
        l.order_key,
        count(*) as line_n,
        sum(l.line_amount) as amount,
        count(*) filter (where l.line_amount < 0) as negative_n,
        count(*) filter (where l.qty = 0) as empty_n,
        count(*) filter (where l.sku is null) as nameless_n
    from intermediate.int_order_line__unioned as l
    group by all
),

joined as (
    select
        coalesce(o.source_system, l.source_system) as source_system,
        o.order_key is not null as has_order,
        l.order_key is not null as has_lines,
        o.status in ('cancelled', 'pending') as is_void,
        o.ordered_at >= (select cutoff_at from meta.run_context) as is_future,
        o.ordered_on < date '1995-01-01' as is_ancient,
        o.order_discount > l.amount and o.order_discount > 0 as is_over_discounted,
        l.line_n,
        l.amount,
        l.negative_n,
        l.empty_n,
        l.nameless_n
    from intermediate.int_order__unioned as o
    full outer join lines as l on o.order_key = l.order_key
)

select
    source_system,
    (count(*) filter (where has_order))::double as order_n,
    coalesce(sum(line_n) filter (where not has_order), 0)::double / nullif(sum(line_n), 0) as orphan_line_rate,
    (count(*) filter (where not has_lines))::double / nullif(count(*) filter (where has_order), 0) as lineless_rate,
    (count(*) filter (where is_void))::double / nullif(count(*) filter (where has_order), 0) as void_rate,
    (count(*) filter (where is_future))::double as future_n,
    (count(*) filter (where is_ancient))::double as ancient_n,
    (count(*) filter (where is_over_discounted))::double / nullif(count(*) filter (where has_order), 0)
        as over_discounted_rate,
    coalesce(sum(negative_n), 0)::double / nullif(sum(line_n), 0) as negative_line_rate,
    coalesce(sum(empty_n), 0)::double / nullif(sum(line_n), 0) as empty_line_rate,
    sum(amount)::double as amount
from joined
group by source_system
having count(*) filter (where has_order) > 0 or sum(line_n) > 0
order by source_system
