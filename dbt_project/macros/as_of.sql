{#- The first instant after the as-of day: what happened or was learnt at or after it does not exist yet. -#}
{% macro cutoff() -%}
    (select run_context.cutoff_at from {{ source('meta', 'run_context') }} as run_context)
{%- endmacro %}

{#-
  The rows of a raw table as known at the as-of day: of every record (all rows of a file that share its key) the latest
  version, by when it was learnt and then by content. Only keys stated more than once are sorted.
-#}
{% macro latest_records(table) %}
with known as (
    select *
    from {{ source('raw', table) }}
    where known_at < {{ cutoff() }} and coalesce(event_at, known_at) < {{ cutoff() }}
),

restated as (
    select
        source_system,
        record_key
    from known
    group by source_system, record_key
    having min(record_hash) <> max(record_hash) or min(known_at) <> max(known_at)
),

versions as (
    select distinct
        known.source_system,
        known.record_key,
        known.known_at,
        known.record_hash
    from known
    inner join restated
        on known.source_system = restated.source_system and known.record_key = restated.record_key
),

superseded as (
    select * from (
        select
            *,
            row_number() over (
                partition by source_system, record_key order by known_at desc, record_hash desc
            ) as age
        from versions
    ) as aged
    where age > 1
)

select known.*
from known
left join superseded
    on
        known.source_system = superseded.source_system
        and known.record_key = superseded.record_key
        and known.known_at = superseded.known_at
        and known.record_hash = superseded.record_hash
where superseded.record_key is null and known.op <> 'delete'
{% endmacro %}
