-- Truth: every order that a channel stated up to the as-of day is an order of the canonical table, source by source.
-- Usual cause: a join in staging that drops orders (a status that is not mapped, an order without lines).
-- Where to look: stg_<channel>__order.
{{ config(meta={'dagster': {'ref': {'name': 'int_order__unioned'}}}) }}

{% set keys = {
    'shopify__orders': 'record_key', 'tmall__orders': 'record_key', 'canonical__order': 'record_key',
    'completejourney__transactions': 'basket_id'
} %}

with stated as (
    {% for table, key in keys.items() %}
    select
        source_system,
        count(distinct {{ key }}) as order_n
    from ({{ latest_records(table) }}) as latest
    group by source_system
    union all
    {% endfor %}
    select
        source_system,
        count(distinct transaction_id) as order_n
    from ({{ latest_records('square__transactions') }}) as latest
    where {{ square_is_sale() }}
    group by source_system
),

by_source as (
    select
        source_system,
        sum(order_n) as order_n
    from stated
    group by source_system
),

reached as (
    select
        source_system,
        count(*) as order_n
    from {{ ref('int_order__unioned') }}
    group by source_system
)

select
    coalesce(by_source.source_system, reached.source_system) as source_system,
    by_source.order_n as stated_order_n,
    reached.order_n as reached_order_n
from by_source
full outer join reached on by_source.source_system = reached.source_system
where by_source.order_n is distinct from reached.order_n
