-- Unit costs as stretches of days that do not overlap: a cost ends where the next one begins.
with stated as (
    select
        *,
        cast(unit_cost + coalesce(freight_in, 0) + coalesce(packaging, 0) as decimal(18, 4)) as landed_cost,
        row_number() over (
            partition by sku, valid_from order by known_at desc, source_system asc, unit_cost asc
        ) as place
    from {{ ref('int_product_cost__unioned') }}
),

followed as (
    select
        *,
        lead(valid_from) over (partition by sku order by valid_from) as next_from
    from stated
    where place = 1
)

select
    sku,
    valid_from,
    {{ last_day_before('next_from', 'valid_to') }} as last_on,
    landed_cost as unit_cost,
    currency
from followed
