-- Truth: a refund of the feed is either booked or listed with the reason why not.
-- Usual cause: a refund dropped by a join on the way.
-- Where to look: int_refund__dated and int_refund__exception.
{{ config(meta={'dagster': {'ref': {'name': 'fct_refund'}}}) }}

select refunds.refund_key
from {{ ref('int_refund__unioned') }} as refunds
left join {{ ref('int_refund__stated') }} as booked on refunds.refund_key = booked.refund_key
left join {{ ref('int_refund__exception') }} as explained on refunds.refund_key = explained.refund_key
where booked.refund_key is null and explained.refund_key is null
