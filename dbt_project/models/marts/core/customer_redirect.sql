-- A customer id that is no longer in use and the one that most of its accounts have now, in one hop.
select
    old_id,
    current_id
from {{ source('identity', 'customer_redirect') }}
