-- Truth: core reaches up to the as-of day and not beyond it.
select
    (c.as_of_on - max(o.ordered_on))::double as silent_days,
    (count(*) filter (where o.ordered_at >= c.cutoff_at))::double as future_order_n,
    (count(*) filter (where o.ordered_on < date '1995-01-01'))::double as ancient_order_n,
    (count(*) filter (where abs(o.ordered_on - o.ordered_at::date) > 1))::double as other_day_n,
    (count(*) filter (where o.reporting_currency <> c.reporting_currency))::double as other_currency_n,
    (select count(*) from core.fct_refund as r where r.refunded_on > c.as_of_on + 1)::double as future_refund_n,
    (
        select count(*) from core.dim_customer as d
        where d.birth_year > extract(year from c.as_of_on) or d.birth_year < 1890
    )::double / nullif((select count(birth_year) from core.dim_customer), 0) as odd_birth_year_rate
from meta.run_context as c
left join core.fct_order as o on true
group by c.as_of_on, c.cutoff_at
