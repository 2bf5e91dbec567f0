-- Touches of campaigns over all channels, as they stood at the as-of day: what came of them later has not happened.
with unioned as ({{ union_channels('touch') }})

select
    touch_key,
    account_key,
    source_system,
    campaign_id,
    channel,
    sent_at,
    delivered,
    {% for reaction in ['opened_at', 'clicked_at', 'unsubscribed_at'] %}
    case when {{ reaction }} < {{ cutoff() }} then {{ reaction }} end as {{ reaction }},
    {% endfor %}
    bounced,
    complaint,
    cost,
    currency,
    content_category,
    known_at
from unioned
