-- Truth: every order that a channel stated up to the as-of day is an order of the canonical table, source by source.
-- Usual cause: a join in staging that drops orders (a status that is not mapped, an order without lines).
-- Where to look: stg_<channel>__order, and the witness in pipelines/channels/<channel>.py: what it calls an order.
{{ config(meta={'dagster': {'ref': {'name': 'int_order__unioned'}}}) }}

with stated as (
    {% for witness in order_witnesses() %}
    select
        source_system,
        count(distinct {{ witness.order }}) as order_n
    from ({{ latest_records(witness.table) }}) as latest
    where {{ witness.where }}
    group by source_system
    {{ 'union all' if not loop.last }}
    {% endfor %}
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
