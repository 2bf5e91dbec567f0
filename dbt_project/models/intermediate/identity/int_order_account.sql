-- The accounts that orders speak of: who ordered, known by what, from when to when.
{{ config(materialized='view') }}

select
    account_key,
    source_system,
    max(source_customer_id_key) as source_customer_id_key,
    bool_or(coalesce(source_customer_id_key, buyer_email_key, buyer_phone_key) is not null) as has_key,
    bool_or(
        coalesce(source_customer_id_status, '') in ('masked', 'virtual')
        or coalesce(buyer_email_status, '') in ('masked', 'virtual')
        or coalesce(buyer_phone_status, '') in ('masked', 'virtual')
    ) as is_masked,
    min(ordered_at) as first_seen_at,
    max(ordered_at) as last_seen_at
from {{ ref('int_order__unioned') }}
group by account_key, source_system
