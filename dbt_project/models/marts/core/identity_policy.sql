-- Which person each account would belong to under other policies, where that differs from the one in force.
select
    account_key,
    policy,
    cluster
from {{ source('identity', 'identity_policy') }}
