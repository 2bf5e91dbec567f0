-- Accounts with the person they belong to, by what we believe now.
{{ config(materialized='view') }}

select
    accounts.account_key,
    accounts.source_system,
    accounts.buyer_key_kind,
    accounts.first_seen_at,
    assignment.customer_id
from {{ ref('int_accounts') }} as accounts
inner join {{ source('identity', 'identity_assignment') }} as assignment
    on accounts.account_key = assignment.account_key
where assignment.valid_to is null and assignment.recorded_to is null
