-- Mailings of coupon campaigns to households. Only the campaign's days are known, so a mailing is dated by the first.
with
latest as ({{ latest_records('completejourney__campaigns') }}),

campaigns as ({{ latest_records('completejourney__campaign_descriptions') }})

select
    {{ source_key('latest.source_system', "latest.campaign_id || '/' || latest.household_id_key") }} as touch_key,
    {{ source_key('latest.source_system', 'latest.household_id_key') }} as account_key,
    latest.source_system,
    latest.campaign_id,
    'mail' as channel,
    cast(campaigns.start_date as timestamp) as sent_at,
    {{
        not_exported('touch', [
            'delivered', 'opened_at', 'clicked_at', 'unsubscribed_at', 'bounced', 'complaint', 'cost', 'currency',
            'content_category'
        ])
    }},
    greatest(latest.known_at, campaigns.known_at) as known_at
from latest
inner join campaigns
    on latest.source_system = campaigns.source_system and latest.campaign_id = campaigns.campaign_id
