-- Truth: as of a day, nothing later exists: no order, refund, payment, cancellation,
-- touch, assignment or event, however early it was learnt.
-- Usual cause: a staging model that reads a raw table without latest_records.
-- Where to look: the staging model of the source named.
{{ config(meta={'dagster': {'ref': {'name': 'int_order__unioned'}}}) }}

select
    order_key as key,
    source_system
from {{ ref('int_order__unioned') }}
where ordered_at >= {{ cutoff() }} or paid_at >= {{ cutoff() }} or cancelled_at >= {{ cutoff() }} or known_at >= {{ cutoff() }}
union all
select
    refund_key as key,
    source_system
from {{ ref('int_refund__unioned') }}
where refunded_at >= {{ cutoff() }} or known_at >= {{ cutoff() }}
union all
select
    touch_key as key,
    source_system
from {{ ref('int_touch__unioned') }}
where
    sent_at >= {{ cutoff() }} or known_at >= {{ cutoff() }}
    or opened_at >= {{ cutoff() }} or clicked_at >= {{ cutoff() }} or unsubscribed_at >= {{ cutoff() }}
union all
select
    assignment_key as key,
    source_system
from {{ ref('int_assignment__unioned') }}
where assigned_at >= {{ cutoff() }} or known_at >= {{ cutoff() }}
union all
select
    event_key as key,
    source_system
from {{ ref('int_event__unioned') }}
where occurred_at >= {{ cutoff() }} or known_at >= {{ cutoff() }}
