-- The latest marketing decision of each person by channel of contact. A refusal wins wherever it is not known which
-- came last: over a grant of the same moment, and over a grant that an export shows without saying when it was given.
-- Such a grant counts where nothing else was decided; a refusal seen so counts from the day it was seen.
with stated as (
    select
        people.customer_id,
        consents.channel,
        consents.status,
        case
            when consents.status <> 'granted' or not coalesce(consents.is_observed, false) then consents.decided_at
        end as counts_from,
        case when consents.status = 'granted' then 1 else 0 end as leniency
    from {{ ref('int_consent__unioned') }} as consents
    inner join {{ ref('int_account__assigned') }} as people on consents.account_key = people.account_key
    where consents.purpose = 'marketing'
),

decisions as (
    select
        customer_id,
        channel,
        status,
        row_number() over (
            partition by customer_id, channel order by counts_from desc nulls last, leniency asc
        ) as place
    from stated
)

select
    customer_id,
    max(case when channel = 'email' then case when status = 'granted' then 1 else 0 end end) = 1
        as is_email_consented,
    max(case when channel = 'sms' then case when status = 'granted' then 1 else 0 end end) = 1 as is_sms_consented
from decisions
where place = 1
group by customer_id
