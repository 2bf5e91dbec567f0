-- Benefits granted; they may speak of another source's account.
with latest as ({{ latest_records('canonical__incentive') }})

select
    {{ source_key('source_system', 'incentive_id') }} as incentive_key,
    {{ source_key(owner_of('account_source'), 'source_customer_id_key') }} as account_key,
    source_system,
    kind,
    granted_at,
    expires_at,
    face_value,
    currency,
    funder,
    campaign_id,
    audience_rule,
    known_at
from latest
