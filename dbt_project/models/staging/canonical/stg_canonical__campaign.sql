-- Marketing campaigns.
with latest as ({{ latest_records('canonical__campaign') }})

select
    {{ source_key('source_system', 'campaign_id') }} as campaign_key,
    source_system,
    campaign_id,
    name,
    kind,
    starts_at,
    ends_at,
    budget,
    currency,
    owner,
    hypothesis,
    known_at
from latest
