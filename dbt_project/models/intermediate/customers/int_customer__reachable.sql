-- By which identifiers a person can be reached: what any of the accounts carries in usable form.
select
    people.customer_id,
    bool_or(evidence.id_type = 'email') as has_email,
    bool_or(evidence.id_type = 'phone') as has_phone
from {{ ref('int_identity_evidence') }} as evidence
inner join {{ ref('int_account__assigned') }} as people on evidence.account_key = people.account_key
group by people.customer_id
