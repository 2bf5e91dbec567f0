-- How many identifier values of a type were judged how; values themselves are told nowhere.
select
    id_type,
    verdict,
    reason,
    value_n,
    account_n,
    largest_n
from {{ source('identity', 'identity_value_verdict') }}
