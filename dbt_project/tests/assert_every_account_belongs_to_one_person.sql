-- Truth: identity assigns every account to exactly one person at a time, and nobody else.
-- Usual cause: identity ran on an older evidence than the accounts of this build.
-- Where to look: the identity step between the two dbt stretches.
{{ config(tags=['post_identity'], meta={'dagster': {'ref': {'name': 'dim_account'}}}) }}

select
    accounts.account_key,
    count(assignment.customer_id) as person_n
from {{ ref('int_accounts') }} as accounts
left join {{ source('identity', 'identity_assignment') }} as assignment
    on
        accounts.account_key = assignment.account_key
        and assignment.valid_to is null
        and assignment.recorded_to is null
group by accounts.account_key
having count(assignment.customer_id) <> 1
