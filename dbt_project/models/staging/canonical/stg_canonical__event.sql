-- What visitors of sites and apps did; the account that was logged in may be another source's.
with latest as ({{ latest_records('canonical__event') }})

select
    {{ source_key('source_system', 'event_id') }} as event_key,
    {{ source_key(owner_of('account_source'), 'source_customer_id_key') }} as account_key,
    source_system,
    anonymous_id_key,
    anonymous_id_status,
    {{ quoted('at') }} as occurred_at,
    event_on as occurred_on,
    name as event_name,
    sku,
    category,
    {{ quoted('value') }} as event_value,
    currency,
    session_id,
    utm_source,
    utm_medium,
    utm_campaign,
    device_key,
    device_status,
    url,
    consent_state,
    known_at
from latest
