-- Truth: rates are positive and do not jump from one statement to the next. Told by pair of currencies: rates that are
-- not positive, and the largest step as a factor.
with steps as (
    select
        from_currency || '/' || to_currency as pair,
        rate,
        lag(rate) over (partition by source_system, from_currency, to_currency order by rated_on) as before
    from intermediate.int_fx_rate__unioned
)

select
    pair,
    (count(*) filter (where rate <= 0))::double as non_positive_n,
    coalesce(max(greatest((rate / before)::double, (before / rate)::double)) filter (where rate > 0 and before > 0), 1)
        as largest_step
from steps
group by pair
order by pair
