-- Statements that two identifiers are one person's.
with latest as ({{ latest_records('canonical__identity_link') }})

select
    {{ source_key('source_system', 'record_hash') }} as link_key,
    source_system,
    id_type_a,
    id_value_a_key,
    id_value_a_status,
    id_type_b,
    id_value_b_key,
    id_value_b_status,
    evidence,
    seen_at,
    known_at
from latest
