-- The rate that holds on a day: the last one stated, at most seven days old. No inverse and no cross rate is invented.
with stated as (
    select
        rated_on,
        from_currency,
        to_currency,
        rate,
        row_number() over (
            partition by rated_on, from_currency, to_currency order by known_at desc, source_system asc, rate asc
        ) as place
    from {{ ref('int_fx_rate__unioned') }}
),

ages as (
    {% for days in range(8) %}
    select {{ days }} as age_days{{ ' union all' if not loop.last }}
    {% endfor %}
),

carried as (
    select
        {{ add_days('stated.rated_on', 'ages.age_days') }} as converted_on,
        stated.from_currency,
        stated.to_currency,
        stated.rated_on,
        stated.rate
    from stated
    cross join ages
    where stated.place = 1
)

select
    converted_on,
    from_currency,
    to_currency,
    max_by(rate, rated_on) as rate
from carried
group by converted_on, from_currency, to_currency
