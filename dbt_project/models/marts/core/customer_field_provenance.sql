-- Which account tells a field of a customer, and why that one: the golden record's origin.
select
    customer_id,
    field,
    value,
    strategy,
    source_system,
    account_key,
    observed_at,
    n_conflicts
from {{ source('identity', 'customer_field_provenance') }}
