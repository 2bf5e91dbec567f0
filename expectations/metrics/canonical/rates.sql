-- Truth: there is a rate, at most seven days old, for every order in another currency. Told by currency.
with run_context as (select reporting_currency from meta.run_context),

foreign_days as (
    select
        o.currency,
        o.ordered_on,
        count(*) as order_n
    from intermediate.int_order__unioned as o
    cross join run_context as c
    where o.currency <> c.reporting_currency
    group by all
),

rated as (
    select
        f.from_currency,
        unnest(generate_series(f.rated_on, f.rated_on + 7, interval 1 day))::date as rated_on
    from intermediate.int_fx_rate__unioned as f
    cross join run_context as c
    where f.to_currency = c.reporting_currency
),

known as (select distinct from_currency, rated_on from rated)

select
    d.currency,
    sum(d.order_n)::double as order_n,
    coalesce(sum(d.order_n) filter (where k.from_currency is null), 0)::double / sum(d.order_n) as unrated_rate
from foreign_days as d
left join known as k on d.currency = k.from_currency and d.ordered_on = k.rated_on
group by d.currency
order by d.currency
