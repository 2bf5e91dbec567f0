-- Messages and calls by which campaigns reached out to accounts; they may speak of another source's account.
with latest as ({{ latest_records('canonical__touch') }})

select
    {{ source_key('source_system', 'touch_id') }} as touch_key,
    {{
        account_key(owner_of('account_source'), ['source_customer_id_key'], "'record/' || record_hash")
    }} as account_key,
    source_system,
    campaign_id,
    channel,
    sent_at,
    delivered,
    opened_at,
    clicked_at,
    unsubscribed_at,
    bounced,
    complaint,
    cost,
    currency,
    content_category,
    known_at
from latest
