-- Truth: what was converted was converted at the rates that were given. Told by currency: the rate that the amounts
-- imply, against the lowest and highest rate given, and whether every currency of an order is a currency of its source.
with implied as (
    select
        currency,
        reporting_currency,
        sum(list_value_reporting) / nullif(sum(list_value) filter (where list_value_reporting is not null), 0) as rate
    from core.fct_order_line_economics
    where currency <> reporting_currency
    group by all
),

given as (
    select
        from_currency,
        to_currency,
        min(rate) as lowest,
        max(rate) as highest
    from intermediate.int_fx_rate__unioned
    group by all
)

select
    i.currency,
    case when g.from_currency is null then 0 else (i.rate / g.lowest)::double end as against_lowest_rate,
    case when g.from_currency is null then 0 else (i.rate / g.highest)::double end as against_highest_rate
from implied as i
left join given as g on i.currency = g.from_currency and i.reporting_currency = g.to_currency
where i.rate is not null
order by i.currency
