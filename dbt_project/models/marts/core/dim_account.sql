-- Accounts, member records and keyless buyers, with the person they belong to.
select
    account_key,
    source_system,
    customer_id,
    buyer_key_kind,
    first_seen_at
from {{ ref('int_account__assigned') }}
