-- Coupon campaigns. Their days are whole days.
with latest as ({{ latest_records('completejourney__campaign_descriptions') }})

select
    {{ source_key('source_system', 'campaign_id') }} as campaign_key,
    source_system,
    campaign_id,
    'Campaign ' || campaign_id as name,
    campaign_type as kind,
    cast(start_date as timestamp) as starts_at,
    cast(end_date as timestamp) as ends_at,
    {{ not_exported('campaign', ['budget', 'currency', 'owner', 'hypothesis']) }},
    known_at
from latest
