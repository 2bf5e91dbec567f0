-- Which person each account belongs to: since when, and since when we believe it.
select
    account_key,
    customer_id,
    valid_from,
    valid_to,
    recorded_from,
    recorded_to
from {{ source('identity', 'identity_assignment') }}
