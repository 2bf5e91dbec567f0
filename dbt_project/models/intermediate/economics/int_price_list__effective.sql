-- List prices as stretches of days that do not overlap: a price ends where the next of the same offer begins.
with stated as (
    select
        *,
        row_number() over (
            partition by sku, channel, store, currency, valid_from
            order by known_at desc, source_system asc, list_price asc
        ) as place
    from {{ ref('int_price_list__unioned') }}
),

followed as (
    select
        *,
        lead(valid_from) over (partition by sku, channel, store, currency order by valid_from) as next_from
    from stated
    where place = 1
)

select
    sku,
    channel,
    store as store_id,
    valid_from,
    {{ last_day_before('next_from', 'valid_to') }} as last_on,
    list_price,
    currency,
    case
        when store is not null and channel is not null then 'store_id channel'
        when store is not null then 'store_id'
        when channel is not null then 'channel'
        else ''
    end as narrowed_by
from followed
