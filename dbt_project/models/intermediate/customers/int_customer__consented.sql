-- The latest marketing decision of each person by channel of contact; a refusal wins over a grant of the same moment.
with decisions as (
    select
        people.customer_id,
        consents.channel,
        consents.status,
        row_number() over (
            partition by people.customer_id, consents.channel
            order by consents.decided_at desc, consents.status asc
        ) as place
    from {{ ref('int_consent__unioned') }} as consents
    inner join {{ ref('int_account__assigned') }} as people on consents.account_key = people.account_key
    where consents.purpose = 'marketing'
)

select
    customer_id,
    max(case when channel = 'email' then case when status = 'granted' then 1 else 0 end end) = 1
        as is_email_consented,
    max(case when channel = 'sms' then case when status = 'granted' then 1 else 0 end end) = 1 as is_sms_consented
from decisions
where place = 1
group by customer_id
