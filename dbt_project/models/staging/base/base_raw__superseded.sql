-- Versions of raw records that a later version replaced, as of the as-of day: of two the one learnt later counts, and
-- of two learnt at once the one with the larger hash, so that nothing depends on the order of files. Few rows: only
-- records that were stated more than once.
{{ config(materialized='table') }}

{% set tables = raw_tables() or ['canonical__refund'] %}

with restated as (
    {% for table in tables %}
    select
        '{{ table }}' as raw_table,
        source_system,
        record_key
    from (
        select distinct
            source_system,
            record_key,
            record_hash,
            known_at
        from {{ source('raw', table) }}
        where {{ is_known() }}
    ) as stated
    group by source_system, record_key
    having count(*) > 1
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

versions as (
    {% for table in tables %}
    select distinct
        restated.raw_table,
        restated.source_system,
        restated.record_key,
        raw_rows.record_hash,
        raw_rows.known_at
    from {{ source('raw', table) }} as raw_rows
    inner join restated
        on
            restated.raw_table = '{{ table }}'
            and raw_rows.source_system = restated.source_system
            and raw_rows.record_key = restated.record_key
    where {{ is_known() }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

aged as (
    select
        *,
        row_number() over (
            partition by raw_table, source_system, record_key order by known_at desc, record_hash desc
        ) as age
    from versions
)

select
    raw_table,
    source_system,
    record_key,
    record_hash,
    known_at
from aged
where age > 1
