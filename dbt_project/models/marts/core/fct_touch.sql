-- Touches of campaigns, with the person they reached. An account that nothing else speaks of is nobody's.
select
    touches.touch_key,
    touches.source_system,
    accounts.account_key,
    accounts.customer_id,
    touches.campaign_id,
    touches.channel as contact_channel,
    touches.sent_at,
    touches.known_at,
    touches.delivered as is_delivered,
    touches.opened_at,
    touches.clicked_at,
    touches.unsubscribed_at,
    touches.bounced as is_bounced,
    touches.complaint as is_complaint,
    touches.cost,
    touches.currency,
    touches.content_category
from {{ ref('int_touch__unioned') }} as touches
left join {{ ref('int_account__assigned') }} as accounts on touches.account_key = accounts.account_key
