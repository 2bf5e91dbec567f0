{#- The first instant after the as-of day: what happened or was learnt at or after it does not exist yet. -#}
{% macro cutoff() -%}
    (select run_context.cutoff_at from {{ source('meta', 'run_context') }} as run_context)
{%- endmacro %}

{#- Rows that were known, and had happened, at the as-of day. -#}
{% macro is_known() -%}
    known_at < {{ cutoff() }} and coalesce(event_at, known_at) < {{ cutoff() }}
{%- endmacro %}

{#-
  The rows of a raw table as known at the as-of day: of every record (all rows of a file that share its key) the latest
  version, and nothing of a record that was deleted. Only the columns that the caller goes on to use are read.
  `with_first_known` adds `first_known_at`, when the earliest version of the record was learnt.
-#}
{% macro latest_records(table, with_first_known=false) %}
select
    raw_rows.*{{ ',' if with_first_known }}
    {% if with_first_known %}
    coalesce(earlier.known_at, raw_rows.known_at) as first_known_at
    {% endif %}
from {{ source('raw', table) }} as raw_rows
left join {{ ref('base_raw__superseded') }} as superseded
    on
        superseded.raw_table = '{{ table }}'
        and raw_rows.source_system = superseded.source_system
        and raw_rows.record_key = superseded.record_key
        and raw_rows.record_hash = superseded.record_hash
        and raw_rows.known_at = superseded.known_at
{% if with_first_known %}
left join (
    select
        source_system,
        record_key,
        min(known_at) as known_at
    from {{ ref('base_raw__superseded') }}
    where raw_table = '{{ table }}'
    group by source_system, record_key
) as earlier
    on raw_rows.source_system = earlier.source_system and raw_rows.record_key = earlier.record_key
{% endif %}
where
    superseded.record_key is null
    and raw_rows.op <> 'delete'
    and raw_rows.known_at < {{ cutoff() }}
    and coalesce(raw_rows.event_at, raw_rows.known_at) < {{ cutoff() }}
{% endmacro %}
