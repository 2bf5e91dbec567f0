-- Decisions of accounts on the use of their data.
with latest as ({{ latest_records('canonical__consent') }})

select
    {{
        account_key(owner_of('account_source'), ['source_customer_id_key'], "'record/' || record_hash")
    }} as account_key,
    source_system,
    purpose,
    channel,
    status,
    {{ quoted('at') }} as decided_at,
    proof,
    is_observed,
    known_at
from latest
